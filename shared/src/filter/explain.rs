//! "Why can't I log in?": the rules one by one, as they apply to one user.

use serde::Serialize;
use utoipa::ToSchema;

use super::decide::UserFacts;
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
    let deleted = facts.deleted;
    let disabled = facts.account_enabled == Some(false);
    let listed = reach.of(facts.groups);
    let (allowed, ignored) = (listed.allowed.cloned(), listed.ignored.cloned());
    let anyone = policy.allowed_groups.is_empty();
    let check =
        |rule, passed, group, yes, no| Check { rule, passed, group, explanation: if passed { yes } else { no } };
    vec![
        check(
            Rule::NotDeleted,
            !deleted,
            None,
            "The user exists in the tenant.",
            "The user was deleted in the tenant.",
        ),
        check(
            Rule::EnabledInOffice365,
            !disabled,
            None,
            "The account is not disabled in Office 365.",
            "The account is disabled in Office 365.",
        ),
        check(
            Rule::InNoIgnoredGroup,
            ignored.is_none(),
            ignored,
            "The user is in no ignored group.",
            "The user is a member of an ignored group.",
        ),
        check(
            Rule::InAllowedGroup,
            anyone || allowed.is_some(),
            allowed,
            if anyone {
                "No allowed groups are set, so everybody is allowed."
            } else {
                "The user is in an allowed group."
            },
            "Allowed groups are set, and the user is in none of them.",
        ),
    ]
}
