//! The record of a run: what it was asked, what it did, how it ended.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::AddAssign;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::hold::HoldSummary;
use crate::directory::{DirectoryCounts, DirectoryId, GroupId, GroupRecord, InvalidId, Presence, UserId, UserRecord};

/// A run's id: a version 7 UUID, so that ids sort by the time they were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(example = "019a3c5e-7d1f-7c3a-9b1e-0242ac120002")]
pub struct RunId(Uuid);

impl RunId {
    pub(super) fn as_uuid(self) -> Uuid {
        self.0
    }

    /// An id for a run requested now.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let nanoseconds = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
        Self(Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanoseconds)))
    }
}

impl FromStr for RunId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Uuid::try_parse(text).map(Self).map_err(|_| InvalidId::NotGuid)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// What asked for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The directory was due.
    Schedule,
    /// Somebody pressed "Sync now".
    Manual,
    /// The settings changed.
    Settings,
    /// An administrator authorized the directory.
    Authorization,
    /// An administrator decided a hold.
    Hold,
}

impl Trigger {
    /// True when whoever asked wants the tenant to be read.
    #[must_use]
    pub fn reads(self) -> bool {
        self != Self::Settings
    }
}

/// The message that asks the sync function for one run of one directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRequest {
    /// The directory to sync.
    pub directory: DirectoryId,
    /// The run's id; its record exists already.
    pub run: RunId,
}

/// How far a run reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// Everything, because there is nothing to continue from.
    Full,
    /// What has changed since the stored delta links.
    Incremental,
    /// Nothing of Microsoft's side: new settings were applied to what the last run knew.
    Mirror,
}

/// Why a run read everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FullReason {
    /// The directory has never been synced.
    First,
    /// Microsoft no longer accepts the delta links.
    Resync,
    /// This version reads other properties than the links track.
    SelectChanged,
    /// The account that reads has begun to see hidden members, or has ceased to.
    HiddenMembers,
    /// An administrator discarded a hold: what the links reported is not to be believed.
    HoldDiscarded,
    /// So many users or groups have come back at once that their memberships are not read one by one.
    ManyReturned,
    /// Everything is compared now and then, to mend what changes have left out.
    Reconciliation,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Waiting in the queue.
    Queued,
    /// Being worked on.
    Running,
    /// Cut off, and about to be continued.
    Paused,
    /// Everything was read and published.
    Succeeded,
    /// Everything but what the gaps name was read and published; what they name stays as it was.
    CompletedWithGaps,
    /// Something exceeds the safety limit, or an ignored group has vanished, and that waits for an administrator; the rest is
    /// published.
    Held,
    /// Nothing was published by this run, or not all of it; the next run mends it.
    Failed,
    /// Its invocation ended without a word and nobody continued it; a later run has taken over.
    Interrupted,
}

impl RunState {
    /// True when the run will not change any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running | Self::Paused)
    }
}

/// What a run changed, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct ChangeCounts {
    /// Users seen for the first time.
    pub users_added: u64,
    /// Users whose record changed.
    pub users_changed: u64,
    /// Users who became active.
    pub activated: u64,
    /// Users who became inactive.
    pub deactivated: u64,
    /// Groups seen for the first time.
    pub groups_added: u64,
    /// Groups whose record changed.
    pub groups_changed: u64,
    /// Memberships added, of users and of nested groups.
    pub memberships_added: u64,
    /// Memberships removed.
    pub memberships_removed: u64,
}

impl ChangeCounts {
    /// Returns what one user's new record adds to the counts.
    #[must_use]
    pub fn of_user(old: Option<&UserRecord>, new: &UserRecord) -> Self {
        // Which change of the log it was is no change of the user.
        let is_same = old.is_some_and(|old| UserRecord { changed: old.changed, ..new.clone() } == *old);
        if is_same {
            return Self::default();
        }
        let none = BTreeSet::new();
        let groups = old.map_or(&none, |old| &old.groups);
        let was_visible = old.is_some_and(|old| old.presence != Presence::Unseen);
        let was_active = was_visible && old.is_some_and(|old| old.decision.is_active());
        let is_visible = new.presence != Presence::Unseen;
        let is_active = is_visible && new.decision.is_active();
        Self {
            users_added: u64::from(!was_visible && is_visible),
            users_changed: u64::from(was_visible),
            activated: u64::from(is_active && !was_active),
            deactivated: u64::from(was_active && !is_active),
            memberships_added: new.groups.difference(groups).count() as u64,
            memberships_removed: groups.difference(&new.groups).count() as u64,
            ..Self::default()
        }
    }

    /// Returns what one group's new record adds to the counts. How many members it has is counted with the users.
    #[must_use]
    pub fn of_group(old: Option<&GroupRecord>, new: &GroupRecord) -> Self {
        if old.is_some_and(|old| GroupRecord { members: old.members, ..new.clone() } == *old) {
            return Self::default();
        }
        let none = BTreeSet::new();
        let children = old.map_or(&none, |old| &old.children);
        Self {
            groups_added: u64::from(old.is_none()),
            groups_changed: u64::from(old.is_some()),
            memberships_added: new.children.difference(children).count() as u64,
            memberships_removed: children.difference(&new.children).count() as u64,
            ..Self::default()
        }
    }
}

/// What a run has written so far, over all its attempts. It is stored in one step with what it counts, so that it is right
/// after any interruption.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The run.
    pub run: RunId,
    /// Items written to the table.
    pub items: u64,
    /// What changed.
    pub changes: ChangeCounts,
    /// What of it a reconciliation found that changes had left out.
    pub repaired: ChangeCounts,
    /// What changed since the last publication, whichever run wrote it.
    pub unpublished: ChangeCounts,
}

impl Written {
    /// Goes on counting where the run was cut off. What another one has written since takes the place of what is stored; then
    /// the run's record tells how far it came.
    #[must_use]
    pub fn continued(run: &Run, stored: Option<Self>) -> Self {
        match stored {
            Some(stored) if stored.run == run.id => stored,
            stored => Self {
                run: run.id,
                items: run.effort.items_written,
                changes: run.changes,
                repaired: run.mended.unwrap_or_default(),
                unpublished: stored.map(|stored| stored.unpublished).unwrap_or_default(),
            },
        }
    }

    /// Adds what one transaction writes.
    #[must_use]
    pub fn with(&self, items: u64, changes: ChangeCounts, reconciles: bool) -> Self {
        let mut written = self.clone();
        written.items += items;
        written.changes += changes;
        written.unpublished += changes;
        if reconciles {
            written.repaired += changes;
        }
        written
    }
}

/// What a run cost at Microsoft's side and in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Effort {
    /// Requests sent to Graph, repetitions included.
    pub graph_requests: u64,
    /// Pages read.
    pub pages: u64,
    /// Users read, from lists or as changes.
    #[serde(default)]
    pub users_read: u64,
    /// Groups read, from lists or as changes.
    #[serde(default)]
    pub groups_read: u64,
    /// Times Graph asked to wait.
    pub throttled: u64,
    /// What the requests cost of the tenant's quota, in Microsoft's resource units.
    #[serde(default)]
    pub resource_units: u64,
    /// How long requests rested to keep within the quota, in milliseconds.
    #[serde(default)]
    pub waited_ms: u64,
    /// Items written to the table by the plan.
    pub items_written: u64,
}

impl AddAssign for ChangeCounts {
    fn add_assign(&mut self, more: Self) {
        self.users_added += more.users_added;
        self.users_changed += more.users_changed;
        self.activated += more.activated;
        self.deactivated += more.deactivated;
        self.groups_added += more.groups_added;
        self.groups_changed += more.groups_changed;
        self.memberships_added += more.memberships_added;
        self.memberships_removed += more.memberships_removed;
    }
}

impl AddAssign for Effort {
    fn add_assign(&mut self, more: Self) {
        self.graph_requests += more.graph_requests;
        self.pages += more.pages;
        self.users_read += more.users_read;
        self.groups_read += more.groups_read;
        self.throttled += more.throttled;
        self.resource_units += more.resource_units;
        self.waited_ms += more.waited_ms;
        self.items_written += more.items_written;
    }
}

/// Why a run failed, for an administrator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// A fixed word for programs, such as `no_working_credential`.
    pub code: String,
    /// What happened and what to do, in a sentence or two.
    pub message: String,
}

/// One run of one directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The run.
    pub id: RunId,
    /// Its directory.
    pub directory: DirectoryId,
    /// What asked for it.
    pub trigger: Trigger,
    /// Where it stands.
    pub state: RunState,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When work began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// How often work began: more than once when the run was cut off and continued.
    #[serde(default)]
    pub attempts: u32,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// How far it read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
    /// Why it read everything, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_reason: Option<FullReason>,
    /// The administrator whose credential was used last, by object id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<UserId>,
    /// What changed.
    #[serde(default)]
    pub changes: ChangeCounts,
    /// The number of the last change that was logged before it; 0 when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes_after: Option<u64>,
    /// What a reconciliation found that changes had left out; among `changes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mended: Option<ChangeCounts>,
    /// What the published state has after the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totals: Option<DirectoryCounts>,
    /// What it cost.
    #[serde(default)]
    pub effort: Effort,
    /// What could not be read, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<String>,
    /// What is odd but did no harm, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Groups the settings name that the tenant does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vanished_groups: Vec<GroupId>,
    /// What waits for an administrator, if anything does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<HoldSummary>,
    /// Why it failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl Run {
    /// Notes what was written so far.
    pub fn note(&mut self, written: &Written) {
        self.effort.items_written = written.items;
        self.changes = written.changes;
        if written.repaired != ChangeCounts::default() || self.full_reason == Some(FullReason::Reconciliation) {
            self.mended = Some(written.repaired);
        }
    }

    /// Ends a run that nobody works on any more, with what is known of it.
    pub fn interrupt(&mut self, written: Option<&Written>, now: Timestamp) {
        if let Some(written) = written.filter(|written| written.run == self.id) {
            self.note(written);
        }
        self.state = RunState::Interrupted;
        self.finished_at = Some(now);
        self.failure = Some(Failure {
            code: "interrupted".to_owned(),
            message:
                "The run was cut off without notice and never continued. Whatever it left undone, the run after it \
                      does."
                    .to_owned(),
        });
    }

    /// A run that was asked for now.
    #[must_use]
    pub fn requested(directory: DirectoryId, trigger: Trigger, now: Timestamp) -> Self {
        Self {
            id: RunId::new(now),
            directory,
            trigger,
            state: RunState::Queued,
            requested_at: now,
            started_at: None,
            attempts: 0,
            finished_at: None,
            reading: None,
            full_reason: None,
            credential: None,
            changes: ChangeCounts::default(),
            changes_after: None,
            mended: None,
            totals: None,
            effort: Effort::default(),
            gaps: Vec::new(),
            warnings: Vec::new(),
            vanished_groups: Vec::new(),
            hold: None,
            failure: None,
        }
    }

    /// How long the work took, once it has ended, in milliseconds.
    #[must_use]
    pub fn duration_ms(&self) -> Option<i64> {
        let span = self.finished_at?.duration_since(self.started_at?);
        i64::try_from(span.as_millis()).ok()
    }
}
