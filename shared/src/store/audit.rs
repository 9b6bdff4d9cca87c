//! Who changed what.

use async_trait::async_trait;
use uuid::Uuid;

use super::{Page, StoreError};
use crate::audit::AuditEntry;
use crate::directory::DirectoryId;

/// The audit trail of directories, kept for [`crate::audit::RETENTION`].
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Adds an entry. Entries are never changed.
    async fn record(&self, directory: DirectoryId, entry: &AuditEntry) -> Result<(), StoreError>;

    /// A page of a directory's entries, the latest first.
    async fn audit(
        &self,
        directory: DirectoryId,
        limit: usize,
        after: Option<Uuid>,
    ) -> Result<Page<AuditEntry>, StoreError>;
}
