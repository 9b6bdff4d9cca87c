//! The parts of AWS on loopback that the real SDK talks to.

use std::path::Path;
use std::sync::Arc;

use aws_config::{AppName, SdkConfig};
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider, SharedHttpClient};
use shared::dynamodb::{DynamoStore, create_table};
use shared::queue::SqsQueue;
use shared::secrets::SecretsManager;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::secrets_manager::LocalSecrets;

/// The table's name.
pub const TABLE: &str = "office365-sync";
/// The queue's name.
const QUEUE: &str = "run-requests";
/// What the names of secrets begin with.
pub const SECRET_PREFIX: &str = "office365-sync";

/// Why a part could not be started.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// No port could be had.
    #[error("no loopback port could be opened")]
    Listen(#[from] std::io::Error),
    /// The database file cannot be used.
    #[error(
        "the database {path} cannot be used ({reason}); delete its folder to start anew, or name another with --data-dir"
    )]
    Database {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The table could not be made.
    #[error("the table could not be made: {0}")]
    Table(String),
}

/// Starts an embedded DynamoDB, in a file or in memory, and returns its endpoint. It ends when `stop` says so.
///
/// # Errors
/// When it cannot be started.
pub async fn serve_dynamodb(file: Option<&Path>, stop: watch::Receiver<bool>) -> Result<String, AwsError> {
    let database = match file {
        None => dynoxide::Database::memory(),
        Some(file) => dynoxide::Database::new(&file.display().to_string()),
    }
    .map_err(|error| AwsError::Database {
        path: file.map_or_else(|| "in memory".to_owned(), |file| file.display().to_string()),
        reason: error.to_string(),
    })?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, stopped(stop)));
    Ok(endpoint)
}

/// The store in the DynamoDB at this endpoint, with its table made. `http` carries the requests, or else the SDK's own client.
///
/// # Errors
/// When the table cannot be made.
pub async fn dynamo_store(endpoint: &str, http: Option<SharedHttpClient>) -> Result<DynamoStore, AwsError> {
    let mut config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("local"))
        .credentials_provider(credentials())
        .endpoint_url(endpoint);
    config.set_http_client(http);
    let client = aws_sdk_dynamodb::Client::from_conf(config.build());
    create_table(&client, TABLE).await.map_err(|error| AwsError::Table(error.to_string()))?;
    Ok(DynamoStore::new(client, TABLE.to_owned()))
}

/// Where the parts are that functions talk to.
pub(crate) struct Endpoints {
    pub(crate) dynamodb: String,
    pub(crate) secrets_manager: String,
    pub(crate) sqs: String,
    /// What carries the requests, or else the SDK's own client.
    pub(crate) http: Option<SharedHttpClient>,
}

/// A function's own clients of AWS.
pub(crate) struct Clients {
    /// What they have in common.
    pub(crate) config: SdkConfig,
    /// The table.
    pub(crate) store: Arc<DynamoStore>,
    /// The secrets.
    pub(crate) secrets: Arc<SecretsManager>,
    /// The queue of run requests.
    pub(crate) queue: Arc<SqsQueue>,
}

impl Endpoints {
    /// The clients of a function. They name it in what they send, as each would come with its own role at AWS.
    pub(crate) fn clients_of(&self, function: &'static str) -> Clients {
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("local"))
            .credentials_provider(SharedCredentialsProvider::new(credentials()));
        config.set_app_name(AppName::new(function).ok()).set_http_client(self.http.clone());
        let config = config.build();
        let dynamodb = aws_sdk_dynamodb::config::Builder::from(&config).endpoint_url(&self.dynamodb);
        let secrets = aws_sdk_secretsmanager::config::Builder::from(&config).endpoint_url(&self.secrets_manager);
        let sqs = aws_sdk_sqs::config::Builder::from(&config).endpoint_url(&self.sqs);
        let store = DynamoStore::new(aws_sdk_dynamodb::Client::from_conf(dynamodb.build()), TABLE.to_owned());
        let secrets = aws_sdk_secretsmanager::Client::from_conf(secrets.build());
        let queue = SqsQueue::new(aws_sdk_sqs::Client::from_conf(sqs.build()), format!("{}/{QUEUE}", self.sqs));
        Clients {
            config,
            store: Arc::new(store),
            secrets: Arc::new(SecretsManager::new(secrets, SECRET_PREFIX.to_owned())),
            queue: Arc::new(queue),
        }
    }
}

/// Starts the local store of secrets and returns its endpoint. It ends when `stop` says so.
///
/// # Errors
/// When no port can be had.
pub async fn serve_secrets_manager(secrets: LocalSecrets, stop: watch::Receiver<bool>) -> Result<String, AwsError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, secrets.router()).with_graceful_shutdown(stopped(stop)).await });
    Ok(endpoint)
}

/// The secrets in the Secrets Manager at this endpoint. `http` carries the requests, or else the SDK's own client.
#[must_use]
pub fn secrets_manager(endpoint: &str, http: Option<SharedHttpClient>) -> SecretsManager {
    let mut config = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(aws_sdk_secretsmanager::config::BehaviorVersion::latest())
        .region(aws_sdk_secretsmanager::config::Region::from_static("local"))
        .credentials_provider(credentials())
        .endpoint_url(endpoint);
    config.set_http_client(http);
    SecretsManager::new(aws_sdk_secretsmanager::Client::from_conf(config.build()), SECRET_PREFIX.to_owned())
}

/// Credentials that mean nothing to anybody: the local parts do not check them.
fn credentials() -> Credentials {
    Credentials::new("local", "local", None, None, "local")
}

/// Resolves when the stack is to end.
pub(crate) async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that the stack is gone, which is the same.
    let _ = stop.wait_for(|stop| *stop).await;
}
