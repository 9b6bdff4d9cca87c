//! A plain client of the tenant, and a clock that moves only when told.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use jiff::Timestamp;
use reqwest::{Response, StatusCode, redirect};
use serde_json::Value;
use tenant::{Action, Clock, Options, Paging, Sample, SignIn, Tenant, TenantHandle};
use url::Url;
use uuid::Uuid;

pub(crate) const SCOPES: &str = "openid profile offline_access User.Read.All GroupMember.Read.All";
pub(crate) const REDIRECT: &str = "http://127.0.0.1:4000/oauth/callback";
pub(crate) const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-0123456789";

#[derive(Clone)]
pub(crate) struct Time(Arc<AtomicI64>);

impl Time {
    pub(crate) fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

pub(crate) struct Client {
    pub(crate) tenant: TenantHandle,
    pub(crate) time: Time,
    http: reqwest::Client,
    pub(crate) token: String,
}

/// A few users and groups, on tiny pages.
pub(crate) async fn small() -> Client {
    start(&Sample { users: 12, groups: 10, memberships_per_group: 3, seed: 5 }, |options| {
        options.paging = Paging { list_default: 5, list_max: 5, delta_objects: 4, delta_members: 6 };
    })
    .await
}

/// Nobody but administrators.
pub(crate) const BARE: Sample = Sample { users: 4, groups: 4, memberships_per_group: 0, seed: 5 };

/// A tenant with nobody in it but administrators, and usual pages.
pub(crate) async fn bare() -> Client {
    start(&BARE, |_| ()).await
}

pub(crate) async fn start(sample: &Sample, adjust: impl FnOnce(&mut Options)) -> Client {
    let time = Time(Arc::new(AtomicI64::new(1_800_000_000)));
    let now = time.clone();
    let now = move || Timestamp::from_second(now.0.load(Ordering::SeqCst)).unwrap();
    let mut options = Options::new(Clock::new(now, |_| std::future::ready(())));
    adjust(&mut options);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tenant = Tenant::sample(sample).serve(listener, options).unwrap();
    let http = reqwest::Client::builder().redirect(redirect::Policy::none()).build().unwrap();
    let mut client = Client { tenant, time, http, token: String::new() };
    client.token = client.access_token(client.admin(0), SCOPES).await;
    client.tenant.forget_requests();
    client
}

impl Client {
    pub(crate) fn admin(&self, nth: usize) -> Uuid {
        self.tenant.administrators()[nth].id
    }

    pub(crate) fn apply(&self, action: Action) -> Uuid {
        self.tenant.apply(action).unwrap().unwrap_or_default()
    }

    /// Reads from Graph with the administrator's token.
    pub(crate) async fn get(&self, path_or_url: &str) -> Response {
        self.get_with(path_or_url, &[]).await
    }

    pub(crate) async fn get_with(&self, path_or_url: &str, headers: &[(&str, &str)]) -> Response {
        self.get_as(&self.token, path_or_url, headers).await
    }

    pub(crate) async fn get_as(&self, token: &str, path_or_url: &str, headers: &[(&str, &str)]) -> Response {
        let url = if path_or_url.starts_with("http") {
            path_or_url.to_owned()
        } else {
            format!("{}/v1.0/{path_or_url}", self.tenant.graph_url())
        };
        let mut request = self.http.get(url).bearer_auth(token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    pub(crate) async fn json(&self, path_or_url: &str) -> Value {
        let response = self.get(path_or_url).await;
        assert_eq!(response.status(), StatusCode::OK);
        response.json().await.unwrap()
    }

    /// Follows next links to the end: the pages.
    pub(crate) async fn pages(&self, path_or_url: &str) -> Vec<Value> {
        let mut pages = vec![self.json(path_or_url).await];
        while let Some(next) = pages.last().unwrap()["@odata.nextLink"].as_str().map(ToOwned::to_owned) {
            pages.push(self.json(&next).await);
        }
        pages
    }

    /// A delta round: the objects and the link for the next one.
    pub(crate) async fn round(&self, path_or_url: &str) -> (Vec<Value>, String) {
        let pages = self.pages(path_or_url).await;
        let link = pages.last().unwrap()["@odata.deltaLink"].as_str().unwrap().to_owned();
        (values(&pages), link)
    }

    pub(crate) fn authorize_url(&self, fields: &[(&str, &str)]) -> Url {
        let registration = self.tenant.registration();
        let mut url = Url::parse(&format!("{}/organizations/oauth2/v2.0/authorize", self.tenant.login_url())).unwrap();
        let usual = [
            ("client_id", registration.client_id.as_str()),
            ("response_type", "code"),
            ("redirect_uri", REDIRECT),
            ("scope", SCOPES),
            ("state", "some-state"),
            ("nonce", "some-nonce"),
            // The SHA-256 of the verifier.
            ("code_challenge", "NiC162c0QrSD2DAiXkn9HJo4rKjj6GAubjqyJCS0vgU"),
            ("code_challenge_method", "S256"),
        ];
        let replaced = |name: &str| fields.iter().any(|(field, _)| *field == name);
        url.query_pairs_mut().extend_pairs(usual.iter().filter(|(name, _)| !replaced(name))).extend_pairs(fields);
        url
    }

    pub(crate) async fn authorize(&self, fields: &[(&str, &str)]) -> Response {
        self.http.get(self.authorize_url(fields)).send().await.unwrap()
    }

    /// What the callback is called with.
    pub(crate) async fn callback(&self, fields: &[(&str, &str)]) -> Url {
        let response = self.authorize(fields).await;
        assert_eq!(response.status(), StatusCode::FOUND);
        Url::parse(response.headers()["location"].to_str().unwrap()).unwrap()
    }

    pub(crate) async fn code(&self) -> String {
        field(&self.callback(&[]).await, "code").unwrap()
    }

    pub(crate) async fn post_as(&self, token: &str, url: &str, body: &str, content_type: &str) -> Response {
        let request = self.http.post(url).bearer_auth(token).header("content-type", content_type);
        request.body(body.to_owned()).send().await.unwrap()
    }

    pub(crate) async fn post(&self, url: &str, body: &str, content_type: &str) -> Response {
        let request = self.http.post(url).header("content-type", content_type).body(body.to_owned());
        request.send().await.unwrap()
    }

    /// Asks the token endpoint, with the right id, secret and redirect unless `fields` say otherwise.
    pub(crate) async fn token(&self, fields: &[(&str, &str)]) -> (StatusCode, Value) {
        let registration = self.tenant.registration();
        let usual = [
            ("client_id", registration.client_id.as_str()),
            ("client_secret", registration.client_secret.as_str()),
            ("redirect_uri", REDIRECT),
        ];
        let replaced = |name: &str| fields.iter().any(|(field, _)| *field == name);
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(usual.iter().filter(|(name, _)| !replaced(name))).extend_pairs(fields);
        let url = format!("{}/organizations/oauth2/v2.0/token", self.tenant.login_url());
        let response = self.post(&url, &form.finish(), "application/x-www-form-urlencoded").await;
        (response.status(), response.json().await.unwrap())
    }

    pub(crate) async fn redeem(&self, code: &str) -> (StatusCode, Value) {
        self.token(&[("grant_type", "authorization_code"), ("code", code), ("code_verifier", VERIFIER)]).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> (StatusCode, Value) {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// Signs in and gets tokens.
    pub(crate) async fn tokens(&self, user: Uuid, scopes: &str) -> Value {
        self.apply(Action::SetSignIn { sign_in: SignIn::User { user }, once: true });
        let code = field(&self.callback(&[("scope", scopes)]).await, "code").unwrap();
        let (status, tokens) = self.redeem(&code).await;
        assert_eq!(status, StatusCode::OK, "{tokens}");
        tokens
    }

    pub(crate) async fn access_token(&self, user: Uuid, scopes: &str) -> String {
        self.tokens(user, scopes).await["access_token"].as_str().unwrap().to_owned()
    }
}

/// A field of a callback's query.
pub(crate) fn field(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(field, _)| field == name).map(|(_, value)| value.into_owned())
}

/// The objects of some pages.
pub(crate) fn values(pages: &[Value]) -> Vec<Value> {
    pages.iter().flat_map(|page| page["value"].as_array().unwrap().clone()).collect()
}

pub(crate) async fn error_code(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    (status, body["error"]["code"].as_str().unwrap().to_owned())
}
