//! The two kinds of event the function is invoked with.

use aws_lambda_events::event::sqs::SqsEvent;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::Value;
use shared::queue::Message;

/// The most messages of one invocation. The event source mapping gives one at a time; SQS gives ten in a batch unless it is
/// told to wait for more ("Using Lambda with Amazon SQS").
const MAX_RECORDS: usize = 10;
/// The longest message read, in bytes. Ours have about a hundred.
const MAX_MESSAGE_BYTES: usize = 1_024;

/// What the function was invoked with.
#[derive(Debug, Clone)]
pub enum SyncEvent {
    /// EventBridge: time to look for directories that are due.
    Tick,
    /// SQS: run requests.
    Requests(SqsEvent),
}

impl<'de> Deserialize<'de> for SyncEvent {
    /// Source: Amazon EventBridge, "Scheduled events" (`detail-type`), and AWS Lambda, "Using Lambda with Amazon SQS" (`Records`).
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let event = Value::deserialize(deserializer)?;
        if event.get("detail-type").and_then(Value::as_str) == Some("Scheduled Event") {
            return Ok(Self::Tick);
        }
        if let Some(records) = event.get("Records") {
            if records.as_array().is_some_and(|records| records.len() > MAX_RECORDS) {
                return Err(D::Error::custom(format_args!("expected at most {MAX_RECORDS} records")));
            }
            return serde_json::from_value(event).map(Self::Requests).map_err(D::Error::custom);
        }
        Err(D::Error::custom("expected a scheduled event of EventBridge, or an SQS event with records"))
    }
}

/// A message out of the queue.
#[derive(Debug, thiserror::Error)]
pub enum BadMessage {
    /// It is longer than any of ours.
    #[error("expected a message of at most {MAX_MESSAGE_BYTES} bytes")]
    TooLong,
    /// It is no message of ours. The parser's words are left away, since they quote it.
    #[error("expected a run request, or a request to exercise credentials")]
    Unknown,
}

/// Reads a message's body.
///
/// # Errors
/// When it is none of ours.
pub fn read_message(body: &str) -> Result<Message, BadMessage> {
    if body.len() > MAX_MESSAGE_BYTES {
        return Err(BadMessage::TooLong);
    }
    serde_json::from_str(body).map_err(|_| BadMessage::Unknown)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn more_records_than_a_batch_has_are_refused() {
        let event = |records: usize| serde_json::json!({"Records": vec![serde_json::json!({"body": "{}"}); records]});
        assert!(serde_json::from_value::<SyncEvent>(event(MAX_RECORDS)).is_ok());
        let error = serde_json::from_value::<SyncEvent>(event(MAX_RECORDS + 1)).unwrap_err();
        assert_eq!(error.to_string(), "expected at most 10 records");
    }

    #[test]
    fn a_message_is_ours_or_is_refused_with_what_was_expected() {
        let id = "6ea91a8d-e32e-41a1-b7bd-d2d185eed0e0";
        for ours in [serde_json::json!({"directory": id, "run": id}), serde_json::json!({"exercise": id})] {
            assert!(read_message(&ours.to_string()).is_ok());
        }
        for text in ["", "{}", "[]", "null", r#"{"directory":"contoso","run":7}"#, "\u{0}"] {
            assert!(matches!(read_message(text), Err(BadMessage::Unknown)), "{text}");
        }
        let endless = format!(r#"{{"exercise":"{id}","x":"{}"}}"#, "x".repeat(MAX_MESSAGE_BYTES));
        assert!(matches!(read_message(&endless), Err(BadMessage::TooLong)));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            prop_oneof![Just("Scheduled Event".to_owned()), "[ -~]{0,8}"].prop_map(Value::from),
        ];
        let name =
            prop_oneof!["detail-type", "Records", "body", "messageId", "attributes", "eventSource", "[a-z]{0,4}"];
        leaf.prop_recursive(4, 32, 4, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::hash_map(name.clone(), inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_event_is_read_without_a_panic(event in any_json()) {
            if let Ok(SyncEvent::Requests(requests)) = serde_json::from_value(event) {
                prop_assert!(requests.records.len() <= MAX_RECORDS);
            }
        }
    }

    #[test]
    fn a_scheduled_event_is_a_tick() {
        for source in ["aws.events", "aws.scheduler"] {
            let event =
                serde_json::json!({"version": "0", "detail-type": "Scheduled Event", "source": source, "detail": {}});
            assert!(matches!(serde_json::from_value(event), Ok(SyncEvent::Tick)));
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_was_expected() {
        let error = serde_json::from_value::<SyncEvent>(serde_json::json!({"hello": "world"})).unwrap_err();
        assert!(error.to_string().contains("expected a scheduled event"));
    }
}
