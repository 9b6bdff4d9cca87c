//! What is open in a directory, and what has to be told of it.

use async_trait::async_trait;

use super::StoreError;
use crate::alerts::AlertRecord;
use crate::directory::DirectoryId;

/// The record of open conditions, one for each directory.
#[async_trait]
pub trait AlertStore: Send + Sync {
    /// The record; an empty one of version 0 before the first was stored.
    async fn alerts(&self, directory: DirectoryId) -> Result<AlertRecord, StoreError>;

    /// Stores a record under the version after its own. That another one is stored by now than it was made from is a
    /// [`StoreError::Conflict`].
    async fn put_alerts(&self, directory: DirectoryId, record: &AlertRecord) -> Result<(), StoreError>;
}
