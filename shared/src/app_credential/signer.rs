//! Who signs with the private key of a certificate.

use std::sync::Arc;

use async_trait::async_trait;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PSS_SHA256;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::ExposeSecret as _;

use super::ProofError;
use crate::credentials::Cause;
use crate::secrets::ApplicationSecrets;

/// Signs by RSASSA-PSS with SHA-256 (`PS256` of RFC 7518).
#[async_trait]
pub trait Signer: Send + Sync {
    /// The signature of a message.
    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ProofError>;
}

/// An RSA key that is stored beside the certificate, as PEM of PKCS #8 or PKCS #1.
pub struct StoredKey {
    secrets: Arc<dyn ApplicationSecrets>,
}

impl StoredKey {
    /// The key that is stored there.
    #[must_use]
    pub fn new(secrets: Arc<dyn ApplicationSecrets>) -> Self {
        Self { secrets }
    }
}

#[async_trait]
impl Signer for StoredKey {
    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ProofError> {
        let missing = || ProofError::Unusable(Cause::ClientCertificateMissing);
        let pem = self.secrets.client_certificate().await?.ok_or_else(missing)?;
        let key = match PrivateKeyDer::from_pem_slice(pem.expose_secret().as_bytes()) {
            Ok(PrivateKeyDer::Pkcs8(key)) => KeyPair::from_pkcs8(key.secret_pkcs8_der()),
            Ok(PrivateKeyDer::Pkcs1(key)) => KeyPair::from_der(key.secret_pkcs1_der()),
            _ => return Err(missing()),
        };
        let key = key.map_err(|_| missing())?;
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PSS_SHA256, &SystemRandom::new(), message, &mut signature).map_err(|_| missing())?;
        Ok(signature)
    }
}
