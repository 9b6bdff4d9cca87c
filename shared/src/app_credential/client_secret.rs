//! The client secret of the app registration.

use std::sync::Arc;

use async_trait::async_trait;
use url::Url;

use super::{AppCredential, Proof, ProofError};
use crate::credentials::Cause;
use crate::secrets::ApplicationSecrets;

/// A client secret that is kept with the other secrets.
pub struct ClientSecret {
    secrets: Arc<dyn ApplicationSecrets>,
}

impl ClientSecret {
    /// The secret that is stored there.
    #[must_use]
    pub fn new(secrets: Arc<dyn ApplicationSecrets>) -> Self {
        Self { secrets }
    }
}

#[async_trait]
impl AppCredential for ClientSecret {
    async fn proof(&self, _: &Url) -> Result<Proof, ProofError> {
        let secret = self.secrets.client_secret().await?;
        secret.map(Proof::Secret).ok_or(ProofError::Unusable(Cause::ClientSecretMissing))
    }
}
