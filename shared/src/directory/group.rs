//! Groups: what Microsoft says of them, and the record kept of each.

use std::collections::BTreeSet;

use super::patch::{Patch, properties};
use super::{GroupId, Membership, Presence, Text};
use crate::filter::GroupDecision;

properties!(
    GroupProfile,
    GroupPatch,
    {
        /// The group's name.
        display_name: Text,
        /// What the group is for.
        description: Text,
        /// The mail address; security groups have none.
        mail: Text,
        /// Whether mail to the group is delivered.
        mail_enabled: bool,
        /// Whether the group may grant access.
        security_enabled: bool,
        /// `Unified` for a Microsoft 365 group, `DynamicMembership` for one filled by a rule.
        group_types: Vec<Text>,
        /// `Private`, `Public` or `HiddenMembership`, in any case.
        visibility: Text,
    }
);

impl GroupProfile {
    /// The `$select` list that asks Graph for exactly these properties.
    pub const SELECT: &'static str =
        "id,displayName,description,mail,mailEnabled,securityEnabled,groupTypes,visibility";
    /// The `$select` list of delta requests, which can carry memberships too.
    pub const DELTA_SELECT: &'static str =
        "id,displayName,description,mail,mailEnabled,securityEnabled,groupTypes,visibility,members";
}

/// The visibility of a group that shows its members only to some accounts.
///
/// Source: Microsoft Graph, "group resource type" (`visibility`).
const HIDDEN_MEMBERSHIP: &str = "HiddenMembership";

impl GroupProfile {
    /// True for a group that shows its members only to some accounts.
    #[must_use]
    pub fn hides_members(&self) -> bool {
        // Microsoft's pages differ in the case of its letters.
        self.visibility.as_deref().is_some_and(|visibility| visibility.eq_ignore_ascii_case(HIDDEN_MEMBERSHIP))
    }
}

impl GroupPatch {
    /// True when it says of a group that it shows its members only to some accounts.
    #[must_use]
    pub fn hides_members(&self) -> bool {
        let mut profile = GroupProfile::default();
        self.visibility.clone().apply_to(&mut profile.visibility);
        profile.hides_members()
    }
}

/// All that is kept of one group, but for its user members, which are kept with the users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRecord {
    /// Which group it is.
    pub id: GroupId,
    /// The properties last read.
    pub profile: GroupProfile,
    /// Whether the group exists in the tenant.
    pub presence: Presence,
    /// The groups nested directly in it.
    pub children: BTreeSet<GroupId>,
    /// What the policy made of it.
    pub decision: GroupDecision,
    /// How many users on record are directly in it and exist in the tenant. [`Self::known_members`] says whether these
    /// are all.
    pub members: u64,
    /// Whether the users and groups on record are all of its members.
    pub membership: Membership,
}

impl GroupRecord {
    /// The number of users directly in it; `None` when that is not known.
    #[must_use]
    pub fn known_members(&self) -> Option<u64> {
        self.membership.is_known().then_some(self.members)
    }
}
