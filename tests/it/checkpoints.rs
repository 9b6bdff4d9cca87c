//! Runs that are cut off while they read, and go on where they were.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::time::Duration;

use flate2::bufread::MultiGzDecoder;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::clock::Clock as _;
use shared::store::{CheckpointStore as _, Leased, MirrorStore as _, SyncState};
use shared::sync::{CheckpointHead, RunId};
use tenant::{Action, DeltaReset, Fault, FaultId, Matcher, RequestKind, What};
use uuid::Uuid;

use crate::harness::everything;
use crate::lab::{Delivered, Lab, Process, REDELIVERY, tiny};

/// A world whose next run has to read everything.
async fn before_a_full_run() -> Lab {
    let lab = Lab::start(&tiny(), |options| options.paging.list_max = 5).await.saving_every(Duration::ZERO);
    lab.world.authorize().await;
    lab.world.set(everything()).await;
    lab.world.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired });
    lab.world.apply(Action::DisableUser { user: lab.staff[0] });
    lab.world.tenant.forget_requests();
    lab
}

/// Lets the first request for the members of some group go unanswered, and returns the group.
fn stall_one_group(lab: &Lab) -> (Uuid, FaultId) {
    let group = lab.world.tenant.truth().groups.iter().find(|group| group.deleted.is_none()).unwrap().id;
    let fault = Fault::new(Matcher::on(RequestKind::Members).about(group).nth(1), What::NoAnswer);
    (group, lab.world.tenant.inject(fault))
}

/// How often each list was asked for its first page, and how many pages were asked for in all.
fn reads(lab: &Lab) -> (BTreeMap<(String, Option<Uuid>), usize>, usize) {
    let requests = lab.world.tenant.requests();
    let kinds = [RequestKind::Users, RequestKind::Groups, RequestKind::Members];
    let reads: Vec<_> = requests.iter().filter(|request| kinds.contains(&request.kind)).collect();
    let mut first = BTreeMap::new();
    for read in reads.iter().filter(|read| read.page == 1) {
        *first.entry((format!("{:?}", read.kind), read.object)).or_default() += 1;
    }
    (first, reads.len())
}

/// Waits until everything but the stalled group is in the checkpoint.
async fn all_but_one_saved(lab: &Lab, process: &Process, stalled: FaultId) {
    let groups = lab.world.tenant.truth().groups.iter().filter(|group| group.deleted.is_none()).count();
    // Users and groups are lists too.
    let lists = groups - 1 + 2;
    process.until(async || complete_lists(lab).await == lists).await;
    while lab.world.tenant.times_used(stalled) == 0 {
        tokio::task::yield_now().await;
    }
}

/// How many lists the checkpoint has to their end.
async fn complete_lists(lab: &Lab) -> usize {
    let Some(saved) = lab.world.stack.store.checkpoint(lab.directory()).await.unwrap() else { return 0 };
    let lines = BufReader::new(MultiGzDecoder::new(saved.content.as_slice())).lines();
    let entries = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let ends = entries.filter(|entry| {
        let page = entry.as_object().unwrap().values().next().unwrap().as_array().unwrap();
        page.last().unwrap()["next"] == "end"
    });
    ends.count()
}

/// What a run would find.
async fn state(lab: &Lab) -> SyncState {
    let (store, now) = (&lab.world.stack.store, lab.clock.now());
    let leased =
        store.acquire_lease(lab.directory(), RunId::new(now), now, now + Duration::from_secs(9)).await.unwrap();
    let Leased::Taken(lease, state) = leased else { panic!("{leased:?}") };
    store.release_lease(&lease, &BTreeSet::from([lease.run])).await.unwrap();
    *state
}

async fn ends_as_if_nothing_had_happened(lab: &Lab, run: &Value) {
    assert_eq!(run["state"], "succeeded", "{run:#}");
    assert_eq!(run["full_reason"], "resync", "{run:#}");
    lab.world.check(&everything()).await;
    assert!(!state(lab).await.checkpoint);
    lab.assert_idle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_dies_while_it_reads_goes_on_with_what_it_lacks() {
    let lab = before_a_full_run().await;
    let (stalled, fault) = stall_one_group(&lab);
    let request = lab.request().await;
    let process = Process::undisturbed();
    let work = lab.begin(&request, &process);
    all_but_one_saved(&lab, &process, fault).await;
    work.abort();
    assert!(work.await.unwrap_err().is_cancelled());

    lab.clock.pass(REDELIVERY);
    lab.settle().await;
    ends_as_if_nothing_had_happened(&lab, &lab.record(&request).await).await;
    let (first, _) = reads(&lab);
    for ((kind, group), times) in first {
        let expected = if group == Some(stalled) { 2 } else { 1 };
        assert_eq!(times, expected, "{kind} {group:?} was read before the run died");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_stops_before_its_deadline_and_goes_on_in_the_next_invocation() {
    let mut lab = before_a_full_run().await;
    let (_, fault) = stall_one_group(&lab);
    lab.time = Some(Duration::from_secs(90));
    let request = lab.request().await;
    let process = Process::undisturbed();
    let work = lab.begin(&request, &process);
    all_but_one_saved(&lab, &process, fault).await;
    // The run leaves a third of it to spare.
    lab.clock.pass(SignedDuration::from_secs(60));
    assert_eq!(work.await.unwrap(), Delivered::Handled);
    let paused = lab.record(&request).await;
    assert_eq!((&paused["state"], &paused["attempts"]), (&json!("paused"), &json!(1)), "{paused:#}");

    lab.settle().await;
    let run = lab.record(&request).await;
    // The request that hangs reaches its own end at the same time, which makes a pause of its own.
    assert!(run["attempts"].as_u64() >= Some(2), "{run:#}");
    ends_as_if_nothing_had_happened(&lab, &run).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_that_graph_asks_for_is_waited_for_outside_of_the_invocation() {
    let mut lab = before_a_full_run().await;
    lab.time = Some(Duration::from_mins(10));
    let busy = What::Status { code: 429, retry_after: Some(800), body: None };
    lab.world.tenant.inject(Fault::new(Matcher::on(RequestKind::Members).nth(3), busy));
    let request = lab.request().await;
    lab.deliver(&request, &Process::undisturbed()).await;
    assert_eq!(lab.record(&request).await["state"], "paused");

    // Another run that comes too early leaves Graph alone.
    lab.world.tenant.forget_requests();
    lab.deliver(&request, &Process::undisturbed()).await;
    assert_eq!(lab.record(&request).await["state"], "paused");
    assert_eq!(lab.world.tenant.requests().len(), 0);

    lab.settle().await;
    ends_as_if_nothing_had_happened(&lab, &lab.record(&request).await).await;
}

/// Wherever it is asked for, and although no message waits for longer than a quarter of an hour.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pause_of_any_length_is_kept_by_every_run() {
    for (kind, nth) in [(RequestKind::UsersDelta, 2), (RequestKind::Count, 1), (RequestKind::Count, 3)] {
        let mut lab = before_a_full_run().await;
        lab.time = Some(Duration::from_mins(10));
        let busy = What::Status { code: 429, retry_after: Some(2_000), body: None };
        lab.world.tenant.inject(Fault::new(Matcher::on(kind).nth(nth), busy));
        let request = lab.request().await;
        lab.deliver(&request, &Process::undisturbed()).await;
        assert_eq!(lab.record(&request).await["state"], "paused", "{kind:?} {nth}");

        lab.world.tenant.forget_requests();
        for seconds in [0, 900, 1_000] {
            lab.clock.pass(SignedDuration::from_secs(seconds));
            let other = lab.request().await;
            for request in [&request, &other] {
                lab.deliver(request, &Process::undisturbed()).await;
                assert_eq!(lab.record(request).await["state"], "paused", "{kind:?} {nth}");
            }
            assert_eq!(lab.world.tenant.requests().len(), 0, "{kind:?} {nth}");
        }
        lab.settle().await;
        assert_eq!(lab.record(&request).await["state"], "succeeded");
        lab.world.check(&everything()).await;
        lab.assert_idle().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_fails_leaves_what_it_has_read_to_the_next() {
    let lab = before_a_full_run().await;
    let failing = What::Status { code: 500, retry_after: None, body: None };
    lab.world.tenant.inject(Fault::new(Matcher::on(RequestKind::Groups), failing));
    assert_eq!(lab.run().await["failure"]["code"], "microsoft_unavailable");
    let (first, _) = reads(&lab);
    assert_eq!(first[&("Users".to_owned(), None)], 1);

    lab.world.tenant.clear_faults();
    let run = lab.run().await;
    assert_eq!(reads(&lab).0[&("Users".to_owned(), None)], 1, "the users are not read again");
    ends_as_if_nothing_had_happened(&lab, &run).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_of_another_version_is_not_continued_and_does_no_harm() {
    let lab = before_a_full_run().await;
    let failing = What::Status { code: 500, retry_after: None, body: None };
    lab.world.tenant.inject(Fault::new(Matcher::on(RequestKind::Groups), failing));
    lab.run().await;
    lab.world.tenant.clear_faults();
    rewrite(&lab, |head| CheckpointHead { format: head.format - 1, ..head }, b"").await;
    let run = lab.run().await;
    assert_eq!(reads(&lab).0[&("Users".to_owned(), None)], 2, "the users are read again");
    ends_as_if_nothing_had_happened(&lab, &run).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_that_makes_no_sense_is_not_continued_and_does_no_harm() {
    let lab = before_a_full_run().await;
    let failing = What::Status { code: 500, retry_after: None, body: None };
    lab.world.tenant.inject(Fault::new(Matcher::on(RequestKind::Groups), failing));
    lab.run().await;
    lab.world.tenant.clear_faults();
    rewrite(&lab, |head| head, b"no pages at all").await;
    let run = lab.run().await;
    ends_as_if_nothing_had_happened(&lab, &run).await;
}

/// Changes the stored checkpoint.
async fn rewrite(lab: &Lab, change: impl Fn(CheckpointHead) -> CheckpointHead, content: &[u8]) {
    let store = &lab.world.stack.store;
    let (directory, now): (_, Timestamp) = (lab.directory(), lab.clock.now());
    let found = store.checkpoint(directory).await.unwrap().unwrap();
    let run = RunId::new(now);
    let leased = store.acquire_lease(directory, run, now, now + Duration::from_mins(1)).await.unwrap();
    let Leased::Taken(lease, _) = leased else { panic!("nobody is at work") };
    store.save_checkpoint(&lease, &change(found.head), found.pieces, content).await.unwrap();
    store.release_lease(&lease, &BTreeSet::from([lease.run])).await.unwrap();
}
