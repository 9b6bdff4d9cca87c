//! What a run at work is doing.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::directory::DirectoryId;
use crate::sync::{Progress, RunId};

/// What a run was doing a moment ago.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotedProgress {
    /// The run.
    pub run: RunId,
    /// When.
    pub at: Timestamp,
    /// What it was doing.
    pub progress: Progress,
}

/// The latest progress of a directory's runs. Good to know, and nothing hangs on it.
#[async_trait]
pub trait ProgressStore: Send + Sync {
    /// Notes what a run is doing, in place of what was noted before.
    async fn note_progress(&self, directory: DirectoryId, noted: &NotedProgress) -> Result<(), StoreError>;

    /// What was noted last, of whatever run.
    async fn progress(&self, directory: DirectoryId) -> Result<Option<NotedProgress>, StoreError>;
}
