//! The port through which an account is validated by real reads.

use async_trait::async_trait;
use secrecy::SecretString;

use super::roles::HeldRoles;

/// Why an account cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// Graph does not let the account list users and groups, or shows it no user at all.
    #[error("the account may not read users and groups")]
    ReadRefused,
    /// Graph does not accept the access token at all.
    #[error("Microsoft Graph refuses the account's access token")]
    TokenRefused,
    /// Graph did not answer, or asked to come back later.
    #[error("Microsoft Graph is not available for now")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Graph's answer made no sense, or refused the request: nothing the administrator can mend.
    #[error("Microsoft Graph gave an answer that was not understood")]
    Unexpected(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Reads one page of users, one page of groups and the account's directory roles.
#[async_trait]
pub trait AccountProbe: Send + Sync {
    /// Validates the account behind this access token. Gives its roles, or `None` when the tenant does not let it
    /// read them.
    async fn probe(&self, token: &SecretString) -> Result<Option<HeldRoles>, ProbeError>;
}
