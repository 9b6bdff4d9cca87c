//! Directories and their settings.

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;
use crate::audit::{Actor, AuditEntry};
use crate::directory::{Directory, DirectoryId};
use crate::filter::Policy;
use crate::settings::{CheckedSettings, ComparedWith};

/// A change of a directory's settings.
#[derive(Debug, Clone)]
pub struct SettingsChange {
    /// The new policy.
    pub policy: Policy,
    /// The version it was made from; another one by now is a [`StoreError::Conflict`].
    pub from_version: u64,
    /// The state it was compared with; another one by now is a [`StoreError::Conflict`] too.
    pub compared_with: ComparedWith,
    /// What the audit trail says of it, stored together with the settings.
    pub entry: AuditEntry,
}

impl SettingsChange {
    /// Replaces the settings that the directory has, as far as is known.
    #[must_use]
    pub fn new(directory: &Directory, checked: &CheckedSettings, by: Actor, now: Timestamp) -> Self {
        let from_version = directory.settings_version;
        let policy = checked.policy().clone();
        let entry = AuditEntry::settings(by, &directory.policy, &policy, from_version + 1, now);
        Self { policy, from_version, compared_with: checked.compared_with(), entry }
    }
}

/// The registry of directories.
#[async_trait]
pub trait DirectoryStore: Send + Sync {
    /// All directories, in the order of their ids.
    async fn directories(&self) -> Result<Vec<Directory>, StoreError>;

    /// One directory.
    async fn directory(&self, id: DirectoryId) -> Result<Option<Directory>, StoreError>;

    /// Adds the directory unless it exists. True when it was added.
    async fn create_directory(&self, directory: &Directory) -> Result<bool, StoreError>;

    /// Stores new settings under the next version, which is returned.
    async fn change_settings(&self, id: DirectoryId, change: &SettingsChange) -> Result<u64, StoreError>;

    /// Moves the time of the next scheduled run.
    async fn schedule(&self, id: DirectoryId, next_sync_at: Timestamp) -> Result<(), StoreError>;
}
