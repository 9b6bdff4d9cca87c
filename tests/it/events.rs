//! Events: the same changes as those of the feed, sent after each run, and nothing lost when the bus does not answer.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use serde_json::{Value, json};
use shared::directory::{ChangeId, DirectoryId};
use shared::feed::{Announcing, Event, EventError, EventSink};
use shared::store::{
    Announced, AnnouncementStore as _, Before, ChangeStore, Changes, DirectoryStore as _, Logged, StoreError,
};
use tenant::{Action, SERVICE_ACCOUNTS, Sample};

use crate::harness::{World, everything, small};

/// A bus that remembers, and refuses where told.
#[derive(Default)]
struct Bus {
    heard: Mutex<Vec<Value>>,
    refuses: AtomicBool,
}

#[async_trait]
impl EventSink for Bus {
    async fn send(&self, events: &[Event]) -> Result<(), EventError> {
        let refuses = self.refuses.load(Ordering::SeqCst);
        // What comes before a refusal has been sent.
        let heard = if refuses { events.len() / 2 } else { events.len() };
        let heard = events.iter().take(heard).map(|event| serde_json::to_value(event).unwrap());
        self.heard.lock().unwrap().extend(heard);
        if refuses { Err(EventError("the bus has broken down".into())) } else { Ok(()) }
    }
}

impl Bus {
    fn take(&self) -> Vec<Value> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}

async fn world() -> (World, Arc<Bus>) {
    let bus = Arc::new(Bus::default());
    let world = World::announcing(&small(), bus.clone()).await;
    world.authorize().await;
    world.set(everything()).await;
    (world, bus)
}

/// What the feed says after a cursor.
async fn feed(world: &World, cursor: &str) -> Vec<Value> {
    world.get(&format!("changes?since={cursor}&limit=1000")).await["items"].as_array().unwrap().clone()
}

/// Events without the directory, in which they are changes of the feed.
fn changes(world: &World, events: Vec<Value>) -> Vec<Value> {
    let mut changes = events;
    for change in &mut changes {
        assert_eq!(change.as_object_mut().unwrap().remove("directory"), Some(json!(world.directory)));
    }
    changes
}

/// What a run has changed is announced when the world has settled.
async fn announced(world: &World) {
    let directory = world.directory.parse().unwrap();
    let change = world.stack.store.last_change(directory).await.unwrap();
    let published = world.stack.store.directory(directory).await.unwrap().unwrap().published.unwrap();
    let log = world.stack.store.log_name();
    let announced = world.stack.store.announced(directory).await.unwrap();
    assert_eq!(announced, Some(Announced { change, users_since: published.users_since, log }));
}

#[tokio::test]
async fn each_change_of_the_feed_is_sent_once() {
    let (world, bus) = world().await;
    announced(&world).await;
    let first = bus.take();
    // The settings have published users, of whom nothing was told before: who hears this reads them all.
    assert!(first.contains(&json!({ "directory": world.directory })), "{first:#?}");
    let cursor = world.get("changes").await["next_cursor"].as_str().unwrap().to_owned();
    let [one, other] = [0, 1].map(|place: usize| world.ordinary_users()[place]);
    let group = world.tenant.group_named(SERVICE_ACCOUNTS).unwrap();
    world.apply(Action::DisableUser { user: one });
    world.apply(Action::AddMember { group, member: other });
    world.sync().await;
    announced(&world).await;
    let events = changes(&world, bus.take());
    assert_eq!(events, feed(&world, &cursor).await);
    assert_eq!(events.len(), 2);
    world.assert_idle().await;
    announced(&world).await;
    assert_eq!(bus.take(), Vec::<Value>::new(), "a run that changes nothing announces nothing");
}

#[tokio::test]
async fn what_could_not_be_sent_is_sent_with_the_next_run() {
    let (world, bus) = world().await;
    announced(&world).await;
    bus.take();
    let cursor = world.get("changes").await["next_cursor"].as_str().unwrap().to_owned();
    bus.refuses.store(true, Ordering::SeqCst);
    for user in world.ordinary_users().into_iter().take(4) {
        world.apply(Action::DisableUser { user });
    }
    let run = world.sync().await;
    assert_eq!(run["state"], "succeeded", "nobody's access hangs on a bus");
    bus.refuses.store(false, Ordering::SeqCst);
    world.sync().await;
    announced(&world).await;
    let mut events = changes(&world, bus.take());
    events.sort_by_key(|event| event["id"].as_u64());
    events.dedup();
    assert_eq!(events, feed(&world, &cursor).await);
    assert_eq!(events.len(), 4);
}

#[tokio::test]
async fn nothing_is_announced_of_what_is_not_published() {
    let (world, bus) = world().await;
    announced(&world).await;
    bus.take();
    let group = world.tenant.group_named(SERVICE_ACCOUNTS).unwrap();
    let mut settings = everything();
    settings["group_prefixes"] = json!(["VPN"]);
    world.set(settings.clone()).await;
    announced(&world).await;
    bus.take();
    let member = world.ordinary_users().into_iter().find(|user| !world.members_of(group).contains(user)).unwrap();
    world.apply(Action::AddMember { group, member });
    world.sync().await;
    announced(&world).await;
    assert_eq!(bus.take(), Vec::<Value>::new(), "a group that is skipped does not exist");
    settings["sync_users"] = json!(false);
    world.set(settings).await;
    announced(&world).await;
    bus.take();
    world.apply(Action::DisableUser { user: member });
    world.sync().await;
    announced(&world).await;
    assert_eq!(bus.take(), Vec::<Value>::new());
}

#[tokio::test]
async fn whoever_begins_late_is_sent_what_is_new_and_never_the_same_twice() {
    let world = World::synced(&small(), everything()).await;
    let bus = Arc::new(Bus::default());
    let store = world.stack.store.clone();
    let announcing =
        Announcing { store: store.clone(), changes: store.clone(), queries: store.clone(), sink: bus.clone() };
    let id = world.directory.parse().unwrap();
    let directory = store.directory(id).await.unwrap().unwrap();
    let last = store.last_change(id).await.unwrap();
    assert_eq!(announcing.announce(&directory, last, || false).await.unwrap(), 0);
    world.apply(Action::DisableUser { user: world.ordinary_users()[0] });
    world.sync().await;
    assert_eq!(announcing.announce(&directory, last, || false).await.unwrap(), 1);
    assert_eq!(announcing.announce(&directory, last, || false).await.unwrap(), 0);
    // What was noted is never taken back.
    let known = store.announced(id).await.unwrap().unwrap();
    store.note_announced(id, &Announced { change: last, ..known }).await.unwrap();
    assert_eq!(announcing.announce(&directory, None, || false).await.unwrap(), 0);
    assert_eq!(bus.take().len(), 1);
}

/// A log of which only the end is kept.
struct Forgetful(Arc<dyn ChangeStore>);

#[async_trait]
impl ChangeStore for Forgetful {
    fn log_name(&self) -> String {
        String::new()
    }

    async fn last_change(&self, directory: DirectoryId) -> Result<Option<ChangeId>, StoreError> {
        self.0.last_change(directory).await
    }

    async fn changes(
        &self,
        directory: DirectoryId,
        after: Option<ChangeId>,
        limit: usize,
    ) -> Result<Changes, StoreError> {
        let last = self.0.last_change(directory).await?;
        if after < last { Ok(Changes::TooOld) } else { self.0.changes(directory, after, limit).await }
    }

    async fn change_before(&self, directory: DirectoryId, at: jiff::Timestamp) -> Result<Before, StoreError> {
        self.0.change_before(directory, at).await
    }

    async fn change(&self, directory: DirectoryId, id: ChangeId) -> Result<Option<Logged>, StoreError> {
        self.0.change(directory, id).await
    }
}

#[tokio::test]
async fn when_changes_were_lost_it_is_said_once() {
    let world = World::synced(&small(), everything()).await;
    let bus = Arc::new(Bus::default());
    let store = world.stack.store.clone();
    let changes = Arc::new(Forgetful(store.clone()));
    let announcing = Announcing { store: store.clone(), changes, queries: store.clone(), sink: bus.clone() };
    let directory = store.directory(world.directory.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(announcing.announce(&directory, ChangeId::new(1), || false).await.unwrap(), 1);
    assert_eq!(bus.take(), [json!({ "directory": world.directory })]);
    assert_eq!(announcing.announce(&directory, ChangeId::new(1), || false).await.unwrap(), 0);
}

#[tokio::test]
async fn once_time_is_up_the_rest_is_left_to_the_next_time() {
    let world = World::synced(&Sample { users: 250, groups: 14, ..Sample::default() }, everything()).await;
    let bus = Arc::new(Bus::default());
    let store = world.stack.store.clone();
    let announcing =
        Announcing { store: store.clone(), changes: store.clone(), queries: store.clone(), sink: bus.clone() };
    let directory = store.directory(world.directory.parse().unwrap()).await.unwrap().unwrap();
    let mut parts = 0;
    while announcing.announce(&directory, None, || true).await.unwrap() > 0 {
        parts += 1;
    }
    assert!(parts >= 3, "{parts}");
    let numbers: Vec<u64> = bus.take().iter().map(|event| event["id"].as_u64().unwrap()).collect();
    assert!(numbers.len() > 250 && numbers.windows(2).all(|two| two[0] < two[1]), "all of it, in order: {numbers:?}");
}

#[tokio::test]
async fn after_a_restore_everybody_starts_over() {
    let (world, bus) = world().await;
    announced(&world).await;
    bus.take();
    let (store, id) = (&world.stack.store, world.directory.parse().unwrap());
    let known = store.announced(id).await.unwrap().unwrap();
    // As a restored table has it: noted for the log of the table it was made from.
    let earlier = Announced { log: "of another table".to_owned(), ..known };
    store.note_announced(id, &earlier).await.unwrap();
    world.sync().await;
    announced(&world).await;
    assert_eq!(bus.take(), [json!({ "directory": world.directory })]);
    world.assert_idle().await;
    announced(&world).await;
    assert_eq!(bus.take(), Vec::<Value>::new());
}
