//! Sessions that have ended before their time, and counts of attempts.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::Timestamp;

use super::item::{Item, Stored};
use super::keys::Key;
use super::store::DynamoStore;
use super::table::TTL;
use crate::store::{AttemptStore, EndedSessions, StoreError};

/// How long a minute's count is kept, in seconds from the minute's beginning.
const COUNT_RETENTION: i64 = 3_600;

#[async_trait]
impl EndedSessions for DynamoStore {
    async fn end_session(&self, hash: &str, until: Timestamp) -> Result<(), StoreError> {
        self.put(Item::new(&Key::ended_session(hash)).expires(until)).await
    }

    async fn has_ended(&self, hash: &str) -> Result<bool, StoreError> {
        Ok(self.get(&Key::ended_session(hash)).await?.is_some())
    }
}

#[async_trait]
impl AttemptStore for DynamoStore {
    async fn count_attempt(&self, who: &str, minute: i64) -> Result<u64, StoreError> {
        let update = self
            .update_of(&Key::attempts(who, minute))
            .update_expression(format!("ADD asked :one SET v = :one, {TTL} = :end"))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .expression_attribute_values(":end", AttributeValue::N((minute * 60 + COUNT_RETENTION).to_string()))
            .return_values(ReturnValue::AllNew);
        let output = self.update(update).await.map_err(|refused| refused.because(StoreError::Conflict))?;
        Stored::new(output.attributes.unwrap_or_default())?.number("asked")
    }
}
