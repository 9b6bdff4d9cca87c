//! What a run makes visible at its end.

use shared::directory::DirectoryId;
use shared::store::{
    CheckpointStore as _, DirectoryStore as _, Lease, Leased, MirrorStore as _, Publication, RunStore as _, StoreError,
    SyncState,
};
use shared::sync::RunId;

use super::checkpoints::head;
use super::fixtures::{at, directory, lease, links, published, release, run};
use crate::dynamodb::Table;

fn publication(from: Option<&str>, to: Option<&str>, run: RunId) -> Publication {
    Publication::new(from.map(links), to.map(links), published(run))
}

/// What a later run finds, and its lease.
async fn taken_with_state(table: &Table, directory: DirectoryId) -> (Lease, SyncState) {
    match table.store.acquire_lease(directory, RunId::new(at(999)), at(999), at(1_000)).await.unwrap() {
        Leased::Taken(lease, state) => (lease, *state),
        Leased::Held { until } => panic!("held until {until}"),
    }
}

async fn state(table: &Table, directory: DirectoryId) -> SyncState {
    taken_with_state(table, directory).await.1
}

pub async fn links_and_outcome_appear_together(table: &Table) {
    let directory = directory(&table.store).await;
    let lease = lease(&table.store, directory).await;
    table.store.publish(&lease, &publication(None, Some("one"), lease.run)).await.unwrap();
    let stored = table.store.directory(directory).await.unwrap().unwrap();
    assert_eq!(stored.published, Some(published(lease.run)));
    assert_eq!(stored.name, "contoso.example");
    assert_eq!(state(table, directory).await.links, Some(links("one")));
}

pub async fn other_links_by_now_are_a_conflict(table: &Table) {
    let directory = directory(&table.store).await;
    let lease = lease(&table.store, directory).await;
    let from_something = publication(Some("one"), Some("two"), lease.run);
    assert!(matches!(table.store.publish(&lease, &from_something).await, Err(StoreError::Conflict)));
    assert_eq!(table.store.directory(directory).await.unwrap().unwrap().published, None);

    table.store.publish(&lease, &publication(None, Some("one"), lease.run)).await.unwrap();
    for from in [None, Some("two")] {
        let stale = publication(from, Some("three"), RunId::new(at(5)));
        assert!(matches!(table.store.publish(&lease, &stale).await, Err(StoreError::Conflict)));
    }
    assert_eq!(table.store.directory(directory).await.unwrap().unwrap().published, Some(published(lease.run)));
    table.store.publish(&lease, &from_something).await.unwrap();
    assert_eq!(state(table, directory).await.links, Some(links("two")));
}

pub async fn links_can_stay_where_they_are(table: &Table) {
    let directory = directory(&table.store).await;
    let lease = lease(&table.store, directory).await;
    table.store.publish(&lease, &publication(None, None, lease.run)).await.unwrap();
    table.store.publish(&lease, &publication(None, Some("one"), lease.run)).await.unwrap();
    table.store.publish(&lease, &publication(Some("one"), Some("one"), lease.run)).await.unwrap();
    assert_eq!(state(table, directory).await.links, Some(links("one")));
}

pub async fn a_stale_holder_publishes_nothing(table: &Table) {
    let directory = directory(&table.store).await;
    let lease = lease(&table.store, directory).await;
    release(&table.store, &lease).await;
    let late = publication(None, Some("one"), lease.run);
    assert!(matches!(table.store.publish(&lease, &late).await, Err(StoreError::LeaseLost)));
    assert_eq!(table.store.directory(directory).await.unwrap().unwrap().published, None);
    assert_eq!(state(table, directory).await.links, None);
}

pub async fn writing_that_was_begun_is_unfinished_until_something_is_published(table: &Table) {
    let cut_off = directory(&table.store).await;
    let lease_of_dead = lease(&table.store, cut_off).await;
    table.store.begin_writing(&lease_of_dead).await.unwrap();
    assert!(state(table, cut_off).await.unfinished);
    assert!(matches!(table.store.begin_writing(&lease_of_dead).await, Err(StoreError::LeaseLost)));

    let done = directory(&table.store).await;
    let lease = lease(&table.store, done).await;
    table.store.begin_writing(&lease).await.unwrap();
    table.store.publish(&lease, &publication(None, None, lease.run)).await.unwrap();
    assert!(!state(table, done).await.unfinished);
}

pub async fn the_record_of_a_run_is_stored_with_what_it_publishes_or_not_at_all(table: &Table) {
    let directory = directory(&table.store).await;
    let lease = lease(&table.store, directory).await;
    let ended = run(directory, 0);
    let with_record = |from| Publication { record: Some(Box::new(ended.clone())), ..publication(from, None, ended.id) };
    assert!(matches!(table.store.publish(&lease, &with_record(Some("one"))).await, Err(StoreError::Conflict)));
    assert_eq!(table.store.run(directory, ended.id).await.unwrap(), None);
    table.store.publish(&lease, &with_record(None)).await.unwrap();
    assert_eq!(table.store.run(directory, ended.id).await.unwrap(), Some(ended));
}

pub async fn a_checkpoint_is_told_of_until_it_is_dropped_or_something_is_published(table: &Table) {
    for is_dropped in [true, false] {
        let directory = directory(&table.store).await;
        let first = lease(&table.store, directory).await;
        table.store.save_checkpoint(&first, &head(first.run), 0, b"read").await.unwrap();
        release(&table.store, &first).await;
        let second = lease(&table.store, directory).await;
        table.store.save_checkpoint(&second, &head(first.run), 1, b"more").await.unwrap();
        release(&table.store, &second).await;
        let (third, found) = taken_with_state(table, directory).await;
        assert!(found.checkpoint);
        if is_dropped {
            table.store.drop_checkpoint(&third).await.unwrap();
        } else {
            table.store.publish(&third, &publication(None, None, third.run)).await.unwrap();
        }
        release(&table.store, &third).await;
        assert!(!state(table, directory).await.checkpoint);
    }
}
