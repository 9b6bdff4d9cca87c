//! Settings that are looked at before they are saved.

use async_trait::async_trait;

use super::StoreError;
use crate::directory::DirectoryId;
use crate::settings::{Draft, DraftId};

/// Drafts, forgotten after a day.
#[async_trait]
pub trait DraftStore: Send + Sync {
    /// Keeps a draft.
    async fn put_draft(&self, directory: DirectoryId, draft: &Draft) -> Result<(), StoreError>;

    /// A draft.
    async fn draft(&self, directory: DirectoryId, id: DraftId) -> Result<Option<Draft>, StoreError>;
}
