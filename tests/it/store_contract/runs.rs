//! Runs: asked for, folded, remembered.

use std::collections::BTreeSet;

use shared::store::{MirrorStore as _, RequestedRun, RunStore as _};
use shared::sync::{Run, RunId, RunState, Trigger};
use tokio::task::JoinSet;

use super::fixtures::{at, directory_id, release, run, taken};
use crate::dynamodb::{Table, number};

pub async fn a_run_is_kept_for_ninety_days(table: &Table) {
    let directory = directory_id();
    let mut run = run(directory, 0);
    assert_eq!(table.store.run(directory, run.id).await.unwrap(), None);
    table.store.request_run(&run).await.unwrap();
    assert_eq!(table.store.run(directory, run.id).await.unwrap(), Some(run.clone()));

    run.state = RunState::Succeeded;
    run.finished_at = Some(at(9));
    run.gaps = vec!["a gap".to_owned()];
    table.store.save_run(&run).await.unwrap();
    assert_eq!(table.store.run(directory, run.id).await.unwrap(), Some(run.clone()));
    assert_eq!(table.store.run(directory_id(), run.id).await.unwrap(), None);
    let stored = table.items_at(&run.id.to_string()).await;
    assert_eq!(number(&stored[0], "expires_at"), Some(at(90 * 24 * 3_600).as_second()));
}

pub async fn a_second_request_is_folded_into_the_waiting_run(table: &Table) {
    let (directory, other) = (directory_id(), directory_id());
    let (first, second) = (run(directory, 0), run(directory, 1));
    assert_eq!(table.store.request_run(&first).await.unwrap(), RequestedRun::Added);
    assert_eq!(table.store.request_run(&second).await.unwrap(), RequestedRun::Folded(first.id));
    assert_eq!(table.store.run(directory, second.id).await.unwrap(), None);
    assert_eq!(table.store.request_run(&run(other, 2)).await.unwrap(), RequestedRun::Added);
}

pub async fn a_request_is_not_folded_into_a_run_that_has_begun(table: &Table) {
    let directory = directory_id();
    let (first, second) = (run(directory, 0), run(directory, 1));
    table.store.request_run(&first).await.unwrap();
    let lease = taken(table.store.acquire_lease(directory, first.id, at(2), at(60)).await.unwrap());
    assert_eq!(table.store.request_run(&second).await.unwrap(), RequestedRun::Added);
    assert_eq!(table.store.request_run(&run(directory, 3)).await.unwrap(), RequestedRun::Folded(second.id));
    assert_eq!(release(&table.store, &lease).await, BTreeSet::from([second.id]));
}

pub async fn a_request_that_wants_the_tenant_read_is_not_folded_into_a_run_for_new_settings(table: &Table) {
    let directory = directory_id();
    let settings = |second| Run { trigger: Trigger::Settings, ..run(directory, second) };
    let (first, second, third) = (settings(0), settings(1), run(directory, 2));
    assert_eq!(table.store.request_run(&first).await.unwrap(), RequestedRun::Added);
    assert_eq!(table.store.request_run(&second).await.unwrap(), RequestedRun::Folded(first.id));
    assert_eq!(table.store.request_run(&third).await.unwrap(), RequestedRun::Added);
    assert_eq!(table.store.request_run(&settings(3)).await.unwrap(), RequestedRun::Folded(third.id));
    // The one that waited keeps its record and takes place all the same.
    assert_eq!(table.store.run(directory, first.id).await.unwrap(), Some(first.clone()));
    let lease = taken(table.store.acquire_lease(directory, first.id, at(4), at(60)).await.unwrap());
    assert_eq!(release(&table.store, &lease).await, BTreeSet::from([third.id]));
}

pub async fn a_request_is_not_folded_into_a_run_that_ended_without_beginning(table: &Table) {
    let directory = directory_id();
    let mut first = run(directory, 0);
    table.store.request_run(&first).await.unwrap();
    first.state = RunState::Failed;
    table.store.save_run(&first).await.unwrap();
    assert_eq!(table.store.request_run(&run(directory, 1)).await.unwrap(), RequestedRun::Added);
}

pub async fn of_sixteen_requests_one_waits_and_takes_in_the_others(table: &Table) {
    let directory = directory_id();
    let mut requests = JoinSet::new();
    for second in 0..16 {
        let (store, run) = (table.store.clone(), run(directory, second));
        requests.spawn(async move { (run.id, store.request_run(&run).await.unwrap()) });
    }
    let outcomes = requests.join_all().await;
    let added: Vec<RunId> =
        outcomes.iter().filter(|(_, outcome)| *outcome == RequestedRun::Added).map(|(run, _)| *run).collect();
    assert_eq!(added.len(), 1);
    let folded = outcomes.iter().filter(|(_, outcome)| *outcome == RequestedRun::Folded(added[0])).count();
    assert_eq!(folded, 15);
    assert_eq!(table.store.runs(directory, 20, None).await.unwrap().items.len(), 1);
}

pub async fn asking_twice_for_the_same_run_adds_it_once(table: &Table) {
    let run = run(directory_id(), 0);
    for _ in 0..2 {
        assert_eq!(table.store.request_run(&run).await.unwrap(), RequestedRun::Added);
    }
}

pub async fn runs_are_listed_from_the_latest_on(table: &Table) {
    let directory = directory_id();
    let mut expected: Vec<Run> = (0..5).map(|second| run(directory, second)).collect();
    for run in &expected {
        table.store.save_run(run).await.unwrap();
    }
    table.store.save_run(&run(directory_id(), 9)).await.unwrap();
    expected.reverse();

    let first = table.store.runs(directory, 2, None).await.unwrap();
    let second = table.store.runs(directory, 3, first.end().map(|run| run.id)).await.unwrap();
    assert_eq!((first.more, second.more), (true, false));
    assert_eq!([first.items, second.items].concat(), expected);
    assert!(!table.store.runs(directory, 5, None).await.unwrap().more);
}

pub async fn long_records_of_runs_are_listed_whole(table: &Table) {
    // A query ends after 1 MB.
    let directory = directory_id();
    let mut expected: Vec<Run> = (0..60).map(|second| run(directory, second)).collect();
    for run in &mut expected {
        run.warnings = (0..50).map(|number| format!("{number} {}", "long ".repeat(160))).collect();
        table.store.save_run(run).await.unwrap();
    }
    expected.reverse();
    let first = table.store.runs(directory, 50, None).await.unwrap();
    let second = table.store.runs(directory, 50, first.end().map(|run| run.id)).await.unwrap();
    assert_eq!((first.items.len(), second.items.len(), second.more), (50, 10, false));
    assert_eq!([first.items, second.items].concat(), expected);
}

pub async fn manual_runs_are_counted_by_minute(table: &Table) {
    let (directory, minute) = (directory_id(), at(0).as_second() / 60);
    for expected in 1..=3 {
        assert_eq!(table.store.count_manual_run(directory, minute).await.unwrap(), expected);
    }
    assert_eq!(table.store.count_manual_run(directory, minute + 1).await.unwrap(), 1);
    assert_eq!(table.store.count_manual_run(directory_id(), minute).await.unwrap(), 1);
    assert!(table.items().await.iter().all(|item| number(item, "expires_at").unwrap() > minute * 60));
}
