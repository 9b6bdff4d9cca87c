//! Two small directories, and a way to ask about them.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::response::Response;
use gateway::Gateway;
use http::{HeaderMap, Request, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use shared::access::{AccessToken, Scope, TokenHash};
use shared::credentials::{Credential, CredentialState};
use shared::directory::{
    Directory, DirectoryCounts, DirectoryId, GroupId, GroupProfile, GroupRecord, Membership, Presence, Published,
    UserProfile, UserRecord,
};
use shared::filter::{GroupDecision, InactiveReason, Policy, SkipReason, UserDecision};
use shared::sync::{Run, RunState, Trigger};
use status::App;

use crate::memory::{Memory, Stopped};

pub(crate) const HERE: &str = "11111111-1111-4111-8111-111111111111";
pub(crate) const ELSEWHERE: &str = "22222222-2222-4222-8222-222222222222";

// Users, in the order of their ids.
pub(crate) const ADA: &str = "00000000-0000-4000-8000-0000000000a1";
pub(crate) const BOB: &str = "00000000-0000-4000-8000-0000000000a2";
pub(crate) const CYD: &str = "00000000-0000-4000-8000-0000000000a3";
pub(crate) const DAN: &str = "00000000-0000-4000-8000-0000000000a4";
pub(crate) const EVE: &str = "00000000-0000-4000-8000-0000000000a5";

// Groups, in the order of their ids.
pub(crate) const SALES: &str = "00000000-0000-4000-8000-0000000000b1";
pub(crate) const BERLIN: &str = "00000000-0000-4000-8000-0000000000b2";
pub(crate) const SECRET: &str = "00000000-0000-4000-8000-0000000000b3";
pub(crate) const LEAVERS: &str = "00000000-0000-4000-8000-0000000000b4";
pub(crate) const GONE: &str = "00000000-0000-4000-8000-0000000000b5";
pub(crate) const PRIVATE: &str = "00000000-0000-4000-8000-0000000000b6";

pub(crate) fn now() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

pub(crate) fn here() -> DirectoryId {
    HERE.parse().unwrap()
}

fn groups(ids: &[&str]) -> BTreeSet<GroupId> {
    ids.iter().map(|id| id.parse().unwrap()).collect()
}

fn user(id: &str, name: &str, presence: Presence, in_groups: &[&str], decision: UserDecision) -> UserRecord {
    let address = format!("{}@contoso.example", name.to_lowercase());
    let profile = UserProfile {
        account_enabled: Some(name != "Dan"),
        display_name: Some(name.into()),
        user_principal_name: Some(address.as_str().into()),
        mail: Some(address.into()),
        ..UserProfile::default()
    };
    UserRecord { id: id.parse().unwrap(), profile, presence, groups: groups(in_groups), decision, changed: None }
}

fn group(id: &str, name: &str, presence: Presence, children: &[&str], decision: GroupDecision) -> GroupRecord {
    let profile = GroupProfile { display_name: Some(name.into()), ..GroupProfile::default() };
    let (children, membership) = (groups(children), Membership::Known);
    GroupRecord { id: id.parse().unwrap(), profile, presence, children, decision, members: 0, membership }
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

pub(crate) fn run(minutes_ago: i64, state: RunState) -> Run {
    let then = now() - jiff::SignedDuration::from_mins(minutes_ago);
    let mut run = Run::requested(here(), Trigger::Schedule, then);
    run.state = state;
    if state.is_final() {
        run.started_at = Some(then);
        run.finished_at = Some(then + jiff::SignedDuration::from_millis(1500));
    }
    run
}

/// What is asked.
pub(crate) struct World(pub(crate) Memory);

impl World {
    /// One directory with something of everything, published with the settings of now, and an empty one that no run
    /// has published.
    pub(crate) fn new() -> Self {
        let policy = Policy::parse(&json!({
            "sync_users": true,
            "sync_groups": true,
            "ignored_groups": [LEAVERS],
            "nested_groups": true,
        }))
        .unwrap();
        let last_run = run(4, RunState::Succeeded);
        let mut directory = Directory::new(here(), "contoso.example".into(), now());
        directory.policy = policy;
        directory.settings_version = 3;
        directory.published = Some(Published {
            run: last_run.id,
            at: now(),
            settings_version: 3,
            users: true,
            users_since: None,
            counts: DirectoryCounts {
                active: 1,
                deleted: 1,
                disabled_in_office_365: 1,
                member_of_ignored_group: 1,
                groups_synced: 2,
                no_email: 3,
                ..DirectoryCounts::default()
            },
            vanished_groups: vec![],
            watched_groups: None,
            uncompared_groups: BTreeSet::new(),
            groups_in_doubt: BTreeSet::new(),
        });
        let deleted = Presence::Deleted { since: now() };
        let inactive = UserDecision::Inactive;
        let ignored = InactiveReason::MemberOfIgnoredGroup { group: LEAVERS.parse().unwrap() };
        let skipped = GroupDecision::Skipped { reason: SkipReason::NoEmail };
        let active = UserDecision::Active;
        Self(Memory {
            directories: vec![directory, Directory::new(ELSEWHERE.parse().unwrap(), "fabrikam.example".into(), now())],
            users: vec![
                user(ADA, "Ada", Presence::Present, &[SALES, GONE, PRIVATE], active.clone()),
                user(BOB, "Bob", Presence::Present, &[SALES, SECRET], inactive(ignored)),
                user(CYD, "Cyd", deleted, &[SALES], inactive(InactiveReason::Deleted)),
                user(DAN, "Dan", Presence::Present, &[BERLIN], inactive(InactiveReason::DisabledInOffice365)),
                user(EVE, "Eve", Presence::Unseen, &[SALES], active),
            ],
            groups: vec![
                group(SALES, "Sales", Presence::Present, &[BERLIN, GONE, PRIVATE], GroupDecision::Synced),
                group(BERLIN, "Berlin", Presence::Present, &[], GroupDecision::Synced),
                group(SECRET, "Secret", Presence::Present, &[], skipped),
                group(LEAVERS, "Leavers", Presence::Present, &[SECRET, LEAVERS], skipped),
                group(GONE, "Gone", deleted, &[], GroupDecision::Synced),
                group(PRIVATE, "Private", Presence::Present, &[], skipped),
            ],
            runs: vec![last_run],
            log: Vec::new(),
            credentials: vec![Credential {
                directory: here(),
                administrator: "00000000-0000-4000-8000-0000000000c1".parse().unwrap(),
                user_principal_name: "admin@contoso.example".into(),
                display_name: "Admin".into(),
                scopes: vec![],
                missing_roles: vec![],
                authorized_at: now(),
                last_good_at: Some(now()),
                exercised_at: None,
                rejected_since: None,
                preferred_at: None,
                state: CredentialState::Working,
            }],
            open_conditions: BTreeSet::new(),
            tokens: vec![
                (TokenHash::of("reader"), token(Scope::Read, None)),
                (TokenHash::of("admin"), token(Scope::Admin, None)),
                (TokenHash::of("reader-here"), token(Scope::Read, Some(HERE))),
                (TokenHash::of("reader-elsewhere"), token(Scope::Read, Some(ELSEWHERE))),
                (TokenHash::of("expired"), AccessToken { expires_at: now(), ..token(Scope::Admin, None) }),
            ],
        })
    }

    /// The directory that has something in it.
    pub(crate) fn directory(&mut self) -> &mut Directory {
        self.0.directories.first_mut().unwrap()
    }

    /// What is published of it.
    pub(crate) fn published(&mut self) -> &mut Published {
        self.directory().published.as_mut().unwrap()
    }

    /// Asks with a token of scope `read`.
    pub(crate) async fn get(self, path: &str) -> Answer {
        self.send("GET", path, Some("Bearer reader")).await
    }

    /// Asks as described.
    pub(crate) async fn send(self, method: &str, path: &str, authorization: Option<&str>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        Answer::read(self.gateway().ask(request.body(Body::empty()).unwrap()).await).await
    }

    /// The function with all this, behind the gateway.
    pub(crate) fn gateway(self) -> Gateway {
        let (clock, base_url) = (Arc::new(Stopped(now())), "https://sync.example".parse().unwrap());
        Gateway::of("status", status::router(App::new(Arc::new(self.0), clock, &base_url)))
    }
}

/// What is answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        Self { status: parts.status, headers: parts.headers, body }
    }

    /// The values of a field of all entries of a listing.
    pub(crate) fn each(&self, field: &str) -> Vec<&str> {
        self.body["items"].as_array().unwrap().iter().map(|item| item[field].as_str().unwrap()).collect()
    }
}

/// A path below the directory that has something in it.
pub(crate) fn path(rest: &str) -> String {
    format!("/api/v1/directories/{HERE}{rest}")
}
