//! A private key that never leaves AWS KMS.

use async_trait::async_trait;
use aws_sdk_kms::Client;
use aws_sdk_kms::error::ProvideErrorMetadata as _;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};

use super::{ProofError, Signer};

/// An RSA key of AWS KMS, made to sign and verify.
///
/// Source: AWS Key Management Service API reference, `Sign`: a message of at most 4,096 bytes.
#[derive(Debug, Clone)]
pub struct KmsKey {
    client: Client,
    arn: String,
}

impl KmsKey {
    /// The key with this ARN.
    #[must_use]
    pub fn new(client: Client, arn: String) -> Self {
        Self { client, arn }
    }
}

#[async_trait]
impl Signer for KmsKey {
    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ProofError> {
        let sign = self
            .client
            .sign()
            .key_id(&self.arn)
            .message(Blob::new(message))
            .message_type(MessageType::Raw)
            .signing_algorithm(SigningAlgorithmSpec::RsassaPssSha256);
        let unavailable = |what: &str| ProofError::Unavailable(format!("KMS did not sign: {what}").into());
        let signed = sign.send().await.map_err(|error| unavailable(error.code().unwrap_or("no answer")))?;
        signed.signature.map(Blob::into_inner).ok_or_else(|| unavailable("an answer without a signature"))
    }
}
