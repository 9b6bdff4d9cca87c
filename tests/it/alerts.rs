//! What administrators are told: once when something begins, and once when it is over.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};
use shared::alerts::{Change, Condition};
use shared::clock::Clock as _;
use shared::directory::DirectoryId;
use shared::queue::{ExerciseQueue, QueueError, RunQueue};
use shared::store::RunStore as _;
use shared::sync::{Run, RunRequest, Trigger};
use sync::SyncEvent;
use tenant::{Action, Administrator, DeltaReset, Fault, Matcher, Refusal, RequestKind, SecretStanding, What};

use crate::harness::{World, everything, small};

/// A queue that keeps what it is sent.
#[derive(Default)]
struct Kept(Mutex<Vec<String>>);

#[async_trait]
impl RunQueue for Kept {
    async fn send(&self, request: &RunRequest, _: Duration) -> Result<(), QueueError> {
        self.0.lock().unwrap().push(serde_json::to_string(request).unwrap());
        Ok(())
    }
}

#[async_trait]
impl ExerciseQueue for Kept {
    async fn send_exercise(&self, directory: DirectoryId) -> Result<(), QueueError> {
        self.0.lock().unwrap().push(json!({"exercise": directory}).to_string());
        Ok(())
    }
}

/// A synced world with the first administrators authorized, whose sync function is invoked by the test: when the function
/// has returned, everything has been told.
struct Told {
    world: World,
    function: sync::App,
    queue: Arc<Kept>,
}

impl Told {
    async fn with_administrators(count: usize) -> Self {
        let world = World::synced(&small(), everything()).await;
        for administrator in 1..count {
            world.authorize_as(administrator).await;
        }
        let queue = Arc::new(Kept::default());
        let function = sync::App { queue: queue.clone(), exercises: queue.clone(), ..(*world.stack.sync).clone() };
        let told = Self { world, function, queue };
        told.sync().await;
        assert_eq!(told.news(), []);
        told
    }

    /// Syncs once and returns the run's record.
    async fn sync(&self) -> Value {
        let directory = self.world.directory.parse().unwrap();
        let run = Run::requested(directory, Trigger::Manual, self.world.clock.now());
        self.world.stack.store.request_run(&run).await.unwrap();
        self.deliver(&json!({"directory": directory, "run": run.id}).to_string()).await;
        self.world.get(&format!("runs/{}", run.id)).await
    }

    /// One tick of the schedule, and all that it queues. Returns how many exercises were among it.
    async fn tick(&self) -> usize {
        self.invoke(json!({"detail-type": "Scheduled Event", "source": "aws.scheduler", "detail": {}})).await;
        let messages = std::mem::take(&mut *self.queue.0.lock().unwrap());
        for message in &messages {
            self.deliver(message).await;
        }
        messages.iter().filter(|message| message.contains("exercise")).count()
    }

    async fn exercise(&self) {
        self.deliver(&json!({"exercise": self.world.directory}).to_string()).await;
    }

    async fn deliver(&self, body: &str) {
        let message = json!({"messageId": "m", "body": body, "eventSource": "aws:sqs", "attributes": {}, "messageAttributes": {}});
        self.invoke(json!({"Records": [message]})).await;
    }

    async fn invoke(&self, event: Value) {
        let event: SyncEvent = serde_json::from_value(event).unwrap();
        let answer = Box::pin(sync::handle(&self.function, LambdaEvent::new(event, Context::default()))).await.unwrap();
        assert!(answer.batch_item_failures.is_empty());
    }

    /// What was told since the last time this was asked.
    fn news(&self) -> Vec<(Change, Condition)> {
        self.world.alerts.take().into_iter().map(|alert| (alert.change, alert.condition)).collect()
    }

    fn pass(&self, time: SignedDuration) {
        self.world.clock.pass(time);
    }
}

/// The administrator whose credential the runs use, and the backup.
async fn used_and_backup(told: &Told) -> (Administrator, Administrator) {
    let run = told.sync().await;
    let mut two = told.world.tenant.administrators().into_iter().take(2);
    let (first, second) = (two.next().unwrap(), two.next().unwrap());
    if run["credential"] == json!(first.id) { (first, second) } else { (second, first) }
}

async fn shown(world: &World) -> Value {
    world.api.get(&format!("/api/v1/directories/{}", world.directory)).await.unwrap()
}

#[tokio::test]
async fn a_disabled_administrator_is_told_of_once_and_again_when_he_is_enabled() {
    let told = Told::with_administrators(2).await;
    let (first, _) = used_and_backup(&told).await;
    told.world.apply(Action::DisableUser { user: first.id });
    assert_eq!(told.sync().await["state"], "succeeded");
    let alerts = told.world.alerts.take();
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert_eq!((alerts[0].change, &alerts[0].condition), (Change::Opened, &Condition::OneCredentialLeft));
    let body = &alerts[0].body;
    for part in
        [&first.user_principal_name, "is disabled in Microsoft 365", "Enable the account", &told.world.directory]
    {
        assert!(body.contains(part), "{body}");
    }
    for _ in 0..2 {
        told.sync().await;
        told.tick().await;
    }
    assert_eq!(told.news(), []);
    let directory = shown(&told.world).await;
    assert_eq!(directory["open_alerts"][0]["condition"], "one_credential_left", "{directory:#}");
    let status = told.world.api.get("/api/v1/status").await.unwrap();
    assert!(status.to_string().contains("one_credential_left"), "{status:#}");

    told.world.apply(Action::EnableUser { user: first.id });
    told.pass(SignedDuration::from_mins(10));
    told.sync().await;
    told.pass(SignedDuration::from_mins(10));
    told.sync().await;
    assert_eq!(told.news(), [], "runs use the one that works");
    told.exercise().await;
    told.sync().await;
    assert_eq!(told.news(), [(Change::Recovered, Condition::OneCredentialLeft)]);
    assert_eq!(shown(&told.world).await["open_alerts"], json!([]));
}

#[tokio::test]
async fn the_last_administrator_is_told_of_as_the_last() {
    let told = Told::with_administrators(1).await;
    let first = told.world.tenant.administrators().swap_remove(0);
    told.world.apply(Action::Refuse { administrator: first.id, refusal: Refusal::Mfa });
    for _ in 0..3 {
        assert_eq!(told.sync().await["state"], "failed");
    }
    assert_eq!(told.news(), [(Change::Opened, Condition::NoWorkingCredential)]);
    told.world.apply(Action::Accept { administrator: first.id });
    assert_eq!(told.sync().await["state"], "succeeded");
    assert_eq!(told.news(), [(Change::Recovered, Condition::NoWorkingCredential)]);
}

#[tokio::test]
async fn a_wrong_client_secret_is_told_of_as_nobodys_fault() {
    let told = Told::with_administrators(1).await;
    told.world.apply(Action::SetSecretStanding { standing: SecretStanding::Expired });
    for _ in 0..2 {
        assert_eq!(told.sync().await["state"], "failed");
    }
    assert_eq!(told.news(), [(Change::Opened, Condition::ApplicationRefused)]);
    told.world.apply(Action::SetSecretStanding { standing: SecretStanding::Accepted });
    told.sync().await;
    assert_eq!(told.news(), [(Change::Recovered, Condition::ApplicationRefused)]);
}

#[tokio::test]
async fn a_dead_backup_is_found_by_the_exercise_and_told_of_before_it_is_needed() {
    let told = Told::with_administrators(2).await;
    let (used, backup) = used_and_backup(&told).await;
    told.world.apply(Action::RevokeSessions { administrator: backup.id });
    assert_eq!(told.sync().await["credential"], json!(used.id));
    assert_eq!(told.tick().await, 0, "it has been used within the day");

    told.pass(SignedDuration::from_hours(25));
    told.sync().await;
    assert_eq!(told.news(), []);
    assert_eq!(told.tick().await, 1);
    assert_eq!(told.news(), [(Change::Opened, Condition::OneCredentialLeft)]);
    let credential = told.world.credentials().await[&backup.user_principal_name].clone();
    assert_eq!(credential["cause"], "session_revoked", "{credential:#}");
    assert_eq!(told.tick().await, 0, "it is not tried again at once");
    assert_eq!(told.sync().await["credential"], json!(used.id));
}

#[tokio::test]
async fn a_backup_that_works_is_exercised_daily_and_stays_good() {
    let told = Told::with_administrators(2).await;
    let (used, backup) = used_and_backup(&told).await;
    for _ in 0..3 {
        told.pass(SignedDuration::from_hours(25));
        told.sync().await;
        told.exercise().await;
    }
    let credential = told.world.credentials().await[&backup.user_principal_name].clone();
    assert_eq!(credential["state"], "working", "{credential:#}");
    assert!(credential["exercised_at"].is_string(), "{credential:#}");
    assert_eq!(told.news(), []);
    told.world.apply(Action::DisableUser { user: used.id });
    assert_eq!(told.sync().await["credential"], json!(backup.id));
}

#[tokio::test]
async fn a_hold_is_told_of_when_it_opens_and_when_it_is_gone() {
    let told = Told::with_administrators(1).await;
    let users: Vec<_> = told.world.ordinary_users().into_iter().take(25).collect();
    for user in &users {
        told.world.apply(Action::Delete { id: *user });
    }
    for _ in 0..3 {
        assert_eq!(told.sync().await["state"], "held");
    }
    let alerts = told.world.alerts.take();
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert_eq!((alerts[0].change, &alerts[0].condition), (Change::Opened, &Condition::Held));
    assert!(alerts[0].body.contains("25 users"), "{}", alerts[0].body);
    for user in users {
        told.world.apply(Action::Restore { id: user });
    }
    assert_eq!(told.sync().await["state"], "succeeded");
    assert_eq!(told.news(), [(Change::Recovered, Condition::Held)]);
}

#[tokio::test]
async fn gaps_are_told_of_once_however_many_runs_meet_them() {
    let told = Told::with_administrators(1).await;
    let world = &told.world;
    let group = world.tenant.truth().groups[0].id;
    let fault = Fault::new(Matcher::on(RequestKind::Members).about(group), What::NotFound);
    world.tenant.inject(fault);
    for _ in 0..2 {
        world.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired });
        assert_eq!(told.sync().await["state"], "completed_with_gaps");
    }
    let alerts = world.alerts.take();
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    let gaps = Condition::Gaps { groups: BTreeSet::from([group.to_string().parse().unwrap()]) };
    assert_eq!((alerts[0].change, &alerts[0].condition), (Change::Opened, &gaps));
    assert!(alerts[0].body.contains(&group.to_string()), "{}", alerts[0].body);
    world.tenant.clear_faults();
    assert_eq!(told.sync().await["state"], "succeeded");
    assert_eq!(told.news(), [(Change::Recovered, gaps)]);
}

#[tokio::test]
async fn a_directory_that_was_not_synced_for_three_intervals_is_told_of_at_a_tick() {
    let told = Told::with_administrators(1).await;
    let what = What::Status { code: 503, retry_after: None, body: None };
    told.world.tenant.inject(Fault::new(Matcher::on(RequestKind::UsersDelta), what));
    for _ in 0..3 {
        told.pass(SignedDuration::from_mins(4));
        told.tick().await;
    }
    assert_eq!(told.news(), [], "twelve minutes are less than three intervals of five");
    for _ in 0..3 {
        told.pass(SignedDuration::from_mins(4));
        told.tick().await;
    }
    assert_eq!(told.news(), [(Change::Opened, Condition::NotSynced)]);
    told.world.tenant.clear_faults();
    assert_eq!(told.sync().await["state"], "succeeded");
    assert_eq!(told.news(), [(Change::Recovered, Condition::NotSynced)]);
}
