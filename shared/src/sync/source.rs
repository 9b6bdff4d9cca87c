//! The port to Microsoft's side, as a run needs it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::ListKind;
use super::record::{Effort, Run};
use super::trail::Trail;
use crate::clock_skew::ClockSkew;
use crate::credentials::Refusal;
use crate::directory::{GroupId, GroupPatch, Member, MemberKind, ObjectId, UserId, UserPatch};

/// A link from which Graph continues to report changes: an absolute URL with an opaque token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeltaLink(String);

impl DeltaLink {
    /// A link as Graph sent it.
    #[must_use]
    pub fn new(url: String) -> Self {
        Self(url)
    }

    /// The URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The two links of a directory, and what they track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeltaLinks {
    /// Continues the users.
    pub users: DeltaLink,
    /// Continues the groups and memberships.
    pub groups: DeltaLink,
    /// The `$select` lists both were made with.
    pub select: String,
    /// Whether they were made by an account that sees hidden members, and so tell of those.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden_members: bool,
}

/// One thing an answer said of a user.
#[expect(clippy::large_enum_variant, reason = "almost every change is a sighting")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum UserChange {
    /// The user exists, with these properties.
    Seen(UserId, UserPatch),
    /// The user was deleted.
    Removed(UserId, Removal),
}

/// One thing an answer said of a group. A group may come several times in a round, with a slice of its members
/// each time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupChange {
    /// The group.
    pub id: GroupId,
    /// Whether it exists, and its properties.
    pub what: GroupEvent,
    /// Members that joined or left, in the order they came.
    pub members: Vec<MemberChange>,
}

/// Whether a group exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupEvent {
    /// The group exists, with these properties.
    Seen(GroupPatch),
    /// The group was deleted.
    Removed(Removal),
}

/// A member that joined or left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberChange {
    /// The member.
    pub id: ObjectId,
    /// What it is.
    pub kind: MemberKind,
    /// True when it left.
    pub removed: bool,
}

/// How an object was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Removal {
    /// Restorable for 30 days (`changed`). Its memberships stay.
    Soft,
    /// Gone for good (`deleted`).
    Permanent,
}

/// An object that was there but could not be understood. What is known of it stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadObject {
    /// Which one, unless even that could not be read: then it may be any.
    pub id: Option<ObjectId>,
    /// What was odd, in words, without personal data.
    pub note: String,
}

/// A complete list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    /// The objects.
    pub objects: Vec<T>,
    /// What could not be understood and was left out.
    pub unread: Vec<UnreadObject>,
}

impl<T> Listing<T> {
    /// A list of nothing.
    pub(super) fn empty() -> Self {
        Self { objects: Vec::new(), unread: Vec::new() }
    }
}

/// How many of each the tenant says it has, from its own counters; `None` where it does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counted {
    /// Users.
    pub users: Option<u64>,
    /// Groups.
    pub groups: Option<u64>,
}

/// Reads a tenant. A read goes on where its trail stops and adds page by page; it succeeds when the list, or the round
/// of changes, has been read to its end, so that what was cut short is never taken for all.
#[async_trait]
pub trait TenantSource: Send + Sync {
    /// Links that report what changes from now on.
    async fn latest_links(&self) -> Result<DeltaLinks, SourceError>;

    /// The `$select` lists that links are made with now.
    fn select(&self) -> String;

    /// How many users and groups there are.
    async fn counts(&self) -> Result<Counted, SourceError>;

    /// All users. Soft-deleted ones are not among them.
    async fn users(&self, trail: &Trail<(UserId, UserPatch)>) -> Result<(), SourceError>;

    /// All groups.
    async fn groups(&self, trail: &Trail<(GroupId, GroupPatch)>) -> Result<(), SourceError>;

    /// The direct members of a group. Soft-deleted users are not among them.
    async fn members(&self, group: &GroupId, trail: &Trail<Member>) -> Result<(), SourceError>;

    /// The groups that a user is directly in. Deleted ones are not among them, nor need hidden ones be.
    async fn groups_of_user(&self, user: &UserId, trail: &Trail<GroupId>) -> Result<(), SourceError>;

    /// The groups that a group is directly in, likewise.
    async fn groups_of_group(&self, group: &GroupId, trail: &Trail<GroupId>) -> Result<(), SourceError>;

    /// How many groups a user is directly in; `None` when the tenant does not say.
    async fn count_groups_of_user(&self, user: &UserId) -> Result<Option<u64>, SourceError>;

    /// How many groups a group is directly in, likewise.
    async fn count_groups_of_group(&self, group: &GroupId) -> Result<Option<u64>, SourceError>;

    /// True when there is such a user, not counting soft-deleted ones.
    async fn user_exists(&self, user: &UserId) -> Result<bool, SourceError>;

    /// True when there is such a group, not counting soft-deleted ones.
    async fn group_exists(&self, group: &GroupId) -> Result<bool, SourceError>;

    /// Returns the number of users, of groups, or of all objects directly in a group; `None` when the tenant does not say. All
    /// may be more than a list of members shows.
    async fn member_count(&self, group: &GroupId, of: Option<ListKind>) -> Result<Option<u64>, SourceError>;

    /// Lists the ids of all users or groups as the index behind the counters has them. It lags behind a little, but counts
    /// itself, so that a list that was cut short is an error.
    async fn indexed(&self, of: ListKind) -> Result<BTreeSet<ObjectId>, SourceError>;

    /// Lists the direct members of a group likewise.
    async fn indexed_members(&self, group: &GroupId) -> Result<BTreeMap<ObjectId, MemberKind>, SourceError>;

    /// True when the members of groups that hide them are shown, so that a list without any is one of no members.
    async fn sees_hidden_members(&self) -> Result<bool, SourceError>;

    /// What changed with users since the link.
    async fn user_changes(&self, link: &DeltaLink, trail: &Trail<UserChange>) -> Result<(), SourceError>;

    /// What changed with groups and memberships since the link.
    async fn group_changes(&self, link: &DeltaLink, trail: &Trail<GroupChange>) -> Result<(), SourceError>;

    /// What was asked of Graph so far; `items_written` stays 0.
    fn effort(&self) -> Effort;

    /// The administrator whose credential answered last.
    fn credential(&self) -> Option<UserId>;
}

/// Opens a directory's tenant for a run.
pub trait OpenTenant: Send + Sync {
    /// A source of the run's own, that counts from nought. It does not begin to wait for longer than until `stop_at`.
    fn open(&self, run: &Run, stop_at: Timestamp) -> Box<dyn TenantSource>;
}

/// Why something could not be read, by what a run can do about it.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The links are no longer accepted: read everything.
    #[error("the delta links are no longer accepted")]
    ResyncRequired,
    /// The object is not there (any more).
    #[error("the object does not exist in the tenant")]
    NotFound,
    /// Graph does not let anybody who authorized read this one object, but lets them read others.
    #[error("Microsoft Graph withholds this object")]
    Withheld,
    /// Graph, or Microsoft's login, asks for a longer pause than the run has time for.
    #[error("Microsoft asks for a pause of {} seconds", wait.as_secs())]
    Paused {
        /// Not to come back before.
        wait: Duration,
    },
    /// Passed through all repetitions; a later run may have more luck.
    #[error("Microsoft Graph is not available for now")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Microsoft's login gave no token, after all repetitions; a later run may have more luck.
    #[error("Microsoft's login is not available for now")]
    LoginUnavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Graph refuses tokens that the login has just issued; a later run may have more luck.
    #[error("Microsoft Graph refuses fresh access tokens")]
    TokensRejected,
    /// Our clock differs from Microsoft's, so that the application's proof of who it is is refused.
    #[error("the clock is {0}")]
    ClockWrong(ClockSkew),
    /// The answer was cut short, looped or made no sense. What it was about is unknown, not empty.
    #[error("an answer of Microsoft Graph was not complete")]
    Incomplete(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No credential is left that works: an administrator must authorize again.
    #[error("no administrator's authorization works any more")]
    NoWorkingCredential,
    /// The application's registration or its secret is wrong; no administrator of the tenant can help.
    #[error("Microsoft refuses the application itself: {0}")]
    ApplicationRefused(Refusal),
    /// A request Graph does not accept: ours to fix.
    #[error("Microsoft Graph refused a request")]
    Rejected(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The credentials could not be read from their store or written to it.
    #[error("the credential store did not answer")]
    CredentialStore(#[source] Box<dyn std::error::Error + Send + Sync>),
}
