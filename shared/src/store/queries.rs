//! Pages of users, groups and members for those who ask.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use async_trait::async_trait;

use super::StoreError;
use crate::directory::{DirectoryId, GroupId, GroupRecord, ObjectId, UserId, UserRecord};
use crate::filter::{GroupDecision, UserDecision, UserOutcome};

/// A part of a listing. The next one begins behind the last entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// True when others follow.
    pub more: bool,
}

impl<T> Page<T> {
    /// A page of at most `limit` of these entries.
    #[must_use]
    pub fn of(mut items: Vec<T>, limit: usize) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        Self { items, more }
    }

    /// The entry behind which the next page begins; `None` at the end of the listing.
    #[must_use]
    pub fn end(&self) -> Option<&T> {
        self.items.last().filter(|_| self.more)
    }

    /// Ends the page after this many entries.
    pub fn cut(&mut self, len: usize) {
        if len < self.items.len() {
            self.items.truncate(len);
            self.more = true;
        }
    }
}

/// A part of what was found by a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<T> {
    /// What was found, in the order of ids. It may be less than there was room for, or nothing, while others follow.
    pub items: Vec<T>,
    /// The id behind which the search continues; `None` at its end.
    pub next: Option<ObjectId>,
}

/// A listing with places that can be counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// [`QueryStore::list_users`].
    Users(UserFilter),
    /// [`QueryStore::list_groups`].
    Groups(GroupFilter),
    /// [`QueryStore::list_members`].
    Members(GroupId),
}

/// Which users to list. Those who were never read themselves are never listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserFilter {
    /// All of them.
    All,
    /// Active ones.
    Active,
    /// Inactive ones.
    Inactive,
    /// Those with this outcome.
    With(UserOutcome),
}

impl UserFilter {
    /// Whether users with this decision are listed.
    #[must_use]
    pub fn takes(self, decision: &UserDecision) -> bool {
        match self {
            Self::All => true,
            Self::Active => decision.is_active(),
            Self::Inactive => !decision.is_active(),
            Self::With(outcome) => decision.outcome() == outcome,
        }
    }
}

/// Which groups to list. Those that were never read themselves, or were deleted, are never listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupFilter {
    /// All of them, skipped ones too.
    All,
    /// Those with this decision.
    With(GroupDecision),
}

impl GroupFilter {
    /// Those that consumers see.
    pub const SYNCED: Self = Self::With(GroupDecision::Synced);

    /// Whether groups with this decision are listed.
    #[must_use]
    pub fn takes(self, decision: GroupDecision) -> bool {
        match self {
            Self::All => true,
            Self::With(wanted) => decision == wanted,
        }
    }
}

/// Reads for queries. Every listing is walked by id, with ids that are not GUIDs in fixed positions among the others: an entry that
/// is in the listing from the first page to the last comes exactly once, whatever runs write meanwhile. A page takes about as many
/// requests of the table however large the directory is.
#[async_trait]
pub trait QueryStore: Send + Sync {
    /// A page of at most `limit` users, full unless it is the last.
    async fn list_users(
        &self,
        directory: DirectoryId,
        filter: UserFilter,
        limit: usize,
        after: Option<&UserId>,
    ) -> Result<Page<UserRecord>, StoreError>;

    /// One user by id.
    async fn user(&self, directory: DirectoryId, id: &UserId) -> Result<Option<UserRecord>, StoreError>;

    /// These users, as far as they are known.
    async fn users_by_id(&self, directory: DirectoryId, ids: &BTreeSet<UserId>) -> Result<Vec<UserRecord>, StoreError>;

    /// Users by user principal name or any mail address, in any case and encoding. A deleted user may share a name with one
    /// who came later.
    async fn users_named(&self, directory: DirectoryId, name: &str) -> Result<Vec<UserRecord>, StoreError>;

    /// At most `limit` users behind `after` of whom a name, the displayed name or a word in it begins like this, without regard to
    /// case and marks, and whose decision the filter takes.
    async fn find_users(
        &self,
        directory: DirectoryId,
        prefix: &str,
        filter: UserFilter,
        limit: usize,
        after: Option<&ObjectId>,
    ) -> Result<Found<UserRecord>, StoreError>;

    /// A page of at most `limit` groups, full unless it is the last.
    async fn list_groups(
        &self,
        directory: DirectoryId,
        filter: GroupFilter,
        limit: usize,
        after: Option<&GroupId>,
    ) -> Result<Page<GroupRecord>, StoreError>;

    /// At most `limit` groups behind `after` whose name, a word in it, or mail address begins like this, without regard to case
    /// and marks, and whose decision the filter takes.
    async fn find_groups(
        &self,
        directory: DirectoryId,
        prefix: &str,
        filter: GroupFilter,
        limit: usize,
        after: Option<&ObjectId>,
    ) -> Result<Found<GroupRecord>, StoreError>;

    /// One group by id.
    async fn group(&self, directory: DirectoryId, id: &GroupId) -> Result<Option<GroupRecord>, StoreError>;

    /// These groups, as far as they are known.
    async fn groups_by_id(
        &self,
        directory: DirectoryId,
        ids: &BTreeSet<GroupId>,
    ) -> Result<Vec<GroupRecord>, StoreError>;

    /// A page of at most `limit` users of a group's list of members who exist in the tenant.
    async fn list_members(
        &self,
        directory: DirectoryId,
        group: &GroupId,
        limit: usize,
        after: Option<&UserId>,
    ) -> Result<Page<UserRecord>, StoreError>;

    /// The id behind which a listing goes on after its first `count` entries; `None` when it has no more.
    async fn skip(
        &self,
        directory: DirectoryId,
        of: &Listed,
        count: NonZeroUsize,
    ) -> Result<Option<ObjectId>, StoreError>;
}
