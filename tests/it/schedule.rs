//! Ticks of the schedule, and what becomes of queue messages.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::json;
use shared::audit::Actor;
use shared::clock::Clock as _;
use shared::directory::{Directory, DirectoryId};
use shared::queue::{QueueError, RunQueue};
use shared::store::{DirectoryStore as _, Leased, MirrorStore as _, Publication, RunStore as _, SettingsChange};
use shared::sync::{DeltaLinks, Run, RunId, RunRequest, RunState, Trigger};
use sync::SyncEvent;
use uuid::Uuid;

use crate::harness::{World, checked, everything, small};

/// A queue that keeps what it is sent.
#[derive(Default)]
struct Kept(Mutex<Vec<(RunRequest, Duration)>>);

#[async_trait]
impl RunQueue for Kept {
    async fn send(&self, request: &RunRequest, delay: Duration) -> Result<(), QueueError> {
        self.0.lock().unwrap().push((request.clone(), delay));
        Ok(())
    }
}

/// The sync function of a world, with a queue of the test's own.
fn function(world: &World) -> (sync::App, Arc<Kept>) {
    let queue = Arc::new(Kept::default());
    (sync::App { queue: queue.clone(), ..(*world.stack.sync).clone() }, queue)
}

async fn tick(app: &sync::App) {
    let event = json!({"detail-type": "Scheduled Event", "source": "aws.scheduler", "detail": "{}"});
    let event: SyncEvent = serde_json::from_value(event).unwrap();
    sync::handle(app, LambdaEvent::new(event, Context::default())).await.unwrap();
}

async fn deliver(app: &sync::App, body: &str) -> Vec<String> {
    let event = json!({"Records": [{"messageId": "m", "body": body, "eventSource": "aws:sqs", "attributes": {}, "messageAttributes": {}}]});
    let event: SyncEvent = serde_json::from_value(event).unwrap();
    let response = sync::handle(app, LambdaEvent::new(event, Context::default())).await.unwrap();
    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
}

#[tokio::test]
async fn a_tick_queues_the_due_directories_once_and_leaves_the_others() {
    let world = World::unauthorized(&small()).await;
    let (app, queue) = function(&world);
    let now = world.clock.now();
    let directory = |id: u128, due| Directory {
        next_sync_at: due,
        ..Directory::new(DirectoryId::new(Uuid::from_u128(id)), "contoso.example".to_owned(), now)
    };
    let due = directory(1, now - SignedDuration::from_hours(1));
    for directory in [&due, &directory(2, now + SignedDuration::from_mins(1))] {
        world.stack.store.create_directory(directory).await.unwrap();
    }
    tick(&app).await;
    tick(&app).await;
    let queued: Vec<_> = queue.0.lock().unwrap().iter().map(|(request, _)| request.directory).collect();
    assert_eq!(queued, [due.id]);
    let stored = world.stack.store.directory(due.id).await.unwrap().unwrap();
    assert!(stored.next_sync_at > now, "the next time is set");
}

#[tokio::test]
async fn a_directory_is_synced_as_often_as_its_settings_say_and_a_shorter_interval_holds_at_once() {
    let world = World::unauthorized(&small()).await;
    let (app, queue) = function(&world);
    let directory =
        Directory::new(DirectoryId::new(Uuid::from_u128(1)), "contoso.example".to_owned(), world.clock.now());
    world.stack.store.create_directory(&directory).await.unwrap();
    let set = async |minutes: Option<u32>| {
        let directory = world.stack.store.directory(directory.id).await.unwrap().unwrap();
        let checked = checked(&directory, &json!({"sync_every_minutes": minutes}));
        let change =
            SettingsChange::new(&directory, &checked, Actor::Token { name: "test".to_owned() }, world.clock.now());
        world.stack.store.change_settings(directory.id, &change).await.unwrap();
    };
    let next = async || world.stack.store.directory(directory.id).await.unwrap().unwrap().next_sync_at;
    let queued = || std::mem::take(&mut *queue.0.lock().unwrap()).len();
    for (minutes, expected) in [(Some(1_440), 1_440), (Some(90), 90), (None, 5)] {
        set(minutes).await;
        let before = world.clock.now();
        tick(&app).await;
        assert_eq!(queued(), 1, "{minutes:?}");
        let wait = next().await.duration_since(before).as_secs() / 60;
        assert!((expected..=expected + 1).contains(&wait), "{wait} minutes instead of {expected}");
        tick(&app).await;
        assert_eq!(queued(), 0, "{minutes:?}");
    }
    set(Some(1_440)).await;
    tick(&app).await;
    assert_eq!(queued(), 0, "what is due sooner stays so");
}

#[tokio::test]
async fn a_message_delivered_twice_runs_once() {
    let world = World::synced(&small(), everything()).await;
    let (app, _) = function(&world);
    let run = world.sync().await;
    let before = world.tenant.summary();
    let body = json!({"directory": run["directory"], "run": run["id"]}).to_string();
    assert!(deliver(&app, &body).await.is_empty());
    assert_eq!(world.tenant.summary(), before, "Graph was asked again");
}

#[tokio::test]
async fn a_message_that_makes_no_sense_is_given_back_to_the_queue() {
    let world = World::unauthorized(&small()).await;
    let (app, _) = function(&world);
    assert_eq!(deliver(&app, "{\"directory\": 7}").await, ["m"]);
}

#[tokio::test]
async fn a_request_waits_while_another_run_is_at_work_and_its_turn_comes() {
    let world = World::synced(&small(), everything()).await;
    let (app, queue) = function(&world);
    let store = &world.stack.store;
    let directory: DirectoryId = world.directory.parse().unwrap();
    let now = world.clock.now();
    let until = now + SignedDuration::from_secs(60);
    let leased = store.acquire_lease(directory, RunId::new(now), now, until).await.unwrap();
    let Leased::Taken(other, _) = leased else { panic!("{leased:?}") };

    let run = Run::requested(directory, Trigger::Manual, now);
    store.request_run(&run).await.unwrap();
    let body = json!({"directory": directory, "run": run.id}).to_string();
    assert!(deliver(&app, &body).await.is_empty());
    let (request, delay) = queue.0.lock().unwrap().pop().unwrap();
    assert_eq!(request.run, run.id);
    assert!(delay > Duration::from_secs(30), "it waits for the lease to run out: {delay:?}");
    assert_eq!(store.run(directory, run.id).await.unwrap().unwrap().state, RunState::Queued);

    let waiting = store.release_lease(&other, &BTreeSet::from([other.run])).await.unwrap();
    assert_eq!(waiting, BTreeSet::from([run.id]), "the one that ends learns which wait");
    assert!(deliver(&app, &body).await.is_empty());
    assert_eq!(store.run(directory, run.id).await.unwrap().unwrap().state, RunState::Succeeded);
}

#[tokio::test]
async fn links_that_track_other_properties_lead_to_a_full_run() {
    let world = World::synced(&small(), everything()).await;
    let store = &world.stack.store;
    let directory: DirectoryId = world.directory.parse().unwrap();
    let now = world.clock.now();
    let until = now + SignedDuration::from_secs(60);
    let leased = store.acquire_lease(directory, RunId::new(now), now, until).await.unwrap();
    let Leased::Taken(lease, state) = leased else { panic!("{leased:?}") };
    let links = state.links.unwrap();
    let older = DeltaLinks { select: "id,displayName".to_owned(), ..links.clone() };
    let published = store.directory(directory).await.unwrap().unwrap().published.unwrap();
    let publication = Publication::new(Some(links), Some(older), published);
    store.publish(&lease, &publication).await.unwrap();
    store.release_lease(&lease, &BTreeSet::from([lease.run])).await.unwrap();

    let run = world.sync_and_check(&everything()).await;
    assert_eq!((&run["reading"], &run["full_reason"]), (&json!("full"), &json!("select_changed")), "{run:#}");
    assert_eq!(run["effort"]["items_written"], 0, "{run:#}");
}
