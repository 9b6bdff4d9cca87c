//! The parts of AWS that the functions use, as much of each as they use, asked through the real SDK.

mod dynamodb;
mod in_process;
pub mod secrets_manager;
pub mod sqs;

use std::io;
use std::sync::Arc;

use aws_config::{AppName, SdkConfig};
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider, SharedHttpClient};
use axum::Router;
use shared::dynamodb::{DynamoStore, create_table};
use shared::queue::SqsQueue;
use shared::secrets::SecretsManager;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub use dynamodb::dynamodb;
pub use in_process::in_process;

/// The endpoint of DynamoDB where the parts are in the same process.
pub const DYNAMODB: &str = "http://dynamodb";
/// The endpoint of Secrets Manager there.
pub const SECRETS_MANAGER: &str = "http://secretsmanager";
/// The endpoint of SQS there.
pub const SQS: &str = "http://sqs";
/// The table's name.
pub const TABLE: &str = "office365-sync";
/// The queue's name.
const QUEUE: &str = "run-requests";
/// What the names of secrets begin with.
pub const SECRET_PREFIX: &str = "office365-sync";

/// Why a part could not be started.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
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

/// Starts a part for other processes and returns its endpoint. It ends when `stop` says so.
///
/// # Errors
/// When no port can be had.
pub async fn serve(part: Router, stop: watch::Receiver<bool>) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, part).with_graceful_shutdown(stopped(stop)).await });
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

impl Clients {
    /// The clients of a function for the parts that `http` leads to. They name the function in what they send, as each would
    /// come with its own role at AWS.
    pub(crate) fn of(function: &'static str, http: &SharedHttpClient) -> Self {
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("local"))
            .credentials_provider(SharedCredentialsProvider::new(credentials()))
            .http_client(http.clone());
        config.set_app_name(AppName::new(function).ok());
        let config = config.build();
        let dynamodb = aws_sdk_dynamodb::config::Builder::from(&config).endpoint_url(DYNAMODB);
        let secrets = aws_sdk_secretsmanager::config::Builder::from(&config).endpoint_url(SECRETS_MANAGER);
        let sqs = aws_sdk_sqs::config::Builder::from(&config).endpoint_url(SQS);
        let store = DynamoStore::new(aws_sdk_dynamodb::Client::from_conf(dynamodb.build()), TABLE.to_owned());
        let secrets = aws_sdk_secretsmanager::Client::from_conf(secrets.build());
        let queue = SqsQueue::new(aws_sdk_sqs::Client::from_conf(sqs.build()), format!("{SQS}/{QUEUE}"));
        Self {
            config,
            store: Arc::new(store),
            secrets: Arc::new(SecretsManager::new(secrets, SECRET_PREFIX.to_owned())),
            queue: Arc::new(queue),
        }
    }
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
