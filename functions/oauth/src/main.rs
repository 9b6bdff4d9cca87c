//! The wiring of the function on Lambda.

use std::sync::Arc;

use aws_config::load_from_env;
use oauth::{App, GraphProbe, router};
use shared::clock::SystemClock;
use shared::dynamodb::DynamoStore;
use shared::graph::GraphOrigin;
use shared::identity::IdentityPlatform;
use shared::queue::SqsQueue;
use shared::secrets::SecretsManager;
use shared::{config, http, telemetry};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::json();
    let (storage, queue, microsoft, authorization) =
        config::from_env(|env| (env.storage(), env.queue(), env.microsoft(), env.authorization()))?;
    let client = http::client(&microsoft.extra_roots()?)?;
    let aws = load_from_env().await;
    let clock = Arc::new(SystemClock);
    let secrets =
        Arc::new(SecretsManager::new(aws_sdk_secretsmanager::Client::new(&aws), microsoft.secret_prefix.clone()));
    let app = App {
        authorization,
        identity: Arc::new(IdentityPlatform::new(client.clone(), &microsoft, secrets.clone(), clock.clone())),
        probe: Arc::new(GraphProbe::new(client, GraphOrigin::parse(&microsoft.graph_url)?, clock.clone())),
        storage: Arc::new(DynamoStore::new(aws_sdk_dynamodb::Client::new(&aws), storage.table)),
        secrets,
        queue: Arc::new(SqsQueue::new(aws_sdk_sqs::Client::new(&aws), queue.url)),
        clock,
    };
    lambda_http::run(router(Arc::new(app))).await
}
