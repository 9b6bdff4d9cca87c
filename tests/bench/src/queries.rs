//! How soon programs are answered in a large directory, and what of the table that takes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use gateway::Gateway;
use local::lambda::Function;
use serde_json::Value;
use tenant::MemberKind;

use crate::binaries;
use crate::report::{Report, thousands};
use crate::world::{Size, World};

/// How often each call is made.
const TIMES: usize = 15;
/// What the median of a gatekeeper's call must not exceed.
const GOAL: Duration = Duration::from_millis(20);

/// A program with a token, before the gateway with the status function.
struct Program {
    gateway: Gateway,
    authorization: String,
}

impl Program {
    async fn get(&self, path: &str) -> (String, Duration) {
        let request = Request::get(path).header("authorization", &self.authorization).body(Body::empty()).unwrap();
        let began = Instant::now();
        let answer = self.gateway.ask(request).await;
        let took = began.elapsed();
        let status = answer.status();
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        (body, took)
    }
}

pub async fn queries(report: &mut Report, users: usize) {
    eprintln!("The API");
    let (world, _) = World::synced(Size { users, groups: users / 25, members: 100 }).await;
    let status = Function::start(&binaries::path("status"), world.environment()).await.unwrap();
    let function: Arc<dyn gateway::Function> = Arc::new(status);
    let program = Program {
        authorization: format!("Bearer {}", world.api_token().await),
        gateway: Gateway::new([("status", function)]),
    };
    let truth = world.tenant.truth();
    let group = truth.groups.iter().filter(|group| group.members.len() < 2_000).max_by_key(|group| group.members.len());
    let group = group.unwrap();
    let member = group.members.iter().find(|member| member.kind == MemberKind::User).unwrap().id;
    let (members, group) = (group.members.len(), group.id);
    let (api, scim) = (format!("/api/v1/directories/{}", world.directory), format!("/scim/v2/{}", world.directory));
    let (user, _) = program.get(&format!("{api}/users/{member}")).await;
    let user: Value = serde_json::from_str(&user).unwrap();
    let name = user["user_principal_name"].as_str().unwrap().replace('#', "%23");
    let (feed, _) = program.get(&format!("{api}/changes")).await;
    let feed: Value = serde_json::from_str(&feed).unwrap();
    let (_, since) = feed["next_cursor"].as_str().unwrap().split_once('.').unwrap();
    let behind = users / 2;

    let mut access = Duration::ZERO;
    for (call, path) in [
        ("`access` by object id".to_owned(), format!("{api}/users/{member}/access")),
        ("`access` with a group".to_owned(), format!("{api}/users/{member}/access?group={group}")),
        ("`access` by name, with a group".to_owned(), format!("{api}/users/{name}/access?group={group}")),
        ("one user, and why".to_owned(), format!("{api}/users/{member}")),
        ("100 users".to_owned(), format!("{api}/users?limit=100")),
        ("100 inactive users".to_owned(), format!("{api}/users?limit=100&status=inactive")),
        ("users found by \"a\"".to_owned(), format!("{api}/users?q=a&limit=50")),
        (format!("a group's {members} members"), format!("{api}/groups/{group}/members?limit=1000")),
        ("100 changes".to_owned(), format!("{api}/changes?since=1.{since}&limit=100")),
        ("1,000 users as CSV".to_owned(), format!("{api}/exports/users?format=csv&limit=1000")),
        ("SCIM: one user".to_owned(), format!("{scim}/Users/{member}")),
        ("SCIM: one user by name".to_owned(), format!("{scim}/Users?filter=userName+eq+%22{name}%22")),
        ("SCIM: 100 users by cursor".to_owned(), format!("{scim}/Users?cursor=&count=100")),
        (
            format!("SCIM: 100 users behind {} others", thousands(behind as u64)),
            format!("{scim}/Users?startIndex={behind}&count=100"),
        ),
        (format!("SCIM: a group with {members} members"), format!("{scim}/Groups/{group}")),
    ] {
        let mut times = Vec::new();
        world.counts();
        for _ in 0..TIMES {
            times.push(program.get(&path).await.1);
        }
        let counts = world.counts();
        let times_u64 = TIMES as u64;
        times.sort();
        let median = times[TIMES / 2];
        let (requests, items) = (counts.total() / times_u64, counts.items_read / times_u64);
        let units = counts.read_units / times_u64 as f64;
        report.tell(
            "queries",
            format!("{call}, of {} users", thousands(users as u64)),
            format!("{} ms, {requests} requests, {items} items, {units:.1} read units", median.as_millis()),
        );
        if call.starts_with("`access`") {
            access = access.max(median);
        }
    }
    report.goal(
        "queries",
        format!("the slowest call of a gatekeeper with {} users, median of {TIMES}", thousands(users as u64)),
        format!("under {} ms", GOAL.as_millis()),
        format!("{} ms", access.as_millis()),
        access < GOAL,
    );
}
