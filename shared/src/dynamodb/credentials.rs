//! Credentials, without their secrets.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;

use super::error::unavailable;
use super::item::{Item, Stored};
use super::keys::{CREDENTIAL, Key, of_directory};
use super::store::DynamoStore;
use crate::credentials::Credential;
use crate::directory::{DirectoryId, UserId};
use crate::store::{CredentialStore, StoreError};

#[async_trait]
impl CredentialStore for DynamoStore {
    async fn credentials(&self, directory: DirectoryId) -> Result<Vec<Credential>, StoreError> {
        let items: Vec<_> = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :credential)")
            .expression_attribute_values(":pk", AttributeValue::S(of_directory(directory)))
            .expression_attribute_values(":credential", AttributeValue::S(CREDENTIAL.to_owned()))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(unavailable)?;
        items.into_iter().map(|item| Stored::new(item)?.value("credential")).collect()
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
}
