//! One directory, and a way to change it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use console::App;
use gateway::Gateway;
use http::{HeaderMap, Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::access::{AccessToken, Scope, TokenHash};
use shared::credentials::{Cause, Credential, CredentialState};
use shared::directory::{Directory, DirectoryCounts, Presence, Published, UserProfile, UserRecord};
use shared::filter::{InactiveReason, Policy, UserDecision};
use shared::sync::{HeldChange, HeldChanges, Hold, HoldState, RunId};

use crate::memory::{Memory, Sent, Stopped};

pub(crate) const HERE: &str = "11111111-1111-4111-8111-111111111111";
pub(crate) const ELSEWHERE: &str = "22222222-2222-4222-8222-222222222222";

pub(crate) fn now() -> Timestamp {
    "2026-01-01T12:00:15Z".parse().unwrap()
}

fn token(scope: Scope, directory: Option<&str>) -> AccessToken {
    AccessToken {
        name: "a program".into(),
        scope,
        directory: directory.map(|id| id.parse().unwrap()),
        created_at: Timestamp::UNIX_EPOCH,
        expires_at: Timestamp::MAX,
        last_used_at: None,
    }
}

/// A credential that works.
pub(crate) fn working() -> Credential {
    Credential {
        directory: HERE.parse().unwrap(),
        administrator: "admin".parse().unwrap(),
        user_principal_name: "admin@contoso.example".into(),
        display_name: "Admin".into(),
        scopes: vec![],
        missing_roles: vec![],
        authorized_at: now(),
        last_good_at: None,
        exercised_at: None,
        rejected_since: None,
        preferred_at: None,
        state: CredentialState::Working,
    }
}

/// A credential that does not work and is not to be tried before.
pub(crate) fn failing(retry_at: Timestamp) -> Credential {
    let state =
        CredentialState::Failing { cause: Cause::Disabled, aadsts: None, since: Timestamp::UNIX_EPOCH, retry_at };
    Credential { state, ..working() }
}

/// The id of the only hold.
pub(crate) const HOLD: &str = "019b795e-0f80-7000-8000-000000000001";

/// The only hold, opened an hour ago.
pub(crate) fn hold(state: HoldState) -> Hold {
    Hold {
        id: HOLD.parse().unwrap(),
        directory: HERE.parse().unwrap(),
        state,
        hash: "h".to_owned(),
        opened_by: HOLD.parse().unwrap(),
        opened_at: now() - SignedDuration::from_hours(1),
        expires_at: now() + SignedDuration::from_hours(1),
        deactivations: 1,
        active: 4,
        group_removals: 0,
        membership_removals: 1,
        decided_at: None,
        dropped: None,
    }
}

fn held_changes() -> HeldChanges {
    [
        HeldChange::Deactivation { user: "kim".parse().unwrap(), reason: InactiveReason::Deleted },
        HeldChange::MembershipRemoval { group: "vpn".parse().unwrap(), user: "lee".parse().unwrap() },
    ]
    .into_iter()
    .collect()
}

fn kim() -> UserRecord {
    UserRecord {
        id: "kim".parse().unwrap(),
        profile: UserProfile {
            user_principal_name: Some("kim@contoso.example".into()),
            display_name: Some("Kim".into()),
            ..UserProfile::default()
        },
        presence: Presence::Present,
        groups: BTreeSet::new(),
        decision: UserDecision::Active,
        changed: None,
    }
}

/// What is asked, and what became of it.
pub(crate) struct World {
    pub(crate) memory: Arc<Memory>,
    pub(crate) queue: Arc<Sent>,
}

impl World {
    /// One directory whose settings are of version 3, and a credential that works.
    pub(crate) fn new() -> Self {
        let mut directory = Directory::new(HERE.parse().unwrap(), "contoso.example".into(), now());
        directory.policy = Policy::parse(&json!({"sync_users": true})).unwrap();
        directory.settings_version = 3;
        let memory = Memory {
            directory: Mutex::new(directory),
            runs: Mutex::default(),
            credentials: Mutex::new(vec![working()]),
            tokens: vec![
                (TokenHash::of("reader"), token(Scope::Read, None)),
                (TokenHash::of("admin"), token(Scope::Admin, None)),
                (TokenHash::of("admin-here"), token(Scope::Admin, Some(HERE))),
                (TokenHash::of("admin-elsewhere"), token(Scope::Admin, Some(ELSEWHERE))),
                (TokenHash::of("expired"), AccessToken { expires_at: now(), ..token(Scope::Admin, None) }),
            ],
            holds: Mutex::new(vec![hold(HoldState::Open)]),
            held_changes: Mutex::new(held_changes()),
            users: vec![kim()],
            audit: Mutex::default(),
            drafts: Mutex::default(),
            previews: Mutex::default(),
            manual_runs: AtomicU64::new(0),
            contested: AtomicBool::new(false),
        };
        Self { memory: Arc::new(memory), queue: Arc::default() }
    }

    /// Publishes the users as a run would, with all of them active.
    pub(crate) fn publish(&self) {
        self.memory.directory().published = Some(Published {
            run: RunId::new(now()),
            at: now(),
            settings_version: 3,
            users: true,
            users_since: None,
            counts: DirectoryCounts::default(),
            vanished_groups: Vec::new(),
            watched_groups: None,
            uncompared_groups: BTreeSet::new(),
            groups_in_doubt: BTreeSet::new(),
        });
    }

    /// Makes every message fail from now on.
    pub(crate) fn stop_queue(&self) {
        self.queue.down.store(true, Ordering::Relaxed);
    }

    /// The runs that the sync function was told of.
    pub(crate) fn sent(&self) -> Vec<RunId> {
        self.queue.messages.lock().unwrap().iter().map(|message| message.run).collect()
    }

    /// Asks as an administrator, with a JSON body unless it is `null`.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Value) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("authorization", "Bearer admin");
        if !body.is_null() {
            request = request.header("content-type", "application/json");
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(request.body(body).unwrap()).await
    }

    /// Asks as described.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let app = App::new(self.memory.clone(), self.queue.clone(), Arc::new(Stopped(now())));
        let gateway = Gateway::of("console", shared::http::finish(console::routes(app)));
        let (parts, body) = gateway.ask(request).await.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body: serde_json::from_slice(&bytes).unwrap() }
    }
}

/// What is answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// A path below the directory.
pub(crate) fn path(rest: &str) -> String {
    format!("/api/v1/directories/{HERE}{rest}")
}
