//! A local queue that speaks as much of Amazon SQS as the functions use, so that they use the real SDK against it.
//!
//! Source: Amazon SQS API reference, `SendMessage`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::future::select;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::clock::Clock;
use tokio::sync::watch;

/// How long a message that was not handled waits before it is delivered again.
const REDELIVERY: Duration = Duration::from_secs(5);
/// How often a message is delivered before it is given up, as in `infra/template.yaml` (`maxReceiveCount`).
const MOST_DELIVERIES: u32 = 5;

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What it says.
    pub body: String,
    /// The trace it belongs to, if its sender is traced.
    pub trace: Option<String>,
    /// How often it was delivered without being handled.
    pub failures: u32,
}

/// A queue that lives as long as the process. What it loses with it is queued again by the next tick.
#[derive(Clone)]
pub struct LocalSqs {
    messages: Arc<Mutex<Messages>>,
    changed: Arc<watch::Sender<()>>,
    clock: Arc<dyn Clock>,
}

#[derive(Default)]
struct Messages {
    ready: VecDeque<Message>,
    /// In the order of their times.
    delayed: BTreeMap<(Timestamp, u64), Message>,
    delays: u64,
    under_way: usize,
}

/// Where the messages come out, when their time has come.
pub struct Deliveries(LocalSqs);

/// A message that is being handled, until it is dropped.
pub struct Delivery {
    /// What it says.
    pub message: Message,
    queue: LocalSqs,
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.queue.change(|state| state.under_way -= 1);
    }
}

impl Deliveries {
    /// The next message, as soon as there is one.
    pub async fn next(&mut self) -> Delivery {
        let mut changed = self.0.changed.subscribe();
        loop {
            changed.mark_unchanged();
            let clock = Arc::clone(&self.0.clock);
            let now = clock.now();
            let (message, next, is_idle) = self.0.change_quietly(|state| state.next(now));
            if let Some(message) = message {
                return Delivery { message, queue: self.0.clone() };
            }
            // The queue holds a sender itself, so it is never gone.
            let change = changed.changed();
            match next {
                None => drop(change.await),
                Some(at) if is_idle => {
                    let rest = Duration::try_from(at.duration_since(now)).unwrap_or_default();
                    drop(select(Box::pin(change), clock.sleep(rest)).await);
                }
                Some(at) => drop(select(Box::pin(change), clock.alarm(at)).await),
            }
        }
    }

    /// The messages whose time has come.
    pub fn take(&mut self) -> Vec<Message> {
        let now = self.0.clock.now();
        self.0.change_quietly(|state| {
            state.collect_due(now);
            state.ready.drain(..).collect()
        })
    }
}

impl Messages {
    fn is_at_rest(&self) -> bool {
        self.ready.is_empty() && self.delayed.is_empty() && self.under_way == 0
    }

    fn collect_due(&mut self, now: Timestamp) {
        while let Some(entry) = self.delayed.first_entry()
            && entry.key().0 <= now
        {
            self.ready.push_back(entry.remove());
        }
    }

    /// The next message whose time has come; else when the next one's time comes, and whether nothing is done until then.
    fn next(&mut self, now: Timestamp) -> (Option<Message>, Option<Timestamp>, bool) {
        self.collect_due(now);
        let message = self.ready.pop_front();
        self.under_way += usize::from(message.is_some());
        (message, self.delayed.first_key_value().map(|((at, _), _)| *at), self.under_way == 0)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessage {
    message_body: String,
    #[serde(default)]
    delay_seconds: u64,
    #[serde(default)]
    message_system_attributes: SystemAttributes,
}

#[derive(Default, Deserialize)]
struct SystemAttributes {
    #[serde(rename = "AWSTraceHeader")]
    trace: Option<Attribute>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    string_value: String,
}

impl LocalSqs {
    /// A queue and its other end.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> (Self, Deliveries) {
        let queue = Self { messages: Arc::default(), changed: Arc::new(watch::Sender::new(())), clock };
        (queue.clone(), Deliveries(queue))
    }

    /// Resolves when no message waits or is being handled.
    pub async fn at_rest(&self) {
        let mut changed = self.changed.subscribe();
        while !self.change_quietly(|state| state.is_at_rest()) {
            // The queue holds a sender itself, so it is never gone.
            let _ = changed.changed().await;
        }
    }

    fn change_quietly<T>(&self, change: impl FnOnce(&mut Messages) -> T) -> T {
        change(&mut self.messages.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Messages) -> T) -> T {
        let done = self.change_quietly(change);
        self.changed.send_replace(());
        done
    }

    /// The service.
    pub fn router(&self) -> Router {
        Router::new().fallback(send).with_state(self.clone())
    }

    /// Takes back a message that was not handled: it is delivered again later, or given up.
    pub(crate) fn give_back(&self, message: Message) {
        let failures = message.failures + 1;
        if failures < MOST_DELIVERIES {
            self.put(Message { failures, ..message }, REDELIVERY);
        } else {
            tracing::error!("a message was delivered {failures} times and never handled; it is given up");
        }
    }

    /// Adds a message that is delivered when `delay` has passed.
    pub(crate) fn put(&self, message: Message, delay: Duration) {
        if delay.is_zero() {
            return self.change(|state| state.ready.push_back(message));
        }
        let at = self.clock.now().checked_add(delay).unwrap_or(Timestamp::MAX);
        self.change(|state| {
            state.delays += 1;
            state.delayed.insert((at, state.delays), message);
        });
    }
}

async fn send(State(queue): State<LocalSqs>, headers: HeaderMap, body: Bytes) -> Response {
    let is_send = headers.get("x-amz-target").is_some_and(|target| target == "AmazonSQS.SendMessage");
    match serde_json::from_slice::<SendMessage>(&body) {
        Ok(message) if is_send => {
            let trace = message.message_system_attributes.trace.map(|trace| trace.string_value);
            let delay = Duration::from_secs(message.delay_seconds);
            queue.put(Message { body: message.message_body, trace, failures: 0 }, delay);
            answer(StatusCode::OK, &json!({"MessageId": uuid::Uuid::new_v4()}))
        }
        _ => answer(StatusCode::BAD_REQUEST, &json!({"__type": "com.amazonaws.sqs#UnsupportedOperation"})),
    }
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [("content-type", "application/x-amz-json-1.0")], body.to_string()).into_response()
}
