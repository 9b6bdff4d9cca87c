//! Each kind of run, cut off at each of its writes, in each way.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::kinds::Kind;
use crate::coherence;
use crate::lab::{Lab, Picture, Process, REDELIVERY, Statuses, Way};

/// How many worlds of one kind there are at a time.
const AT_ONCE: usize = 4;
/// No run of these kinds gets by with fewer writes: its lease taken and given back, its record, its outcome.
const FEWEST_WRITES: usize = 4;

/// A world before a run, and what an undisturbed run does.
struct Undisturbed {
    world: Lab,
    before: Statuses,
    after: Picture,
    state: serde_json::Value,
    changes: serde_json::Value,
    writes: Vec<String>,
}

impl Undisturbed {
    async fn observe(kind: Kind) -> Self {
        let world = kind.prepare().await;
        let lab = world.copy().await;
        let before = lab.statuses().await;
        let process = Process::undisturbed();
        let request = lab.request_by(kind.trigger()).await;
        lab.deliver(&request, &process).await;
        lab.settle().await;
        let record = lab.record(&request).await;
        let after = lab.picture().await;
        lab.assert_idle().await;
        assert_truth(kind, &lab, record.clone()).await;
        Self {
            world,
            before,
            after,
            state: record["state"].clone(),
            changes: record["changes"].clone(),
            writes: process.writes(),
        }
    }

    /// Whatever has happened, each user is as before the run or as after it; who is active in both was never inactive.
    fn assert_between(&self, now: &Statuses) {
        for user in self.before.keys().chain(self.after.statuses.keys()) {
            let (before, after, now) = (self.before.get(user), self.after.statuses.get(user), now.get(user));
            assert!(now == before || now == after, "{user} is {now:?}; was {before:?}, will be {after:?}");
        }
    }
}

/// Cuts one run off, and looks at what the next one makes of it.
async fn cut_off(kind: Kind, n: usize, way: Way, undisturbed: &Undisturbed) {
    let lab = undisturbed.world.copy().await;
    let process = Process::troubled(n, way);
    let request = lab.request_by(kind.trigger()).await;
    lab.deliver(&request, &process).await;
    assert!(!kind.is_regular() || process.writes().len() >= n, "the run made fewer writes than the undisturbed one");
    undisturbed.assert_between(&lab.statuses().await);

    // The message was delivered but is still in the mailbox: it comes a second time, whether the first was handled or not.
    lab.clock.pass(REDELIVERY);
    lab.settle().await;
    if process.dies() {
        assert_eq!(lab.record(&request).await["changes"], undisturbed.changes, "counted over all attempts");
    }
    let next = lab.run().await;
    assert_eq!(next["state"], undisturbed.state, "{next:#}");
    assert_eq!(lab.picture().await, undisturbed.after);
    coherence::check_exactly(&lab.world.stack.store, lab.directory()).await;
    lab.assert_idle().await;
}

/// What is published is what the tenant has, once an administrator has approved what is held.
async fn assert_truth(kind: Kind, lab: &Lab, mut run: serde_json::Value) {
    if kind == Kind::Held {
        run = lab.world.approve(&run).await;
        assert_eq!(run["state"], "succeeded", "{run:#}");
    }
    lab.world.check(&kind.settings(lab)).await;
}

/// Every write of a kind of run, in every way.
async fn survives_at_every_write(kind: Kind) {
    let undisturbed = Arc::new(Undisturbed::observe(kind).await);
    assert!(undisturbed.writes.len() >= FEWEST_WRITES, "{:?}", undisturbed.writes);
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut cases = JoinSet::new();
    for n in 1..=undisturbed.writes.len() {
        for way in [Way::FailsBefore, Way::FailsAfter, Way::DiesBefore, Way::DiesAfter] {
            let (undisturbed, places) = (Arc::clone(&undisturbed), Arc::clone(&places));
            cases.spawn(async move {
                let _place = places.acquire().await.unwrap();
                // A task of its own, so that one failing case does not hide the others.
                let case = tokio::spawn(async move { cut_off(kind, n, way, &undisturbed).await });
                case.await.err().map(|failure| format!("{kind:?}, write {n}, {way:?}: {}", cause(failure)))
            });
        }
    }
    let failures: Vec<String> = cases.join_all().await.into_iter().flatten().collect();
    assert!(failures.is_empty(), "writes: {:?}\n{}", undisturbed.writes, failures.join("\n"));
}

fn cause(failure: tokio::task::JoinError) -> String {
    let panic = failure.into_panic();
    panic.downcast::<String>().map_or_else(|_| "it panicked".to_owned(), |text| *text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_run_survives_at_every_write() {
    survives_at_every_write(Kind::First).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incremental_run_survives_at_every_write() {
    survives_at_every_write(Kind::Incremental).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_with_changed_settings_survives_at_every_write() {
    survives_at_every_write(Kind::Settings).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_only_applies_new_settings_survives_at_every_write() {
    survives_at_every_write(Kind::Mirror).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resync_survives_at_every_write() {
    survives_at_every_write(Kind::Resync).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_run_survives_at_every_write() {
    survives_at_every_write(Kind::Held).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_applies_a_hold_survives_at_every_write() {
    survives_at_every_write(Kind::Approved).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_saves_what_it_reads_survives_at_every_write() {
    survives_at_every_write(Kind::Saving).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_with_failover_survives_at_every_write() {
    survives_at_every_write(Kind::Failover).await;
}
