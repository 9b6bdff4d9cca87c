//! The adapter against a mock of Microsoft's login.

use std::cell::RefCell;
use std::sync::{Mutex as Lock, Once};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use wiremock::matchers::{body_string_contains, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::credentials::Cause;
use crate::oauth::Purpose;

const NOW: i64 = 1_800_000_000;
const TENANT: &str = "22222222-2222-2222-2222-222222222222";
const OBJECT: &str = "33333333-3333-3333-3333-333333333333";
const SIGNING_KEY: &str = include_str!("testdata/signing-key.b64");
const OTHER_KEY: &str = include_str!("testdata/other-key.b64");

#[derive(Default)]
struct FrozenClock {
    waits: Lock<Vec<u64>>,
}

#[async_trait]
impl Clock for FrozenClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(NOW).unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        self.waits.lock().unwrap().push(duration.as_secs());
    }
}

/// Proves itself by this client secret, or by an assertion where there is none.
struct Known(Option<&'static str>);

#[async_trait]
impl AppCredential for Known {
    async fn proof(&self, token_endpoint: &Url) -> Result<Proof, ProofError> {
        Ok(match self.0 {
            Some("") => return Err(ProofError::Unusable(Cause::ClientSecretMissing)),
            Some(secret) => Proof::Secret(secret.into()),
            None => Proof::Assertion(format!("asserted to {}", token_endpoint.path()).into()),
        })
    }
}

struct Login {
    server: MockServer,
    platform: IdentityPlatform,
    clock: Arc<FrozenClock>,
}

async fn login() -> Login {
    login_with(Some("s3cret +%&")).await
}

async fn login_with(client_secret: Option<&'static str>) -> Login {
    let server = MockServer::start().await;
    let clock = Arc::new(FrozenClock::default());
    let platform = platform(&server.uri(), client_secret, clock.clone());
    Login { server, platform, clock }
}

fn platform(login: &str, client_secret: Option<&'static str>, clock: Arc<FrozenClock>) -> IdentityPlatform {
    keep_errors();
    let settings = Microsoft {
        login_url: login.parse().unwrap(),
        graph_url: "https://graph.microsoft.com".parse().unwrap(),
        client_id: "app".to_owned(),
        authority_tenant: "organizations".to_owned(),
        secret_prefix: String::new(),
        app_credential: crate::config::AppCredential::ClientSecret,
        ca_file: None,
    };
    let http = crate::http::client(&[]).unwrap();
    IdentityPlatform::new(http, &settings, Arc::new(Known(client_secret)), clock)
}

fn key(base64: &str) -> EncodingKey {
    EncodingKey::from_rsa_der(&STANDARD.decode(base64.replace('\n', "")).unwrap())
}

fn public(base64: &str, id: &str) -> Value {
    let mut jwk = Jwk::from_encoding_key(&key(base64), Algorithm::RS256).unwrap();
    jwk.common.key_id = Some(id.to_owned());
    serde_json::to_value(jwk).unwrap()
}

/// An answer by a clock that is this many seconds ahead of ours.
fn answered(status: u16, ahead: i64) -> ResponseTemplate {
    let date = Timestamp::from_second(NOW + ahead).unwrap();
    ResponseTemplate::new(status).insert_header("Date", httpdate::fmt_http_date(date.into()))
}

impl Login {
    async fn serve_keys(&self, keys: Value) {
        self.serve_keys_at(0, keys).await;
    }

    async fn serve_keys_at(&self, ahead: i64, keys: Value) {
        Mock::given(path("/organizations/discovery/v2.0/keys"))
            .respond_with(answered(200, ahead).set_body_json(json!({ "keys": keys })))
            .mount(&self.server)
            .await;
    }

    async fn serve_discovery(&self, document: Value) {
        Mock::given(path("/organizations/v2.0/.well-known/openid-configuration"))
            .respond_with(ResponseTemplate::new(200).set_body_json(document))
            .mount(&self.server)
            .await;
    }

    async fn answer_token(&self, answers: u64, response: ResponseTemplate) {
        Mock::given(method("POST")).respond_with(response).up_to_n_times(answers).mount(&self.server).await;
    }

    fn claims(&self) -> Value {
        json!({
            "iss": format!("{}/{TENANT}/v2.0", self.server.uri()), "aud": "app", "nonce": "n", "tid": TENANT,
            "oid": OBJECT, "exp": NOW + 3600, "nbf": NOW, "name": "Ann", "preferred_username": "ann@contoso.example",
        })
    }

    async fn verify(&self, token: String) -> Result<SignedIn, IdTokenError> {
        self.platform.verify_id_token(&SecretString::from(token), "n").await
    }

    async fn refresh(&self) -> Result<Grant, GrantError> {
        self.platform.refresh(TENANT.parse().unwrap(), &SecretString::from("old")).await
    }
}

fn sign(claims: &Value) -> String {
    sign_with(SIGNING_KEY, Some("k1"), Algorithm::RS256, claims)
}

fn sign_with(base64: &str, id: Option<&str>, algorithm: Algorithm, claims: &Value) -> String {
    let header = Header { kid: id.map(str::to_owned), ..Header::new(algorithm) };
    encode(&header, claims, &key(base64)).unwrap()
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

#[tokio::test]
async fn the_authorize_url_carries_everything_and_nothing_secret() {
    let login = login().await;
    let browser = BrowserSecret::from_cookie("AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE").unwrap();
    let redirect = "https://sync.example.com/oauth/callback".parse().unwrap();
    let url = login.platform.authorize_url(&browser, &redirect, None).unwrap();
    let query: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!(url.path(), "/organizations/oauth2/v2.0/authorize");
    for (name, value) in [
        ("response_type", "code"),
        ("response_mode", "query"),
        ("client_id", "app"),
        ("redirect_uri", redirect.as_str()),
        ("scope", "openid profile offline_access User.Read.All GroupMember.Read.All"),
        ("code_challenge_method", "S256"),
        ("prompt", "select_account"),
        ("state", browser.state().as_str()),
        ("nonce", &browser.nonce()),
    ] {
        assert_eq!(query[name], value, "{name}");
    }
    assert!(!url.as_str().contains(browser.verifier().expose_secret()));
    assert!(!url.as_str().contains(browser.to_cookie().expose_secret()));

    let hinted = login.platform.authorize_url(&browser, &redirect, Some("ann@contoso.example")).unwrap();
    assert!(hinted.as_str().contains("login_hint=ann%40contoso.example") && !hinted.as_str().contains("prompt="));
}

#[tokio::test]
async fn a_code_is_redeemed_with_secret_and_verifier_at_the_path_it_came_from() {
    let login = login().await;
    Mock::given(path("/organizations/oauth2/v2.0/token"))
        .and(body_string_contains("grant_type=authorization_code"))
        .and(body_string_contains("code=the-code"))
        .and(body_string_contains("code_verifier=the-verifier"))
        .and(body_string_contains("client_secret=s3cret+%2B%25%26"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({
            "token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": "a",
            "refresh_token": "r", "id_token": "i", "scope": "User.Read.All openid",
        })))
        .expect(1)
        .mount(&login.server)
        .await;
    let authorization = Redeemable {
        purpose: Purpose::Authorize,
        code: "the-code".into(),
        verifier: "the-verifier".into(),
        nonce: "n".to_owned(),
    };
    let redirect = "https://sync.example.com/oauth/callback".parse().unwrap();
    let redeemed = login.platform.redeem(&authorization, &redirect).await.unwrap();
    assert_eq!(redeemed.grant.scopes, ["User.Read.All", "openid"]);
    assert_eq!(redeemed.grant.expires_in, Duration::from_secs(3599));
    assert_eq!(redeemed.grant.refresh_token.unwrap().expose_secret(), "r");
    assert_eq!(redeemed.id_token.unwrap().expose_secret(), "i");
}

#[tokio::test]
async fn a_refusal_is_sorted_by_its_body() {
    let login = login().await;
    let body =
        json!({ "error": "invalid_grant", "error_codes": [50057], "error_description": "AADSTS50057: disabled" });
    login.answer_token(1, ResponseTemplate::new(400).set_body_json(body)).await;
    let Err(GrantError::Refused(refusal)) = login.refresh().await else { panic!("expected a refusal") };
    assert_eq!((refusal.cause, refusal.aadsts), (Cause::Disabled, Some(50057)));
}

#[tokio::test]
async fn a_busy_login_is_asked_again_when_it_says() {
    let login = login().await;
    login.answer_token(1, ResponseTemplate::new(429).insert_header("Retry-After", "17")).await;
    login.answer_token(1, ResponseTemplate::new(503)).await;
    let good = json!({ "token_type": "Bearer", "access_token": "a" });
    login.answer_token(1, ResponseTemplate::new(200).set_body_json(good)).await;
    assert_eq!(login.refresh().await.unwrap().access_token.expose_secret(), "a");
    assert_eq!(*login.clock.waits.lock().unwrap(), [17, 2]);
}

#[tokio::test]
async fn busy_login_with_date_is_asked_again_then() {
    let login = login().await;
    let until = |seconds: i64| httpdate::fmt_http_date(Timestamp::from_second(NOW + seconds).unwrap().into());
    login.answer_token(1, answered(429, 0).insert_header("Retry-After", until(17))).await;
    // A date counts by the clock that it was made by.
    login.answer_token(1, answered(503, 3_600).insert_header("Retry-After", until(3_605))).await;
    let good = json!({ "token_type": "Bearer", "access_token": "a" });
    login.answer_token(1, answered(200, 0).set_body_json(good)).await;
    login.refresh().await.unwrap();
    assert_eq!(*login.clock.waits.lock().unwrap(), [17, 5]);
}

#[tokio::test]
async fn token_answers_with_odd_types_are_accepted() {
    for expires_in in [json!("3599"), json!(3599.0), json!(3599)] {
        let login = login().await;
        let body =
            json!({ "token_type": null, "access_token": "a", "expires_in": expires_in, "scope": ["User.Read.All"] });
        login.answer_token(1, ResponseTemplate::new(200).set_body_json(body)).await;
        let grant = login.refresh().await.unwrap();
        assert_eq!(grant.expires_in, Duration::from_secs(3599), "{expires_in}");
        assert_eq!(grant.scopes, ["User.Read.All"]);
    }
}

#[tokio::test]
async fn flaw_of_refused_client_secret_is_reported() {
    let refused = json!({ "error": "invalid_client", "error_codes": [7_000_215] });
    for (secret, cause) in [
        ("a~b.c", Cause::ClientSecretWrong),
        (" a~b.c", Cause::ClientSecretPadded),
        ("\"a~b.c\"", Cause::ClientSecretPadded),
        ("6d1f0c1e-5a3b-4f0e-9c52-0f6b1f6f2a10", Cause::ClientSecretIsId),
    ] {
        let login = login_with(Some(secret)).await;
        login.answer_token(1, ResponseTemplate::new(401).set_body_json(&refused)).await;
        let Err(GrantError::Refused(refusal)) = login.refresh().await else { panic!("expected a refusal") };
        assert_eq!((refusal.cause, refusal.aadsts), (cause, Some(7_000_215)), "{secret}");
    }
    // What Microsoft accepts is right, whatever it looks like.
    let login = login_with(Some("'s3cret'")).await;
    login.answer_token(1, ResponseTemplate::new(200).set_body_json(json!({ "access_token": "a" }))).await;
    assert!(login.refresh().await.is_ok());
}

#[tokio::test]
async fn wrong_clock_explains_a_refused_assertion() {
    let refused = json!({ "error": "invalid_client", "error_codes": [700_024] });
    let login = login_with(None).await;
    login.answer_token(1, answered(401, 420).set_body_json(&refused)).await;
    let Err(GrantError::ClockWrong(skew)) = login.refresh().await else { panic!("expected a wrong clock") };
    assert_eq!((skew.as_secs(), skew.to_string().as_str()), (-420, "7 minutes behind Microsoft's"));

    // A clock within the leeway explains nothing, nor does any clock explain what is wrong with a person.
    login.answer_token(1, answered(401, 60).set_body_json(&refused)).await;
    let Err(GrantError::Refused(refusal)) = login.refresh().await else { panic!("expected a refusal") };
    assert_eq!(refusal.cause, Cause::ClockWrong);
    let disabled = json!({ "error": "invalid_grant", "error_codes": [50057] });
    login.answer_token(1, answered(400, 420).set_body_json(&disabled)).await;
    let Err(GrantError::Refused(refusal)) = login.refresh().await else { panic!("expected a refusal") };
    assert_eq!(refusal.cause, Cause::Disabled);
    assert_eq!(login.platform.clock_skew().unwrap().as_secs(), -420);
}

thread_local! {
    /// The errors that this thread, and so this test, has logged.
    static ERRORS: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Keeps errors from now on. A subscriber that comes later, for one test, could miss what another thread logs for the first time at
/// that moment: `tracing` remembers of each place whether anybody listens.
fn keep_errors() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let lines = tracing_subscriber::fmt().with_max_level(tracing::Level::ERROR).with_ansi(false);
        tracing::subscriber::set_global_default(lines.with_writer(|| Log).finish()).unwrap();
    });
}

struct Log;

impl std::io::Write for Log {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        ERRORS.with_borrow_mut(|errors| errors.extend_from_slice(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn wrong_clock_is_logged_as_an_error_now_and_then() {
    let login = login_with(None).await;
    for _ in 0..2 {
        login.answer_token(1, answered(200, 420).set_body_json(json!({ "access_token": "a" }))).await;
        login.refresh().await.unwrap();
    }
    let lines = String::from_utf8(ERRORS.take()).unwrap();
    assert_eq!(lines.matches("clock.skew_seconds=-420").count(), 1, "twice within an hour: {lines}");
}

#[tokio::test]
async fn wrong_clock_explains_an_id_token_outside_its_time() {
    for (ahead, exp, nbf) in [(-7_200, NOW - 3_600, NOW - 7_200), (7_200, NOW + 10_800, NOW + 7_200)] {
        let login = login().await;
        login.serve_keys_at(ahead, json!([public(SIGNING_KEY, "k1")])).await;
        let claims = with(with(login.claims(), "exp", json!(exp)), "nbf", json!(nbf));
        let error = login.verify(sign(&claims)).await.unwrap_err();
        let IdTokenError::ClockWrong(skew) = error else { panic!("{error:?}") };
        assert!((skew.as_secs() + ahead).abs() <= 1, "{skew}");
    }
}

#[tokio::test]
async fn keys_and_claims_with_odd_members_are_understood() {
    let login = login().await;
    login.serve_discovery(json!({ "issuer": 7, "jwks_uri": ["x"], "claims_supported": {} })).await;
    let mut odd = public(SIGNING_KEY, "k1");
    odd["alg"] = json!("RS1024");
    odd["x5c"] = json!(7);
    odd["key_ops"] = json!("anything");
    odd["issuer"] = json!({});
    login.serve_keys(json!([{ "kty": 7 }, { "kty": "RSA", "n": 7 }, "text", null, odd])).await;
    let mut claims = login.claims();
    claims["exp"] = json!(f64::from(i32::try_from(NOW).unwrap()) + 3_600.5);
    claims["nbf"] = json!(NOW.to_string());
    claims["aud"] = json!(["app"]);
    claims["name"] = json!(["Ann"]);
    claims["preferred_username"] = json!(7);
    claims["roles"] = json!("Sync.Read");
    let signed_in = login.verify(sign(&claims)).await.unwrap();
    assert_eq!((signed_in.display_name.as_str(), signed_in.roles), ("", vec!["Sync.Read".to_owned()]));

    for (name, value) in [
        ("aud", json!(["app", "another"])),
        ("aud", json!([])),
        ("exp", json!(null)),
        ("exp", json!("soon")),
        ("tid", json!(7)),
        ("nonce", json!(["n"])),
    ] {
        assert!(login.verify(sign(&with(claims.clone(), name, value.clone()))).await.is_err(), "{name} {value}");
    }
}

#[tokio::test]
async fn patience_has_an_end() {
    let login = login().await;
    login.answer_token(9, ResponseTemplate::new(503)).await;
    assert!(matches!(login.refresh().await, Err(GrantError::Unavailable(_))));
    assert_eq!(*login.clock.waits.lock().unwrap(), [1, 2, 4]);
}

#[tokio::test]
async fn a_request_that_may_have_arrived_is_repeated_unless_it_carries_a_one_time_code() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let login = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(Lock::new(0));
    let counter = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.readable().await.unwrap();
            *counter.lock().unwrap() += 1;
        }
    });
    let platform = platform(&login, Some("s3cret"), Arc::default());
    let code =
        Redeemable { purpose: Purpose::Authorize, code: "c".into(), verifier: "v".into(), nonce: "n".to_owned() };
    let redirect = "https://sync.example.com/oauth/callback".parse().unwrap();
    assert!(matches!(platform.redeem(&code, &redirect).await, Err(GrantError::Unavailable(_))));
    assert_eq!(std::mem::take(&mut *requests.lock().unwrap()), 1);
    let refreshed = platform.refresh(TENANT.parse().unwrap(), &"r".into()).await;
    assert!(matches!(refreshed, Err(GrantError::Unavailable(_))));
    assert_eq!(*requests.lock().unwrap(), 4);
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_not_waited() {
    let login = login().await;
    login.answer_token(9, ResponseTemplate::new(429).insert_header("Retry-After", "3600")).await;
    let paused = login.refresh().await;
    assert!(matches!(paused, Err(GrantError::Paused { wait }) if wait == Duration::from_hours(1)), "{paused:?}");
    assert!(login.clock.waits.lock().unwrap().is_empty());
}

#[tokio::test]
async fn odd_answers_are_errors_without_their_body() {
    for (status, body) in
        [(200, "secret"), (200, "{\"access_token\":1}"), (400, "<html>secret"), (400, "{}"), (400, ""), (302, "")]
    {
        let login = login().await;
        login.answer_token(9, ResponseTemplate::new(status).set_body_raw(body, "application/json")).await;
        let error = login.refresh().await.unwrap_err();
        assert!(matches!(error, GrantError::Unavailable(_)), "{status} {body}");
        assert!(!format!("{error:?}").contains("secret"));
    }
}

#[tokio::test]
async fn an_enormous_answer_is_not_read() {
    let login = login().await;
    login.answer_token(9, ResponseTemplate::new(200).set_body_raw(vec![b' '; (1 << 20) + 1], "application/json")).await;
    assert!(matches!(login.refresh().await, Err(GrantError::Unavailable(_))));
}

#[tokio::test]
async fn tokens_that_nobody_would_send_are_not_taken() {
    let answer = |access: &str, refresh: &str| {
        let scopes = vec!["User.Read.All"; 200].join(" ");
        json!({"token_type": "Bearer", "access_token": access, "refresh_token": refresh, "scope": scopes})
    };
    let endless = "t".repeat(super::MAX_TOKEN_BYTES + 1);
    for body in [answer("", "r"), answer("a", ""), answer(&endless, "r"), answer("a", &endless)] {
        let login = login().await;
        login.answer_token(1, ResponseTemplate::new(200).set_body_json(body)).await;
        assert!(matches!(login.refresh().await, Err(GrantError::Unavailable(_))));
    }
    let login = login().await;
    login.answer_token(1, ResponseTemplate::new(200).set_body_json(answer("a", "r"))).await;
    assert_eq!(login.refresh().await.unwrap().scopes.len(), super::MAX_SCOPES);
}

#[tokio::test]
async fn without_a_stored_client_secret_microsoft_is_not_asked() {
    let login = login_with(Some("")).await;
    let Err(GrantError::Refused(refusal)) = login.refresh().await else { panic!("expected a refusal") };
    assert_eq!(refusal.cause, Cause::ClientSecretMissing);
    assert!(login.server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_assertion_goes_along_instead_of_a_client_secret() {
    let login = login_with(None).await;
    let good = json!({ "token_type": "Bearer", "access_token": "a" });
    login.answer_token(1, ResponseTemplate::new(200).set_body_json(good)).await;
    login.refresh().await.unwrap();
    let requests = login.server.received_requests().await.unwrap();
    let form: std::collections::BTreeMap<String, String> =
        url::form_urlencoded::parse(&requests[0].body).into_owned().collect();
    assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    assert_eq!(form["client_assertion"], format!("asserted to /{TENANT}/oauth2/v2.0/token"));
    assert_eq!(form["client_id"], "app");
    assert!(!form.contains_key("client_secret"));
}

#[tokio::test]
async fn a_good_id_token_says_who_signed_in() {
    let login = login().await;
    login.serve_keys(json!([public(SIGNING_KEY, "k1")])).await;
    let signed_in = login.verify(sign(&login.claims())).await.unwrap();
    assert_eq!(signed_in.tenant.to_string(), TENANT);
    assert_eq!(signed_in.administrator.to_string(), OBJECT);
    assert_eq!(signed_in.display_name, "Ann");
    assert_eq!(signed_in.user_principal_name, "ann@contoso.example");
}

#[tokio::test]
async fn every_wrong_claim_is_refused() {
    let login = login().await;
    login.serve_keys(json!([public(SIGNING_KEY, "k1")])).await;
    for (name, value, expected) in [
        ("aud", json!("another-app"), "Audience"),
        ("aud", json!(["app", "another-app"]), "Malformed"),
        ("iss", json!("https://login.example/22222222-2222-2222-2222-222222222222/v2.0"), "Issuer"),
        ("iss", json!(null), "Malformed"),
        ("nonce", json!("another"), "Nonce"),
        ("nonce", json!(null), "Nonce"),
        ("exp", json!(NOW - 120), "Time"),
        ("exp", json!(null), "Malformed"),
        ("nbf", json!(NOW + 121), "Time"),
        ("tid", json!("33333333-3333-3333-3333-333333333333"), "Issuer"),
        ("tid", json!("contoso"), "Malformed"),
        ("oid", json!("ann"), "Malformed"),
        ("oid", json!(null), "Malformed"),
    ] {
        let error = login.verify(sign(&with(login.claims(), name, value.clone()))).await.unwrap_err();
        assert_eq!(format!("{error:?}"), expected, "{name} {value}");
    }
    let skewed = with(with(login.claims(), "exp", json!(NOW - 119)), "nbf", json!(NOW + 120));
    assert!(login.verify(sign(&skewed)).await.is_ok(), "a small difference of clocks must not matter");
}

#[tokio::test]
async fn a_personal_account_has_no_tenant() {
    let login = login().await;
    login.serve_keys(json!([public(SIGNING_KEY, "k1")])).await;
    let personal = "9188040d-6c67-4c5b-b112-36a304b66dad";
    let issuer = json!(format!("{}/{personal}/v2.0", login.server.uri()));
    let claims = with(with(login.claims(), "tid", json!(personal)), "iss", issuer);
    assert!(matches!(login.verify(sign(&claims)).await, Err(IdTokenError::PersonalAccount)));
}

#[tokio::test]
async fn only_rs256_by_a_known_key_is_a_signature() {
    let login = login().await;
    login.serve_keys(json!([{ "kty": "odd" }, public(SIGNING_KEY, "k1"), public(OTHER_KEY, "k2")])).await;
    let claims = login.claims();
    let good = sign(&claims);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"k1"}"#);
    let payload = signed.split_once('.').unwrap().1;
    let hmac = encode(
        &Header { kid: Some("k1".to_owned()), ..Header::new(Algorithm::HS256) },
        &claims,
        &EncodingKey::from_secret(b"public key"),
    );
    let forged = URL_SAFE_NO_PAD.encode(with(claims.clone(), "name", json!("Mallory")).to_string());
    for (what, token) in [
        ("another key under a known id", sign_with(OTHER_KEY, Some("k1"), Algorithm::RS256, &claims)),
        ("an unknown key", sign_with(OTHER_KEY, Some("k3"), Algorithm::RS256, &claims)),
        ("no key id among several keys", sign_with(SIGNING_KEY, None, Algorithm::RS256, &claims)),
        ("RS512", sign_with(SIGNING_KEY, Some("k1"), Algorithm::RS512, &claims)),
        ("HS256", hmac.unwrap()),
        ("alg none", format!("{none}.{payload}.")),
        ("a changed payload", format!("{}.{forged}.{signature}", signed.split_once('.').unwrap().0)),
        ("no signature", format!("{signed}.")),
        ("no token", "x".to_owned()),
        ("an enormous token", "x".repeat(1 << 17)),
    ] {
        let error = login.verify(token).await.unwrap_err();
        assert!(matches!(error, IdTokenError::Signature | IdTokenError::Malformed), "{what}: {error:?}");
    }
    assert!(login.verify(good).await.is_ok());
}

#[tokio::test]
async fn an_unknown_key_is_looked_for_once_more() {
    let login = login().await;
    Mock::given(path("/organizations/discovery/v2.0/keys"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "keys": [public(OTHER_KEY, "k0")] })))
        .up_to_n_times(1)
        .mount(&login.server)
        .await;
    login.serve_keys(json!([public(SIGNING_KEY, "k1")])).await;
    assert!(login.verify(sign(&login.claims())).await.is_err());
    assert!(login.verify(sign(&login.claims())).await.is_ok());
    let before = login.server.received_requests().await.unwrap().len();
    assert!(login.verify(sign(&login.claims())).await.is_ok());
    assert_eq!(login.server.received_requests().await.unwrap().len(), before, "known keys are kept");
}

#[tokio::test]
async fn the_discovery_document_names_the_issuer_but_keys_come_from_the_login() {
    let login = login().await;
    login
        .serve_discovery(json!({
            "issuer": "https://sts.example/{tenantid}/v2.0", "jwks_uri": "https://elsewhere.example/keys",
        }))
        .await;
    login.serve_keys(json!([public(SIGNING_KEY, "k1")])).await;
    assert!(matches!(login.verify(sign(&login.claims())).await, Err(IdTokenError::Issuer)));
    let claims = with(login.claims(), "iss", json!(format!("https://sts.example/{TENANT}/v2.0")));
    assert!(login.verify(sign(&claims)).await.is_ok());
}

#[tokio::test]
async fn a_login_that_does_not_answer_proves_nothing() {
    let login = login().await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(503)).mount(&login.server).await;
    assert!(matches!(login.verify(sign(&login.claims())).await, Err(IdTokenError::Keys(KeysError::Unavailable(_)))));
}
