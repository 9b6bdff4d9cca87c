//! Credentials, without their secrets.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::Timestamp;

use super::error::unavailable;
use super::item::{Item, key_attributes};
use super::keys::{CREDENTIAL, Key, of_directory};
use super::store::DynamoStore;
use super::write::Refused;
use crate::credentials::Credential;
use crate::directory::{DirectoryId, UserId};
use crate::store::{CredentialStore, StoreError};

#[async_trait]
impl CredentialStore for DynamoStore {
    async fn credentials(&self, directory: DirectoryId) -> Result<Vec<Credential>, StoreError> {
        let items = self.beginning_with(of_directory(directory), CREDENTIAL).await?;
        items.iter().map(|item| item.value("credential")).collect()
    }

    async fn credential(
        &self,
        directory: DirectoryId,
        administrator: &UserId,
    ) -> Result<Option<Credential>, StoreError> {
        let key = Key::credential(directory, administrator);
        self.get(&key).await?.map(|item| item.value("credential")).transpose()
    }

    async fn put_credential(&self, credential: &Credential) -> Result<(), StoreError> {
        let key = Key::credential(credential.directory, &credential.administrator);
        self.put(Item::new(&key).value("credential", credential)?).await
    }

    async fn update_credential(&self, credential: &Credential) -> Result<(), StoreError> {
        let value = serde_dynamo::to_attribute_value(credential)
            .map_err(|error| StoreError::Corrupt { key: "credential".to_owned(), reason: error.to_string() })?;
        let update = self
            .update_of(&Key::credential(credential.directory, &credential.administrator))
            .update_expression("SET credential = :credential")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":credential", value);
        self.update(update).await.map(drop).map_err(|refused| refused.because(StoreError::Conflict))
    }

    async fn prefer_credential(
        &self,
        directory: DirectoryId,
        administrator: &UserId,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let update = self
            .update_of(&Key::credential(directory, administrator))
            .update_expression("SET credential.preferred_at = :at")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":at", AttributeValue::S(at.to_string()));
        match self.update(update).await {
            Ok(_) => Ok(true),
            Err(Refused::Condition { .. }) => Ok(false),
            Err(Refused::Failed(error)) => Err(error),
        }
    }

    async fn remove_credential(&self, directory: DirectoryId, administrator: &UserId) -> Result<bool, StoreError> {
        let key = key_attributes(&Key::credential(directory, administrator));
        let delete = self.client.delete_item().table_name(&self.table).set_key(Some(key));
        let removed = delete.return_values(ReturnValue::AllOld).send().await.map_err(unavailable)?;
        Ok(removed.attributes.is_some())
    }
}
