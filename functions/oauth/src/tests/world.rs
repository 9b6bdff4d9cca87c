//! A mock of Microsoft's login, small fakes of our own ports, and a browser that keeps cookies.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway::Gateway;
use http::{HeaderMap, Request, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use shared::app_credential::{AppCredential, Proof, ProofError};
use shared::audit::AuditEntry;
use shared::clock::Clock;
use shared::config::{self, Authorization, Microsoft};
use shared::credentials::Credential;
use shared::directory::{Directory, DirectoryId, UserId};
use shared::identity::IdentityPlatform;
use shared::oauth::{AccountProbe, Conclusion, HeldRoles, PendingAuthorization, ProbeError, StateHash};
use shared::queue::{QueueError, RunQueue};
use shared::secrets::{SecretError, SecretStore};
use shared::session::{SessionDesk, SessionKeyStore};
use shared::store::{
    AttemptStore, AuditStore, AuthorizationStore, Consumed, CredentialStore, DirectoryStore, EndedSessions,
    KnownAuthorization, Page, RequestedRun, RunStore, SettingsChange, StoreError,
};
use shared::sync::{Run, RunId, RunRequest};
use url::Url;
use wiremock::matchers::{body_string_contains, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::{App, router};

pub(super) const TENANT: &str = "22222222-2222-2222-2222-222222222222";
pub(super) const ANN: &str = "33333333-3333-3333-3333-333333333333";
const SIGNING_KEY: &str = include_str!("../../../../shared/src/identity/testdata/signing-key.b64");
const SCOPES: &str = "openid profile User.Read.All GroupMember.Read.All";

/// What our own ports hold, and how they should behave.
pub(super) struct State {
    now: Mutex<Timestamp>,
    pending: Mutex<HashMap<String, KnownAuthorization>>,
    pub(super) secrets: Mutex<BTreeMap<String, String>>,
    pub(super) credentials: Mutex<Vec<Credential>>,
    pub(super) directories: Mutex<Vec<Directory>>,
    pub(super) runs: Mutex<Vec<Run>>,
    pub(super) queued: Mutex<Vec<RunRequest>>,
    pub(super) roles: Mutex<Result<Option<HeldRoles>, &'static str>>,
    pub(super) attempts: Mutex<u64>,
    /// By how many seconds our clock is ahead of Microsoft's.
    pub(super) clock_ahead: Mutex<i64>,
    pub(super) audit: Mutex<Vec<AuditEntry>>,
    pub(super) storage_works: Mutex<bool>,
    pub(super) conclusions_are_kept: Mutex<bool>,
    pub(super) queue_works: Mutex<bool>,
}

impl State {
    fn storage(&self) -> Result<(), StoreError> {
        if *self.storage_works.lock().unwrap() { Ok(()) } else { Err(StoreError::Unavailable("down".into())) }
    }
}

#[async_trait]
impl Clock for State {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    async fn sleep(&self, _: Duration) {}
}

#[async_trait]
impl AuthorizationStore for State {
    async fn begin_authorization(&self, state: &StateHash, pending: &PendingAuthorization) -> Result<(), StoreError> {
        self.storage()?;
        let known = KnownAuthorization { pending: pending.clone(), used: false, conclusion: None };
        self.pending.lock().unwrap().insert(state.as_str().to_owned(), known);
        Ok(())
    }

    async fn consume_authorization(&self, state: &StateHash, _: Timestamp) -> Result<Consumed, StoreError> {
        self.storage()?;
        Ok(match self.pending.lock().unwrap().get_mut(state.as_str()) {
            None => Consumed::Unknown,
            Some(known) if known.used => Consumed::AlreadyUsed,
            Some(known) => {
                known.used = true;
                Consumed::Taken(known.pending.clone())
            }
        })
    }

    async fn authorization(&self, state: &StateHash) -> Result<Option<KnownAuthorization>, StoreError> {
        self.storage()?;
        Ok(self.pending.lock().unwrap().get(state.as_str()).cloned())
    }

    async fn conclude_authorization(&self, state: &StateHash, conclusion: &Conclusion) -> Result<(), StoreError> {
        if !*self.conclusions_are_kept.lock().unwrap() {
            return Err(StoreError::Unavailable("down".into()));
        }
        let stored = serde_json::to_string(conclusion).unwrap();
        for secret in ["the-code", "the-access-token", "the-refresh-token", "client-secret"] {
            assert!(!stored.contains(secret), "{stored}");
        }
        let mut pending = self.pending.lock().unwrap();
        let known = pending.get_mut(state.as_str()).unwrap();
        assert!(known.used, "an authorization is used up before it ends");
        known.conclusion = Some(serde_json::from_str(&stored).unwrap());
        Ok(())
    }
}

#[async_trait]
impl CredentialStore for State {
    async fn credentials(&self, _: DirectoryId) -> Result<Vec<Credential>, StoreError> {
        Ok(self.credentials.lock().unwrap().clone())
    }

    async fn credential(&self, _: DirectoryId, _: &UserId) -> Result<Option<Credential>, StoreError> {
        unreachable!("authorizations list credentials")
    }

    async fn put_credential(&self, credential: &Credential) -> Result<(), StoreError> {
        let name = credential.administrator.to_string();
        assert!(self.secrets.lock().unwrap().contains_key(&name), "the refresh token comes first");
        let mut all = self.credentials.lock().unwrap();
        all.retain(|other| other.administrator != credential.administrator);
        all.push(credential.clone());
        Ok(())
    }

    async fn update_credential(&self, _: &Credential) -> Result<(), StoreError> {
        unreachable!("runs do")
    }

    async fn prefer_credential(&self, _: DirectoryId, _: &UserId, _: Timestamp) -> Result<bool, StoreError> {
        unreachable!("the Sync page does")
    }

    async fn remove_credential(&self, _: DirectoryId, _: &UserId) -> Result<bool, StoreError> {
        unreachable!("the Sync page does")
    }
}

#[async_trait]
impl DirectoryStore for State {
    async fn directories(&self) -> Result<Vec<Directory>, StoreError> {
        unreachable!("authorizations concern one directory")
    }

    async fn directory(&self, id: DirectoryId) -> Result<Option<Directory>, StoreError> {
        Ok(self.directories.lock().unwrap().iter().find(|directory| directory.id == id).cloned())
    }

    async fn create_directory(&self, directory: &Directory) -> Result<bool, StoreError> {
        self.directories.lock().unwrap().push(directory.clone());
        Ok(true)
    }

    async fn change_settings(&self, _: DirectoryId, _: &SettingsChange) -> Result<u64, StoreError> {
        unreachable!("authorizations change no settings")
    }

    async fn schedule(&self, _: DirectoryId, _: Timestamp) -> Result<(), StoreError> {
        unreachable!("authorizations schedule nothing")
    }
}

#[async_trait]
impl RunStore for State {
    async fn request_run(&self, run: &Run) -> Result<RequestedRun, StoreError> {
        let mut runs = self.runs.lock().unwrap();
        if let Some(waiting) = runs.first() {
            return Ok(RequestedRun::Folded(waiting.id));
        }
        runs.push(run.clone());
        Ok(RequestedRun::Added)
    }

    async fn save_run(&self, _: &Run) -> Result<(), StoreError> {
        unreachable!("authorizations save no runs")
    }

    async fn run(&self, _: DirectoryId, _: RunId) -> Result<Option<Run>, StoreError> {
        unreachable!("authorizations read no runs")
    }

    async fn runs(&self, _: DirectoryId, _: usize, _: Option<RunId>) -> Result<Page<Run>, StoreError> {
        unreachable!("authorizations read no runs")
    }

    async fn count_manual_run(&self, _: DirectoryId, _: i64) -> Result<u64, StoreError> {
        unreachable!("authorizations count no runs")
    }
}

#[async_trait]
impl AppCredential for State {
    async fn proof(&self, _: &url::Url) -> Result<Proof, ProofError> {
        Ok(Proof::Secret("client-secret".into()))
    }
}

#[async_trait]
impl SecretStore for State {
    async fn refresh_token(&self, _: DirectoryId, _: &UserId) -> Result<Option<SecretString>, SecretError> {
        unreachable!("authorizations read no refresh tokens")
    }

    async fn put_refresh_token(&self, _: DirectoryId, of: &UserId, token: &SecretString) -> Result<(), SecretError> {
        self.secrets.lock().unwrap().insert(of.to_string(), token.expose_secret().to_owned());
        Ok(())
    }

    async fn rotate_refresh_token(&self, _: DirectoryId, _: &UserId, _: &SecretString) -> Result<bool, SecretError> {
        unreachable!("runs do")
    }

    async fn delete_refresh_token(&self, _: DirectoryId, _: &UserId) -> Result<(), SecretError> {
        unreachable!("the Sync page does")
    }
}

#[async_trait]
impl SessionKeyStore for State {
    async fn session_keys(&self) -> Result<Option<SecretString>, SecretError> {
        Ok(Some("k".repeat(32).into()))
    }
}

#[async_trait]
impl EndedSessions for State {
    async fn end_session(&self, _: &str, _: Timestamp) -> Result<(), StoreError> {
        unreachable!("the Sync page ends sessions")
    }

    async fn has_ended(&self, _: &str) -> Result<bool, StoreError> {
        Ok(false)
    }
}

#[async_trait]
impl AuditStore for State {
    async fn record(&self, _: DirectoryId, entry: &AuditEntry) -> Result<(), StoreError> {
        self.audit.lock().unwrap().push(entry.clone());
        Ok(())
    }

    async fn audit(&self, _: DirectoryId, _: usize, _: Option<uuid::Uuid>) -> Result<Page<AuditEntry>, StoreError> {
        unreachable!("the Sync page shows it")
    }
}

#[async_trait]
impl AttemptStore for State {
    async fn count_attempt(&self, _: &str, _: i64) -> Result<u64, StoreError> {
        let mut attempts = self.attempts.lock().unwrap();
        *attempts += 1;
        Ok(*attempts)
    }
}

#[async_trait]
impl RunQueue for State {
    async fn send(&self, request: &RunRequest, _: Duration) -> Result<(), QueueError> {
        if !*self.queue_works.lock().unwrap() {
            return Err(QueueError("down".into()));
        }
        self.queued.lock().unwrap().push(request.clone());
        Ok(())
    }
}

#[async_trait]
impl AccountProbe for State {
    async fn probe(&self, token: &SecretString) -> Result<Option<HeldRoles>, ProbeError> {
        assert_eq!(token.expose_secret(), "the-access-token");
        self.roles.lock().unwrap().map_err(|what| match what {
            "refused" => ProbeError::ReadRefused,
            "token" => ProbeError::TokenRefused,
            "unexpected" => ProbeError::Unexpected(what.into()),
            _ => ProbeError::Unavailable(what.into()),
        })
    }
}

/// The function, its surroundings and one browser.
pub(super) struct World {
    login: MockServer,
    gateway: Gateway,
    keys: Value,
    /// The host that requests are sent to.
    pub(super) host: String,
    /// Further headers of requests.
    pub(super) headers: HeaderMap,
    pub(super) state: Arc<State>,
    pub(super) browser: Browser,
}

#[derive(Default)]
pub(super) struct Browser {
    pub(super) cookies: BTreeMap<String, String>,
}

/// An answer of the function.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Answer {
    /// Where the answer leads.
    pub(super) fn location(&self) -> Option<&str> {
        self.headers.get(header::LOCATION).map(|location| location.to_str().unwrap())
    }

    /// The path and query of the result that the browser is sent on to, if it is.
    pub(super) fn result_address(&self) -> Option<String> {
        let result: Url = self.location()?.parse().ok()?;
        let path = &result[url::Position::BeforePath..];
        path.contains("/oauth/result?").then(|| path[path.find("/oauth/result").unwrap()..].to_owned())
    }

    /// The text of the page as people read it.
    pub(super) fn text(&self) -> String {
        const INLINE: [&str; 4] = ["a", "/a", "strong", "/strong"];
        let body = self.body.split_once("<body>").map_or(self.body.as_str(), |(_, body)| body);
        let mut text = String::new();
        for piece in body.split('<') {
            let (tag, words) = piece.split_once('>').unwrap_or(("", piece));
            if !INLINE.contains(&tag.split(' ').next().unwrap_or_default()) {
                text.push('\n');
            }
            text.push_str(words);
        }
        text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    }
}

impl World {
    pub(super) async fn new() -> Self {
        Self::at("https://sync.example.com", Some(TENANT)).await
    }

    pub(super) async fn at(base_url: &str, allowed: Option<&str>) -> Self {
        Self::with(base_url, allowed, None).await
    }

    /// One whose operators are in this tenant.
    pub(super) async fn operated_by(tenant: Option<&str>) -> Self {
        Self::with("https://sync.example.com", Some(TENANT), tenant).await
    }

    async fn with(base_url: &str, allowed: Option<&str>, operators: Option<&str>) -> Self {
        let login = MockServer::start().await;
        let state = Arc::new(State {
            now: Mutex::new(Timestamp::from_second(1_800_000_000).unwrap()),
            pending: Mutex::default(),
            secrets: Mutex::default(),
            credentials: Mutex::default(),
            directories: Mutex::default(),
            runs: Mutex::default(),
            queued: Mutex::default(),
            roles: Mutex::new(Ok(Some(HeldRoles { global_administrator: true, ..HeldRoles::default() }))),
            attempts: Mutex::default(),
            audit: Mutex::default(),
            storage_works: Mutex::new(true),
            conclusions_are_kept: Mutex::new(true),
            clock_ahead: Mutex::default(),
            queue_works: Mutex::new(true),
        });
        let microsoft = Microsoft {
            login_url: login.uri().parse().unwrap(),
            graph_url: "https://graph.microsoft.com".parse().unwrap(),
            client_id: "the-app".to_owned(),
            authority_tenant: "organizations".to_owned(),
            secret_prefix: String::new(),
            app_credential: config::AppCredential::ClientSecret,
            ca_file: None,
        };
        let http = shared::http::client(&[]).unwrap();
        let app = App {
            authorization: Authorization {
                base_url: base_url.parse().unwrap(),
                allowed_tenants: allowed.map(|tenant| [tenant.parse().unwrap()].into()),
                operator_tenant: operators.map(|tenant| tenant.parse().unwrap()),
            },
            identity: Arc::new(IdentityPlatform::new(http, &microsoft, state.clone(), state.clone())),
            probe: state.clone(),
            sessions: Arc::new(SessionDesk::new(state.clone(), state.clone(), state.clone(), true)),
            storage: state.clone(),
            secrets: state.clone(),
            queue: state.clone(),
            clock: state.clone(),
        };
        let mut key = Jwk::from_encoding_key(&signing_key(), Algorithm::RS256).unwrap();
        key.common.key_id = Some("k1".to_owned());
        let base: Url = base_url.parse().unwrap();
        let world = Self {
            login,
            gateway: Gateway::of("oauth", router(Arc::new(app))),
            keys: json!({ "keys": [key] }),
            host: base.authority().to_owned(),
            headers: HeaderMap::new(),
            state,
            browser: Browser::default(),
        };
        world.serve_keys().await;
        world
    }

    /// An answer of Microsoft's login, by its clock.
    fn answer(&self, status: u16) -> ResponseTemplate {
        let date = self.state.now() - SignedDuration::from_secs(*self.state.clock_ahead.lock().unwrap());
        ResponseTemplate::new(status).insert_header("Date", httpdate::fmt_http_date(date.into()))
    }

    async fn serve_keys(&self) {
        Mock::given(path("/organizations/discovery/v2.0/keys"))
            .respond_with(self.answer(200).set_body_json(&self.keys))
            .mount(&self.login)
            .await;
    }

    /// Sets our clock ahead by this many seconds; the login's answers carry the right time.
    pub(super) async fn set_clock_ahead(&self, seconds: i64) {
        *self.state.clock_ahead.lock().unwrap() = seconds;
        self.login.reset().await;
        self.serve_keys().await;
    }

    /// A page as the browser arrives at it: sent on from the callback to the address of its result.
    pub(super) async fn get(&mut self, path_and_query: &str) -> Answer {
        let answer = self.get_once(path_and_query).await;
        match answer.result_address() {
            Some(result) => self.get_once(&result).await,
            None => answer,
        }
    }

    /// A request as the browser sends it; cookies are kept as the answer says.
    pub(super) async fn get_once(&mut self, path_and_query: &str) -> Answer {
        self.send("GET", path_and_query).await
    }

    pub(super) async fn send(&mut self, method: &str, path_and_query: &str) -> Answer {
        let cookies: Vec<_> = self.browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::builder()
            .method(method)
            .uri(path_and_query)
            .header(header::COOKIE, cookies.join("; "))
            .header(header::HOST, &self.host)
            .body(Body::empty())
            .unwrap();
        request.headers_mut().extend(self.headers.clone());
        let response = self.gateway.ask(request).await;
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let (pair, attributes) = cookie.to_str().unwrap().split_once("; ").unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.browser.cookies.remove(name);
            } else {
                self.browser.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Begins an authorization and gives the query of Microsoft's authorize URL.
    pub(super) async fn begin(&mut self) -> BTreeMap<String, String> {
        let answer = self.get("/oauth/authorize").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        let location: Url = answer.headers[header::LOCATION].to_str().unwrap().parse().unwrap();
        assert_eq!(location.path(), "/organizations/oauth2/v2.0/authorize");
        location.query_pairs().into_owned().collect()
    }

    /// Claims of a good `id_token` for this authorization.
    pub(super) fn claims(&self, query: &BTreeMap<String, String>) -> Value {
        let now = self.state.now().as_second();
        json!({
            "iss": format!("{}/{TENANT}/v2.0", self.login.uri()), "aud": "the-app", "nonce": query["nonce"],
            "tid": TENANT, "oid": ANN, "exp": now + 3600, "name": "Ann <Admin>",
            "preferred_username": "ann@Contoso.example",
        })
    }

    /// A good answer of the token endpoint with these claims.
    pub(super) fn tokens(claims: &Value) -> Value {
        let header = Header { kid: Some("k1".to_owned()), ..Header::new(Algorithm::RS256) };
        json!({
            "token_type": "Bearer", "expires_in": 3600, "access_token": "the-access-token",
            "refresh_token": "the-refresh-token", "scope": SCOPES,
            "id_token": encode(&header, claims, &signing_key()).unwrap(),
        })
    }

    /// Makes the token endpoint answer the next request.
    pub(super) async fn answer_token(&self, status: u16, body: &Value) {
        Mock::given(method("POST"))
            .and(path("/organizations/oauth2/v2.0/token"))
            .and(body_string_contains("code=the-code"))
            .respond_with(self.answer(status).set_body_json(body))
            .up_to_n_times(1)
            .mount(&self.login)
            .await;
    }

    /// A whole authorization that goes well, as far as Microsoft is concerned.
    pub(super) async fn authorize(&mut self) -> Answer {
        self.authorize_with(|_| {}).await
    }

    /// The same with a change of the token endpoint's claims.
    pub(super) async fn authorize_with(&mut self, change: impl FnOnce(&mut Value)) -> Answer {
        let query = self.begin().await;
        let mut claims = self.claims(&query);
        change(&mut claims);
        self.answer_token(200, &Self::tokens(&claims)).await;
        self.get(&format!("/oauth/callback?code=the-code&state={}", query["state"])).await
    }

    pub(super) fn pass(&self, duration: SignedDuration) {
        let mut now = self.state.now.lock().unwrap();
        *now = now.checked_add(duration).unwrap();
    }

    /// How many requests the token endpoint got.
    pub(super) async fn token_requests(&self) -> usize {
        let requests = self.login.received_requests().await.unwrap();
        requests.iter().filter(|request| request.url.path().ends_with("/token")).count()
    }

    /// Asserts that an authorization left nothing behind.
    pub(super) fn assert_nothing_stored(&self) {
        assert!(self.state.secrets.lock().unwrap().is_empty());
        assert!(self.state.credentials.lock().unwrap().is_empty());
        assert!(self.state.directories.lock().unwrap().is_empty());
        assert!(self.state.queued.lock().unwrap().is_empty());
    }
}

fn signing_key() -> EncodingKey {
    EncodingKey::from_rsa_der(&STANDARD.decode(SIGNING_KEY.replace('\n', "")).unwrap())
}
