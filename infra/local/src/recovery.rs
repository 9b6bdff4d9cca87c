//! What a stack that was killed has left behind.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use shared::directory::DirectoryId;
use shared::dynamodb::DynamoStore;
use shared::queue::{QueueError, RunQueue};
use shared::store::{DirectoryStore as _, Leased, MirrorStore as _, RunStore as _, StoreError};
use shared::sync::{RunId, RunRequest};

/// How many of a directory's latest runs may not have ended.
const LATEST: usize = 20;
/// Longer than any lease.
const LONG: SignedDuration = SignedDuration::from_hours(1);

/// Why nothing could be recovered.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The table did not answer.
    #[error("the table did not answer")]
    Store(#[from] StoreError),
    /// The queue did not take a message.
    #[error("the queue did not take a message")]
    Queue(#[from] QueueError),
}

/// Delivers the messages again that the queue lost with its process, as SQS would, and takes away the leases of runs that
/// died with it. The caller is the only one who uses this table.
///
/// # Errors
/// When table or queue do not answer.
pub async fn recover(store: &DynamoStore, queue: &dyn RunQueue, now: Timestamp) -> Result<(), RecoveryError> {
    for directory in store.directories().await? {
        let runs = store.runs(directory.id, LATEST, None).await?.items;
        let open: Vec<RunId> = runs.iter().filter(|run| !run.state.is_final()).map(|run| run.id).collect();
        if open.is_empty() {
            continue;
        }
        break_lease(store, directory.id, now).await?;
        // The oldest first, as they were asked for.
        for run in open.into_iter().rev() {
            queue.send(&RunRequest { directory: directory.id, run }, Duration::ZERO).await?;
        }
    }
    Ok(())
}

/// Takes the lease as if it had run out, and gives it back.
async fn break_lease(store: &DynamoStore, directory: DirectoryId, now: Timestamp) -> Result<(), StoreError> {
    let later = now + LONG;
    if let Leased::Taken(lease, _) = store.acquire_lease(directory, RunId::new(now), later, later).await? {
        store.release_lease(&lease).await?;
    }
    Ok(())
}
