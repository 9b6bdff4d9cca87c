//! The port to where events go, and the adapter for where nobody gave a better place.

use async_trait::async_trait;
use serde::Serialize;

use super::view::ChangeView;
use crate::directory::DirectoryId;

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// In which directory.
    pub directory: DirectoryId,
    /// What has changed; `None` when consumers have to read everything anew: changes were lost that were never sent, or users are
    /// published now, or are not any more.
    #[serde(flatten)]
    pub change: Option<ChangeView>,
}

impl Event {
    /// What happened, in the words of the feed.
    #[must_use]
    pub fn kind(&self) -> String {
        let kind = self.change.as_ref().map(serde_json::to_value);
        let kind = kind.and_then(Result::ok).and_then(|change| change.get("type")?.as_str().map(str::to_owned));
        kind.unwrap_or_else(|| "directory.start_over".to_owned())
    }
}

/// Events did not get out, or not all of them.
#[derive(Debug, thiserror::Error)]
#[error("the events could not be sent")]
pub struct EventError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Where events are sent.
#[async_trait]
pub trait EventSink: Send + Sync {
    /// Sends events in their order. After an error some of them may have been sent.
    async fn send(&self, events: &[Event]) -> Result<(), EventError>;
}

/// Events as lines of the log.
#[derive(Debug, Clone, Copy, Default)]
pub struct EventLog;

#[async_trait]
impl EventSink for EventLog {
    async fn send(&self, events: &[Event]) -> Result<(), EventError> {
        for event in events {
            let id = event.change.as_ref().map(|change| change.id.number());
            tracing::info!(directory.id = %event.directory, change.id = id, kind = event.kind(), "an event");
        }
        Ok(())
    }
}
