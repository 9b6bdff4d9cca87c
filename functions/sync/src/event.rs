//! The two kinds of event the function is invoked with.

use aws_lambda_events::event::sqs::SqsEvent;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::Value;

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
        if event.get("Records").is_some() {
            return serde_json::from_value(event).map(Self::Requests).map_err(D::Error::custom);
        }
        Err(D::Error::custom("expected a scheduled event of EventBridge, or an SQS event with records"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
