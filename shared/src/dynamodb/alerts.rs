//! What is open in a directory.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;

use super::error::unavailable;
use super::item::{Item, Stored};
use super::keys::{ALERTS, CREDENTIAL, CREDENTIALS_END, Key, of_directory};
use super::store::DynamoStore;
use crate::alerts::AlertRecord;
use crate::directory::DirectoryId;
use crate::store::{AlertStore, Standing, StoreError};

pub(super) fn read(item: &Stored) -> Result<AlertRecord, StoreError> {
    Ok(AlertRecord { version: item.number("version")?, open: item.value("open")?, outgoing: item.value("outgoing")? })
}

#[async_trait]
impl AlertStore for DynamoStore {
    async fn standing(&self, directory: DirectoryId) -> Result<Standing, StoreError> {
        let mut standing = Standing::default();
        for item in self.between(of_directory(directory), ALERTS, CREDENTIALS_END).await? {
            match item.text("sk")? {
                ALERTS => standing.alerts = read(&item)?,
                sk if sk.starts_with(CREDENTIAL) => standing.credentials.push(item.value("credential")?),
                // What else sorts between them is small.
                _ => {}
            }
        }
        Ok(standing)
    }

    async fn put_alerts(&self, directory: DirectoryId, record: &AlertRecord) -> Result<(), StoreError> {
        let item = Item::new(&Key::alerts(directory))
            .number("version", record.version + 1)
            .value("open", &record.open)?
            .value("outgoing", &record.outgoing)?;
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item.into_attributes()));
        let put = if record.version == 0 {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            put.condition_expression("#version = :from")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":from", AttributeValue::N(record.version.to_string()))
        };
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Err(StoreError::Conflict)
            }
            Err(error) => Err(unavailable(error)),
        }
    }
}
