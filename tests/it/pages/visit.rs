//! The pages without a browser: requests with the cookies of sessions made for the test.

use http::{Method, StatusCode};
use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderMap, LOCATION};
use shared::clock::Clock as _;
use shared::directory::DirectoryId;
use shared::identity::SignedIn;
use shared::session::{Role, Session, SessionCookie, SessionKeyStore as _, SessionKeys};

use crate::harness::World;
use crate::openapi::described;

/// Somebody at a browser.
pub struct Visitor<'a> {
    world: &'a World,
    pub session: Session,
    /// The session's cookie: its name and its value.
    pub cookie: String,
}

/// An answer.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// Where it leads.
    pub fn location(&self) -> &str {
        self.headers.get(LOCATION).map_or("", |location| location.to_str().unwrap())
    }

    /// The page's text, without marks and with spaces in their place.
    pub fn text(&self) -> String {
        let body = self.body.split_once("<main").map_or(self.body.as_str(), |(_, body)| body);
        let words = body.split('<').filter_map(|piece| piece.split_once('>')).map(|(_, words)| words);
        words.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl<'a> Visitor<'a> {
    /// Somebody of the world's tenant who has just signed in with this role.
    pub async fn new(world: &'a World, role: Role) -> Self {
        Self::of(world, world.directory.parse().unwrap(), role, false).await
    }

    /// Somebody of any tenant.
    pub async fn of(world: &'a World, tenant: DirectoryId, role: Role, operator: bool) -> Self {
        let who = SignedIn {
            tenant,
            administrator: "ann".parse().unwrap(),
            user_principal_name: "ann@contoso.example".to_owned(),
            display_name: "Ann".to_owned(),
            roles: Vec::new(),
        };
        let session = Session::begin(&who, role, operator, world.clock.now(), &mut rand::rng());
        Self::with(world, session).await
    }

    /// Whoever has this session.
    pub async fn with(world: &'a World, session: Session) -> Self {
        let text = world.stack.secrets.session_keys().await.unwrap().unwrap();
        let keys = SessionKeys::parse(&text).unwrap();
        let given = SessionCookie::new(false).give(&keys, &session).unwrap();
        let cookie = given.to_str().unwrap().split(';').next().unwrap().to_owned();
        Self { world, session, cookie }
    }

    /// A page of the world's directory.
    pub async fn get(&self, rest: &str) -> Answer {
        self.at(&format!("/directories/{}{rest}", self.world.directory)).await
    }

    /// Any page.
    pub async fn at(&self, path: &str) -> Answer {
        ask(self.world, Method::GET, path, &[(COOKIE.as_str(), &self.cookie)], String::new()).await
    }

    /// Sends a form of the world's directory, as our own page would.
    pub async fn post(&self, rest: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.session.form_token();
        let fields = [("form_token", token.as_str())].into_iter().chain(fields.iter().copied());
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.post_body(&format!("/directories/{}{rest}", self.world.directory), &[], body).await
    }

    /// Sends anything.
    pub async fn post_body(&self, path: &str, headers: &[(&str, &str)], body: String) -> Answer {
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let headers: Vec<_> =
            [(COOKIE.as_str(), self.cookie.as_str()), kind].into_iter().chain(headers.iter().copied()).collect();
        ask(self.world, Method::POST, path, &headers, body).await
    }
}

/// Asks without following redirects.
pub async fn ask(world: &World, method: Method, path: &str, headers: &[(&str, &str)], body: String) -> Answer {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let mut request = client.request(method.clone(), world.stack.base_url.join(path).unwrap()).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.text().await.unwrap();
    described::check(method.as_str(), path, status, headers.get(CONTENT_TYPE), &body);
    Answer { status, headers, body }
}

/// The header by which a browser says which site a form comes from.
pub const FROM: &str = "origin";
