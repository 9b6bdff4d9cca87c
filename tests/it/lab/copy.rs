//! Copies of a world: many runs can begin where one preparation ended.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use local::aws::{DYNAMODB, TABLE};
use shared::clock::Clock as _;
use shared::secrets::SecretStore as _;

use super::Lab;
use crate::clock::TestClock;

/// The most items of a batch (Amazon DynamoDB API reference, `BatchWriteItem`).
const BATCH: usize = 25;

impl Lab {
    /// Another stack with the same items and secrets, beside the same tenant. Runs only read a tenant, so the copies do not
    /// disturb each other as long as nobody changes it.
    pub async fn copy(&self) -> Self {
        let clock = Arc::new(TestClock::starting_at(self.clock.now()));
        let copy = Self::beside(self.world.tenant.clone(), clock).await.saving_every(self.app.checkpoint_every);
        let copy = if self.one_by_one { copy.writing_one_by_one() } else { copy };
        let (from, to) = (client(&self.world.stack.aws), client(&copy.world.stack.aws));
        let items = from.scan().table_name(TABLE).consistent_read(true).send().await.unwrap();
        assert!(items.last_evaluated_key.is_none(), "the world is too large to be copied in one go");
        for items in items.items().chunks(BATCH) {
            let puts = items.iter().cloned().map(|item| {
                let put = PutRequest::builder().set_item(Some(item)).build().unwrap();
                WriteRequest::builder().put_request(put).build()
            });
            let tables = HashMap::from([(TABLE.to_owned(), puts.collect())]);
            to.batch_write_item().set_request_items(Some(tables)).send().await.unwrap();
        }
        let (directory, secrets) = (self.directory(), &self.world.stack.secrets);
        for administrator in self.world.tenant.administrators() {
            let administrator = administrator.id.to_string().parse().unwrap();
            if let Some(token) = secrets.refresh_token(directory, &administrator).await.unwrap() {
                copy.world.stack.secrets.put_refresh_token(directory, &administrator, &token).await.unwrap();
            }
        }
        copy
    }
}

/// A client of the table.
pub fn client(aws: &SharedHttpClient) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("local"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .endpoint_url(DYNAMODB)
        .http_client(aws.clone())
        .build();
    Client::from_conf(config)
}
