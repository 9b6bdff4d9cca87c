//! Who changed what, the latest first.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use uuid::Uuid;

use super::cursor::{decode, encode};
use super::error::unavailable;
use super::item::{Item, Stored};
use super::keys::{Key, audit};
use super::store::DynamoStore;
use crate::audit::{AuditEntry, RETENTION};
use crate::directory::DirectoryId;
use crate::store::{AuditStore, Cursor, Page, StoreError};

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
        after: Option<&Cursor>,
    ) -> Result<Page<AuditEntry>, StoreError> {
        let after: Option<Uuid> = after.map(|cursor| decode("audit", cursor)).transpose()?;
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(i32::try_from(limit + 1).unwrap_or(i32::MAX))
            .expression_attribute_values(":pk", AttributeValue::S(audit(directory)));
        let query = match after {
            None => query.key_condition_expression("pk = :pk"),
            Some(after) => query
                .key_condition_expression("pk = :pk AND sk < :after")
                .expression_attribute_values(":after", AttributeValue::S(after.to_string())),
        };
        let found = query.send().await.map_err(unavailable)?.items.unwrap_or_default();
        let mut items: Vec<AuditEntry> =
            found.into_iter().map(|item| Stored::new(item)?.value("entry")).collect::<Result<_, StoreError>>()?;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|last| encode("audit", &last.id));
        Ok(Page { items, next })
    }
}
