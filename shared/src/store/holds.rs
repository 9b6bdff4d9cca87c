//! Holds: what waits for an administrator.

use async_trait::async_trait;

use super::{Lease, StoreError};
use crate::directory::DirectoryId;
use crate::sync::{HeldChanges, Hold, HoldId, HoldState};

/// The holds of directories, kept for 90 days. A hold becomes visible, and ends by a run, with
/// [`MirrorStore::publish`](super::MirrorStore::publish).
#[async_trait]
pub trait HoldStore: Send + Sync {
    /// All holds of a directory, the latest first.
    async fn holds(&self, directory: DirectoryId) -> Result<Vec<Hold>, StoreError>;

    /// One hold.
    async fn hold(&self, directory: DirectoryId, id: HoldId) -> Result<Option<Hold>, StoreError>;

    /// What a hold would change.
    async fn held_changes(&self, directory: DirectoryId, id: HoldId) -> Result<HeldChanges, StoreError>;

    /// Stores what a hold would change, before the hold itself is published.
    async fn save_held_changes(&self, lease: &Lease, hold: &Hold, changes: &HeldChanges) -> Result<(), StoreError>;

    /// Replaces a hold that is in state `from`: anything else by now is a [`StoreError::Conflict`].
    async fn decide_hold(&self, hold: &Hold, from: HoldState) -> Result<(), StoreError>;
}
