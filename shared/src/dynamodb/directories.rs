//! Directories and their settings.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use jiff::Timestamp;

use super::audit;
use super::error::unavailable;
use super::item::{Item, Stored, key_attributes};
use super::keys::{DIRECTORIES, Key};
use super::store::DynamoStore;
use crate::directory::{Directory, DirectoryId, SettingsChanged};
use crate::settings::ComparedWith;
use crate::store::{DirectoryStore, SettingsChange, StoreError};

pub(super) fn write(directory: &Directory) -> Result<Item, StoreError> {
    let item = Item::new(&Key::directory(directory.id))
        .text("name", &directory.name)
        .value("created_at", &directory.created_at)?
        .value("settings", &directory.policy)?
        .number("settings_version", directory.settings_version)
        .value("next_sync_at", &directory.next_sync_at)?;
    let item = match &directory.settings_changed {
        Some(changed) => item.value("settings_changed", changed)?,
        None => item,
    };
    match &directory.published {
        Some(published) => item.value("published", published),
        None => Ok(item),
    }
}

pub(super) fn read(item: &Stored) -> Result<Directory, StoreError> {
    Ok(Directory {
        id: item.parsed("sk")?,
        name: item.text("name")?.to_owned(),
        created_at: item.value("created_at")?,
        policy: item.value("settings")?,
        settings_version: item.number("settings_version")?,
        settings_changed: item.optional_value("settings_changed")?,
        next_sync_at: item.value("next_sync_at")?,
        published: item.optional_value("published")?,
    })
}

#[async_trait]
impl DirectoryStore for DynamoStore {
    async fn directories(&self) -> Result<Vec<Directory>, StoreError> {
        self.partition(DIRECTORIES.to_owned()).await?.iter().map(read).collect()
    }

    async fn directory(&self, id: DirectoryId) -> Result<Option<Directory>, StoreError> {
        self.get(&Key::directory(id)).await?.as_ref().map(read).transpose()
    }

    async fn create_directory(&self, directory: &Directory) -> Result<bool, StoreError> {
        let created = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(write(directory)?.into_attributes()))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        match created {
            Ok(_) => Ok(true),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(false)
            }
            Err(error) => Err(unavailable(error)),
        }
    }

    async fn change_settings(&self, id: DirectoryId, change: &SettingsChange) -> Result<u64, StoreError> {
        let version = change.from_version + 1;
        let corrupt =
            |error: serde_dynamo::Error| StoreError::Corrupt { key: "settings".to_owned(), reason: error.to_string() };
        let settings = serde_dynamo::to_attribute_value(&change.policy).map_err(corrupt)?;
        let changed = SettingsChanged { by: change.entry.by.clone(), at: change.entry.at };
        let changed = serde_dynamo::to_attribute_value(changed).map_err(corrupt)?;
        let (condition, run) = match change.compared_with {
            ComparedWith::Nothing => ("settings_version = :from", None),
            ComparedWith::Published(None) => ("settings_version = :from AND attribute_not_exists(published)", None),
            ComparedWith::Published(Some(run)) => ("settings_version = :from AND published.#run = :run", Some(run)),
        };
        let mut update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key_attributes(&Key::directory(id))))
            .update_expression("SET settings = :settings, settings_version = :version, settings_changed = :changed")
            .condition_expression(condition)
            .expression_attribute_values(":settings", settings)
            .expression_attribute_values(":changed", changed)
            .expression_attribute_values(":version", AttributeValue::N(version.to_string()))
            .expression_attribute_values(":from", AttributeValue::N(change.from_version.to_string()));
        if let Some(run) = run {
            update = update
                .expression_attribute_names("#run", "run")
                .expression_attribute_values(":run", AttributeValue::S(run.to_string()));
        }
        let update = update.build().map_err(unavailable)?;
        let record = Put::builder()
            .table_name(&self.table)
            .set_item(Some(audit::write(id, &change.entry)?.into_attributes()))
            .build()
            .map_err(unavailable)?;
        let actions =
            vec![TransactWriteItem::builder().update(update).build(), TransactWriteItem::builder().put(record).build()];
        self.transact(actions).await.map_err(|refused| refused.because(StoreError::Conflict))?;
        Ok(version)
    }

    async fn schedule(&self, id: DirectoryId, next_sync_at: Timestamp) -> Result<(), StoreError> {
        let update = self
            .update_of(&Key::directory(id))
            .update_expression("SET next_sync_at = :next")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":next", AttributeValue::S(next_sync_at.to_string()));
        self.update(update).await.map_err(|refused| refused.because(StoreError::Conflict))?;
        Ok(())
    }
}
