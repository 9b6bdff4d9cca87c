//! The decisions, each with its reason.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::policy::Policy;
use super::reach::Reach;
use crate::directory::{Folded, GroupId, GroupProfile};

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
}

impl UserOutcome {
    /// All ways to be inactive.
    pub const INACTIVE: [Self; 4] =
        [Self::Deleted, Self::DisabledInOffice365, Self::MemberOfIgnoredGroup, Self::NotInAllowedGroup];
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
    /// The groups the user is directly in.
    pub groups: &'a BTreeSet<GroupId>,
}

/// Decides whether a user is active. The first rule that applies wins.
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
        UserDecision::Inactive(InactiveReason::MemberOfIgnoredGroup { group: group.clone() })
    } else if !policy.allowed_groups.is_empty() && listed.allowed.is_none() {
        UserDecision::Inactive(InactiveReason::NotInAllowedGroup)
    } else {
        UserDecision::Active
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
