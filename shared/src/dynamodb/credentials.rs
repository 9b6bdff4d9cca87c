//! Credentials, without their secrets.

use async_trait::async_trait;

use super::item::Item;
use super::keys::{CREDENTIAL, Key, of_directory};
use super::store::DynamoStore;
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
}
