//! A DynamoDB table of its own for each test, in an emulator that the real SDK talks to.

use std::collections::HashMap;
use std::path::Path;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_sdk_dynamodb::types::AttributeValue;
use local::aws::{DYNAMODB, dynamodb, in_process};
use shared::dynamodb::{DynamoStore, create_table};
use uuid::Uuid;

/// An item as it is stored.
pub type Item = HashMap<String, AttributeValue>;

/// A table, the store in it, and a way to look behind the store's back.
pub struct Table {
    pub store: DynamoStore,
    client: Client,
    name: String,
}

impl Table {
    /// A table in an embedded DynamoDB of its own.
    pub async fn embedded() -> Self {
        Self::embedded_in(None).await
    }

    /// The same, kept in a file or in memory.
    pub async fn embedded_in(file: Option<&Path>) -> Self {
        Self::of(DYNAMODB, Some(in_process([(DYNAMODB, dynamodb(file).unwrap())]))).await
    }

    /// A new table in the DynamoDB at this endpoint.
    pub async fn at(endpoint: &str) -> Self {
        Self::of(endpoint, None).await
    }

    async fn of(endpoint: &str, http: Option<SharedHttpClient>) -> Self {
        let mut config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .endpoint_url(endpoint);
        config.set_http_client(http);
        let client = Client::from_conf(config.build());
        let name = format!("store-contract-{}", Uuid::new_v4());
        create_table(&client, &name).await.unwrap();
        Self { store: DynamoStore::new(client.clone(), name.clone()), client, name }
    }

    /// Everything in the table, by partition and sort key.
    pub async fn items(&self) -> Vec<Item> {
        let mut items: Vec<Item> = self
            .client
            .scan()
            .table_name(&self.name)
            .consistent_read(true)
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .unwrap();
        items.sort_by_key(key);
        items
    }

    /// The items whose key contains these words.
    pub async fn items_at(&self, words: &str) -> Vec<Item> {
        let mut items = self.items().await;
        items.retain(|item| key(item).contains(words));
        items
    }

    /// Takes an item away behind the store's back.
    pub async fn remove(&self, item: &Item) {
        let delete = self.client.delete_item().table_name(&self.name);
        let delete = delete.key("pk", item["pk"].clone()).key("sk", item["sk"].clone());
        delete.send().await.unwrap();
    }

    /// Replaces an item behind the store's back.
    pub async fn overwrite(&self, item: &Item) {
        self.client.put_item().table_name(&self.name).set_item(Some(item.clone())).send().await.unwrap();
    }
}

/// An item's key as the store names it in errors.
pub fn key(item: &Item) -> String {
    format!("{}/{}", text(item, "pk"), text(item, "sk"))
}

/// A text of an item.
pub fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    item[name].as_s().unwrap()
}

/// A whole number of an item, if it has it.
pub fn number(item: &Item, name: &str) -> Option<i64> {
    item.get(name).map(|value| value.as_n().unwrap().parse().unwrap())
}
