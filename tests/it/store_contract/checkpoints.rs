//! What a run that was cut off had read.

use shared::store::{CheckpointStore as _, Lease, StoreError};
use shared::sync::{Basis, CHECKPOINT_FORMAT, CheckpointHead, RunId};

use super::fixtures::{at, directory, lease, links, release};
use crate::dynamodb::Table;

pub fn head(begun_by: RunId) -> CheckpointHead {
    CheckpointHead {
        format: CHECKPOINT_FORMAT,
        begun_by,
        begun_at: at(0),
        basis: Basis::Incremental { from: links("one") },
    }
}

async fn leased(table: &Table) -> Lease {
    let directory = directory(&table.store).await;
    lease(&table.store, directory).await
}

pub async fn a_checkpoint_grows_piece_by_piece_and_is_read_whole(table: &Table) {
    let (store, lease) = (&table.store, leased(table).await);
    assert_eq!(store.checkpoint(lease.directory).await.unwrap(), None);
    // More than fits one transaction.
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let pieces = store.save_checkpoint(&lease, &head(lease.run), 0, &large).await.unwrap();
    assert!(pieces > 7, "{pieces}");
    let later = CheckpointHead { begun_at: at(60), ..head(lease.run) };
    assert_eq!(store.save_checkpoint(&lease, &later, pieces, b"more").await.unwrap(), pieces + 1);
    assert_eq!(store.save_checkpoint(&lease, &later, pieces + 1, b"").await.unwrap(), pieces + 1);

    let checkpoint = store.checkpoint(lease.directory).await.unwrap().unwrap();
    assert_eq!((checkpoint.head, checkpoint.pieces), (later, pieces + 1));
    assert!(checkpoint.content == [large, b"more".to_vec()].concat());
}

pub async fn another_reading_replaces_a_checkpoint(table: &Table) {
    let (store, lease) = (&table.store, leased(table).await);
    store.save_checkpoint(&lease, &head(lease.run), 0, b"old").await.unwrap();
    let other = RunId::new(at(9));
    store.save_checkpoint(&lease, &head(other), 0, b"new").await.unwrap();
    let checkpoint = store.checkpoint(lease.directory).await.unwrap().unwrap();
    assert_eq!((checkpoint.head.begun_by, checkpoint.content), (other, b"new".to_vec()));
}

pub async fn a_dropped_checkpoint_is_gone(table: &Table) {
    let (store, lease) = (&table.store, leased(table).await);
    store.save_checkpoint(&lease, &head(lease.run), 0, b"old").await.unwrap();
    store.drop_checkpoint(&lease).await.unwrap();
    assert_eq!(store.checkpoint(lease.directory).await.unwrap(), None);
}

pub async fn a_checkpoint_of_another_format_or_with_pieces_missing_is_reported(table: &Table) {
    let (store, lease) = (&table.store, leased(table).await);
    let other = CheckpointHead { format: CHECKPOINT_FORMAT + 1, ..head(lease.run) };
    store.save_checkpoint(&lease, &other, 0, b"content").await.unwrap();
    assert!(matches!(store.checkpoint(lease.directory).await, Err(StoreError::Corrupt { .. })));
    store.save_checkpoint(&lease, &head(lease.run), 7, b"content").await.unwrap();
    assert!(matches!(store.checkpoint(lease.directory).await, Err(StoreError::Corrupt { .. })));
}

pub async fn a_stale_holder_saves_no_checkpoint(table: &Table) {
    let (store, lease) = (&table.store, leased(table).await);
    release(store, &lease).await;
    let saved = store.save_checkpoint(&lease, &head(lease.run), 0, b"late").await;
    assert!(matches!(saved, Err(StoreError::LeaseLost)));
    assert!(matches!(store.drop_checkpoint(&lease).await, Err(StoreError::LeaseLost)));
    assert_eq!(store.checkpoint(lease.directory).await.unwrap(), None);
}
