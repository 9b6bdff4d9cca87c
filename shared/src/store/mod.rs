//! The ports to the directory's storage, one trait per caller.
//!
//! "Not there" is `Ok(None)`: callers treat it differently from failure. Reads that a decision depends on are
//! consistent.

mod alerts;
mod announcements;
mod attempts;
mod audit;
mod authorizations;
mod changes;
mod checkpoints;
mod credentials;
mod directories;
mod drafts;
mod holds;
mod mirror;
mod progress;
mod queries;
mod reach;
mod runs;
mod sessions;
mod statistics;
mod tokens;

pub use alerts::{AlertStore, Standing};
pub use announcements::{Announced, AnnouncementStore};
pub use attempts::AttemptStore;
pub use audit::AuditStore;
pub use authorizations::{AuthorizationStore, Consumed, KnownAuthorization};
pub use changes::{Before, ChangeStore, Changes, LOG_RETENTION, Logged, history};
pub use checkpoints::{Checkpoint, CheckpointStore};
pub use credentials::CredentialStore;
pub use directories::{DirectoryStore, SettingsChange};
pub use drafts::{DraftStore, LINES_PER_PAGE};
pub use holds::HoldStore;
pub use mirror::{
    Counting, Lease, Leased, List, ListChange, MirrorStore, NameIndex, NamesChange, Publication, SyncState, Write,
};
pub use progress::{NotedProgress, ProgressStore};
pub use queries::{Found, GroupFilter, Listed, Page, QueryStore, UserFilter};
pub use reach::reach;
pub use runs::{RequestedRun, RunStore};
pub use sessions::EndedSessions;
pub use statistics::StatisticsStore;
pub use tokens::{TokenRegistry, TokenStore};

/// Why the storage could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else changed it first.
    #[error("the item was changed by somebody else meanwhile")]
    Conflict,
    /// Another run has taken the directory's lease: this one must stop.
    #[error("the lease was taken over by another run")]
    LeaseLost,
    /// A stored item makes no sense: ours to fix.
    #[error("the stored item {key} is corrupt: {reason}")]
    Corrupt {
        /// The item's key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The storage did not answer, or refused for now; trying later may help.
    #[error("the storage is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}
