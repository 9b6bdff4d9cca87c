//! How soon the Sync page and its sisters answer in a large directory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use gateway::Gateway;
use jiff::Timestamp;
use local::lambda::Function;
use rand::distr::{Alphanumeric, SampleString as _};
use secrecy::SecretString;
use shared::clock::{Clock as _, SystemClock};
use shared::identity::SignedIn;
use shared::session::{Role, Session, SessionCookie, SessionKeys};
use url::form_urlencoded::Serializer;

use crate::binaries;
use crate::report::{Report, thousands};
use crate::world::{Size, World};

/// How often each page is opened.
const TIMES: usize = 15;
/// What the median of each must not exceed.
const GOAL: Duration = Duration::from_millis(100);

/// Somebody who has signed in, before the gateway with the console function.
struct Visitor {
    gateway: Gateway,
    session: Session,
    cookie: String,
}

impl Visitor {
    async fn of(world: &World) -> Self {
        let text = SecretString::from(Alphanumeric.sample_string(&mut rand::rng(), 48));
        world.put_session_keys(&text).await;
        let who = SignedIn {
            tenant: world.directory,
            administrator: "ann".parse().unwrap(),
            user_principal_name: "ann@contoso.example".to_owned(),
            display_name: "Ann".to_owned(),
            roles: Vec::new(),
        };
        let now: Timestamp = SystemClock.now();
        let session = Session::begin(&who, Role::Administrator, false, now, &mut rand::rng());
        let keys = SessionKeys::parse(&text).unwrap();
        let given = SessionCookie::new(false).give(&keys, &session).unwrap();
        let cookie = given.to_str().unwrap().split(';').next().unwrap().to_owned();
        let console = Function::start(&binaries::path("console"), world.environment()).await.unwrap();
        let function: Arc<dyn gateway::Function> = Arc::new(console);
        Self { gateway: Gateway::new([("console", function)]), session, cookie }
    }

    /// Opens a page, or sends a form.
    async fn ask(&self, method: &str, path: &str, body: &str) -> (Response, Duration) {
        let request = Request::builder().method(method).uri(path).header("cookie", &self.cookie);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let began = Instant::now();
        let answer = self.gateway.ask(request).await;
        (answer, began.elapsed())
    }
}

pub async fn pages(report: &mut Report, users: usize) {
    eprintln!("The pages");
    let (world, _) = World::synced(Size { users, groups: users / 25, members: 100 }).await;
    let visitor = Visitor::of(&world).await;
    let truth = world.tenant.truth();
    let directory = format!("/directories/{}", world.directory);
    let group = truth.groups.iter().max_by_key(|group| group.members.len()).unwrap().id;
    let user = truth.users.iter().find(|user| user.enabled && user.deleted.is_none()).unwrap().id;
    let run = world.first_run_id().await;

    let token = visitor.session.form_token();
    let version = world.settings_version().await.to_string();
    let form = [("form_token", token.as_str()), ("version", &version), ("sync_users", "no"), ("percent", "20")];
    let form = Serializer::new(String::new()).extend_pairs(form).append_pair("at_least", "5").finish();
    let (drafted, took) = visitor.ask("POST", &format!("{directory}/settings"), &form).await;
    assert_eq!(drafted.status(), StatusCode::SEE_OTHER, "{drafted:?}");
    let draft = drafted.headers()["location"].to_str().unwrap().to_owned();
    let of = thousands(users as u64);
    report.tell(
        "pages",
        format!("working out what settings would change for {of} users, once for each draft"),
        format!("{:.1} s", took.as_secs_f64()),
    );

    let mut slowest: Option<(&str, Duration, u64)> = None;
    for (name, path) in [
        ("Sync", String::new()),
        ("Users", "/users".to_owned()),
        ("Users, inactive", "/users?status=inactive".to_owned()),
        ("Users, found by \"a\"", "/users?q=a".to_owned()),
        ("one user", format!("/users/{user}")),
        ("Groups", "/groups".to_owned()),
        ("Groups, found by \"team\"", "/groups?q=team".to_owned()),
        ("one group, the largest", format!("/groups/{group}")),
        ("Runs", "/runs".to_owned()),
        ("one run, with whom it changed", format!("/runs/{run}")),
        ("Holds", "/holds".to_owned()),
        ("Audit", "/audit".to_owned()),
        ("API tokens", "/tokens".to_owned()),
        ("Preview", draft.trim_start_matches(&directory).to_owned()),
    ] {
        let mut times = Vec::new();
        world.counts();
        for _ in 0..TIMES {
            let (answer, took) = visitor.ask("GET", &format!("{directory}{path}"), "").await;
            assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
            times.push(took);
        }
        let requests = world.counts().total() / TIMES as u64;
        times.sort();
        let median = times[TIMES / 2];
        report.tell("pages", format!("{name}, {of} users"), format!("{} ms, {requests} requests", median.as_millis()));
        if slowest.is_none_or(|(_, slowest, _)| median > slowest) {
            slowest = Some((name, median, requests));
        }
    }
    let (name, median, _) = slowest.unwrap();
    report.goal(
        "pages",
        format!("the slowest page with {of} users, median of {TIMES}"),
        format!("under {} ms", GOAL.as_millis()),
        format!("{name}: {} ms", median.as_millis()),
        median < GOAL,
    );
}
