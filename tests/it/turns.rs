//! Runs that wait for their turn, runs that nobody continues, and what a run counts over all its attempts.

use std::time::Duration;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::store::StatisticsStore as _;
use shared::sync::{RunRequest, Trigger};
use tenant::{Action, DeltaReset, Fault, Matcher, RequestKind, What};

use crate::crash::Kind;
use crate::harness::{World, everything, small};
use crate::lab::{Delivered, Lab, Process, REDELIVERY, Way, tiny};

/// The third write of a run comes after it has the lease and its record says so.
const AT_WORK: usize = 3;

async fn lab() -> Lab {
    let lab = Lab::start(&tiny(), |_| {}).await;
    lab.world.authorize().await;
    lab.world.set(everything()).await;
    lab
}

fn time(record: &Value, name: &str) -> Timestamp {
    record[name].as_str().unwrap_or_else(|| panic!("{record:#}")).parse().unwrap()
}

/// Delivers the messages that are due now, and those that follow, but no delayed one.
async fn deliver_due(lab: &Lab) {
    let mut delayed = Vec::new();
    while let Some((request, delay)) = lab.mailbox.take() {
        if delay.is_zero() {
            assert_eq!(lab.deliver(&request, &Process::undisturbed()).await, Delivered::Handled);
        } else {
            delayed.push((request, delay));
        }
    }
    for (request, delay) in delayed {
        lab.mailbox.put(request, delay);
    }
}

/// A request that finds another run at work, and is put off.
async fn put_off(lab: &Lab, trigger: Trigger) -> RunRequest {
    let request = lab.request_by(trigger).await;
    lab.mailbox.take_all();
    assert_eq!(lab.deliver(&request, &Process::undisturbed()).await, Delivered::Handled);
    assert_eq!(lab.record(&request).await["state"], "queued");
    request
}

/// The same on the queue of the local stack, whose messages are on their way at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_requested_at_once_follow_each_other_closely_on_the_local_queue() {
    let world = World::synced(&small(), everything()).await;
    for minutes in [10, 20, 30] {
        let mut settings = everything();
        settings["sync_every_minutes"] = json!(minutes);
        let (settings_path, runs_path, nothing) = (world.path("settings"), world.path("runs"), json!({}));
        let (changed, requested) =
            tokio::join!(world.api.put(&settings_path, &settings), world.api.post(&runs_path, &nothing));
        let mut records = [world.ended(&changed.unwrap()["run"]).await, world.ended(&requested.unwrap()["id"]).await];
        records.sort_by_key(|record| time(record, "started_at"));
        let [first, second] = &records;
        assert!([first, second].iter().all(|record| record["state"] == "succeeded"), "{first:#} {second:#}");
        let waited = time(second, "started_at").duration_since(time(first, "finished_at"));
        assert!(waited < SignedDuration::from_secs(2), "{waited:?}: {first:#} {second:#}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_waiting_runs_begin_when_the_one_at_work_ends() {
    let lab = lab().await;
    let first = lab.request().await;
    let process = Process::troubled(AT_WORK, Way::Freezes);
    let work = lab.begin(&first, &process);
    process.stands_still().await;
    // One that only applies settings, and one that reads: the second is not folded into the first.
    let waiting = [put_off(&lab, Trigger::Settings).await, put_off(&lab, Trigger::Schedule).await];
    assert_ne!(waiting[0], waiting[1]);
    process.wake();
    assert_eq!(work.await.unwrap(), Delivered::Handled);
    let mut before = time(&lab.record(&first).await, "finished_at");
    deliver_due(&lab).await;
    for request in &waiting {
        let record = lab.record(request).await;
        assert_eq!(record["state"], "succeeded", "it waits for more than the other run's end: {record:#}");
        let waited = time(&record, "started_at").duration_since(before);
        assert!(waited < SignedDuration::from_secs(2), "{waited:?}");
        before = time(&record, "finished_at");
    }
    lab.settle().await;
    lab.assert_idle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_run_goes_on_when_the_one_that_overtook_it_ends() {
    let mut lab = lab().await;
    lab.world.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired });
    let busy = What::Status { code: 429, retry_after: Some(800), body: None };
    lab.world.tenant.inject(Fault::new(Matcher::on(RequestKind::Members).nth(3), busy));
    lab.time = Some(Duration::from_mins(10));
    let paused = lab.request().await;
    lab.mailbox.take_all();
    lab.deliver(&paused, &Process::undisturbed()).await;
    assert_eq!(lab.record(&paused).await["state"], "paused");
    lab.mailbox.take_all();
    lab.clock.pass(SignedDuration::from_secs(801));

    let other = lab.request().await;
    lab.mailbox.take_all();
    let process = Process::troubled(AT_WORK, Way::Freezes);
    let work = lab.begin(&other, &process);
    process.stands_still().await;
    assert_eq!(lab.deliver(&paused, &Process::undisturbed()).await, Delivered::Handled);
    assert_eq!(lab.record(&paused).await["state"], "paused");
    process.wake();
    assert_eq!(work.await.unwrap(), Delivered::Handled);
    deliver_due(&lab).await;
    assert_eq!(lab.record(&paused).await["state"], "succeeded");
    lab.settle().await;
    lab.assert_idle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_run_is_not_lost_when_the_one_at_work_dies_before_it_can_notify() {
    let lab = lab().await;
    let writes = {
        let (request, process) = (lab.request().await, Process::undisturbed());
        lab.mailbox.take_all();
        lab.deliver(&request, &process).await;
        process.writes().len()
    };
    // The last write but that of the alerts gives the lease back.
    for n in [AT_WORK, writes] {
        let first = lab.request().await;
        let at_work = Process::troubled(n, Way::DiesAfter);
        let freezes = Process::troubled(AT_WORK, Way::Freezes);
        let work = lab.begin(&first, &freezes);
        freezes.stands_still().await;
        let waiting = lab.request().await;
        assert_ne!(first, waiting);
        lab.mailbox.take_all();
        lab.deliver(&waiting, &Process::undisturbed()).await;
        work.abort();
        let _ = work.await;
        lab.clock.pass(REDELIVERY);
        lab.deliver(&first, &at_work).await;
        lab.clock.pass(REDELIVERY);
        lab.settle().await;
        assert_eq!(lab.record(&waiting).await["state"], "succeeded", "write {n}");
        assert!(lab.record(&first).await["finished_at"].is_string(), "write {n}");
    }
    lab.assert_idle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_nobody_continues_is_closed_by_the_next_with_what_it_wrote() {
    let world = Kind::Incremental.prepare().await;
    let (whole, writes) = undisturbed(&world).await;
    for n in 2..=writes {
        let lab = world.copy().await;
        let lost = lab.request().await;
        lab.mailbox.take_all();
        lab.deliver(&lost, &Process::troubled(n, Way::DiesBefore)).await;
        if lab.record(&lost).await["state"] != "running" {
            continue;
        }
        lab.clock.pass(REDELIVERY);
        let next = lab.run().await;
        assert_eq!(next["state"], "succeeded", "write {n}: {next:#}");
        let closed = lab.record(&lost).await;
        assert_eq!(
            (&closed["state"], &closed["failure"]["code"]),
            (&json!("interrupted"), &json!("interrupted")),
            "write {n}: {closed:#}"
        );
        assert!(closed["finished_at"].is_string(), "write {n}: {closed:#}");
        assert_eq!(sum(&closed["changes"], &next["changes"]), whole["changes"], "write {n}: {closed:#} {next:#}");
        // Its message comes after all.
        let process = Process::undisturbed();
        assert_eq!(lab.deliver(&lost, &process).await, Delivered::Handled);
        assert_eq!(process.writes(), [""; 0], "write {n}");
        lab.assert_idle().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_for_settings_alone_continues_the_lost_one_that_was_to_read() {
    let lab = lab().await;
    let lost = lab.request().await;
    lab.mailbox.take_all();
    lab.deliver(&lost, &Process::troubled(AT_WORK, Way::DiesBefore)).await;
    lab.clock.pass(REDELIVERY);
    assert_eq!(lab.run_by(Trigger::Settings).await["reading"], "mirror");
    let continued = lab.record(&lost).await;
    assert_eq!((&continued["state"], &continued["attempts"]), (&json!("succeeded"), &json!(2)), "{continued:#}");
    lab.assert_idle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_overtaken_while_it_paused_keeps_its_counts() {
    let world = Kind::Incremental.prepare().await;
    let (whole, writes) = undisturbed(&world).await;
    let mut lab = world.copy().await;
    lab.time = Some(Duration::from_mins(10));
    let paused = lab.request().await;
    lab.mailbox.take_all();
    let process = Process::troubled(writes - 4, Way::Freezes);
    let work = lab.begin(&paused, &process);
    process.stands_still().await;
    lab.clock.pass(SignedDuration::from_mins(10));
    process.wake();
    work.await.unwrap();
    assert_eq!(lab.record(&paused).await["state"], "paused");
    lab.mailbox.take_all();
    let other = lab.request().await;
    lab.mailbox.take_all();
    lab.deliver(&other, &Process::undisturbed()).await;
    lab.settle().await;
    let [paused, other] = [lab.record(&paused).await, lab.record(&other).await];
    assert_eq!((&paused["state"], &other["state"]), (&json!("succeeded"), &json!("succeeded")));
    assert_ne!(paused["changes"]["users_changed"], 0, "{paused:#}");
    let both = sum(&paused["changes"], &other["changes"]);
    assert!(both["users_changed"].as_u64() <= whole["changes"]["users_changed"].as_u64(), "{both:#}");
    lab.assert_idle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_waits_is_not_closed_by_the_one_before_it() {
    let lab = lab().await;
    let first = lab.request().await;
    let process = Process::troubled(AT_WORK, Way::Freezes);
    let work = lab.begin(&first, &process);
    process.stands_still().await;
    let waiting = lab.request().await;
    work.abort();
    let _ = work.await;
    lab.clock.pass(REDELIVERY);
    lab.deliver(&first, &Process::undisturbed()).await;
    assert_eq!(lab.record(&waiting).await["state"], "queued");
    lab.settle().await;
    assert_eq!(lab.record(&waiting).await["state"], "succeeded");
    lab.assert_idle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_whose_message_was_lost_is_closed_after_a_day() {
    let lab = lab().await;
    let lost = lab.request().await;
    lab.mailbox.take_all();
    lab.deliver(&lost, &Process::troubled(1, Way::DiesBefore)).await;
    lab.mailbox.take_all();
    for (hours, state) in [(23, "queued"), (2, "interrupted")] {
        lab.clock.pass(SignedDuration::from_hours(hours));
        // The waiting one would take in a request of the same kind, and be notified.
        let other = lab.request_alone().await;
        lab.deliver(&other, &Process::undisturbed()).await;
        lab.mailbox.take_all();
        assert_eq!(lab.record(&lost).await["state"], state, "after {hours} more hours");
    }
    lab.assert_idle().await;
}

/// The record of an undisturbed run, and how many writes it makes.
async fn undisturbed(world: &Lab) -> (Value, usize) {
    let lab = world.copy().await;
    let (request, process) = (lab.request().await, Process::undisturbed());
    lab.deliver(&request, &process).await;
    lab.settle().await;
    (lab.record(&request).await, process.writes().len())
}

/// Counts of two runs together.
fn sum(one: &Value, other: &Value) -> Value {
    let fields = one.as_object().unwrap().iter();
    fields.map(|(name, count)| (name.clone(), json!(count.as_u64().unwrap() + other[name].as_u64().unwrap()))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_paused_or_killed_at_any_write_counts_all_of_it() {
    let world = Kind::Incremental.prepare().await;
    let (whole, writes) = undisturbed(&world).await;
    assert!(whole["changes"]["users_changed"].as_u64().unwrap() > 1, "{whole:#}");
    let day = day(&world_after(&world).await).await;
    for n in AT_WORK..=writes {
        for is_killed in [true, false] {
            let mut lab = world.copy().await;
            lab.time = Some(Duration::from_mins(10));
            let request = lab.request().await;
            lab.mailbox.take_all();
            if is_killed {
                lab.deliver(&request, &Process::troubled(n, Way::DiesAfter)).await;
                lab.mailbox.put(request.clone(), REDELIVERY.unsigned_abs());
            } else {
                let process = Process::troubled(n, Way::Freezes);
                let work = lab.begin(&request, &process);
                process.stands_still().await;
                lab.clock.pass(SignedDuration::from_mins(10));
                process.wake();
                work.await.unwrap();
                lab.mailbox.put(request.clone(), REDELIVERY.unsigned_abs());
            }
            lab.settle().await;
            let run = lab.record(&request).await;
            assert_eq!(run["state"], "succeeded", "write {n}, killed: {is_killed}: {run:#}");
            assert_eq!(run["changes"], whole["changes"], "write {n}, killed: {is_killed}: {run:#}");
            // Planned again, what is left of an item may be written at once.
            let [items, of] = [&run, &whole].map(|run| run["effort"]["items_written"].as_u64().unwrap());
            assert!(items <= of && items * 4 >= of * 3, "write {n}, killed: {is_killed}: {items} of {of}");
            assert_eq!(self::day(&lab).await, day, "write {n}, killed: {is_killed}");
            lab.assert_idle().await;
        }
    }
}

async fn world_after(world: &Lab) -> Lab {
    let lab = world.copy().await;
    lab.run().await;
    lab
}

/// Who became active and inactive, by the statistics.
async fn day(lab: &Lab) -> Vec<(u64, u64)> {
    let days = lab.world.stack.store.days(lab.directory(), Date::MIN).await.unwrap();
    days.into_iter().map(|day| (day.activated, day.deactivated)).collect()
}
