//! Access tokens of programs.

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;
use crate::access::{AccessToken, TokenHash};
use crate::directory::DirectoryId;

/// The tokens, by the hash of their secret.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// The token with this hash, expired or not.
    async fn token(&self, hash: &TokenHash) -> Result<Option<AccessToken>, StoreError>;

    /// Adds a token, or replaces the one with the same hash.
    async fn put_token(&self, hash: &TokenHash, token: &AccessToken) -> Result<(), StoreError>;

    /// Notes when a token was used last.
    async fn note_token_used(&self, hash: &TokenHash, at: Timestamp) -> Result<(), StoreError>;
}

/// The tokens of a directory, for those who manage them. Tokens for all directories are in no list.
#[async_trait]
pub trait TokenRegistry: Send + Sync {
    /// A directory's tokens, the latest first.
    async fn tokens(&self, directory: DirectoryId) -> Result<Vec<(TokenHash, AccessToken)>, StoreError>;

    /// Revokes a token of this directory; [`StoreError::Conflict`] when it has none with this hash (any more).
    async fn revoke_token(&self, directory: DirectoryId, hash: &TokenHash) -> Result<(), StoreError>;
}
