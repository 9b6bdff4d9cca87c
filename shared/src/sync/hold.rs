//! Holds: what a run would have taken away, and did not, because it is too much to do without being asked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use super::record::RunId;
use crate::directory::{DirectoryId, GroupId, GroupRecord, InvalidId, Presence, UserId, UserRecord};
use crate::filter::{InactiveReason, SafetyLimit};

/// How long a hold can be applied. What was looked at longer ago is to be looked at again.
pub const HOLD_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How many examples a run's record names.
const EXAMPLES: usize = 20;

/// A hold's id: a version 7 UUID, so that ids sort by the time they were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(example = "019a3c5e-7d1f-7c3a-9b1e-0242ac120002")]
pub struct HoldId(Uuid);

impl HoldId {
    /// The id of the hold that a run opens. A run opens at most one.
    #[must_use]
    pub fn opened_by(run: RunId) -> Self {
        Self(run.as_uuid())
    }
}

impl FromStr for HoldId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Uuid::try_parse(text).map(Self).map_err(|_| InvalidId::NotGuid)
    }
}

impl fmt::Display for HoldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// One thing that is held.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum HeldChange {
    /// A user would become inactive.
    Deactivation {
        /// Who.
        user: UserId,
        /// Why.
        #[serde(flatten)]
        reason: InactiveReason,
    },
    /// A synced group, or one whose members are ignored, would no longer be there.
    GroupRemoval {
        /// Which.
        group: GroupId,
    },
    /// A user would no longer be in a group.
    MembershipRemoval {
        /// In which.
        group: GroupId,
        /// Who.
        user: UserId,
    },
}

impl HeldChange {
    /// The user it is about, if it is about one.
    #[must_use]
    pub fn user(&self) -> Option<&UserId> {
        match self {
            Self::Deactivation { user, .. } | Self::MembershipRemoval { user, .. } => Some(user),
            Self::GroupRemoval { .. } => None,
        }
    }

    /// The group it is about, if it is about one.
    #[must_use]
    pub fn group(&self) -> Option<&GroupId> {
        match self {
            Self::GroupRemoval { group } | Self::MembershipRemoval { group, .. } => Some(group),
            Self::Deactivation { .. } => None,
        }
    }
}

/// Where a hold stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldState {
    /// Waits for an administrator.
    Open,
    /// An administrator wants it applied; the next run does.
    Approved,
    /// A run has applied it.
    Applied,
    /// An administrator does not believe it; the next run reads everything anew.
    Discarded,
    /// A later run wanted something else, and opened a hold of its own.
    Replaced,
    /// A later run found that it was no longer too much, or no longer true.
    Closed,
}

/// A plan that waits for an administrator. What exactly it would change is kept beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hold {
    /// The hold.
    pub id: HoldId,
    /// Its directory.
    pub directory: DirectoryId,
    /// Where it stands.
    pub state: HoldState,
    /// Stands for exactly these changes.
    pub hash: String,
    /// The run that stopped at it.
    pub opened_by: RunId,
    /// When.
    pub opened_at: Timestamp,
    /// Not to be applied after.
    pub expires_at: Timestamp,
    /// Users who would become inactive.
    pub deactivations: u64,
    /// How many users were active.
    pub active: u64,
    /// Synced groups, or groups whose members are ignored, that would go.
    pub group_removals: u64,
    /// Memberships that would go.
    pub membership_removals: u64,
    /// When it was applied, discarded, replaced or closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub decided_at: Option<Timestamp>,
    /// How many of its changes were no longer true when it was applied, and so were not made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub dropped: Option<u64>,
}

impl Hold {
    /// True when an administrator may still apply or discard it.
    #[must_use]
    pub fn can_be_decided(&self, now: Timestamp) -> bool {
        self.state == HoldState::Open && now < self.expires_at
    }

    /// What a run's record says of it.
    #[must_use]
    pub fn summary(&self, changes: &HeldChanges) -> HoldSummary {
        HoldSummary {
            id: self.id,
            deactivations: self.deactivations,
            active: self.active,
            group_removals: self.group_removals,
            membership_removals: self.membership_removals,
            examples: changes.users.keys().take(EXAMPLES).cloned().collect(),
        }
    }
}

/// What a run's record says of the hold it stopped at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HoldSummary {
    /// The hold.
    pub id: HoldId,
    /// Users who would become inactive.
    pub deactivations: u64,
    /// How many users are active.
    pub active: u64,
    /// Synced groups, or groups whose members are ignored, that would go.
    #[serde(default)]
    pub group_removals: u64,
    /// Memberships that would go.
    #[serde(default)]
    pub membership_removals: u64,
    /// Some of the users, to look at.
    pub examples: Vec<UserId>,
}

/// Everything that is held, or was approved.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeldChanges {
    /// Users who would become inactive, and why.
    pub users: BTreeMap<UserId, InactiveReason>,
    /// Synced groups, or groups whose members are ignored, that would go.
    pub groups: BTreeSet<GroupId>,
    /// Users who would leave a group.
    pub members: BTreeMap<GroupId, BTreeSet<UserId>>,
}

impl HeldChanges {
    /// True when nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty() && self.members.is_empty()
    }

    /// How many changes these are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.users.len() + self.groups.len() + self.memberships()
    }

    /// How many users would leave a group.
    #[must_use]
    pub fn memberships(&self) -> usize {
        self.members.values().map(BTreeSet::len).sum()
    }

    /// The changes one by one, in an order that says nothing but is always the same: lists of them go on behind a number.
    #[must_use]
    pub fn to_list(&self) -> Vec<HeldChange> {
        let users = self.users.iter();
        let users = users.map(|(user, reason)| HeldChange::Deactivation { user: user.clone(), reason: reason.clone() });
        let groups = self.groups.iter().map(|group| HeldChange::GroupRemoval { group: group.clone() });
        let members = self.members.iter().flat_map(|(group, users)| {
            users.iter().map(|user| HeldChange::MembershipRemoval { group: group.clone(), user: user.clone() })
        });
        users.chain(groups).chain(members).collect()
    }

    /// Keeps what another safety limit would let through, which the next run then makes without an approval. What waits for
    /// other reasons is kept as well, so that rather too much is counted than too little.
    #[must_use]
    pub fn let_through_by(mut self, limit: SafetyLimit, hold: &Hold) -> Self {
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        if limit.is_exceeded_by(count(hold.deactivations), count(hold.active)) {
            self.users.clear();
        }
        self
    }

    /// Changes records as if this had been applied.
    pub fn apply_to(&self, users: &mut [UserRecord], groups: &mut [GroupRecord]) {
        let gone = Presence::Deleted { since: Timestamp::UNIX_EPOCH };
        for user in users {
            user.groups.retain(|group| !self.members.get(group).is_some_and(|left| left.contains(&user.id)));
            match self.users.get(&user.id) {
                // Nobody is deactivated because of unknown members: an active user stays active.
                None | Some(InactiveReason::MembershipUnknown { .. }) => {}
                Some(InactiveReason::Deleted) => user.presence = gone,
                Some(InactiveReason::DisabledInOffice365) => user.profile.account_enabled = Some(false),
                Some(InactiveReason::MemberOfIgnoredGroup { group }) => drop(user.groups.insert(group.clone())),
                Some(InactiveReason::NotInAllowedGroup) => user.groups.clear(),
            }
        }
        for group in groups.iter_mut().filter(|group| self.groups.contains(&group.id)) {
            group.presence = gone;
        }
    }

    /// Stands for exactly these changes.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for change in self.to_list() {
            // Serializing a change cannot fail; and should it, the hash is only another one.
            hash.update(serde_json::to_vec(&change).unwrap_or_default());
            hash.update([0]);
        }
        URL_SAFE_NO_PAD.encode(hash.finalize())
    }
}

impl FromIterator<HeldChange> for HeldChanges {
    fn from_iter<I: IntoIterator<Item = HeldChange>>(changes: I) -> Self {
        let mut all = Self::default();
        for change in changes {
            match change {
                HeldChange::Deactivation { user, reason } => {
                    all.users.insert(user, reason);
                }
                HeldChange::GroupRemoval { group } => {
                    all.groups.insert(group);
                }
                HeldChange::MembershipRemoval { group, user } => {
                    all.members.entry(group).or_default().insert(user);
                }
            }
        }
        all
    }
}
