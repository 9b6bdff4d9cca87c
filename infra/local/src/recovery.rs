//! What a stack that was killed has left behind.

use std::collections::BTreeSet;
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

/// The runs that an earlier process has left unfinished, the oldest of each directory first. Takes away the leases they died
/// with: the caller is the only one who uses this table, and has not begun any run yet.
///
/// # Errors
/// When the table does not answer.
pub async fn lost_runs(store: &DynamoStore, now: Timestamp) -> Result<Vec<RunRequest>, StoreError> {
    let mut lost = Vec::new();
    for directory in store.directories().await? {
        let runs = store.runs(directory.id, LATEST, None).await?.items;
        let open: Vec<RunId> = runs.iter().filter(|run| !run.state.is_final()).map(|run| run.id).collect();
        if !open.is_empty() {
            break_lease(store, directory.id, now).await?;
        }
        lost.extend(open.into_iter().rev().map(|run| RunRequest { directory: directory.id, run }));
    }
    Ok(lost)
}

/// Delivers the messages again that were lost with the queue of an earlier process, as SQS would.
///
/// # Errors
/// When the queue does not take a message.
pub async fn send_again(queue: &dyn RunQueue, lost: &[RunRequest]) -> Result<(), QueueError> {
    for request in lost {
        queue.send(request, Duration::ZERO).await?;
    }
    Ok(())
}

/// Takes the lease as if it had run out, and gives it back.
async fn break_lease(store: &DynamoStore, directory: DirectoryId, now: Timestamp) -> Result<(), StoreError> {
    let later = now + LONG;
    if let Leased::Taken(lease, _) = store.acquire_lease(directory, RunId::new(now), later, later).await? {
        store.release_lease(&lease, &BTreeSet::from([lease.run])).await?;
    }
    Ok(())
}
