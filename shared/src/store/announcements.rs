//! What has been announced.

use async_trait::async_trait;

use super::StoreError;
use crate::directory::{ChangeId, DirectoryId};
use crate::sync::RunId;

/// How far changes were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// The last one; `None` when there was none.
    pub change: Option<ChangeId>,
    /// Since which run users have been published, or not, as those who were told know it.
    pub users_since: Option<RunId>,
    /// The log whose numbers these are ([`super::ChangeStore::log_name`]).
    pub log: String,
}

/// How far the changes of each directory have been sent.
#[async_trait]
pub trait AnnouncementStore: Send + Sync {
    /// What was sent; `None` when nothing was to be sent before.
    async fn announced(&self, directory: DirectoryId) -> Result<Option<Announced>, StoreError>;

    /// Notes how far changes were sent. A change that was noted already is never taken back.
    async fn note_announced(&self, directory: DirectoryId, announced: &Announced) -> Result<(), StoreError>;
}
