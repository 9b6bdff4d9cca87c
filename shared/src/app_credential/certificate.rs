//! A certificate of the app registration: a statement signed with its private key.
//!
//! Source: Microsoft identity platform, "Microsoft identity platform application authentication certificate credentials".

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use url::Url;
use uuid::Uuid;

use super::{AppCredential, Proof, ProofError, Signer};
use crate::clock::Clock;
use crate::credentials::Cause;
use crate::secrets::ApplicationSecrets;

/// How long a statement is good: Microsoft recommends five to ten minutes.
const LIFETIME: SignedDuration = SignedDuration::from_mins(10);

/// A certificate that is kept with the other secrets, whose private key somebody else holds, or is beside it.
pub struct Certificate {
    client_id: String,
    secrets: Arc<dyn ApplicationSecrets>,
    signer: Arc<dyn Signer>,
    clock: Arc<dyn Clock>,
}

impl Certificate {
    /// The certificate of this application that is stored there, with the private key that signs.
    #[must_use]
    pub fn new(
        client_id: String,
        secrets: Arc<dyn ApplicationSecrets>,
        signer: Arc<dyn Signer>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { client_id, secrets, signer, clock }
    }

    /// The statement, without its signature.
    fn statement(&self, thumbprint: &str, token_endpoint: &Url, now: Timestamp) -> String {
        let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint});
        let claims = json!({
            "aud": token_endpoint.as_str(),
            "iss": self.client_id,
            "sub": self.client_id,
            "jti": Uuid::new_v4(),
            "nbf": now.as_second(),
            "iat": now.as_second(),
            "exp": (now + LIFETIME).as_second(),
        });
        [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".")
    }
}

#[async_trait]
impl AppCredential for Certificate {
    async fn proof(&self, token_endpoint: &Url) -> Result<Proof, ProofError> {
        let missing = || ProofError::Unusable(Cause::ClientCertificateMissing);
        let pem = self.secrets.client_certificate().await?.ok_or_else(missing)?;
        let certificate = CertificateDer::from_pem_slice(pem.expose_secret().as_bytes()).map_err(|_| missing())?;
        let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(&certificate));
        let statement = self.statement(&thumbprint, token_endpoint, self.clock.now());
        let signature = URL_SAFE_NO_PAD.encode(self.signer.sign(statement.as_bytes()).await?);
        Ok(Proof::Assertion(SecretString::from(format!("{statement}.{signature}"))))
    }
}
