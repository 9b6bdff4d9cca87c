//! What a directory is made of: ids, users, groups, and what is remembered of each.
//!
//! A *directory* is our record of one Microsoft 365 tenant. Its users and groups are kept as *records*: what
//! Microsoft said (the mirror) beside what the policy made of it (the decision consumers see).

mod change;
mod folding;
mod group;
mod ids;
mod membership;
mod names;
mod patch;
mod registry;
mod user;

pub use change::{Change, ChangeId, ChangedGroup, ChangedUser};
pub use folding::{Folded, Searchable, hidden_characters};
pub use group::{GroupPatch, GroupProfile, GroupRecord};
pub use ids::{DirectoryId, GroupId, InvalidId, ObjectId, UserId};
pub use membership::{Membership, UnknownCause};
pub use names::NameKey;
pub use patch::Patch;
pub use registry::{Directory, DirectoryCounts, Published, SettingsChanged};
pub use user::{UserPatch, UserProfile, UserRecord};

pub use compact_str::CompactString as Text;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long deleted users and groups stay as inactive records.
pub const RETENTION: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Whether an object exists in the tenant, as far as complete reads have told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Presence {
    /// Named as a member somewhere, but never read itself. It is not published.
    Unseen,
    /// Exists in the tenant.
    Present,
    /// Deleted from the tenant, restorable or for good.
    Deleted {
        /// When a run first saw the deletion.
        since: Timestamp,
    },
}

impl Presence {
    /// True when the object exists in the tenant.
    #[must_use]
    pub fn is_present(self) -> bool {
        matches!(self, Self::Present)
    }

    /// True when the object was deleted from the tenant.
    #[must_use]
    pub fn is_deleted(self) -> bool {
        matches!(self, Self::Deleted { .. })
    }
}

/// The kind of a group's member, from its `@odata.type`.
///
/// Source: Microsoft Graph, "List group members".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberKind {
    /// A person's account.
    User,
    /// A nested group.
    Group,
    /// A device.
    Device,
    /// An application's identity.
    ServicePrincipal,
    /// A mail contact of the organization.
    Contact,
    /// A type this version does not know; carries the type's name.
    Unknown(Box<str>),
}

impl MemberKind {
    /// True for a type this version does not know.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }
}

/// One direct member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The member's object id.
    pub id: ObjectId,
    /// What the member is.
    pub kind: MemberKind,
}
