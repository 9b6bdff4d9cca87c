//! The ports to the queue of the sync function, and their SQS adapter.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::operation::send_message::builders::SendMessageFluentBuilder;
use aws_sdk_sqs::types::{MessageSystemAttributeNameForSends, MessageSystemAttributeValue};
use serde::{Deserialize, Serialize};

use crate::config;
use crate::directory::DirectoryId;
use crate::sync::RunRequest;

/// The queue did not take a message.
#[derive(Debug, thiserror::Error)]
#[error("the queue is not available")]
pub struct QueueError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Where run requests wait for the sync function.
#[async_trait]
pub trait RunQueue: Send + Sync {
    /// Adds a message that is delivered at least once, not before `delay` has passed (whole seconds, at most 15 minutes).
    async fn send(&self, request: &RunRequest, delay: Duration) -> Result<(), QueueError>;
}

/// What the sync function finds in its queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Message {
    /// Perform this run.
    Run(RunRequest),
    /// Exercise the credentials that are due.
    Exercise {
        /// Those of this directory.
        exercise: DirectoryId,
    },
}

/// Where requests to exercise credentials wait for the sync function: the queue of run requests.
#[async_trait]
pub trait ExerciseQueue: Send + Sync {
    /// Asks for the directory's credentials to be exercised, those that are due then.
    async fn send_exercise(&self, directory: DirectoryId) -> Result<(), QueueError>;
}

/// Amazon SQS behind the ports [`RunQueue`] and [`ExerciseQueue`].
#[derive(Debug, Clone)]
pub struct SqsQueue {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl SqsQueue {
    /// The queue at this URL.
    #[must_use]
    pub fn new(client: aws_sdk_sqs::Client, url: String) -> Self {
        Self { client, url }
    }
}

#[async_trait]
impl RunQueue for SqsQueue {
    async fn send(&self, request: &RunRequest, delay: Duration) -> Result<(), QueueError> {
        self.put(request, delay).await
    }
}

#[async_trait]
impl ExerciseQueue for SqsQueue {
    async fn send_exercise(&self, directory: DirectoryId) -> Result<(), QueueError> {
        self.put(&Message::Exercise { exercise: directory }, Duration::ZERO).await
    }
}

impl SqsQueue {
    async fn put(&self, message: &impl Serialize, delay: Duration) -> Result<(), QueueError> {
        let body = serde_json::to_string(message).map_err(|error| QueueError(error.into()))?;
        let seconds = i32::try_from(delay.as_secs().min(900)).unwrap_or(900);
        let message = self.client.send_message().queue_url(&self.url).message_body(body).delay_seconds(seconds);
        traced(message).send().await.map_err(|error| QueueError(DisplayErrorContext(error).to_string().into()))?;
        Ok(())
    }
}

/// Lets whoever receives the message go on with the trace of whoever sends it (Amazon SQS developer guide, "Sending the X-Ray trace
/// header through Amazon SQS").
fn traced(message: SendMessageFluentBuilder) -> SendMessageFluentBuilder {
    let header = config::trace_header().map(|header| {
        let value = MessageSystemAttributeValue::builder().data_type("String").string_value(header).build();
        value.map(|value| HashMap::from([(MessageSystemAttributeNameForSends::AwsTraceHeader, value)]))
    });
    message.set_message_system_attributes(header.and_then(Result::ok))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_run_request_as_ever_or_names_what_to_exercise() {
        let directory = "11111111-1111-1111-1111-111111111111";
        let run = format!(r#"{{"directory":"{directory}","run":"22222222-2222-2222-2222-222222222222"}}"#);
        let exercise = format!(r#"{{"exercise":"{directory}"}}"#);
        for text in [run, exercise] {
            let message: Message = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::to_string(&message).unwrap(), text);
        }
        assert!(serde_json::from_str::<Message>(r#"{"directory": 7}"#).is_err());
    }
}
