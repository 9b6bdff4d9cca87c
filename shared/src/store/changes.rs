//! The log of what has become of users and groups.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::StoreError;
use crate::directory::{Change, ChangeId, DirectoryId, UserId};
use crate::sync::RunId;

/// How long changes are kept.
pub const LOG_RETENTION: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A change in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Its number.
    pub id: ChangeId,
    /// The run that made it.
    pub run: RunId,
    /// When.
    pub at: Timestamp,
    /// What it is.
    pub change: Change,
}

/// What the log has after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// The next ones.
    Next {
        /// In their order; none when there are none yet.
        changes: Vec<Logged>,
        /// True when the log goes on behind them.
        more: bool,
    },
    /// The next one is no longer kept.
    TooOld,
    /// The log has not reached that change: no listing of it has ever named the number.
    NotReached,
}

/// The last change before a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// This one; `None` when there was none.
    Change(Option<ChangeId>),
    /// It is not kept any more, or those after it may not be.
    TooOld,
}

/// The log. It is written with [`MirrorStore::apply`](super::MirrorStore::apply), in one step with the records, and kept for
/// [`LOG_RETENTION`].
#[async_trait]
pub trait ChangeStore: Send + Sync {
    /// The last change of a directory.
    async fn last_change(&self, directory: DirectoryId) -> Result<Option<ChangeId>, StoreError>;

    /// Some of the changes after this one, at most `limit`; from the very first one after `None`. They follow each other without
    /// a gap, and none of them comes after what [`Self::last_change`] would have said before.
    async fn changes(
        &self,
        directory: DirectoryId,
        after: Option<ChangeId>,
        limit: usize,
    ) -> Result<Changes, StoreError>;

    /// What tells this log from that of a table restored from a backup: numbers of changes are given anew there.
    fn log_name(&self) -> String;

    /// The last change before a time.
    async fn change_before(&self, directory: DirectoryId, at: Timestamp) -> Result<Before, StoreError>;

    /// One change, if it is still kept.
    async fn change(&self, directory: DirectoryId, id: ChangeId) -> Result<Option<Logged>, StoreError>;
}

/// What has become of a user, the latest first, at most so often. `last` is the change that the user's record names.
pub async fn history(
    log: &dyn ChangeStore,
    directory: DirectoryId,
    user: &UserId,
    last: Option<ChangeId>,
    limit: usize,
) -> Result<Vec<Logged>, StoreError> {
    let mut history = Vec::new();
    let mut place = last;
    while let Some(id) = place
        && history.len() < limit
        && let Some(logged) = log.change(directory, id).await?
    {
        place = match &logged.change {
            // What leads on to later ones would lead in circles.
            Change::User(change) if change.id == *user => change.previous.filter(|previous| *previous < id),
            _ => return Ok(history),
        };
        history.push(logged);
    }
    Ok(history)
}
