//! Two runs at once, processes that wake up late, and messages that come twice, late or out of order.

use std::sync::Arc;

use super::kinds::Kind;
use crate::lab::{Delivered, Lab, Picture, Process, REDELIVERY, Way};

/// What an undisturbed incremental run leaves in a copy of a world, and how many writes it makes.
async fn undisturbed(world: &Lab) -> (Picture, usize) {
    let lab = world.copy().await;
    let (request, process) = (lab.request().await, Process::undisturbed());
    lab.deliver(&request, &process).await;
    lab.settle().await;
    (lab.picture().await, process.writes().len())
}

/// The world is as the undisturbed run leaves it, and is at rest.
async fn assert_unharmed(lab: &Lab, expected: &Picture) {
    assert_eq!(lab.picture().await, *expected);
    lab.assert_idle().await;
    lab.world.check(&Kind::Incremental.settings(lab)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_wakes_up_late_at_any_write_changes_nothing_any_more() {
    let world = Kind::Incremental.prepare().await;
    let (expected, writes) = undisturbed(&world).await;
    for n in 1..=writes {
        let lab = world.copy().await;
        let request = lab.request().await;
        let late = Process::troubled(n, Way::Freezes);
        let work = lab.begin(&request, &late);
        late.stands_still().await;
        // Its lease runs out; the message is delivered again and a later run comes after it.
        lab.clock.pass(REDELIVERY);
        lab.settle().await;
        let next = lab.run().await;
        assert_eq!(next["state"], "succeeded", "write {n}: {next:#}");
        let before = lab.picture().await;
        assert_eq!(before, expected, "write {n}");

        late.wake();
        work.await.unwrap();
        assert_eq!(lab.picture().await, before, "write {n} was done after the lease had run out");
        lab.clock.pass(REDELIVERY);
        lab.settle().await;
        let record = lab.record(&request).await;
        assert!(record["finished_at"].is_string(), "write {n}: the late process' run never ends: {record:#}");
        assert_unharmed(&lab, &expected).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_wakes_up_in_the_middle_of_the_next_run_does_not_disturb_it() {
    let world = Kind::Incremental.prepare().await;
    let (expected, writes) = undisturbed(&world).await;
    for n in 1..=writes {
        let lab = world.copy().await;
        let request = lab.request().await;
        let late = Process::troubled(n, Way::Freezes);
        let work = lab.begin(&request, &late);
        late.stands_still().await;
        lab.clock.pass(REDELIVERY);
        // The next run stands still just where it has the lease, and the late one wakes up.
        let next = Process::troubled(3, Way::Freezes);
        let mut next_work = lab.begin(&request, &next);
        let has_ended = tokio::select! {
            () = next.stands_still() => false,
            // The late process had finished all but its last step, so there was nothing to do.
            ended = &mut next_work => ended.is_ok(),
        };
        late.wake();
        work.await.unwrap();
        next.wake();
        if !has_ended {
            next_work.await.unwrap();
        }
        lab.clock.pass(REDELIVERY);
        lab.settle().await;
        lab.run().await;
        assert_unharmed(&lab, &expected).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_with_the_same_message_do_the_work_once() {
    let lab = Kind::Incremental.prepare().await;
    let (expected, _) = undisturbed(&lab).await;
    let request = lab.request().await;
    let processes = [Process::undisturbed(), Process::undisturbed()];
    let works = processes.each_ref().map(|process| lab.begin(&request, process));
    for work in works {
        assert_eq!(work.await.unwrap(), Delivered::Handled);
    }
    lab.settle().await;
    let writes = processes.map(|process| process.writes().len());
    assert!(
        writes.contains(&1) || writes.contains(&0),
        "one of them has nothing to write but its try for the lease: {writes:?}"
    );
    assert_unharmed(&lab, &expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_with_different_messages_take_turns() {
    let lab = Kind::Incremental.prepare().await;
    let (expected, _) = undisturbed(&lab).await;
    let first = lab.request().await;
    let process = Process::troubled(3, Way::Freezes);
    let work = lab.begin(&first, &process);
    process.stands_still().await;
    // The first one is at work, so this is a run of its own, which has to wait.
    let second = lab.request().await;
    assert_ne!(first, second);
    assert_eq!(lab.deliver(&second, &Process::undisturbed()).await, Delivered::Handled);
    assert_eq!(lab.record(&second).await["state"], "queued");
    process.wake();
    assert_eq!(work.await.unwrap(), Delivered::Handled);
    lab.settle().await;
    assert_eq!(lab.record(&first).await["state"], "succeeded");
    assert_eq!(lab.record(&second).await["state"], "succeeded");
    assert_unharmed(&lab, &expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_come_twice_late_or_out_of_order_change_nothing() {
    let lab = Kind::Incremental.prepare().await;
    let mut old = Vec::new();
    for _ in 0..3 {
        old.push(lab.request().await);
        lab.settle().await;
    }
    let expected = lab.picture().await;
    let records = lab.world.list("runs").await;
    for request in [&old[2], &old[0], &old[1], &old[0], &old[2]] {
        let process: Arc<Process> = Process::undisturbed();
        assert_eq!(lab.deliver(request, &process).await, Delivered::Handled);
        assert_eq!(process.writes(), [""; 0], "a run that has ended is not touched");
        lab.clock.pass(REDELIVERY);
    }
    assert_eq!(lab.world.list("runs").await, records);
    assert_unharmed(&lab, &expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_a_directory_or_run_that_nobody_knows_is_gone() {
    let lab = Kind::Incremental.prepare().await;
    let known = lab.request().await;
    lab.settle().await;
    let expected = lab.picture().await;
    let run = shared::sync::RunId::new(jiff::Timestamp::UNIX_EPOCH);
    let process = Process::undisturbed();
    for request in [
        shared::sync::RunRequest { run, ..known.clone() },
        shared::sync::RunRequest { directory: shared::directory::DirectoryId::new(uuid::Uuid::nil()), ..known },
    ] {
        assert_eq!(lab.deliver(&request, &process).await, Delivered::Handled);
    }
    assert_eq!(process.writes(), [""; 0]);
    assert_unharmed(&lab, &expected).await;
}
