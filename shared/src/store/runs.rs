//! Runs: asked for, worked on, remembered.

use async_trait::async_trait;

use super::{Page, StoreError};
use crate::directory::DirectoryId;
use crate::sync::{Run, RunId};

/// What became of a request for a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestedRun {
    /// The run was added and now waits.
    Added,
    /// Another run already waits for its turn; it will see everything this one would have seen.
    Folded(RunId),
}

/// The record of runs, kept for 90 days.
#[async_trait]
pub trait RunStore: Send + Sync {
    /// Records a queued run, unless one of its directory waits already.
    async fn request_run(&self, run: &Run) -> Result<RequestedRun, StoreError>;

    /// Replaces a run's record.
    async fn save_run(&self, run: &Run) -> Result<(), StoreError>;

    /// One run.
    async fn run(&self, directory: DirectoryId, run: RunId) -> Result<Option<Run>, StoreError>;

    /// A directory's runs, the latest first.
    async fn runs(&self, directory: DirectoryId, limit: usize, after: Option<RunId>) -> Result<Page<Run>, StoreError>;

    /// Counts one more manual run of the directory within the minute that begins at `minute` (Unix time ÷ 60) and returns the
    /// count.
    async fn count_manual_run(&self, directory: DirectoryId, minute: i64) -> Result<u64, StoreError>;
}
