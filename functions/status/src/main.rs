//! The status function on Lambda: wiring only.

use std::sync::Arc;

use shared::clock::SystemClock;
use shared::dynamodb::DynamoStore;
use shared::{config, telemetry};
use status::App;

#[tokio::main]
async fn main() -> Result<(), shared::http::Error> {
    telemetry::json();
    let (table, base_url) = config::from_env(|environment| (environment.storage().table, environment.base_url()))?;
    let aws = aws_config::load_from_env().await;
    let store = DynamoStore::new(aws_sdk_dynamodb::Client::new(&aws), table);
    let app = App::new(Arc::new(store), Arc::new(SystemClock), &base_url);
    shared::http::run(status::router(app)).await
}
