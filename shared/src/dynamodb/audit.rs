//! Who changed what, the latest first.

use async_trait::async_trait;
use uuid::Uuid;

use super::item::Item;
use super::keys::{Key, audit};
use super::store::DynamoStore;
use crate::audit::{AuditEntry, RETENTION};
use crate::directory::DirectoryId;
use crate::store::{AuditStore, Page, StoreError};

pub(super) fn write(directory: DirectoryId, entry: &AuditEntry) -> Result<Item, StoreError> {
    let item = Item::new(&Key::audit(directory, entry.id)).value("entry", entry)?;
    Ok(item.expires_after(entry.at, RETENTION))
}

#[async_trait]
impl AuditStore for DynamoStore {
    async fn record(&self, directory: DirectoryId, entry: &AuditEntry) -> Result<(), StoreError> {
        self.put(write(directory, entry)?).await
    }

    async fn audit(
        &self,
        directory: DirectoryId,
        limit: usize,
        after: Option<Uuid>,
    ) -> Result<Page<AuditEntry>, StoreError> {
        let after = after.map(|after| after.to_string());
        let found = self.latest(audit(directory), after, limit + 1).await?;
        Ok(Page::of(found.iter().map(|item| item.value("entry")).collect::<Result<_, _>>()?, limit))
    }
}
