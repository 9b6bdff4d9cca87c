//! Conditional writes, and what is done when two of them meet.

use std::time::Duration;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem};
use rand::Rng as _;

use super::error::unavailable;
use super::item::{Attributes, key_attributes};
use super::keys::Key;
use super::store::DynamoStore;
use crate::clock::{Clock as _, SystemClock};
use crate::store::StoreError;

/// How often a request is made before it is given up.
pub(super) const ATTEMPTS: u32 = 8;
/// Why an action was cancelled that may well go through next time: another writer, or too many of them. The SDK repeats
/// throttled requests, but not cancelled transactions (Amazon DynamoDB API reference, `TransactWriteItems`).
const PASSING: [&str; 3] = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];

/// Why a conditional write did not happen.
#[derive(Debug)]
pub(super) enum Refused {
    /// A condition does not hold.
    Condition {
        /// Which action's, of a transaction.
        place: usize,
        /// The item as it is, where it was asked for and exists.
        found: Option<Attributes>,
    },
    /// Something else.
    Failed(StoreError),
}

impl Refused {
    /// The error, when it is clear what a condition that does not hold means.
    pub(super) fn because(self, condition: StoreError) -> StoreError {
        match self {
            Self::Condition { .. } => condition,
            Self::Failed(error) => error,
        }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// Waits before a repetition: up to 50 ms after the first attempt, up to 3.2 s before the last.
pub(super) async fn back_off(attempt: u32) {
    if attempt > 0 {
        let longest = 25_u64 << attempt.min(7);
        let wait = rand::rng().random_range(0..=longest);
        SystemClock.sleep(Duration::from_millis(wait)).await;
    }
}

impl DynamoStore {
    /// An update of one item, to be completed.
    pub(super) fn update_of(&self, key: &Key) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).set_key(Some(key_attributes(key)))
    }

    /// Updates an item. Waits for transactions that have it in their hands.
    pub(super) async fn update(&self, update: UpdateItemFluentBuilder) -> Result<UpdateItemOutput, Refused> {
        for attempt in 0..ATTEMPTS {
            back_off(attempt).await;
            let error = match update.clone().send().await {
                Ok(output) => return Ok(output),
                Err(error) => error,
            };
            match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    return Err(Refused::Condition { place: 0, found: failed.item().cloned() });
                }
                Some(UpdateItemError::TransactionConflictException(_)) => {}
                _ => return Err(unavailable(error).into()),
            }
        }
        Err(in_the_way())
    }

    /// Does all of it or nothing.
    pub(super) async fn transact(&self, actions: Vec<TransactWriteItem>) -> Result<(), Refused> {
        let request = self.client.transact_write_items().set_transact_items(Some(actions));
        for attempt in 0..ATTEMPTS {
            back_off(attempt).await;
            let Err(error) = request.clone().send().await else { return Ok(()) };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
            else {
                return Err(unavailable(error).into());
            };
            let codes = || cancelled.cancellation_reasons().iter().map(code);
            if let Some(place) = codes().position(|code| code == "ConditionalCheckFailed") {
                return Err(Refused::Condition { place, found: None });
            }
            if !codes().any(|code| PASSING.contains(&code)) {
                return Err(unavailable(error).into());
            }
        }
        Err(in_the_way())
    }
}

fn code(reason: &CancellationReason) -> &str {
    reason.code().unwrap_or_default()
}

fn in_the_way() -> Refused {
    Refused::Failed(StoreError::Unavailable("other writers got in the way again and again".into()))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::Client;
    use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
    use aws_sdk_dynamodb::types::{AttributeValue, Put};
    use serde_json::{Value, json};
    use wiremock::matchers::header;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::directory::DirectoryId;

    /// A table that gives these answers to an operation, each once, and has no others.
    async fn table(operation: &str, answers: &[(u16, Value)]) -> (MockServer, DynamoStore) {
        let server = MockServer::start().await;
        for (status, body) in answers {
            Mock::given(header("x-amz-target", format!("DynamoDB_20120810.{operation}")))
                .respond_with(ResponseTemplate::new(*status).set_body_json(body))
                .up_to_n_times(1)
                .expect(1)
                .mount(&server)
                .await;
        }
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .endpoint_url(server.uri())
            .build();
        (server, DynamoStore::new(Client::from_conf(config), "table".to_owned()))
    }

    fn cancelled(codes: &[&str]) -> (u16, Value) {
        let reasons: Vec<Value> =
            codes.iter().map(|code| json!({"Code": code, "Item": {"name": {"S": "Kim"}}})).collect();
        let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
        (400, json!({"__type": kind, "Message": "Transaction cancelled", "CancellationReasons": reasons}))
    }

    fn key() -> Key {
        Key::directory(DirectoryId::new(uuid::Uuid::nil()))
    }

    fn some_action() -> Vec<TransactWriteItem> {
        let put = Put::builder().table_name("table").item("pk", AttributeValue::S("pk".to_owned())).build().unwrap();
        vec![TransactWriteItem::builder().put(put).build()]
    }

    #[tokio::test]
    async fn a_transaction_that_met_another_is_repeated() {
        let answers = [cancelled(&["None", "TransactionConflict"]), cancelled(&["ThrottlingError"]), (200, json!({}))];
        let (_server, store) = table("TransactWriteItems", &answers).await;
        store.transact(some_action()).await.unwrap();
    }

    #[tokio::test]
    async fn a_condition_that_does_not_hold_is_told_by_its_place() {
        let (_server, store) =
            table("TransactWriteItems", &[cancelled(&["TransactionConflict", "ConditionalCheckFailed"])]).await;
        let refused = store.transact(some_action()).await.unwrap_err();
        assert!(matches!(refused, Refused::Condition { place: 1, .. }), "{refused:?}");
    }

    #[tokio::test]
    async fn another_failure_is_told_without_any_item() {
        let (_server, store) = table("TransactWriteItems", &[cancelled(&["ItemCollectionSizeLimitExceeded"])]).await;
        let Refused::Failed(StoreError::Unavailable(error)) = store.transact(some_action()).await.unwrap_err() else {
            panic!("no condition failed");
        };
        assert!(error.to_string().contains("Transaction cancelled"), "{error}");
        assert!(!format!("{error:?}").contains("Kim"), "{error:?}");
    }

    #[tokio::test]
    async fn an_update_waits_for_a_transaction_that_has_its_item() {
        let conflict = json!({"__type": "com.amazonaws.dynamodb.v20120810#TransactionConflictException"});
        let (_server, store) = table("UpdateItem", &[(400, conflict), (200, json!({}))]).await;
        store.update(store.update_of(&key()).update_expression("SET v = v")).await.unwrap();
    }

    #[tokio::test]
    async fn keys_that_a_batch_left_out_are_asked_for_again() {
        let item = json!({"pk": {"S": "DIRECTORIES"}, "sk": {"S": "one"}, "v": {"N": "1"}});
        let left_out = json!({"table": {"Keys": [{"pk": {"S": "DIRECTORIES"}, "sk": {"S": "one"}}]}});
        let answers = [
            (200, json!({"Responses": {}, "UnprocessedKeys": left_out})),
            (200, json!({"Responses": {"table": [item]}, "UnprocessedKeys": {}})),
        ];
        let (_server, store) = table("BatchGetItem", &answers).await;
        assert_eq!(store.get_all(vec![key()]).await.unwrap().len(), 1);
    }
}
