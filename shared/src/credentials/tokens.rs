//! The port through which the Graph client gets its access tokens.

use async_trait::async_trait;
use secrecy::SecretString;

use super::refusal::Refusal;
use crate::directory::UserId;

/// An access token and whose it is.
#[derive(Debug, Clone)]
pub struct UsableToken {
    /// The administrator it acts for.
    pub administrator: UserId,
    /// The token.
    pub secret: SecretString,
}

/// How Graph refused a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenRefusal {
    /// 401: expired or revoked. A fresh one of the same credential may work.
    Unauthorized,
    /// 403: this administrator may not read this. Another one may.
    Forbidden,
}

/// Why there is no access token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// No credential is left that works.
    #[error("no administrator's authorization works any more")]
    NoWorkingCredential,
    /// Microsoft refuses the application itself, for every credential.
    #[error("Microsoft refuses the application itself: {0}")]
    ApplicationRefused(Refusal),
    /// Microsoft's login did not answer, or asked to come back later.
    #[error("Microsoft's login is not available for now")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Our own stores of credentials and secrets did not answer.
    #[error("the credential store did not answer")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Where the Graph client gets its tokens, and where it complains of them.
#[async_trait]
pub trait AccessTokens: Send + Sync {
    /// A token that should work: the one given last unless it was refused or is about to expire.
    async fn token(&self) -> Result<UsableToken, TokenError>;

    /// Reports that Graph refused a token, so that the next [`AccessTokens::token`] gives another: after
    /// `Unauthorized` a fresh one of the same credential (once), otherwise one of the next credential. A report of a
    /// token that has been replaced already changes nothing, so that many requests at once may complain of the same one.
    async fn refused(&self, token: &UsableToken, how: TokenRefusal);
}
