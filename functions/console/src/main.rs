//! The console function on Lambda: wiring only.

use std::sync::Arc;

use console::App;
use shared::clock::SystemClock;
use shared::dynamodb::DynamoStore;
use shared::queue::SqsQueue;
use shared::{config, telemetry};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::json();
    let (storage, queue) = config::from_env(|environment| (environment.storage(), environment.queue()))?;
    let aws = aws_config::load_from_env().await;
    let store = DynamoStore::new(aws_sdk_dynamodb::Client::new(&aws), storage.table);
    let queue = SqsQueue::new(aws_sdk_sqs::Client::new(&aws), queue.url);
    let app = App::new(Arc::new(store), Arc::new(queue), Arc::new(SystemClock));
    lambda_http::run(console::router(app)).await
}
