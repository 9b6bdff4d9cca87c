//! What a run is doing, for those who wait for it.

use serde::{Deserialize, Serialize};

/// A sign of life of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Progress {
    /// Reading what has changed since the last run.
    ReadingChanges,
    /// Reading the lists of all users and groups.
    ReadingLists,
    /// Reading groups' members.
    ReadingMembers {
        /// Users listed.
        users: usize,
        /// Groups whose members have been read.
        done: usize,
        /// Groups in all.
        groups: usize,
    },
    /// Deciding and planning.
    Planning,
    /// Writing to the table.
    Writing {
        /// Changes made.
        done: usize,
        /// Changes in all.
        of: usize,
    },
}

/// Where signs of life go.
pub trait ProgressSink: Send + Sync {
    /// Takes one. Must not block.
    fn report(&self, progress: Progress);
}

/// Takes no notice.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl ProgressSink for Unobserved {
    fn report(&self, _: Progress) {}
}
