//! Access tokens of programs.

use async_trait::async_trait;

use super::StoreError;
use crate::access::{AccessToken, TokenHash};

/// The tokens, by the hash of their secret.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// The token with this hash, expired or not.
    async fn token(&self, hash: &TokenHash) -> Result<Option<AccessToken>, StoreError>;

    /// Adds a token, or replaces the one with the same hash.
    async fn put_token(&self, hash: &TokenHash, token: &AccessToken) -> Result<(), StoreError>;
}
