//! "Why can't I log in?": the rules one by one, as they apply to one user.

use serde::Serialize;
use utoipa::ToSchema;

use super::decide::{InactiveReason, UserDecision, UserFacts, decide_user};
use super::policy::Policy;
use super::reach::Reach;
use crate::directory::GroupId;

/// A rule that can make a user inactive, in the order in which they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The user must exist in the tenant.
    NotDeleted,
    /// The account must not be disabled in Office 365.
    #[serde(rename = "enabled_in_office_365")]
    EnabledInOffice365,
    /// The user must be in no ignored group.
    InNoIgnoredGroup,
    /// The user must be in an allowed group, when there are any.
    InAllowedGroup,
}

/// How one rule came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The rule.
    pub rule: Rule,
    /// True when the rule does not stand in the user's way.
    pub passed: bool,
    /// The listed group that settled it, when one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
    /// The same in words.
    pub explanation: &'static str,
}

/// Shows every rule's outcome. The user is active exactly when all have passed.
#[must_use]
pub fn explain_user(policy: &Policy, reach: &Reach, facts: UserFacts<'_>) -> Vec<Check> {
    let check = |rule, passed, yes, no| Check { rule, passed, group: None, explanation: if passed { yes } else { no } };
    let disabled = facts.account_enabled == Some(false);
    vec![
        check(
            Rule::NotDeleted,
            !facts.deleted,
            "The user exists in the tenant.",
            "The user was deleted in the tenant.",
        ),
        check(
            Rule::EnabledInOffice365,
            !disabled,
            "The account is not disabled in Office 365.",
            "The account is disabled in Office 365.",
        ),
        in_no_ignored_group(policy, reach, facts),
        in_allowed_group(policy, reach, facts),
    ]
}

fn in_no_ignored_group(policy: &Policy, reach: &Reach, facts: UserFacts<'_>) -> Check {
    let unknown = &reach.unknown().ignored;
    let (passed, group, explanation) = if let Some(group) = reach.of(facts.groups).ignored {
        (false, Some(group.clone()), "The user is a member of an ignored group.")
    } else if unknown.is_empty() {
        (true, None, "The user is in no ignored group.")
    } else {
        match by_groups(policy, reach, facts) {
            UserDecision::Inactive(InactiveReason::MembershipUnknown { group }) if unknown.contains(&group) => {
                (false, Some(group), "The members of an ignored group are unknown, and the user was not active before.")
            }
            UserDecision::Active => (
                true,
                unknown.first().cloned(),
                "The members of an ignored group are unknown; the user stays active as before.",
            ),
            UserDecision::Inactive(_) => {
                (true, unknown.first().cloned(), "The members of an ignored group are unknown.")
            }
        }
    };
    Check { rule: Rule::InNoIgnoredGroup, passed, group, explanation }
}

fn in_allowed_group(policy: &Policy, reach: &Reach, facts: UserFacts<'_>) -> Check {
    let unknown = &reach.unknown().allowed;
    let (passed, group, explanation) = if policy.allowed_groups.is_empty() {
        (true, None, "No allowed groups are set, so everybody is allowed.")
    } else if let Some(group) = reach.of(facts.groups).allowed {
        (true, Some(group.clone()), "The user is in an allowed group.")
    } else if unknown.is_empty() {
        (false, None, "Allowed groups are set, and the user is in none of them.")
    } else if by_groups(policy, reach, facts).is_active() {
        (
            true,
            unknown.first().cloned(),
            "The members of an allowed group are unknown; the user stays active as before.",
        )
    } else {
        let named = match by_groups(policy, reach, facts) {
            UserDecision::Inactive(InactiveReason::MembershipUnknown { group }) if unknown.contains(&group) => {
                Some(group)
            }
            _ => unknown.first().cloned(),
        };
        (false, named, "The members of an allowed group are unknown, and the user was not active before.")
    };
    Check { rule: Rule::InAllowedGroup, passed, group, explanation }
}

/// The decision if the account existed and were enabled.
fn by_groups(policy: &Policy, reach: &Reach, facts: UserFacts<'_>) -> UserDecision {
    decide_user(policy, reach, UserFacts { deleted: false, account_enabled: None, ..facts })
}
