//! The store itself, and the ways all its parts read.

use std::collections::HashSet;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::apply::MOST_WRITES;
use super::error::unavailable;
use super::item::{Item, Stored, key_attributes};
use super::keys::Key;
use super::write::{ATTEMPTS, back_off};
use crate::store::StoreError;

/// The most keys of a batch (Amazon DynamoDB API reference, `BatchGetItem`).
const BATCH_GET: usize = 100;
/// How many requests are under way at once.
pub(super) const AT_ONCE: usize = 8;

/// All ports of [`crate::store`], kept in one table.
#[derive(Debug, Clone)]
pub struct DynamoStore {
    pub(super) client: Client,
    pub(super) table: String,
    /// How many writes a transaction has at most.
    pub(super) most_writes: usize,
}

impl DynamoStore {
    /// The store in this table.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table, most_writes: MOST_WRITES }
    }

    /// The same store with smaller transactions, so that a test can interrupt it in more places.
    #[must_use]
    pub fn with_transactions_of(self, most_writes: usize) -> Self {
        Self { most_writes, ..self }
    }

    /// Reads an item consistently.
    pub(super) async fn get(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key_attributes(key)))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable)?;
        output.item.map(Stored::new).transpose()
    }

    /// Writes an item, whatever was there.
    pub(super) async fn put(&self, item: Item) -> Result<(), StoreError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item.into_attributes()));
        put.send().await.map_err(unavailable)?;
        Ok(())
    }

    /// Reads items consistently, in no particular order; those that are not there are left out.
    pub(super) async fn get_all(&self, keys: Vec<Key>) -> Result<Vec<Stored>, StoreError> {
        // The same key twice in a batch is refused.
        let keys: Vec<Key> = keys.into_iter().collect::<HashSet<_>>().into_iter().collect();
        let batches: Vec<Vec<Key>> = keys.chunks(BATCH_GET).map(<[Key]>::to_vec).collect();
        let found: Vec<Vec<Stored>> =
            stream::iter(batches).map(|batch| self.get_batch(batch)).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn get_batch(&self, keys: Vec<Key>) -> Result<Vec<Stored>, StoreError> {
        let mut found = Vec::new();
        let mut open: Vec<_> = keys.iter().map(key_attributes).collect();
        for attempt in 0..ATTEMPTS {
            back_off(attempt).await;
            let keys =
                KeysAndAttributes::builder().set_keys(Some(open)).consistent_read(true).build().map_err(unavailable)?;
            let output =
                self.client.batch_get_item().request_items(&self.table, keys).send().await.map_err(unavailable)?;
            for items in output.responses.unwrap_or_default().into_values() {
                for item in items {
                    found.push(Stored::new(item)?);
                }
            }
            open = output
                .unprocessed_keys
                .and_then(|mut tables| tables.remove(&self.table))
                .map(|keys| keys.keys)
                .unwrap_or_default();
            if open.is_empty() {
                return Ok(found);
            }
        }
        Err(StoreError::Unavailable("the table left keys of a batch unread, again and again".into()))
    }

    /// Reads a whole partition consistently, in the order of its sort keys.
    pub(super) async fn partition(&self, pk: String) -> Result<Vec<Stored>, StoreError> {
        self.read_all(self.query_of(pk).key_condition_expression("pk = :pk")).await
    }

    /// Reads the items of a partition whose sort keys begin like this, consistently and in their order.
    pub(super) async fn beginning_with(&self, pk: String, prefix: &str) -> Result<Vec<Stored>, StoreError> {
        let query = self.query_of(pk).key_condition_expression("pk = :pk AND begins_with(sk, :prefix)");
        self.read_all(query.expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()))).await
    }

    /// Reads the items of a partition from one sort key to another, consistently and in their order.
    pub(super) async fn between(&self, pk: String, from: &str, to: &str) -> Result<Vec<Stored>, StoreError> {
        let query = self
            .query_of(pk)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":from", AttributeValue::S(from.to_owned()))
            .expression_attribute_values(":to", AttributeValue::S(to.to_owned()));
        self.read_all(query).await
    }

    /// Reads some items of a partition consistently, the last ones first, before a sort key if one is given.
    pub(super) async fn latest(
        &self,
        pk: String,
        before: Option<String>,
        most: usize,
    ) -> Result<Vec<Stored>, StoreError> {
        let query = self.query_of(pk).scan_index_forward(false).limit(i32::try_from(most).unwrap_or(i32::MAX));
        let query = match before {
            None => query.key_condition_expression("pk = :pk"),
            Some(before) => query
                .key_condition_expression("pk = :pk AND sk < :before")
                .expression_attribute_values(":before", AttributeValue::S(before)),
        };
        // A query ends after 1 MB, whether that was enough or not.
        let mut pages = query.into_paginator().items().send();
        let mut items = Vec::new();
        while items.len() < most
            && let Some(item) = pages.try_next().await.map_err(unavailable)?
        {
            items.push(Stored::new(item)?);
        }
        Ok(items)
    }

    fn query_of(&self, pk: String) -> QueryFluentBuilder {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        query.expression_attribute_values(":pk", AttributeValue::S(pk))
    }

    async fn read_all(&self, query: QueryFluentBuilder) -> Result<Vec<Stored>, StoreError> {
        let items: Vec<_> = query.into_paginator().items().send().try_collect().await.map_err(unavailable)?;
        items.into_iter().map(Stored::new).collect()
    }
}
