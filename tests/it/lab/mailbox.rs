//! A queue whose messages are delivered when a test says so.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use shared::queue::{QueueError, RunQueue};
use shared::sync::RunRequest;

/// The messages, in the order they were sent, and how long each is to wait.
#[derive(Debug, Default)]
pub struct Mailbox(Mutex<VecDeque<(RunRequest, Duration)>>);

impl Mailbox {
    /// The next message.
    pub fn take(&self) -> Option<(RunRequest, Duration)> {
        self.0.lock().unwrap().pop_front()
    }

    /// Takes all messages away.
    pub fn take_all(&self) {
        self.0.lock().unwrap().clear();
    }

    /// The message that was sent last.
    pub fn latest(&self) -> Option<RunRequest> {
        self.0.lock().unwrap().back().map(|(request, _)| request.clone())
    }

    /// Puts a message behind the others.
    pub fn put(&self, request: RunRequest, delay: Duration) {
        self.0.lock().unwrap().push_back((request, delay));
    }
}

#[async_trait]
impl RunQueue for Mailbox {
    async fn send(&self, request: &RunRequest, delay: Duration) -> Result<(), QueueError> {
        self.put(request.clone(), delay);
        Ok(())
    }
}
