//! What waits for an administrator.

use shared::directory::DirectoryId;
use shared::filter::InactiveReason;
use shared::store::{HoldStore as _, Lease, Leased, MirrorStore as _, Publication, StoreError};
use shared::sync::{HeldChange, HeldChanges, Hold, HoldId, HoldState, RunId};

use super::fixtures::{at, directory, lease, published, release, user_id};
use crate::dynamodb::Table;

async fn leased(table: &Table) -> Lease {
    let directory = directory(&table.store).await;
    lease(&table.store, directory).await
}

fn hold(directory: DirectoryId, second: i64) -> Hold {
    let run = RunId::new(at(second));
    Hold {
        id: HoldId::opened_by(run),
        directory,
        state: HoldState::Open,
        hash: "hash".to_owned(),
        opened_by: run,
        opened_at: at(second),
        expires_at: at(second + 60),
        deactivations: 1,
        active: 4,
        group_removals: 0,
        membership_removals: 0,
        decided_at: None,
        dropped: None,
    }
}

fn changes(of: std::ops::Range<u32>) -> HeldChanges {
    of.map(|n| HeldChange::Deactivation { user: user_id(n), reason: InactiveReason::Deleted }).collect()
}

async fn open(table: &Table, lease: &Lease, hold: &Hold, changes: &HeldChanges) {
    table.store.save_held_changes(lease, hold, changes).await.unwrap();
    let publication = Publication {
        hold: Some(hold.id),
        opens: Some(hold.clone()),
        ..Publication::new(None, None, published(lease.run))
    };
    table.store.publish(lease, &publication).await.unwrap();
}

/// The hold that a later run finds.
async fn found(table: &Table, lease: &Lease) -> Option<HoldId> {
    release(&table.store, lease).await;
    match table.store.acquire_lease(lease.directory, lease.run, at(999), at(1_000)).await.unwrap() {
        Leased::Taken(_, state) => state.hold,
        Leased::Held { until } => panic!("held until {until}"),
    }
}

pub async fn a_hold_is_opened_and_ended_with_a_publication(table: &Table) {
    let lease = leased(table).await;
    let hold = hold(lease.directory, 0);
    open(table, &lease, &hold, &changes(0..3)).await;
    assert_eq!(table.store.hold(lease.directory, hold.id).await.unwrap(), Some(hold.clone()));
    assert_eq!(table.store.held_changes(lease.directory, hold.id).await.unwrap(), changes(0..3));

    let closed = Hold { state: HoldState::Closed, decided_at: Some(at(9)), ..hold.clone() };
    let publication =
        |from| Publication { ends: Some((closed.clone(), from)), ..Publication::new(None, None, published(lease.run)) };
    let decided_meanwhile = table.store.publish(&lease, &publication(HoldState::Approved)).await;
    assert!(matches!(decided_meanwhile, Err(StoreError::Conflict)));
    table.store.publish(&lease, &publication(HoldState::Open)).await.unwrap();
    assert_eq!(table.store.hold(lease.directory, hold.id).await.unwrap(), Some(closed));
    assert_eq!(found(table, &lease).await, None);
}

pub async fn a_hold_is_decided_once(table: &Table) {
    let lease = leased(table).await;
    let hold = hold(lease.directory, 0);
    open(table, &lease, &hold, &changes(0..1)).await;
    let approved = Hold { state: HoldState::Approved, ..hold.clone() };
    table.store.decide_hold(&approved, HoldState::Open).await.unwrap();
    let discarded = Hold { state: HoldState::Discarded, ..hold.clone() };
    assert!(matches!(table.store.decide_hold(&discarded, HoldState::Open).await, Err(StoreError::Conflict)));
    assert_eq!(table.store.hold(lease.directory, hold.id).await.unwrap(), Some(approved));
    assert_eq!(found(table, &lease).await, Some(hold.id));
}

pub async fn holds_are_listed_from_the_latest_on(table: &Table) {
    let lease = leased(table).await;
    let (first, second) = (hold(lease.directory, 0), hold(lease.directory, 5));
    open(table, &lease, &first, &changes(0..1)).await;
    open(table, &lease, &second, &changes(0..1)).await;
    assert_eq!(table.store.holds(lease.directory).await.unwrap(), [second.clone(), first]);
    assert_eq!(found(table, &lease).await, Some(second.id));
}

pub async fn a_hold_of_very_many_changes_is_read_whole(table: &Table) {
    let lease = leased(table).await;
    let hold = hold(lease.directory, 0);
    open(table, &lease, &hold, &changes(0..60_000)).await;
    assert!(table.store.held_changes(lease.directory, hold.id).await.unwrap() == changes(0..60_000));
}
