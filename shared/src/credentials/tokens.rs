//! The port through which the Graph client gets its access tokens.

use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;

use super::refusal::Refusal;
use crate::clock_skew::ClockSkew;
use crate::directory::UserId;

/// An access token and whose it is.
#[derive(Debug, Clone)]
pub struct UsableToken {
    /// The administrator it acts for.
    pub administrator: UserId,
    /// The token.
    pub secret: SecretString,
    /// Whether it has the permission to read hidden memberships, which takes a directory role besides.
    pub reads_hidden_members: bool,
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
    /// Microsoft refuses the application's proof of who it is, because our clock is wrong.
    #[error("the clock is {0}, so that Microsoft refuses the application")]
    ClockWrong(ClockSkew),
    /// Graph refuses the fresh tokens of every credential that is left. This passes, or the credentials are marked when
    /// it repeats.
    #[error("Microsoft Graph refuses fresh access tokens")]
    TokensRejected,
    /// Microsoft asks for a longer wait than there is time for.
    #[error("Microsoft asks to wait {} seconds for a token", wait.as_secs())]
    Paused {
        /// Earliest time of the next request, from now.
        wait: Duration,
    },
    /// Microsoft's login did not answer, or gave no answer that could be used.
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
    /// `Unauthorized` a fresh one of the same credential (a few times, each after a longer wait), otherwise one of the
    /// next credential. A report of a token that has been replaced already changes nothing, so that many requests at once
    /// may complain of the same one.
    async fn refused(&self, token: &UsableToken, how: TokenRefusal);

    /// Reports that Graph accepted a token, so that earlier refusals no longer count against its credential.
    async fn accepted(&self, token: &UsableToken);
}
