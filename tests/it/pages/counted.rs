//! What pages cost in requests of the table: bounded, and the same however large a directory is.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use console::{App, Site};
use gateway::Gateway;
use http::{Request, StatusCode};
use shared::session::{Role, SessionDesk};
use shared::store::RunStore as _;
use tenant::Sample;

use super::visit::Visitor;
use crate::harness::everything;
use crate::lab::{Lab, Process};

/// The most requests of the table that each page makes, with a full page of users or groups on it.
const PAGES: [(&str, usize); 17] = [
    ("sync", 12),
    ("state", 5),
    ("users", 24),
    ("inactive", 75),
    ("found", 110),
    ("user", 8),
    ("groups", 20),
    ("synced groups", 10),
    ("found groups", 40),
    ("group", 75),
    ("preview", 8),
    ("looked up in preview", 160),
    ("runs", 4),
    ("run", 60),
    ("holds", 4),
    ("audit", 4),
    ("tokens", 4),
];

/// A directory of this many users, its pages, and the cookie to open them with.
async fn lab_of(users: usize) -> (Lab, Gateway, String) {
    let lab =
        Lab::start(&Sample { users, groups: users / 25, memberships_per_group: 60, ..Sample::default() }, |_| {}).await;
    lab.world.authorize().await;
    lab.world.set(everything()).await;
    let stack = &lab.world.stack;
    let sessions = SessionDesk::new(stack.secrets.clone(), stack.store.clone(), lab.clock.clone(), false);
    let app = App::new(stack.store.clone(), lab.mailbox.clone(), lab.clock.clone());
    let site = Site::new(app, stack.store.clone(), stack.secrets.clone(), Arc::new(sessions), &stack.base_url);
    let cookie = Visitor::new(&lab.world, Role::Administrator).await.cookie;
    (lab, Gateway::of("console", console::router(site)), cookie)
}

async fn count(pages: &Gateway, cookie: &str, path: &str) -> usize {
    let process = Process::undisturbed();
    let request = Request::builder().uri(path).header("cookie", cookie).body(Body::empty()).unwrap();
    let response = process.run(pages.ask(request)).await;
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    assert_eq!(status, StatusCode::OK, "{path}: {}", String::from_utf8_lossy(&body));
    process.sent().len()
}

/// How many requests each page makes.
async fn counts(users: usize) -> BTreeMap<&'static str, usize> {
    let (lab, pages, cookie) = lab_of(users).await;
    let directory = format!("/directories/{}", lab.world.directory);
    let truth = lab.world.tenant.truth();
    let group = truth.groups.iter().max_by_key(|group| group.members.len()).unwrap().id;
    let user = truth.users.iter().find(|user| user.enabled && user.deleted.is_none()).unwrap().id;
    let run = lab.world.stack.store.runs(lab.directory(), 1, None).await.unwrap().items[0].id;
    // The keys of sessions are read once.
    count(&pages, &cookie, &directory).await;
    let mut counts = BTreeMap::new();
    for (page, path) in [
        ("sync", String::new()),
        ("state", "/state".to_owned()),
        ("users", "/users".to_owned()),
        ("inactive", "/users?status=inactive".to_owned()),
        ("found", "/users?q=a".to_owned()),
        ("user", format!("/users/{user}")),
        ("groups", "/groups".to_owned()),
        ("synced groups", "/groups?show=synced".to_owned()),
        ("found groups", "/groups?q=team".to_owned()),
        ("group", format!("/groups/{group}")),
        ("runs", "/runs".to_owned()),
        ("run", format!("/runs/{run}")),
        ("holds", "/holds".to_owned()),
        ("audit", "/audit".to_owned()),
        ("tokens", "/tokens".to_owned()),
    ] {
        counts.insert(page, count(&pages, &cookie, &format!("{directory}{path}")).await);
    }
    let admin = Visitor::new(&lab.world, Role::Administrator).await;
    let drafted = admin.post("/settings", &[("sync_users", "no"), ("percent", "20"), ("at_least", "5")]).await;
    let draft = drafted.location();
    counts.insert("preview", count(&pages, &cookie, draft).await);
    counts.insert("looked up in preview", count(&pages, &cookie, &format!("{draft}?q=a")).await);
    counts
}

#[tokio::test]
async fn pages_make_a_bounded_number_of_requests_however_large_the_directory() {
    let (small, large) = (counts(400).await, counts(4_000).await);
    for (page, most) in PAGES {
        assert!(
            small[page] <= most && large[page] <= most,
            "{page}: {} and {}, at most {most}",
            small[page],
            large[page]
        );
    }
}
