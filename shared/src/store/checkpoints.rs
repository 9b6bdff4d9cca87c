//! How far a run had read when it was cut off.

use async_trait::async_trait;

use super::{Lease, StoreError};
use crate::directory::DirectoryId;
use crate::sync::CheckpointHead;

/// A reading that can be continued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// What it says of itself.
    pub head: CheckpointHead,
    /// All that was saved of it, in the order in which it was.
    pub content: Vec<u8>,
    /// How many pieces the content is stored in: where more of it goes.
    pub pieces: u32,
}

/// At most one checkpoint of each directory. Writes are fenced.
#[async_trait]
pub trait CheckpointStore: Send + Sync {
    /// The checkpoint, as long as [`SyncState::checkpoint`](super::SyncState::checkpoint) says that there is one; [`StoreError::Corrupt`] when there is one that this program cannot read.
    async fn checkpoint(&self, directory: DirectoryId) -> Result<Option<Checkpoint>, StoreError>;

    /// Adds to a checkpoint after its first `pieces` pieces, or begins one with none, and returns how many there are then.
    /// The checkpoint is as before or as after, whenever this is interrupted.
    async fn save_checkpoint(
        &self,
        lease: &Lease,
        head: &CheckpointHead,
        pieces: u32,
        more: &[u8],
    ) -> Result<u32, StoreError>;

    /// Forgets the checkpoint.
    async fn drop_checkpoint(&self, lease: &Lease) -> Result<(), StoreError>;
}
