//! Readers that never rest while runs, kills, held changes and settings go on. Between any two writes of a run some of them make a
//! request; at every rest the copies are what is published.

use jiff::SignedDuration;
use rand::Rng as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use serde_json::{Value, json};
use shared::sync::Trigger;
use tenant::{Action, Sample};
use uuid::Uuid;

use super::Reader;
use super::follower::{FeedCopy, SinceCopy};
use super::truth::Moment;
use super::walk::{self, Walk};
use crate::harness::everything;
use crate::lab::{Delivered, Lab, Process, REDELIVERY};

/// How many times the world changes in a story.
const ROUNDS: usize = 5;
/// How many of the walks go on at a time, in turn.
const WALKS_AT_A_TIME: usize = 5;
/// How many deliveries lead to rest.
const MOST_DELIVERIES: usize = 30;

struct Story {
    lab: Lab,
    rng: StdRng,
    reader: Reader,
    moments: Vec<Moment>,
    walks: Vec<Walk>,
    feed: FeedCopy,
    since: SinceCopy,
    /// Whether users are published.
    users: bool,
    seen: Seen,
}

/// What a story had in it.
#[derive(Default)]
struct Seen {
    kills: usize,
    holds: usize,
    switches: usize,
}

impl Story {
    async fn begin(seed: u64) -> Self {
        let sample = Sample { users: 12, groups: 8, memberships_per_group: 4, seed };
        let lab = Lab::start(&sample, |options| options.seed = seed).await;
        lab.world.authorize().await;
        lab.change_settings(&everything()).await;
        lab.run_by(Trigger::Settings).await;
        let reader = Reader::of(&lab).await;
        let moments = Vec::new();
        let (walks, feed, since) = (walk::all(3), FeedCopy::new(), SinceCopy::default());
        let rng = StdRng::seed_from_u64(seed);
        Self { lab, rng, reader, moments, walks, feed, since, users: true, seen: Seen::default() }
    }

    /// Readers make a request each.
    async fn read(&mut self) {
        self.moments.push(Moment::of(&self.lab).await);
        for walk in self.walks.iter_mut().take(WALKS_AT_A_TIME) {
            walk.step(&self.reader, &self.moments).await;
        }
        self.walks.rotate_left(WALKS_AT_A_TIME);
        self.feed.step(&self.reader).await;
        self.since.step(&self.reader).await;
    }

    /// Delivers what waits until nothing does. Processes end at some of their writes.
    async fn settle(&mut self) {
        for _ in 0..MOST_DELIVERIES {
            let Some((request, delay)) = self.lab.mailbox.take() else { return };
            self.lab.clock.pass(SignedDuration::try_from(delay).unwrap());
            let last_write = if self.rng.random_ratio(1, 3) { self.rng.random_range(1..12) } else { usize::MAX };
            let process = Process::stepping();
            let mut work = self.lab.begin(&request, &process);
            let mut writes = 0;
            let delivered = loop {
                tokio::select! {
                    handled = &mut work => break handled.unwrap(),
                    () = process.stands_still() => {}
                }
                self.read().await;
                writes += 1;
                if writes >= last_write {
                    work.abort();
                    let _ = work.await;
                    self.seen.kills += 1;
                    break Delivered::Again;
                }
                process.wake();
            };
            if delivered == Delivered::Again {
                self.lab.mailbox.put(request, REDELIVERY.unsigned_abs());
            }
        }
        panic!("the queue does not come to rest");
    }

    async fn run(&mut self, trigger: Trigger) -> Value {
        let request = self.lab.request_by(trigger).await;
        self.settle().await;
        self.lab.record(&request).await
    }

    async fn change_settings(&mut self) {
        let truth = self.lab.world.tenant.truth();
        let groups: Vec<Uuid> = truth.groups.iter().filter(|one| one.deleted.is_none()).map(|one| one.id).collect();
        let mut settings = everything();
        let users = self.rng.random_ratio(4, 5);
        self.seen.switches += usize::from(std::mem::replace(&mut self.users, users) != users);
        settings["sync_users"] = json!(users);
        settings["nested_groups"] = json!(self.rng.random_bool(0.5));
        settings["sync_groups_without_email"] = json!(self.rng.random_bool(0.7));
        if self.rng.random_bool(0.6) {
            settings["ignored_groups"] = json!(groups.choose(&mut self.rng).into_iter().collect::<Vec<_>>());
        }
        self.lab.change_settings(&settings).await;
        self.run(Trigger::Settings).await;
    }

    /// People come, go and return, and groups as well.
    fn events(&mut self) {
        let changes = self.rng.random_range(0..8);
        self.lab.world.tenant.drift(&mut self.rng, changes);
        let truth = self.lab.world.tenant.truth();
        let deleted: Vec<Uuid> = truth.users.iter().filter(|one| one.deleted.is_some()).map(|one| one.id).collect();
        if let Some(id) = deleted.choose(&mut self.rng).copied().filter(|_| self.rng.random_bool(0.5)) {
            // Some are beyond return.
            let _ = self.lab.world.tenant.apply(Action::Restore { id });
        }
        if self.rng.random_ratio(1, 4) {
            for user in self.lab.world.ordinary_users().into_iter().take(7) {
                let _ = self.lab.world.tenant.apply(Action::DisableUser { user });
            }
        }
    }

    async fn round(&mut self) {
        let before = (self.seen.switches, self.feed.restarts, self.since.restarts);
        self.events();
        if self.rng.random_ratio(1, 3) {
            self.change_settings().await;
        }
        let mut run = self.run(Trigger::Manual).await;
        self.seen.holds += usize::from(run["state"] == "held");
        if run["state"] == "held" && self.rng.random_bool(0.7) {
            run = self.lab.world.approve(&run).await;
        }
        assert_ne!(run["state"], "failed", "{run:#}");
        self.rest().await;
        let (switches, feed, since) = before;
        if self.seen.switches == switches {
            assert_eq!((self.feed.restarts, self.since.restarts), (feed, since), "nothing made anybody start over");
        }
    }

    /// Nothing is under way: the readers come to the end, and know what there is.
    async fn rest(&mut self) {
        self.moments.push(Moment::of(&self.lab).await);
        self.feed.catch_up(&self.reader).await;
        self.since.catch_up(&self.reader).await;
        self.feed.check(&self.reader).await;
        self.since.check(&self.reader).await;
    }
}

async fn tell(seed: u64) -> Seen {
    let mut story = Story::begin(seed).await;
    for _ in 0..ROUNDS {
        story.round().await;
    }
    // All walks come to an end.
    for _ in 0..60 {
        story.read().await;
    }
    story.seen
}

#[tokio::test]
async fn restless_readers_know_what_is_published() {
    let mut all = Seen::default();
    for seed in 0..3 {
        let seen = tell(seed).await;
        all.kills += seen.kills;
        all.holds += seen.holds;
        all.switches += seen.switches;
    }
    let Seen { kills, holds, switches } = all;
    assert!(kills > 0 && holds > 0 && switches > 0, "{kills} kills, {holds} holds, {switches} switches of user sync");
}
