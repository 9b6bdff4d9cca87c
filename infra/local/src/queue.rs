//! The queue and the schedule in this process. Both invoke the sync function's handler with the events that SQS and
//! EventBridge would send.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::json;
use shared::directory::DirectoryId;
use shared::queue::{ExerciseQueue, Message, QueueError, RunQueue};
use shared::sync::RunRequest;
use shared::telemetry::chain;
use sync::SyncEvent;
use tokio::sync::{mpsc, watch};

use crate::aws::stopped;

/// How long a message that was not handled waits before it is delivered again.
const REDELIVERY: Duration = Duration::from_secs(5);
/// How often the schedule looks for directories that are due. On AWS it is a minute.
const TICK: Duration = Duration::from_secs(1);

/// A queue that lives as long as the process. What it loses with it is queued again by the next tick.
#[derive(Debug, Clone)]
pub struct LocalQueue {
    messages: mpsc::UnboundedSender<String>,
}

/// Where the messages come out.
#[derive(Debug)]
pub struct Deliveries(mpsc::UnboundedReceiver<String>);

/// A queue and its other end.
#[must_use]
pub fn queue() -> (LocalQueue, Deliveries) {
    let (messages, deliveries) = mpsc::unbounded_channel();
    (LocalQueue { messages }, Deliveries(deliveries))
}

impl LocalQueue {
    fn put(&self, message: String, delay: Duration) {
        let messages = self.messages.clone();
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            // Nobody listens any more when the stack is ending.
            let _ = messages.send(message);
        });
    }
}

#[async_trait]
impl RunQueue for LocalQueue {
    async fn send(&self, request: &RunRequest, delay: Duration) -> Result<(), QueueError> {
        self.put(serde_json::to_string(request).map_err(|error| QueueError(error.into()))?, delay);
        Ok(())
    }
}

#[async_trait]
impl ExerciseQueue for LocalQueue {
    async fn send_exercise(&self, directory: DirectoryId) -> Result<(), QueueError> {
        let message = Message::Exercise { exercise: directory };
        self.put(serde_json::to_string(&message).map_err(|error| QueueError(error.into()))?, Duration::ZERO);
        Ok(())
    }
}

/// Delivers messages to the sync function, each on its own, until `stop`.
pub async fn deliver(mut deliveries: Deliveries, queue: LocalQueue, app: Arc<sync::App>, stop: watch::Receiver<bool>) {
    let deliver = async {
        while let Some(message) = deliveries.0.recv().await {
            let (queue, app) = (queue.clone(), Arc::clone(&app));
            tokio::spawn(async move {
                let event = json!({"Records": [{
                    "messageId": uuid::Uuid::new_v4(),
                    "receiptHandle": "local",
                    "body": message,
                    "attributes": {},
                    "messageAttributes": {},
                    "eventSource": "aws:sqs",
                }]});
                if !invoke(&app, event).await {
                    queue.put(message, REDELIVERY);
                }
            });
        }
    };
    tokio::select! {
        () = deliver => {}
        () = stopped(stop) => {}
    }
}

/// Ticks until `stop`.
pub async fn tick(app: Arc<sync::App>, stop: watch::Receiver<bool>) {
    let tick = async {
        let mut ticks = tokio::time::interval(TICK);
        loop {
            ticks.tick().await;
            let event =
                json!({"version": "0", "detail-type": "Scheduled Event", "source": "aws.scheduler", "detail": {}});
            invoke(&app, event).await;
        }
    };
    tokio::select! {
        () = tick => {}
        () = stopped(stop) => {}
    }
}

/// True when the event was handled.
async fn invoke(app: &sync::App, event: serde_json::Value) -> bool {
    let event: SyncEvent = match serde_json::from_value(event) {
        Ok(event) => event,
        Err(error) => {
            tracing::error!(error = chain(&error), "the event is malformed");
            return true;
        }
    };
    match sync::handle(app, LambdaEvent::new(event, Context::default())).await {
        Ok(response) => response.batch_item_failures.is_empty(),
        Err(error) => {
            tracing::error!(error = chain(error.as_ref()), "the sync function failed");
            false
        }
    }
}
