//! What is known of each credential; its refresh token is in the secret store.

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;
use crate::credentials::Credential;
use crate::directory::{DirectoryId, UserId};

/// The credentials of directories, without their secrets.
#[async_trait]
pub trait CredentialStore: Send + Sync {
    /// The credentials of a directory.
    async fn credentials(&self, directory: DirectoryId) -> Result<Vec<Credential>, StoreError>;

    /// One credential: an administrator's, by object id.
    async fn credential(
        &self,
        directory: DirectoryId,
        administrator: &UserId,
    ) -> Result<Option<Credential>, StoreError>;

    /// Adds a credential, or replaces the one of the same administrator.
    async fn put_credential(&self, credential: &Credential) -> Result<(), StoreError>;

    /// Replaces a credential's record; [`StoreError::Conflict`] when it has been removed.
    async fn update_credential(&self, credential: &Credential) -> Result<(), StoreError>;

    /// Notes that a credential is preferred from then on. False when there is none.
    async fn prefer_credential(
        &self,
        directory: DirectoryId,
        administrator: &UserId,
        at: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Removes a credential's record. True when there was one.
    async fn remove_credential(&self, directory: DirectoryId, administrator: &UserId) -> Result<bool, StoreError>;
}
