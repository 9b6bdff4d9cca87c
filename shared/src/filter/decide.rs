//! The decisions, each with its reason.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::policy::Policy;
use super::reach::Reach;
use crate::directory::{Folded, GroupId, GroupProfile, Presence, UserRecord};

/// A user's outcome.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum UserDecision {
    /// May be let in.
    Active,
    /// Must be kept out.
    Inactive(InactiveReason),
}

impl UserDecision {
    /// True when the user may be let in.
    #[must_use]
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Active)
    }
}

/// A [`UserDecision`] without what is particular to one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserOutcome {
    /// Active.
    Active,
    /// Inactive: deleted in the tenant.
    Deleted,
    /// Inactive: may not sign in to Office 365.
    #[serde(rename = "disabled_in_office_365")]
    DisabledInOffice365,
    /// Inactive: in a group that the settings ignore.
    MemberOfIgnoredGroup,
    /// Inactive: in none of the groups that the settings allow.
    NotInAllowedGroup,
    /// Inactive: whether a group that decides has the user in it is unknown.
    MembershipUnknown,
}

impl UserOutcome {
    /// All there are.
    pub const ALL: [Self; 6] = [
        Self::Active,
        Self::Deleted,
        Self::DisabledInOffice365,
        Self::MemberOfIgnoredGroup,
        Self::NotInAllowedGroup,
        Self::MembershipUnknown,
    ];

    /// All ways to be inactive.
    pub const INACTIVE: [Self; 5] = [
        Self::Deleted,
        Self::DisabledInOffice365,
        Self::MemberOfIgnoredGroup,
        Self::NotInAllowedGroup,
        Self::MembershipUnknown,
    ];
}

impl UserDecision {
    /// Which outcome it is.
    #[must_use]
    pub fn outcome(&self) -> UserOutcome {
        match self {
            Self::Active => UserOutcome::Active,
            Self::Inactive(reason) => reason.outcome(),
        }
    }
}

impl InactiveReason {
    /// Which outcome it is the reason for.
    #[must_use]
    pub fn outcome(&self) -> UserOutcome {
        match self {
            Self::Deleted => UserOutcome::Deleted,
            Self::DisabledInOffice365 => UserOutcome::DisabledInOffice365,
            Self::MemberOfIgnoredGroup { .. } => UserOutcome::MemberOfIgnoredGroup,
            Self::NotInAllowedGroup => UserOutcome::NotInAllowedGroup,
            Self::MembershipUnknown { .. } => UserOutcome::MembershipUnknown,
        }
    }
}

/// Why a user is inactive, in the order in which the rules are asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum InactiveReason {
    /// Deleted in the tenant.
    Deleted,
    /// The account may not sign in to Office 365.
    #[serde(rename = "disabled_in_office_365")]
    DisabledInOffice365,
    /// In a group that the settings ignore.
    MemberOfIgnoredGroup {
        /// The ignored group; of several, the one with the smallest id.
        group: GroupId,
    },
    /// The settings allow only some groups, and the user is in none of them.
    NotInAllowedGroup,
    /// The decision depends on a group whose members are unknown, and the user was not active before.
    MembershipUnknown {
        /// A group whose members are unknown: an ignored or allowed one, or one nested in it.
        group: GroupId,
    },
}

/// A group's outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum GroupDecision {
    /// Consumers see it.
    Synced,
    /// Consumers do not see it.
    Skipped {
        /// The first reason that applies.
        reason: SkipReason,
    },
}

impl GroupDecision {
    /// All there are.
    pub const ALL: [Self; 4] = [
        Self::Synced,
        Self::Skipped { reason: SkipReason::GroupSyncOff },
        Self::Skipped { reason: SkipReason::NoEmail },
        Self::Skipped { reason: SkipReason::PrefixNotAllowed },
    ];

    /// True when consumers see the group.
    #[must_use]
    pub fn is_synced(self) -> bool {
        matches!(self, Self::Synced)
    }
}

/// Why a group is skipped, in the order in which the rules are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// Group sync is off.
    GroupSyncOff,
    /// It has no mail address, and such groups are not synced.
    NoEmail,
    /// Its name begins with none of the prefixes.
    PrefixNotAllowed,
}

/// What a user's decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct UserFacts<'a> {
    /// The user was deleted in the tenant.
    pub deleted: bool,
    /// `accountEnabled`; only an explicit `false` disables.
    pub account_enabled: Option<bool>,
    /// The groups the user is directly in, as far as is known.
    pub groups: &'a BTreeSet<GroupId>,
    /// The decision that consumers have been told; `None` when they have not been told of the user. It stands where the
    /// facts leave the outcome open.
    pub earlier: Option<&'a UserDecision>,
}

impl<'a> UserFacts<'a> {
    /// The facts on record. `published` says whether consumers have been told the decision on record.
    #[must_use]
    pub fn of(user: &'a UserRecord, published: bool) -> Self {
        Self {
            deleted: user.presence.is_deleted(),
            account_enabled: user.profile.account_enabled,
            groups: &user.groups,
            earlier: Some(&user.decision).filter(|_| published && user.presence != Presence::Unseen),
        }
    }
}

/// Decides whether a user is active. The first rule that applies wins.
///
/// Where the outcome depends on a group whose members are unknown, the earlier decision stands: an active user stays active.
/// A user who was not active is not let in.
#[must_use]
pub fn decide_user(policy: &Policy, reach: &Reach, facts: UserFacts<'_>) -> UserDecision {
    if facts.deleted {
        return UserDecision::Inactive(InactiveReason::Deleted);
    }
    if facts.account_enabled == Some(false) {
        return UserDecision::Inactive(InactiveReason::DisabledInOffice365);
    }
    let listed = reach.of(facts.groups);
    if let Some(group) = listed.ignored {
        return UserDecision::Inactive(InactiveReason::MemberOfIgnoredGroup { group: group.clone() });
    }
    let is_allowed = policy.allowed_groups.is_empty() || listed.allowed.is_some();
    match Admission::of(reach, is_allowed) {
        Admission::Granted => UserDecision::Active,
        Admission::Denied => UserDecision::Inactive(InactiveReason::NotInAllowedGroup),
        Admission::DependsOn(groups) => undecided(groups, facts.earlier, is_allowed),
    }
}

/// What the groups say of a user who is in no ignored group, as far as is known.
enum Admission<'a> {
    /// The user is in no ignored group, and in an allowed one where that is needed.
    Granted,
    /// The user is in no allowed group.
    Denied,
    /// It depends on whether the user is in one of these groups, whose members are unknown.
    DependsOn(&'a BTreeSet<GroupId>),
}

impl<'a> Admission<'a> {
    /// `is_allowed` says that the user is known to be in an allowed group, or that none is needed.
    fn of(reach: &'a Reach, is_allowed: bool) -> Self {
        let unknown = reach.unknown();
        if !is_allowed && unknown.allowed.is_empty() {
            Self::Denied
        } else if !unknown.ignored.is_empty() {
            Self::DependsOn(&unknown.ignored)
        } else if !is_allowed {
            Self::DependsOn(&unknown.allowed)
        } else {
            Self::Granted
        }
    }
}

fn undecided(groups: &BTreeSet<GroupId>, earlier: Option<&UserDecision>, is_allowed: bool) -> UserDecision {
    use InactiveReason::{MembershipUnknown, NotInAllowedGroup};
    let unknown = |group: &GroupId| UserDecision::Inactive(MembershipUnknown { group: group.clone() });
    match earlier {
        Some(UserDecision::Active) => UserDecision::Active,
        Some(UserDecision::Inactive(NotInAllowedGroup)) if !is_allowed => UserDecision::Inactive(NotInAllowedGroup),
        Some(UserDecision::Inactive(MembershipUnknown { group })) if groups.contains(group) => unknown(group),
        // There is one: else nothing would depend on it.
        _ => groups.first().map_or(UserDecision::Active, unknown),
    }
}

/// Decides whether a group is synced. A skipped group carries the first reason that applies.
#[must_use]
pub fn decide_group(policy: &Policy, group: &GroupProfile) -> GroupDecision {
    let has_mail = group.mail.as_deref().is_some_and(|mail| !mail.trim().is_empty());
    let reason = if !policy.sync_groups {
        SkipReason::GroupSyncOff
    } else if !has_mail && !policy.sync_groups_without_email {
        SkipReason::NoEmail
    } else if !has_allowed_prefix(policy, group.display_name.as_deref().unwrap_or_default()) {
        SkipReason::PrefixNotAllowed
    } else {
        return GroupDecision::Synced;
    };
    GroupDecision::Skipped { reason }
}

fn has_allowed_prefix(policy: &Policy, name: &str) -> bool {
    if policy.group_prefixes.is_empty() {
        return true;
    }
    let name = Folded::of_visible(name);
    policy.group_prefixes.iter().any(|prefix| prefix.begins(&name))
}
