//! Sends what has changed and has not been sent.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::published::published_among;
use super::sink::{Event, EventError, EventSink};
use super::view::{groups_of, view};
use crate::directory::{ChangeId, Directory, GroupId};
use crate::store::{Announced, AnnouncementStore, ChangeStore, Changes, Logged, QueryStore, StoreError};
use crate::sync::RunId;

/// How many changes are read together.
const AT_A_TIME: usize = 100;

/// How changes are announced. Each is sent once, and again only when it could not be noted that it was: events have the number of
/// their change.
#[derive(Clone)]
pub struct Announcing {
    /// What has been sent.
    pub store: Arc<dyn AnnouncementStore>,
    /// What has changed.
    pub changes: Arc<dyn ChangeStore>,
    /// Which groups consumers see.
    pub queries: Arc<dyn QueryStore>,
    /// Where it is sent.
    pub sink: Arc<dyn EventSink>,
}

/// Why not everything was sent. The next attempt goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum AnnounceError {
    /// What has changed could not be read, or what was sent not noted.
    #[error("the changes could not be read")]
    Store(#[from] StoreError),
    /// It could not be sent.
    #[error(transparent)]
    Send(#[from] EventError),
}

impl Announcing {
    /// Sends what has changed in a directory since the last time; the first time, what has changed after `first`. Once time is up
    /// the rest is left to the next time. Returns how many events were sent.
    ///
    /// # Errors
    /// When storage or bus do not answer.
    pub async fn announce(
        &self,
        directory: &Directory,
        first: Option<ChangeId>,
        is_time_up: impl Fn() -> bool + Send,
    ) -> Result<usize, AnnounceError> {
        let users_since = directory.published.as_ref().and_then(|published| published.users_since);
        let known = self.store.announced(directory.id).await?;
        let is_known = known.is_some();
        let log = self.changes.log_name();
        let mut announced = known.unwrap_or_else(|| Announced { change: first, users_since, log: log.clone() });
        if announced.users_since != users_since || announced.log != log {
            // No single change tells that users are published, or are not any more; nor what was undone by restoring a table.
            return self.start_over(directory, users_since).await;
        }
        let mut sent = 0;
        loop {
            let changes = self.changes.changes(directory.id, announced.change, AT_A_TIME).await?;
            let Changes::Next { changes: found, .. } = changes else {
                return Ok(sent + self.start_over(directory, users_since).await?);
            };
            let last = found.last().map(|logged| logged.id);
            if last.is_none() && (is_known || sent > 0) {
                return Ok(sent);
            }
            let events = self.events(directory, found).await?;
            self.sink.send(&events).await?;
            sent += events.len();
            announced.change = last.or(announced.change);
            self.store.note_announced(directory.id, &announced).await?;
            if last.is_none() || is_time_up() {
                return Ok(sent);
            }
        }
    }

    /// What consumers are told of these changes.
    async fn events(&self, directory: &Directory, changes: Vec<Logged>) -> Result<Vec<Event>, StoreError> {
        let groups = published_among(&*self.queries, directory, &groups_of(directory, &changes)).await?;
        let published: BTreeSet<GroupId> = groups.into_iter().map(|group| group.id).collect();
        let views = changes.into_iter().filter_map(|logged| view(directory, |group| published.contains(group), logged));
        Ok(views.map(|change| Event { directory: directory.id, change: Some(change) }).collect())
    }

    /// Tells consumers to read everything anew, and goes on from here.
    async fn start_over(&self, directory: &Directory, users_since: Option<RunId>) -> Result<usize, AnnounceError> {
        let change = self.changes.last_change(directory.id).await?;
        self.sink.send(&[Event { directory: directory.id, change: None }]).await?;
        self.store
            .note_announced(directory.id, &Announced { change, users_since, log: self.changes.log_name() })
            .await?;
        Ok(1)
    }
}
