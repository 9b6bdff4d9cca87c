//! What has been announced.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;

use super::error::unavailable;
use super::item::Item;
use super::keys::Key;
use super::store::DynamoStore;
use crate::directory::{ChangeId, DirectoryId};
use crate::store::{Announced, AnnouncementStore, StoreError};

#[async_trait]
impl AnnouncementStore for DynamoStore {
    async fn announced(&self, directory: DirectoryId) -> Result<Option<Announced>, StoreError> {
        let Some(item) = self.get(&Key::announced(directory)).await? else { return Ok(None) };
        let (users_since, log) =
            (item.value("users_since")?, item.optional_text("log")?.unwrap_or_default().to_owned());
        Ok(Some(Announced { change: ChangeId::new(item.number("change")?), users_since, log }))
    }

    async fn note_announced(&self, directory: DirectoryId, announced: &Announced) -> Result<(), StoreError> {
        let change = announced.change.map_or(0, ChangeId::number);
        let item = Item::new(&Key::announced(directory))
            .number("change", change)
            .value("users_since", &announced.users_since)?
            .text("log", &announced.log);
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item.into_attributes()))
            .condition_expression(
                "attribute_not_exists(pk) OR #change <= :change OR attribute_not_exists(#log) OR #log <> :log",
            )
            .expression_attribute_names("#change", "change")
            .expression_attribute_names("#log", "log")
            .expression_attribute_values(":change", AttributeValue::N(change.to_string()))
            .expression_attribute_values(":log", AttributeValue::S(announced.log.clone()));
        match put.send().await {
            Ok(_) => Ok(()),
            // Somebody else was faster and came further.
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(unavailable(error)),
        }
    }
}
