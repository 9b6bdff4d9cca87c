//! What invokes the sync function: the queue and the schedule, with the events that SQS and EventBridge would send.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lambda_runtime::{Context, LambdaEvent};
use serde_json::json;
use shared::telemetry::chain;
use sync::SyncEvent;
use tokio::sync::watch;

use crate::aws::sqs::{Deliveries, LocalSqs};
use crate::aws::stopped;

/// How often the schedule looks for directories that are due. On AWS it is a minute.
const TICK: Duration = Duration::from_secs(1);

/// Delivers messages to the sync function, each on its own, until `stop`.
pub async fn deliver(mut deliveries: Deliveries, queue: LocalSqs, app: Arc<sync::App>, stop: watch::Receiver<bool>) {
    let deliver = async {
        loop {
            let delivery = deliveries.next().await;
            let (queue, app) = (queue.clone(), Arc::clone(&app));
            tokio::spawn(async move {
                let message = &delivery.message;
                let event = json!({"Records": [{
                    "messageId": uuid::Uuid::new_v4(),
                    "receiptHandle": "local",
                    "body": message.body,
                    "attributes": message.trace.iter().map(|trace| ("AWSTraceHeader", trace)).collect::<HashMap<_, _>>(),
                    "messageAttributes": {},
                    "eventSource": "aws:sqs",
                }]});
                if !invoke(&app, event).await {
                    queue.give_back(message.clone());
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
        loop {
            let event =
                json!({"version": "0", "detail-type": "Scheduled Event", "source": "aws.scheduler", "detail": {}});
            invoke(&app, event).await;
            app.ports.clock.sleep(TICK).await;
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
