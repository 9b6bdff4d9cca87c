//! A mock Graph, a clock that moves only by waiting, and administrators whose tokens can be refused.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};
use wiremock::matchers::{method, path, query_param, query_param_is_missing};
use wiremock::{Match, Mock, MockBuilder, MockServer, Request, ResponseTemplate};

use crate::clock::Clock;
use crate::credentials::{AccessTokens, TokenError, TokenRefusal, UsableToken};
use crate::directory::{GroupId, GroupPatch, Member, UserId, UserPatch};
use crate::graph::{GraphOrigin, GraphTenant, RetryPolicy};
use crate::sync::{DeltaLink, GroupChange, ReadPage, SourceError, TenantSource as _, Trail, UserChange};

/// When the clock starts.
pub(super) const START: &str = "2026-08-01T10:00:00Z";

/// A clock that moves by the waits asked of it, and remembers them.
pub(in crate::graph) struct ManualClock {
    start: Timestamp,
    waits: Mutex<Vec<Duration>>,
}

impl ManualClock {
    pub(in crate::graph) fn new() -> Self {
        Self { start: START.parse().unwrap(), waits: Mutex::default() }
    }

    pub(in crate::graph) fn waits(&self) -> Vec<Duration> {
        self.waits.lock().unwrap().clone()
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        let waited: Duration = self.waits.lock().unwrap().iter().sum();
        self.start + waited
    }

    async fn sleep(&self, duration: Duration) {
        self.waits.lock().unwrap().push(duration);
    }
}

/// Tokens in the order in which they are given out; a refused one gives way to the next.
pub(super) struct Tokens {
    left: Mutex<Vec<UsableToken>>,
    refusals: Mutex<Vec<(String, TokenRefusal)>>,
}

impl Tokens {
    /// One token for each `(administrator, token)`.
    pub(super) fn new(tokens: &[(u8, &str)]) -> Self {
        let left = tokens.iter().rev().map(|(number, secret)| UsableToken {
            administrator: administrator(*number),
            secret: (*secret).into(),
            reads_hidden_members: false,
        });
        Self { left: Mutex::new(left.collect()), refusals: Mutex::default() }
    }

    pub(super) fn refusals(&self) -> Vec<(String, TokenRefusal)> {
        self.refusals.lock().unwrap().clone()
    }
}

#[async_trait]
impl AccessTokens for Tokens {
    async fn token(&self) -> Result<UsableToken, TokenError> {
        self.left.lock().unwrap().last().cloned().ok_or(TokenError::NoWorkingCredential)
    }

    async fn refused(&self, token: &UsableToken, how: TokenRefusal) {
        self.refusals.lock().unwrap().push((token.administrator.to_string(), how));
        self.left.lock().unwrap().pop();
    }

    async fn accepted(&self, _: &UsableToken) {}
}

pub(super) fn administrator(number: u8) -> UserId {
    format!("a0000000-0000-0000-0000-0000000000{number:02x}").parse().unwrap()
}

/// The id of a group.
pub(super) fn group(number: u8) -> String {
    format!("90000000-0000-0000-0000-0000000000{number:02x}")
}

/// Everything a test needs.
pub(super) struct Stage {
    pub(super) server: MockServer,
    pub(super) clock: Arc<ManualClock>,
    pub(super) tokens: Arc<Tokens>,
    pub(super) tenant: GraphTenant,
}

/// A stage with one administrator, whose token is `token-1`.
pub(super) async fn stage() -> Stage {
    stage_with(&[(1, "token-1")]).await
}

pub(super) async fn stage_with(tokens: &[(u8, &str)]) -> Stage {
    let server = MockServer::start().await;
    let clock = Arc::new(ManualClock::new());
    let tokens = Arc::new(Tokens::new(tokens));
    let tenant = tenant(&server.uri(), tokens.clone(), clock.clone());
    Stage { server, clock, tokens, tenant }
}

pub(super) fn tenant(uri: &str, tokens: Arc<dyn AccessTokens>, clock: Arc<dyn Clock>) -> GraphTenant {
    GraphTenant::new(http(), origin(uri), tokens, clock).with_retries(RetryPolicy::RUN, 42)
}

pub(super) fn origin(uri: &str) -> GraphOrigin {
    GraphOrigin::parse(&uri.parse().unwrap()).unwrap()
}

pub(super) fn http() -> reqwest::Client {
    crate::http::client(&[]).unwrap()
}

/// All users, read from the first page on.
pub(super) async fn users_of(tenant: &GraphTenant) -> Result<ReadPage<(UserId, UserPatch)>, SourceError> {
    let trail = Trail::default();
    tenant.users(&trail).await.map(|()| trail.take())
}

impl Stage {
    /// A link to the page of a path that a token stands for.
    pub(super) fn link(&self, path: &str, token: &str) -> String {
        format!("{}/v1.0/{path}?$skiptoken={token}", self.server.uri())
    }

    /// Answers a request once, before whatever is set up after it.
    pub(super) async fn once(&self, request: MockBuilder, answer: ResponseTemplate) {
        request.respond_with(answer).up_to_n_times(1).expect(1).mount(&self.server).await;
    }

    /// Answers all requests alike.
    pub(super) async fn always(&self, request: MockBuilder, answer: ResponseTemplate) {
        request.respond_with(answer).mount(&self.server).await;
    }

    pub(super) async fn users(&self) -> Result<ReadPage<(UserId, UserPatch)>, SourceError> {
        users_of(&self.tenant).await
    }

    pub(super) async fn groups(&self) -> Result<ReadPage<(GroupId, GroupPatch)>, SourceError> {
        let trail = Trail::default();
        self.tenant.groups(&trail).await.map(|()| trail.take())
    }

    pub(super) async fn members(&self, group: &str) -> Result<ReadPage<Member>, SourceError> {
        let trail = Trail::default();
        self.tenant.members(&group.parse().unwrap(), &trail).await.map(|()| trail.take())
    }

    pub(super) async fn user_changes(&self, link: &DeltaLink) -> Result<ReadPage<UserChange>, SourceError> {
        let trail = Trail::default();
        self.tenant.user_changes(link, &trail).await.map(|()| trail.take())
    }

    pub(super) async fn group_changes(&self, link: &DeltaLink) -> Result<ReadPage<GroupChange>, SourceError> {
        let trail = Trail::default();
        self.tenant.group_changes(link, &trail).await.map(|()| trail.take())
    }

    pub(super) async fn requests(&self) -> Vec<Request> {
        self.server.received_requests().await.unwrap()
    }
}

/// Requests for the first page of a path.
pub(super) fn first(at: &str) -> MockBuilder {
    Mock::given(method("GET")).and(path(format!("/v1.0/{at}"))).and(query_param_is_missing("$skiptoken"))
}

/// Requests for the page of a path that a token stands for.
pub(super) fn page(at: &str, token: &str) -> MockBuilder {
    Mock::given(method("GET")).and(path(format!("/v1.0/{at}"))).and(query_param("$skiptoken", token))
}

/// The request carries this token.
pub(super) fn bearer(token: &str) -> impl Match + 'static {
    wiremock::matchers::bearer_token(token)
}

pub(super) fn json(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

/// The last page of a list.
pub(super) fn last(ids: &[&str]) -> ResponseTemplate {
    json(json!({ "value": objects(ids) }))
}

/// A page with another after it.
pub(super) fn more(ids: &[&str], next: &str) -> ResponseTemplate {
    json(json!({ "value": objects(ids), "@odata.nextLink": next }))
}

/// The last page of a round.
pub(super) fn done(ids: &[&str], delta: &str) -> ResponseTemplate {
    json(json!({ "value": objects(ids), "@odata.deltaLink": delta }))
}

fn objects(ids: &[&str]) -> Vec<Value> {
    ids.iter().map(|id| json!({ "id": id })).collect()
}

/// An error as Graph words it.
pub(super) fn error(status: u16, code: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({ "error": {
        "code": code,
        "message": "not to be repeated: adele@contoso.example",
        "innerError": { "date": "2026-08-01T10:00:00", "request-id": "5a3b", "client-request-id": "5a3b" },
    } }))
}
