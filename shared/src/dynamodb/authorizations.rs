//! Authorizations under way, each usable once.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::{SignedDuration, Timestamp};

use super::item::{Item, Stored};
use super::keys::Key;
use super::store::DynamoStore;
use super::write::Refused;
use crate::oauth::{Conclusion, PendingAuthorization, StateHash};
use crate::store::{AuthorizationStore, Consumed, KnownAuthorization, StoreError};

/// How long a used or expired authorization is remembered, so that a replay can be told from a forgery.
const MEMORY: SignedDuration = SignedDuration::from_hours(1);

#[async_trait]
impl AuthorizationStore for DynamoStore {
    async fn begin_authorization(&self, state: &StateHash, pending: &PendingAuthorization) -> Result<(), StoreError> {
        let item = Item::new(&Key::authorization(state)).value("authorization", pending)?;
        self.put(item.expires_after(pending.expires_at, MEMORY)).await
    }

    async fn consume_authorization(&self, state: &StateHash, now: Timestamp) -> Result<Consumed, StoreError> {
        let update = self
            .update_of(&Key::authorization(state))
            .update_expression("SET consumed_at = :now")
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(consumed_at)")
            .expression_attribute_values(":now", AttributeValue::S(now.to_string()))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match self.update(update).await {
            Ok(output) => {
                let item = Stored::new(output.attributes.unwrap_or_default())?;
                Ok(Consumed::Taken(item.value("authorization")?))
            }
            Err(Refused::Condition { found: Some(_), .. }) => Ok(Consumed::AlreadyUsed),
            Err(Refused::Condition { found: None, .. }) => Ok(Consumed::Unknown),
            Err(Refused::Failed(error)) => Err(error),
        }
    }
    async fn authorization(&self, state: &StateHash) -> Result<Option<KnownAuthorization>, StoreError> {
        let Some(item) = self.get(&Key::authorization(state)).await? else { return Ok(None) };
        Ok(Some(KnownAuthorization {
            pending: item.value("authorization")?,
            used: item.optional_text("consumed_at")?.is_some(),
            // One that a later version wrote is as good as none: its page says where to go on.
            conclusion: item.optional_value("conclusion").unwrap_or_default(),
        }))
    }

    async fn conclude_authorization(&self, state: &StateHash, conclusion: &Conclusion) -> Result<(), StoreError> {
        let key = Key::authorization(state);
        let conclusion = serde_dynamo::to_attribute_value(conclusion)
            .map_err(|error| StoreError::Corrupt { key: "conclusion".to_owned(), reason: error.to_string() })?;
        let update = self
            .update_of(&key)
            .update_expression("SET conclusion = :conclusion")
            .condition_expression("attribute_exists(consumed_at)")
            .expression_attribute_values(":conclusion", conclusion);
        match self.update(update).await {
            // An authorization that has been forgotten has no page to keep.
            Ok(_) | Err(Refused::Condition { .. }) => Ok(()),
            Err(Refused::Failed(error)) => Err(error),
        }
    }
}
