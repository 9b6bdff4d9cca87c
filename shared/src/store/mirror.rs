//! The mirror and the published state, as a run reads and writes them.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;
use crate::directory::{ChangeId, DirectoryId, GroupId, GroupRecord, NameKey, ObjectId, Published, UserId, UserRecord};
use crate::filter::{GroupDecision, UserOutcome};
use crate::statistics::Day;
use crate::sync::{DeltaLinks, Hold, HoldId, HoldState, Run, RunId, Written};

/// A run's right to write, until it expires or a later run takes it over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The directory.
    pub directory: DirectoryId,
    /// The run that holds it.
    pub run: RunId,
    /// Grows with each lease of the directory: a holder with a smaller number is stale, and its writes are refused.
    pub fence: u64,
}

/// What became of an attempt to take a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leased {
    /// Taken. The run no longer waits, and here is where the last one stopped.
    Taken(Lease, Box<SyncState>),
    /// Another run holds it until then.
    Held {
        /// When it runs out unless it is renewed.
        until: Timestamp,
    },
}

/// Where the last good run stopped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncState {
    /// Where to continue; `None` before the first good run.
    pub links: Option<DeltaLinks>,
    /// When a run last read everything; `None` before the first one did.
    pub last_full_at: Option<Timestamp>,
    /// The hold the last good run has left.
    pub hold: Option<HoldId>,
    /// True when a run has begun to write since, and was cut off: what is published counts differently from the records.
    pub unfinished: bool,
    /// True when a run that was cut off has left a checkpoint since.
    pub checkpoint: bool,
    /// True when the table has no indexes of its records yet, or those of another version.
    pub unindexed: bool,
    /// The last change in the log.
    pub logged: Option<ChangeId>,
    /// The runs that were requested and have not ended.
    pub open_runs: BTreeSet<RunId>,
    /// What the run that wrote last has written, unless it has published since.
    pub written: Option<Written>,
    /// Until when Microsoft has asked to be left alone.
    pub paused_until: Option<Timestamp>,
}

/// One change of the stored directory. Applying it twice is the same as once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// The group's record.
    Group(GroupRecord),
    /// A list.
    List(ListChange),
    /// Names that users or groups are found by from now on, or are not any more.
    Names(NamesChange),
    /// The user's record.
    User(UserRecord),
    /// The user's record is not needed any more.
    ForgetUser(UserId),
}

/// What names lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameIndex {
    /// Users.
    Users,
    /// Groups.
    Groups,
}

/// Names to add to, and to take out of, an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamesChange {
    /// Of users or of groups.
    pub of: NameIndex,
    /// Who is found by what from now on.
    pub add: BTreeSet<(NameKey, ObjectId)>,
    /// Who is not found by what any more.
    pub remove: BTreeSet<(NameKey, ObjectId)>,
}

impl NamesChange {
    /// No change yet.
    #[must_use]
    pub fn of(of: NameIndex) -> Self {
        Self { of, add: BTreeSet::new(), remove: BTreeSet::new() }
    }
}

/// A list of ids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum List {
    /// Users who are directly in a group. There may be others in it, from whose records it shows.
    Members(GroupId),
    /// Users with this outcome. There may be others in it likewise.
    Users(UserOutcome),
    /// Groups with this decision. There may be others in it likewise.
    Groups(GroupDecision),
}

/// Ids to add to, and to take out of, a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListChange {
    /// The list.
    pub list: List,
    /// Which are in it from now on.
    pub add: BTreeSet<ObjectId>,
    /// Which are not any more.
    pub remove: BTreeSet<ObjectId>,
}

impl ListChange {
    /// No change yet.
    #[must_use]
    pub fn of(list: List) -> Self {
        Self { list, add: BTreeSet::new(), remove: BTreeSet::new() }
    }
}

/// What was written, and what further writes are counted as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counting {
    /// So far.
    pub written: Written,
    /// Whether everything is read and compared, so that what changes was left out before.
    pub reconciles: bool,
}

/// What a run makes visible at its end, all at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The links the run began with: anything else by now is a [`StoreError::Conflict`].
    pub from_links: Option<DeltaLinks>,
    /// Where the next run continues; the same as `from_links` when this one left something to read again.
    pub links: Option<DeltaLinks>,
    /// What consumers see from now on.
    pub published: Published,
    /// When everything was read, if it was.
    pub full_at: Option<Timestamp>,
    /// The hold there is now.
    pub hold: Option<HoldId>,
    /// The hold to show for the first time.
    pub opens: Option<Hold>,
    /// A hold that has ended, and the state it must be in until now: any other is a [`StoreError::Conflict`].
    pub ends: Option<(Hold, HoldState)>,
    /// The record of the run, if it ends with this.
    pub record: Option<Box<Run>>,
    /// What is added to the statistics of its day, if anything is.
    pub day: Option<Day>,
    /// What the run has written, if it goes on after this.
    pub written: Option<Written>,
}

impl Publication {
    /// An outcome without any hold, of a run that did not read everything.
    #[must_use]
    pub fn new(from_links: Option<DeltaLinks>, links: Option<DeltaLinks>, published: Published) -> Self {
        Self {
            from_links,
            links,
            published,
            full_at: None,
            hold: None,
            opens: None,
            ends: None,
            record: None,
            day: None,
            written: None,
        }
    }
}

/// The mirror. Every write is fenced: it happens only while the lease is held, else [`StoreError::LeaseLost`].
#[async_trait]
pub trait MirrorStore: Send + Sync {
    /// Takes the lease of a directory unless another run holds one that has not expired by `now`. The run that takes it no longer
    /// counts as waiting.
    async fn acquire_lease(
        &self,
        directory: DirectoryId,
        run: RunId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Leased, StoreError>;

    /// Extends the lease.
    async fn renew_lease(&self, lease: &Lease, until: Timestamp) -> Result<(), StoreError>;

    /// Notes until when Microsoft has asked to be left alone, by any run.
    async fn pause_until(&self, lease: &Lease, at: Timestamp) -> Result<(), StoreError>;

    /// Gives the lease back, forgets the runs that have ended, and returns those that wait for their turn. Does nothing when the
    /// lease was lost.
    async fn release_lease(&self, lease: &Lease, ended: &BTreeSet<RunId>) -> Result<BTreeSet<RunId>, StoreError>;

    /// These users, as far as they are known.
    async fn users(&self, directory: DirectoryId, ids: &BTreeSet<UserId>) -> Result<Vec<UserRecord>, StoreError>;

    /// All users.
    async fn all_users(&self, directory: DirectoryId) -> Result<Vec<UserRecord>, StoreError>;

    /// These groups, as far as they are known.
    async fn groups(&self, directory: DirectoryId, ids: &BTreeSet<GroupId>) -> Result<Vec<GroupRecord>, StoreError>;

    /// All groups.
    async fn all_groups(&self, directory: DirectoryId) -> Result<Vec<GroupRecord>, StoreError>;

    /// The ids in a list.
    async fn listed(&self, directory: DirectoryId, list: &List) -> Result<BTreeSet<ObjectId>, StoreError>;

    /// Notes that writing begins: until the next [`Self::publish`] the directory is unfinished.
    async fn begin_writing(&self, lease: &Lease) -> Result<(), StoreError>;

    /// Makes the changes, in this order. Those of one call that are alike may be made together; an interruption
    /// leaves a beginning of them made. What becomes of users and groups is logged in the same step, as of `now`,
    /// and counted in `count`, which is right after an error too.
    async fn apply(
        &self,
        lease: &Lease,
        writes: &[Write],
        count: &mut Counting,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Makes the outcome visible and moves the links, in one step. A checkpoint has served its purpose then.
    async fn publish(&self, lease: &Lease, publication: &Publication) -> Result<(), StoreError>;
}
