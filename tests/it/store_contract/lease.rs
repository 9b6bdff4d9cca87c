//! One run per directory at a time.

use std::collections::BTreeSet;

use shared::store::{Leased, MirrorStore as _, Publication, RunStore as _, StoreError, SyncState, Write};
use shared::sync::RunId;
use tokio::task::JoinSet;

use super::fixtures::{
    apply, at, directory, directory_id, lease, links, published, release, run, taken, user, user_id,
};
use crate::dynamodb::Table;

pub async fn a_free_lease_is_taken_and_a_held_one_is_not(table: &Table) {
    let (directory, run) = (directory_id(), RunId::new(at(0)));
    let Leased::Taken(lease, state) = table.store.acquire_lease(directory, run, at(0), at(60)).await.unwrap() else {
        panic!("nobody holds it");
    };
    assert_eq!(
        (lease.directory, lease.run, state),
        (
            directory,
            run,
            Box::new(SyncState { unindexed: true, open_runs: BTreeSet::from([run]), ..SyncState::default() })
        )
    );
    let held = Leased::Held { until: at(60) };
    assert_eq!(table.store.acquire_lease(directory, RunId::new(at(1)), at(59), at(120)).await.unwrap(), held);
    // A message delivered twice must not let the same run work twice at once.
    assert_eq!(table.store.acquire_lease(directory, run, at(59), at(120)).await.unwrap(), held);
}

pub async fn an_expired_lease_is_taken_over_and_the_old_holder_can_write_nothing(table: &Table) {
    let directory = directory(&table.store).await;
    let old = lease(&table.store, directory).await;
    apply(&table.store, &old, &[Write::User(user(1))], at(0)).await.unwrap();
    let new = taken(table.store.acquire_lease(directory, RunId::new(at(1)), at(60), at(120)).await.unwrap());
    assert!(new.fence > old.fence);

    let publication = Publication::new(None, Some(links("one")), published(old.run));
    assert!(matches!(apply(&table.store, &old, &[Write::User(user(2))], at(0)).await, Err(StoreError::LeaseLost)));
    assert!(matches!(table.store.renew_lease(&old, at(180)).await, Err(StoreError::LeaseLost)));
    assert!(matches!(table.store.publish(&old, &publication).await, Err(StoreError::LeaseLost)));
    assert_eq!(release(&table.store, &old).await, BTreeSet::new());
    assert_eq!(table.store.users(directory, &BTreeSet::from([user_id(2)])).await.unwrap(), []);
    // And the new one still can.
    apply(&table.store, &new, &[Write::User(user(3))], at(0)).await.unwrap();
}

pub async fn a_renewed_lease_does_not_expire(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    table.store.renew_lease(&lease, at(120)).await.unwrap();
    let other = table.store.acquire_lease(directory, RunId::new(at(1)), at(90), at(150)).await.unwrap();
    assert_eq!(other, Leased::Held { until: at(120) });
}

pub async fn a_released_lease_can_be_taken_and_tells_who_waits(table: &Table) {
    let directory = directory_id();
    let first = lease(&table.store, directory).await;
    let waiting = run(directory, 1);
    table.store.request_run(&waiting).await.unwrap();
    assert_eq!(release(&table.store, &first).await, BTreeSet::from([waiting.id]));
    assert!(matches!(apply(&table.store, &first, &[Write::User(user(1))], at(0)).await, Err(StoreError::LeaseLost)));

    let second = taken(table.store.acquire_lease(directory, waiting.id, at(2), at(60)).await.unwrap());
    assert!(second.fence > first.fence);
    assert_eq!(release(&table.store, &second).await, BTreeSet::new());
}

pub async fn of_sixteen_runs_one_takes_the_lease(table: &Table) {
    let directory = directory_id();
    let mut runs = JoinSet::new();
    for second in 0..16 {
        let store = table.store.clone();
        let run = RunId::new(at(second));
        runs.spawn(async move { store.acquire_lease(directory, run, at(20), at(60)).await.unwrap() });
    }
    let outcomes = runs.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Leased::Taken(..))).count(), 1);
}

pub async fn each_directory_has_a_lease_of_its_own(table: &Table) {
    lease(&table.store, directory_id()).await;
    lease(&table.store, directory_id()).await;
}
