//! A simulated tenant, the whole local stack beside it, and the questions tests ask.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::SignedDuration;
use local::api::{Api, ApiError};
use local::aws::secrets_manager::LocalSecrets;
use local::stack::{Options, Stack, Wire};
use secrecy::SecretString;
use serde_json::{Value, json};
use shared::access::Scope;
use shared::alerts::{Alert, AlertError, AlertSink};
use shared::clock::Clock as _;
use shared::config::{AppCredential, Microsoft};
use shared::directory::{Directory, UserId};
use shared::feed::EventSink;
use shared::filter::Policy;
use shared::settings::{CheckedSettings, Outline};
use shared::store::{List, MirrorStore as _};
use shared::sync::Unobserved;
use tenant::{Action, MemberKind, Sample, Tenant, TenantHandle, Truth};
use tokio::net::TcpListener;
use url::Url;
use uuid::Uuid;

use crate::clock::TestClock;
use crate::coherence;
use crate::logs;
use crate::openapi::described;
use crate::roles::{self, Deployment};

/// How long the token of a world is good for.
const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(24 * 365);

/// The alerts that were sent.
#[derive(Default)]
pub struct Alerts(Mutex<Vec<Alert>>);

impl Alerts {
    /// Those since the last time this was asked.
    pub fn take(&self) -> Vec<Alert> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

#[async_trait]
impl AlertSink for Alerts {
    async fn send(&self, alert: &Alert) -> Result<(), AlertError> {
        self.0.lock().unwrap().push(alert.clone());
        Ok(())
    }
}

/// Makes a tenant another one than usual.
pub type Bend = Box<dyn FnOnce(&mut tenant::Options) + Send>;

/// In what a stack differs from the usual.
#[derive(Default)]
pub struct Setup {
    /// What stands between its clients of AWS and the parts; else what lets through what the roles allow.
    pub wire: Option<Wire>,
    /// Where alerts go; else into [`World::alerts`].
    pub alerts: Option<Arc<dyn AlertSink>>,
    /// Where changes are announced; else nowhere.
    pub events: Option<Arc<dyn EventSink>>,
    /// By what Microsoft knows the application; else by a client secret.
    pub app_credential: Option<AppCredential>,
    /// Makes the tenant another one than usual.
    pub bend: Option<Bend>,
    /// The host under which browsers reach the stack; else the address that it listens at.
    pub host: Option<&'static str>,
}

/// A tenant and a stack that may sync from it.
pub struct World {
    pub tenant: TenantHandle,
    pub stack: Stack,
    pub api: Api,
    pub directory: String,
    pub alerts: Arc<Alerts>,
    /// The clock of stack and tenant.
    pub clock: Arc<TestClock>,
    _logs: logs::Watch,
}

/// The usual options of a tenant, with this clock.
pub fn tenant_options(clock: &Arc<TestClock>) -> tenant::Options {
    let (now, sleep) = (Arc::clone(clock), Arc::clone(clock));
    let wait = move |duration| {
        let clock = Arc::clone(&sleep);
        async move { clock.sleep(duration).await }
    };
    tenant::Options::new(tenant::Clock::new(move || now.now(), wait))
}

/// A sample small enough to be read and large enough to have every kind of user and group.
pub fn small() -> Sample {
    Sample { users: 60, groups: 14, ..Sample::default() }
}

/// Settings for the store as if they had passed the check: what runs make of them does not depend on it.
pub fn checked(directory: &Directory, settings: &Value) -> CheckedSettings {
    let run = directory.published.as_ref().map(|published| published.run);
    let nobody_goes = Outline { run, ..Outline::default() };
    CheckedSettings::check(directory, &Policy::parse(settings).unwrap(), &nobody_goes, None).unwrap()
}

/// Settings that publish everybody and every group.
pub fn everything() -> Value {
    json!({"sync_users": true, "sync_groups": true, "sync_groups_without_email": true})
}

impl World {
    /// A tenant and a stack that has not been authorized.
    pub async fn unauthorized(sample: &Sample) -> Self {
        Self::set_up(sample, Setup::default()).await
    }

    /// The same with a tenant that `bend` makes another one than usual.
    pub async fn with_options(sample: &Sample, bend: impl FnOnce(&mut tenant::Options) + Send + 'static) -> Self {
        Self::set_up(sample, Setup { bend: Some(Box::new(bend)), ..Setup::default() }).await
    }

    /// A tenant and a stack that announces changes there.
    pub async fn announcing(sample: &Sample, events: Arc<dyn EventSink>) -> Self {
        Self::set_up(sample, Setup { events: Some(events), ..Setup::default() }).await
    }

    /// A tenant and a stack that differs from the usual in this.
    pub async fn set_up(sample: &Sample, mut setup: Setup) -> Self {
        let clock = Arc::new(TestClock::default());
        let mut options = tenant_options(&clock);
        if let Some(bend) = setup.bend.take() {
            bend(&mut options);
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tenant = Tenant::sample(sample).serve(listener, options).unwrap();
        Self::of(tenant, clock, setup).await
    }

    /// A stack beside a tenant, with its own wire to the table and the secrets.
    pub async fn beside(tenant: TenantHandle, clock: Arc<TestClock>, wire: Wire) -> Self {
        Self::of(tenant, clock, Setup { wire: Some(wire), ..Setup::default() }).await
    }

    async fn of(tenant: TenantHandle, clock: Arc<TestClock>, setup: Setup) -> Self {
        let app_credential = setup.app_credential.unwrap_or(AppCredential::ClientSecret);
        let deployment = Deployment { app_credential: app_credential.clone(), kms_and_sts: None };
        let wire = setup.wire.unwrap_or_else(|| Box::new(|aws| roles::wire(aws, deployment)));
        let logs = logs::Watch::over(&tenant);
        let registration = tenant.registration();
        let microsoft = Microsoft {
            login_url: Url::parse(tenant.login_url()).unwrap(),
            graph_url: Url::parse(tenant.graph_url()).unwrap(),
            client_id: registration.client_id,
            authority_tenant: "organizations".to_owned(),
            secret_prefix: "office365-sync".to_owned(),
            app_credential,
            ca_file: None,
        };
        let alerts = Arc::new(Alerts::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let stack = Stack::start(Options {
            base_url: setup.host.map(|host| Url::parse(&format!("http://{host}:{port}")).unwrap()),
            listener,
            database: None,
            secrets: LocalSecrets::in_memory(),
            microsoft,
            client_secret: SecretString::from(registration.client_secret),
            operator_tenant: None,
            interval: None,
            clock: clock.clone(),
            progress: Arc::new(Unobserved),
            alerts: setup.alerts.unwrap_or_else(|| alerts.clone()),
            events: setup.events,
            wire,
        })
        .await
        .unwrap();
        let token = stack.make_token("test", Scope::Admin, TOKEN_LIFE).await.unwrap();
        let api = Api::new(shared::http::client(b"").unwrap(), stack.base_url.clone(), token);
        let directory = tenant.tenant_id().to_string();
        Self { tenant, stack, api, directory, alerts, clock, _logs: logs }
    }

    /// A tenant and a stack that the first administrator has authorized and that has synced with these settings.
    pub async fn synced(sample: &Sample, settings: Value) -> Self {
        let world = Self::unauthorized(sample).await;
        world.authorize().await;
        world.set(settings).await;
        world
    }

    /// Authorizes as the first administrator, and waits for the run that follows.
    pub async fn authorize(&self) {
        self.authorize_as(0).await;
    }

    /// Authorizes as one of the administrators, and waits for the run that follows.
    pub async fn authorize_as(&self, administrator: usize) {
        let name = &self.tenant.administrators()[administrator].user_principal_name;
        let page = self.api.authorize(&format!("?login_hint={name}")).await.unwrap();
        assert!(page.contains("Your account passes synchronization validation"), "{page}");
        self.settle().await;
    }

    /// Waits until no run waits or works, and what follows a run is done too.
    pub async fn settle(&self) {
        self.stack.at_rest().await;
    }

    /// Waits as [`Self::settle`] does, and returns a run's record.
    pub async fn ended(&self, run: &Value) -> Value {
        self.settle().await;
        let run = self.get(&format!("runs/{}", run.as_str().unwrap())).await;
        assert!(!matches!(run["state"].as_str(), Some("queued" | "running" | "paused")), "nobody works on it: {run:#}");
        run
    }

    /// Stores settings, as somebody who means what they do to users, waits for the run that follows, and returns its record.
    pub async fn set(&self, mut settings: Value) -> Value {
        let path = self.path("settings");
        let answer = match self.api.put(&path, &settings).await {
            Err(ApiError::Refused { problem, .. }) if problem["confirm_deactivations"].is_u64() => {
                settings["confirm_deactivations"] = problem["confirm_deactivations"].clone();
                self.api.put(&path, &settings).await.unwrap()
            }
            answer => answer.unwrap(),
        };
        assert!(answer["run"].is_string(), "{answer:#}");
        self.ended(&answer["run"]).await
    }

    /// Syncs once and returns the run's record.
    pub async fn sync(&self) -> Value {
        let run = self.api.post(&self.path("runs"), &json!({})).await.unwrap();
        self.ended(&run["id"]).await
    }

    /// Applies or discards a hold, waits for the run that follows, and returns its record.
    pub async fn decide(&self, hold: &str, decision: &str) -> Value {
        let answer = self.api.post(&self.path(&format!("holds/{hold}/{decision}")), &json!({})).await.unwrap();
        self.ended(&answer["run"]["id"]).await
    }

    /// Applies the hold that a run has stopped at, and returns the record of the run that did it.
    pub async fn approve(&self, held: &Value) -> Value {
        self.decide(held["hold"]["id"].as_str().unwrap(), "apply").await
    }

    /// Syncs, expects success and the true outcome, and that a second run changes nothing.
    pub async fn sync_and_check(&self, settings: &Value) -> Value {
        let run = self.sync().await;
        assert_eq!(run["state"], "succeeded", "{run:#}");
        self.check(settings).await;
        // Of very many users, looking each one up takes minutes.
        if self.tenant.truth().users.len() < 1_000 {
            coherence::check(&self.stack.store, self.directory.parse().unwrap()).await;
        }
        self.assert_idle().await;
        run
    }

    /// A run changes nothing, writes nothing, and asks Graph for two pages at most.
    pub async fn assert_idle(&self) {
        let run = self.sync().await;
        assert_eq!(run["state"], "succeeded", "{run:#}");
        assert_eq!(run["effort"]["items_written"], 0, "{run:#}");
        assert_eq!(run["effort"]["graph_requests"], 2, "{run:#}");
    }

    pub fn path(&self, of: &str) -> String {
        format!("/api/v1/directories/{}/{of}", self.directory)
    }

    pub async fn get(&self, of: &str) -> Value {
        let path = self.path(of);
        let answer = self.api.get(&path).await.unwrap();
        described::check_body("GET", &path, "200", "application/json", &answer);
        answer
    }

    /// All entries of a listing, page by page.
    pub async fn list(&self, of: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let separator = if of.contains('?') { '&' } else { '?' };
            let page = self.get(&format!("{of}{separator}limit=500{cursor}")).await;
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// The ids of active users.
    pub async fn active(&self) -> BTreeSet<Uuid> {
        ids(&self.list("users?status=active").await)
    }

    pub async fn user(&self, id: Uuid) -> Value {
        self.get(&format!("users/{id}")).await
    }

    pub fn apply(&self, action: Action) -> Option<Uuid> {
        self.tenant.apply(action).unwrap()
    }

    /// Some enabled users that nothing else depends on: neither administrators nor in the fixed groups by name.
    pub fn ordinary_users(&self) -> Vec<Uuid> {
        let administrators: BTreeSet<Uuid> = self.tenant.administrators().iter().map(|one| one.id).collect();
        let truth = self.tenant.truth();
        let users = truth.users.iter().filter(|user| user.enabled && user.deleted.is_none());
        users.map(|user| user.id).filter(|id| !administrators.contains(id)).collect()
    }

    /// The users directly in a group, as the tenant has it.
    pub fn members_of(&self, group: Uuid) -> Vec<Uuid> {
        let truth = self.tenant.truth();
        let group = truth.groups.into_iter().find(|one| one.id == group).unwrap();
        group.members.into_iter().filter(|member| member.kind == MemberKind::User).map(|member| member.id).collect()
    }

    /// The credentials as the API shows them, by sign-in name.
    pub async fn credentials(&self) -> BTreeMap<String, Value> {
        let directory = self.api.get(&format!("/api/v1/directories/{}", self.directory)).await.unwrap();
        let credentials = directory["credentials"].as_array().unwrap().clone();
        credentials
            .into_iter()
            .map(|credential| (credential["user_principal_name"].as_str().unwrap().to_owned(), credential))
            .collect()
    }

    /// Compares all that is published with what the settings make of the tenant's true state, and what is kept more than once
    /// with itself.
    pub async fn check(&self, settings: &Value) {
        let truth = self.tenant.truth();
        let expected = expected_users(&truth, settings);
        let open = undecided_users(&truth, settings);
        let ignores_unknown = depends_on_unknown(&truth, settings, "ignored_groups");
        let mut seen = BTreeSet::new();
        for user in self.list("users").await {
            let id: Uuid = user["id"].as_str().unwrap().parse().unwrap();
            let (status, reason) = &expected[&id];
            if open.contains(&id) {
                // What it is depends on what it was.
                seen.insert(id);
                continue;
            }
            assert_eq!(user["status"], *status, "{user:#}");
            // Two reasons may apply, one of them because of who was in a group when its members were known.
            let may_be_another = ignores_unknown && *reason == Some("not_in_allowed_group");
            assert!(user["reason"].as_str() == *reason || may_be_another, "{user:#} is not {reason:?}");
            seen.insert(id);
        }
        let exist = truth.users.iter().filter(|user| user.deleted.is_none()).map(|user| user.id);
        assert!(exist.clone().all(|id| seen.contains(&id)), "a user is missing");
        let active: BTreeSet<Uuid> =
            expected.iter().filter(|(_, (status, _))| *status == "active").map(|(id, _)| *id).collect();
        let published = self.active().await;
        assert_eq!(&published - &open, &active - &open);

        let groups = expected_groups(&truth, settings);
        let entries = self.list("groups").await;
        assert_eq!(ids(&entries), groups.keys().copied().collect());
        for (group, members) in groups {
            let entry = entries.iter().find(|entry| entry["id"] == group.to_string()).unwrap();
            let Some(members) = members else {
                assert_eq!((&entry["membership"], &entry["members"]), (&json!("unknown"), &Value::Null));
                let refused = self.api.get(&self.path(&format!("groups/{group}/members"))).await.unwrap_err();
                assert!(refused.to_string().contains("409"), "{refused}");
                continue;
            };
            let counted = if settings["sync_users"] == true { json!(members.len()) } else { Value::Null };
            assert_eq!((&entry["membership"], &entry["members"]), (&json!("known"), &counted), "{entry:#}");
            assert_eq!(ids(&self.list(&format!("groups/{group}/members")).await), members, "members of {group}");
        }
        let counts = &self.api.get(&format!("/api/v1/directories/{}", self.directory)).await.unwrap()["counts"];
        assert_eq!(counts["users"]["active"], published.len(), "{counts:#}");
        coherence::check_often(&self.stack.store, self.directory.parse().unwrap()).await;
    }
}

/// The users whom the store has in a group, whether or not consumers are told.
pub async fn members_on_record(world: &World, group: Uuid) -> BTreeSet<UserId> {
    let list = List::Members(group.to_string().parse().unwrap());
    let listed = world.stack.store.listed(world.directory.parse().unwrap(), &list).await.unwrap();
    listed.into_iter().map(UserId::from).collect()
}

/// The ids that are GUIDs, as all of the tenant's own are.
fn ids(items: &[Value]) -> BTreeSet<Uuid> {
    items.iter().filter_map(|item| item["id"].as_str().unwrap().parse().ok()).collect()
}

fn listed(settings: &Value, list: &str) -> Vec<Uuid> {
    let list = settings.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
    list.iter().map(|id| id.as_str().unwrap().parse().unwrap()).collect()
}

/// The rules once more, written as plainly as possible: by walking the tenant for each listed group.
pub fn expected_users(truth: &Truth, settings: &Value) -> BTreeMap<Uuid, (&'static str, Option<&'static str>)> {
    let nested = settings["nested_groups"] == true;
    let members =
        |lists: &[Uuid]| lists.iter().flat_map(|group| reached(truth, *group, nested)).collect::<BTreeSet<_>>();
    let (allowed_groups, ignored_groups) = (listed(settings, "allowed_groups"), listed(settings, "ignored_groups"));
    let (allowed, ignored) = (members(&allowed_groups), members(&ignored_groups));
    let decide = |user: &tenant::TrueUser| {
        if user.deleted.is_some() {
            ("inactive", Some("deleted"))
        } else if !user.enabled {
            ("inactive", Some("disabled_in_office_365"))
        } else if ignored.contains(&user.id) {
            ("inactive", Some("member_of_ignored_group"))
        } else if !allowed_groups.is_empty() && !allowed.contains(&user.id) {
            ("inactive", Some("not_in_allowed_group"))
        } else {
            ("active", None)
        }
    };
    truth.users.iter().map(|user| (user.id, decide(user))).collect()
}

/// Users whose decision depends on whether they are in a group whose members cannot be read.
pub fn undecided_users(truth: &Truth, settings: &Value) -> BTreeSet<Uuid> {
    let [allowed, ignored] = ["allowed_groups", "ignored_groups"].map(|list| depends_on_unknown(truth, settings, list));
    let is_open = |reason: Option<&str>| match reason {
        None => ignored,
        Some("not_in_allowed_group") => allowed,
        Some(_) => false,
    };
    let expected = expected_users(truth, settings).into_iter();
    expected.filter(|(_, (_, reason))| is_open(*reason)).map(|(id, _)| id).collect()
}

/// True when the members of any group of a list are unknown, or with nesting those of one in it.
fn depends_on_unknown(truth: &Truth, settings: &Value, list: &str) -> bool {
    let nested = settings["nested_groups"] == true;
    listed(settings, list).iter().any(|group| reaches_unknown(truth, *group, nested))
}

/// True when a group hides its members, or with nesting one in it does.
fn reaches_unknown(truth: &Truth, group: Uuid, nested: bool) -> bool {
    let (mut seen, mut open) = (BTreeSet::new(), vec![group]);
    while let Some(id) = open.pop() {
        let Some(group) = truth.groups.iter().find(|group| group.id == id && group.deleted.is_none()) else { continue };
        if is_unknown(truth, group) {
            return true;
        }
        if seen.insert(id) && nested {
            open.extend(group.members.iter().filter(|member| member.kind == MemberKind::Group).map(|member| member.id));
        }
    }
    false
}

/// True for a group whose members cannot be read, or have one of a kind that nobody knows.
fn is_unknown(truth: &Truth, group: &tenant::TrueGroup) -> bool {
    let is_strange = |kind: &MemberKind| matches!(kind, MemberKind::Unknown(_));
    (group.hidden && !truth.hidden_members_consented) || group.members.iter().any(|member| is_strange(&member.kind))
}

fn reached(truth: &Truth, group: Uuid, nested: bool) -> BTreeSet<Uuid> {
    let mut users = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![group];
    while let Some(id) = open.pop() {
        let Some(group) = truth.groups.iter().find(|group| group.id == id && group.deleted.is_none()) else { continue };
        if !seen.insert(id) || (group.hidden && !truth.hidden_members_consented) {
            continue;
        }
        for member in &group.members {
            match member.kind {
                MemberKind::User => {
                    users.insert(member.id);
                }
                MemberKind::Group if nested => open.push(member.id),
                _ => {}
            }
        }
    }
    users
}

/// The synced groups and their members, where those can be read.
fn expected_groups(truth: &Truth, settings: &Value) -> BTreeMap<Uuid, Option<BTreeSet<Uuid>>> {
    let on = |name: &str| settings[name] == true;
    // What readers see of a name: the tests use these characters alone.
    let seen = |name: &str| name.trim_start_matches([' ', '\u{a0}', '\u{200b}', '\u{200e}', '\u{feff}']).to_lowercase();
    let prefixes: Vec<String> = settings["group_prefixes"]
        .as_array()
        .map(|list| list.iter().map(|prefix| seen(prefix.as_str().unwrap())).collect())
        .unwrap_or_default();
    let exists: BTreeSet<Uuid> = truth.users.iter().filter(|user| user.deleted.is_none()).map(|user| user.id).collect();
    let synced = |group: &&tenant::TrueGroup| {
        let name = seen(&group.display_name);
        group.deleted.is_none()
            && on("sync_groups")
            && (group.mail.is_some() || on("sync_groups_without_email"))
            && (prefixes.is_empty() || prefixes.iter().any(|prefix| name.starts_with(prefix)))
    };
    let members = |group: &tenant::TrueGroup| {
        let users = group.members.iter().filter(|member| member.kind == MemberKind::User);
        let users = users.map(|member| member.id).filter(|id| exists.contains(id)).collect();
        (!is_unknown(truth, group)).then_some(users)
    };
    truth.groups.iter().filter(synced).map(|group| (group.id, members(group))).collect()
}
