//! Which credential to use, and what to do when it fails.

use async_trait::async_trait;
use secrecy::SecretString;

use crate::directory::UserId;

/// An access token and whose it is.
#[derive(Debug, Clone)]
pub struct UsableToken {
    /// The administrator it acts for.
    pub administrator: UserId,
    /// The token.
    pub secret: SecretString,
}

/// Why there is no access token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// No credential is left that works.
    #[error("no administrator's authorization works any more")]
    NoWorkingCredential,
}

/// Where the Graph client gets its tokens, and where it complains of them.
#[async_trait]
pub trait AccessTokens: Send + Sync {
    /// A token that should work.
    async fn token(&self) -> Result<UsableToken, TokenError>;
}

/// The credentials of a directory in the order in which they are tried.
#[derive(Debug)]
pub struct CredentialChain;
