//! A local queue that speaks as much of Amazon SQS as the functions use, so that they use the real SDK against it.
//!
//! Source: Amazon SQS API reference, `SendMessage`.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use crate::aws::stopped;

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What it says.
    pub body: String,
    /// The trace it belongs to, if whoever sent it is traced.
    pub trace: Option<String>,
}

/// A queue that lives as long as the process. What it loses with it is queued again by the next tick.
#[derive(Debug, Clone)]
pub struct LocalSqs {
    messages: mpsc::UnboundedSender<Message>,
}

/// Where the messages come out, when their time has come.
#[derive(Debug)]
pub struct Deliveries(mpsc::UnboundedReceiver<Message>);

impl Deliveries {
    /// The next message, as soon as there is one; `None` when the queue is gone.
    pub async fn next(&mut self) -> Option<Message> {
        self.0.recv().await
    }

    /// The messages that are there.
    pub fn take(&mut self) -> Vec<Message> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
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
    pub fn new() -> (Self, Deliveries) {
        let (messages, deliveries) = mpsc::unbounded_channel();
        (Self { messages }, Deliveries(deliveries))
    }

    /// Starts it and returns its endpoint. It ends when `stop` says so.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn serve(&self, stop: watch::Receiver<bool>) -> io::Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let router = Router::new().fallback(send).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stopped(stop)).await });
        Ok(endpoint)
    }

    /// Adds a message that is delivered when `delay` has passed.
    pub(crate) fn put(&self, message: Message, delay: Duration) {
        // Nobody listens any more when the stack is ending.
        if delay.is_zero() {
            let _ = self.messages.send(message);
            return;
        }
        let messages = self.messages.clone();
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            let _ = messages.send(message);
        });
    }
}

async fn send(State(queue): State<LocalSqs>, headers: HeaderMap, body: Bytes) -> Response {
    let is_send = headers.get("x-amz-target").is_some_and(|target| target == "AmazonSQS.SendMessage");
    match serde_json::from_slice::<SendMessage>(&body) {
        Ok(message) if is_send => {
            let trace = message.message_system_attributes.trace.map(|trace| trace.string_value);
            let delay = Duration::from_secs(message.delay_seconds);
            queue.put(Message { body: message.message_body, trace }, delay);
            answer(StatusCode::OK, &json!({"MessageId": uuid::Uuid::new_v4()}))
        }
        _ => answer(StatusCode::BAD_REQUEST, &json!({"__type": "com.amazonaws.sqs#UnsupportedOperation"})),
    }
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [("content-type", "application/x-amz-json-1.0")], body.to_string()).into_response()
}
