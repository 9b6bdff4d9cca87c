//! How the application proves to Microsoft that it is itself: by a client secret, by a certificate, or by a token that AWS
//! issues.
//!
//! Source: Microsoft identity platform, "OAuth 2.0 authorization code flow" (`client_secret`, `client_assertion`).

mod certificate;
mod client_secret;
mod kms;
mod signer;
mod web_identity;

pub use certificate::Certificate;
pub use client_secret::{ClientSecret, client_secret_flaw, is_padded};
pub use kms::KmsKey;
pub use signer::{Signer, StoredKey};
pub use web_identity::WebIdentity;

use std::sync::Arc;

use async_trait::async_trait;
use aws_config::SdkConfig;
use secrecy::SecretString;
use url::Url;

use crate::clock::Clock;
use crate::config;
use crate::credentials::Cause;
use crate::secrets::{ApplicationSecrets, SecretError};

/// What goes into a request to the token endpoint.
#[derive(Debug)]
pub enum Proof {
    /// The client secret.
    Secret(SecretString),
    /// A signed statement of who we are, good for minutes.
    Assertion(SecretString),
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// What is needed was never stored, or is nothing of the kind.
    #[error("the application's credential is not usable: {0:?}")]
    Unusable(Cause),
    /// Secrets Manager, KMS or STS did not answer, or refused.
    #[error("the application's credential could not be had")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<SecretError> for ProofError {
    fn from(error: SecretError) -> Self {
        Self::Unavailable(error.into())
    }
}

/// Proves who we are. What it needs is read each time, so that a new secret or certificate works at once.
#[async_trait]
pub trait AppCredential: Send + Sync {
    /// A proof for one request to this token endpoint.
    async fn proof(&self, token_endpoint: &Url) -> Result<Proof, ProofError>;
}

/// The credential of these settings.
#[must_use]
pub fn of(
    settings: &config::Microsoft,
    aws: &SdkConfig,
    secrets: Arc<dyn ApplicationSecrets>,
    clock: Arc<dyn Clock>,
) -> Arc<dyn AppCredential> {
    let client_id = settings.client_id.clone();
    match &settings.app_credential {
        config::AppCredential::ClientSecret => Arc::new(ClientSecret::new(secrets)),
        config::AppCredential::Certificate => {
            Arc::new(Certificate::new(client_id, Arc::clone(&secrets), Arc::new(StoredKey::new(secrets)), clock))
        }
        config::AppCredential::KmsCertificate { key_arn } => {
            let key = KmsKey::new(aws_sdk_kms::Client::new(aws), key_arn.clone());
            Arc::new(Certificate::new(client_id, secrets, Arc::new(key), clock))
        }
        config::AppCredential::WebIdentity { audience } => {
            Arc::new(WebIdentity::new(aws_sdk_sts::Client::new(aws), audience.clone()))
        }
    }
}

#[cfg(test)]
mod tests;
