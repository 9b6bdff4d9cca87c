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
use shared::session::SessionDesk;
use shared::{app_credential, config, http, telemetry};

#[tokio::main]
async fn main() -> Result<(), http::Error> {
    telemetry::json();
    let (storage, queue, microsoft, authorization, key_arn) =
        config::from_env(|env| (env.storage(), env.queue(), env.microsoft(), env.authorization(), env.secrets_key()))?;
    let client = http::client(&microsoft.extra_roots()?)?;
    let aws = load_from_env().await;
    let clock = Arc::new(SystemClock);
    let secrets = SecretsManager::new(aws_sdk_secretsmanager::Client::new(&aws), microsoft.secret_prefix.clone());
    let secrets = Arc::new(secrets.encrypted_with(key_arn));
    let credential = app_credential::of(&microsoft, &aws, secrets.clone(), clock.clone());
    let storage = Arc::new(DynamoStore::new(aws_sdk_dynamodb::Client::new(&aws), storage.table));
    let is_secure = authorization.base_url.scheme() == "https";
    let app = App {
        authorization,
        identity: Arc::new(IdentityPlatform::new(client.clone(), &microsoft, credential, clock.clone())),
        probe: Arc::new(GraphProbe::new(client, GraphOrigin::parse(&microsoft.graph_url)?, clock.clone())),
        sessions: Arc::new(SessionDesk::new(secrets.clone(), storage.clone(), clock.clone(), is_secure)),
        storage,
        secrets,
        queue: Arc::new(SqsQueue::new(aws_sdk_sqs::Client::new(&aws), queue.url)),
        clock,
    };
    http::run(router(Arc::new(app))).await
}
