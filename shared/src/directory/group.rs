//! Groups: what Microsoft says of them, and the record kept of each.

use std::collections::BTreeSet;

use super::patch::{Patch, properties};
use super::{GroupId, Presence, Text};
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
    /// How many users of the tenant are directly in it.
    pub members: u64,
}
