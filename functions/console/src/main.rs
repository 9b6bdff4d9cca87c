//! The console function on Lambda: wiring only.

use std::sync::Arc;

use console::{App, Site};
use shared::clock::SystemClock;
use shared::dynamodb::DynamoStore;
use shared::queue::SqsQueue;
use shared::secrets::SecretsManager;
use shared::session::SessionDesk;
use shared::{config, telemetry};

#[tokio::main]
async fn main() -> Result<(), shared::http::Error> {
    telemetry::json();
    let (storage, queue, site) = config::from_env(|env| (env.storage(), env.queue(), env.site()))?;
    let aws = aws_config::load_from_env().await;
    let clock = Arc::new(SystemClock);
    let store = Arc::new(DynamoStore::new(aws_sdk_dynamodb::Client::new(&aws), storage.table));
    let queue = Arc::new(SqsQueue::new(aws_sdk_sqs::Client::new(&aws), queue.url));
    let secrets = Arc::new(SecretsManager::new(aws_sdk_secretsmanager::Client::new(&aws), site.secret_prefix.clone()));
    let is_secure = site.base_url.scheme() == "https";
    let sessions = SessionDesk::new(secrets.clone(), store.clone(), clock.clone(), is_secure);
    let app = App::new(store.clone(), queue, clock);
    shared::http::run(console::router(Site::new(app, store, secrets, Arc::new(sessions), &site.base_url))).await
}
