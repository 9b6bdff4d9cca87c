//! The port to the token endpoint.

use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;

use super::refusal::Refusal;
use crate::clock_skew::ClockSkew;
use crate::directory::DirectoryId;

/// What the token endpoint gives.
#[derive(Debug, Clone)]
pub struct Grant {
    /// For Microsoft Graph.
    pub access_token: SecretString,
    /// How long the access token is good.
    pub expires_in: Duration,
    /// For the next grant, when a new one came. The old one stays good until it is dropped.
    pub refresh_token: Option<SecretString>,
    /// The scopes that were granted, which may be fewer than those asked for. Empty when the answer does not say.
    pub scopes: Vec<String>,
}

/// Why there is no grant.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// Microsoft answered, with a refusal.
    #[error("Microsoft refused: {0}")]
    Refused(Refusal),
    /// Microsoft refuses the application's proof of who it is, because our clock is wrong.
    #[error("the clock is {0}, so that Microsoft refuses the application")]
    ClockWrong(ClockSkew),
    /// Microsoft's login asks for a longer wait than there is time for.
    #[error("Microsoft's login asks to wait {} seconds", wait.as_secs())]
    Paused {
        /// Earliest time of the next request, from now.
        wait: Duration,
    },
    /// No answer that could be used, after all repetitions; nothing is known of the credential.
    #[error("Microsoft's login is not available for now")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Our own secret store did not answer, or what else proves who we are.
    #[error("the application's credential could not be had")]
    Secrets(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Where refresh tokens are exchanged for access tokens.
#[async_trait]
pub trait TokenEndpoint: Send + Sync {
    /// Exchanges a refresh token at the tenant's token endpoint.
    async fn refresh(&self, tenant: DirectoryId, refresh_token: &SecretString) -> Result<Grant, GrantError>;
}
