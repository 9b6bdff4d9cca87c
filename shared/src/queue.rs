//! The port to the queue of run requests, and its SQS adapter.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::error::DisplayErrorContext;

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

/// Amazon SQS behind the [`RunQueue`] port.
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
        let body = serde_json::to_string(request).map_err(|error| QueueError(error.into()))?;
        let seconds = i32::try_from(delay.as_secs().min(900)).unwrap_or(900);
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .delay_seconds(seconds)
            .send()
            .await
            .map_err(|error| QueueError(DisplayErrorContext(error).to_string().into()))?;
        Ok(())
    }
}
