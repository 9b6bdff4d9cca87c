//! Secrets in AWS Secrets Manager.

/// Secrets Manager behind the [`SecretStore`](super::SecretStore) port.
#[derive(Debug, Clone)]
pub struct SecretsManager;
