//! Secrets in AWS Secrets Manager.

use async_trait::async_trait;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use secrecy::{ExposeSecret as _, SecretString};

use super::{ApplicationSecrets, SecretError, SecretStore};
use crate::directory::{DirectoryId, UserId};
use crate::session::SessionKeyStore;

/// Secrets Manager behind the [`SecretStore`] port.
#[derive(Debug, Clone)]
pub struct SecretsManager {
    client: Client,
    prefix: String,
    key_arn: Option<String>,
}

impl SecretsManager {
    /// The secrets whose names begin with `prefix` and a slash.
    #[must_use]
    pub fn new(client: Client, prefix: String) -> Self {
        Self { client, prefix, key_arn: None }
    }

    /// The same, but secrets that are made here are encrypted with this KMS key.
    #[must_use]
    pub fn encrypted_with(self, key_arn: Option<String>) -> Self {
        Self { key_arn, ..self }
    }

    /// Stores the client secret of the app registration.
    ///
    /// # Errors
    /// When the secret store does not answer.
    pub async fn put_client_secret(&self, secret: &SecretString) -> Result<(), SecretError> {
        self.write(&self.client_secret_name(), secret).await
    }

    /// Stores the certificate of the app registration, as PEM.
    ///
    /// # Errors
    /// When the secret store does not answer.
    pub async fn put_client_certificate(&self, pem: &SecretString) -> Result<(), SecretError> {
        self.write(&self.client_certificate_name(), pem).await
    }

    /// Stores the text that the keys of sessions are made of.
    ///
    /// # Errors
    /// When the secret store does not answer.
    pub async fn put_session_keys(&self, text: &SecretString) -> Result<(), SecretError> {
        self.write(&self.session_keys_name(), text).await
    }

    fn session_keys_name(&self) -> String {
        format!("{}/session-keys", self.prefix)
    }

    fn client_secret_name(&self) -> String {
        format!("{}/client-secret", self.prefix)
    }

    fn client_certificate_name(&self) -> String {
        format!("{}/client-certificate", self.prefix)
    }

    fn refresh_token_name(&self, directory: DirectoryId, administrator: &UserId) -> String {
        format!("{}/directories/{directory}/credentials/{administrator}", self.prefix)
    }

    async fn read(&self, name: &str) -> Result<Option<SecretString>, SecretError> {
        let output = match self.client.get_secret_value().secret_id(name).send().await {
            Ok(output) => output,
            Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => {
                return Ok(None);
            }
            Err(error) => return Err(unavailable(error)),
        };
        match output.secret_string {
            // A secret typed into a console or an editor may end with a line break.
            Some(value) => Ok(Some(SecretString::from(value.trim_end_matches(['\r', '\n']).to_owned()))),
            None => Err(SecretError::Malformed { name: name.to_owned() }),
        }
    }

    async fn write(&self, name: &str, value: &SecretString) -> Result<(), SecretError> {
        if self.replace(name, value).await? {
            return Ok(());
        }
        let create = self.client.create_secret().name(name).secret_string(value.expose_secret());
        match create.set_kms_key_id(self.key_arn.clone()).send().await {
            Ok(_) => Ok(()),
            // Somebody else made it meanwhile.
            Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_exists_exception()) => {
                if self.replace(name, value).await? {
                    Ok(())
                } else {
                    Err(SecretError::Unavailable("the secret comes and goes".into()))
                }
            }
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Gives an existing secret a new value; false when there is no such secret.
    async fn replace(&self, name: &str, value: &SecretString) -> Result<bool, SecretError> {
        let put = self.client.put_secret_value().secret_id(name).secret_string(value.expose_secret()).send().await;
        match put {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => {
                Ok(false)
            }
            Err(error) => Err(unavailable(error)),
        }
    }
}

#[async_trait]
impl ApplicationSecrets for SecretsManager {
    async fn client_secret(&self) -> Result<Option<SecretString>, SecretError> {
        self.read(&self.client_secret_name()).await
    }

    async fn client_certificate(&self) -> Result<Option<SecretString>, SecretError> {
        self.read(&self.client_certificate_name()).await
    }
}

#[async_trait]
impl SecretStore for SecretsManager {
    async fn refresh_token(
        &self,
        directory: DirectoryId,
        administrator: &UserId,
    ) -> Result<Option<SecretString>, SecretError> {
        self.read(&self.refresh_token_name(directory, administrator)).await
    }

    async fn put_refresh_token(
        &self,
        directory: DirectoryId,
        administrator: &UserId,
        token: &SecretString,
    ) -> Result<(), SecretError> {
        self.write(&self.refresh_token_name(directory, administrator), token).await
    }

    async fn rotate_refresh_token(
        &self,
        directory: DirectoryId,
        administrator: &UserId,
        token: &SecretString,
    ) -> Result<bool, SecretError> {
        self.replace(&self.refresh_token_name(directory, administrator), token).await
    }

    async fn delete_refresh_token(&self, directory: DirectoryId, administrator: &UserId) -> Result<(), SecretError> {
        let name = self.refresh_token_name(directory, administrator);
        // Without the days of grace, in which the name could not be used again.
        let delete = self.client.delete_secret().secret_id(name).force_delete_without_recovery(true);
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => {
                Ok(())
            }
            Err(error) => Err(unavailable(error)),
        }
    }
}

/// Names what went wrong, but nothing of the answer: it may hold a secret.
fn unavailable<E>(error: SdkError<E>) -> SecretError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let what = match &error {
        SdkError::ServiceError(service) => service.err().code().unwrap_or("an unnamed error").to_owned(),
        SdkError::DispatchFailure(failure) => format!("{:?}", failure.as_connector_error().map(ToString::to_string)),
        other => other.to_string(),
    };
    SecretError::Unavailable(what.into())
}

#[async_trait]
impl SessionKeyStore for SecretsManager {
    async fn session_keys(&self) -> Result<Option<SecretString>, SecretError> {
        self.read(&self.session_keys_name()).await
    }
}
