//! The port to secrets, and its Secrets Manager adapter.
//!
//! One secret per credential, named after directory and administrator; one for the client secret of the app registration, one for
//! its certificate, and one for the keys of sessions.

mod secrets_manager;

pub use secrets_manager::SecretsManager;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::directory::{DirectoryId, UserId};

/// Why a secret could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The secret store did not answer, or refused for now.
    #[error("the secret store is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The secret exists but has not the form it should have.
    #[error("the secret {name} is malformed")]
    Malformed {
        /// The secret's name, which is no secret.
        name: String,
    },
}

/// Where that is by which Microsoft knows the application.
#[async_trait]
pub trait ApplicationSecrets: Send + Sync {
    /// The client secret of the app registration; `None` when none has been stored.
    async fn client_secret(&self) -> Result<Option<SecretString>, SecretError>;

    /// The certificate of the app registration as PEM, and beside it its private key unless that is elsewhere; `None` when none has
    /// been stored.
    async fn client_certificate(&self) -> Result<Option<SecretString>, SecretError>;
}

/// Where the credentials' secrets live.
#[async_trait]
pub trait SecretStore: Send + Sync {
    /// A credential's refresh token.
    async fn refresh_token(
        &self,
        directory: DirectoryId,
        administrator: &UserId,
    ) -> Result<Option<SecretString>, SecretError>;

    /// Stores a credential's refresh token, in place of an earlier one. When this returns, the token is safe.
    async fn put_refresh_token(
        &self,
        directory: DirectoryId,
        administrator: &UserId,
        token: &SecretString,
    ) -> Result<(), SecretError>;

    /// Replaces a credential's refresh token by the one it was exchanged for. False when there is none any more: then none is
    /// stored. When this returns true, the token is safe.
    async fn rotate_refresh_token(
        &self,
        directory: DirectoryId,
        administrator: &UserId,
        token: &SecretString,
    ) -> Result<bool, SecretError>;

    /// Deletes a credential's refresh token for good. There may be none.
    async fn delete_refresh_token(&self, directory: DirectoryId, administrator: &UserId) -> Result<(), SecretError>;
}
