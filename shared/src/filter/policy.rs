//! The policy: a directory's settings, checked.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::name::NamePrefix;
use super::safety::SafetyLimit;
use crate::directory::GroupId;

/// The settings of a directory, in the only form the filter takes: valid.
///
/// Made by [`Policy::parse`]; printed by its `Serialize`, in an order that does not depend on how it was written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "serde_json::Value")]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own, named as administrators know it")]
pub struct Policy {
    /// Users are published.
    pub(super) sync_users: bool,
    /// Groups may be synced at all.
    pub(super) sync_groups: bool,
    /// Groups without a mail address are published too.
    pub(super) sync_groups_without_email: bool,
    /// When not empty, only groups are synced whose name begins with one of these, in any case. White space counts.
    #[schema(max_items = 100, example = json!(["VPN-"]))]
    #[serde(serialize_with = "print_prefixes")]
    pub(super) group_prefixes: BTreeSet<NamePrefix>,
    /// When not empty, only users in one of these groups are active.
    #[schema(max_items = 1000)]
    pub(super) allowed_groups: BTreeSet<GroupId>,
    /// Users in one of these groups are never active.
    #[schema(max_items = 1000)]
    pub(super) ignored_groups: BTreeSet<GroupId>,
    /// Whoever is in a group within one of those lists counts as being in that one.
    pub(super) nested_groups: bool,
    /// How much one run may take away without asking.
    pub(super) safety_limit: SafetyLimit,
    /// The time between two scheduled runs; `null` for that of the deployment.
    #[schema(minimum = 1, maximum = 1440)]
    pub(super) sync_every_minutes: Option<u16>,
}

impl Policy {
    /// True when users are published.
    #[must_use]
    pub fn sync_users(&self) -> bool {
        self.sync_users
    }

    /// True when groups may be synced at all.
    #[must_use]
    pub fn sync_groups(&self) -> bool {
        self.sync_groups
    }

    /// When not empty, only users in one of these groups are active.
    #[must_use]
    pub fn allowed_groups(&self) -> &BTreeSet<GroupId> {
        &self.allowed_groups
    }

    /// Users in one of these groups are never active.
    #[must_use]
    pub fn ignored_groups(&self) -> &BTreeSet<GroupId> {
        &self.ignored_groups
    }

    /// True when groups without a mail address are published too.
    #[must_use]
    pub fn sync_groups_without_email(&self) -> bool {
        self.sync_groups_without_email
    }

    /// What names of published groups begin with; any when there are none.
    pub fn group_prefixes(&self) -> impl Iterator<Item = &str> {
        self.group_prefixes.iter().map(NamePrefix::as_str)
    }

    /// True when members of nested groups count as members.
    #[must_use]
    pub fn nested_groups(&self) -> bool {
        self.nested_groups
    }

    /// True for an allowed or ignored group.
    #[must_use]
    pub fn lists(&self, group: &GroupId) -> bool {
        self.allowed_groups.contains(group) || self.ignored_groups.contains(group)
    }

    /// How much one run may take away without being asked.
    #[must_use]
    pub fn safety_limit(&self) -> SafetyLimit {
        self.safety_limit
    }

    /// How often the schedule syncs the directory; `None` as often as the deployment says.
    #[must_use]
    pub fn sync_every(&self) -> Option<SignedDuration> {
        self.sync_every_minutes.map(|minutes| SignedDuration::from_mins(minutes.into()))
    }

    /// Returns true when both policies decide alike about every user of any directory, and hold back as much.
    #[must_use]
    pub fn decides_users_like(&self, other: &Self) -> bool {
        // Names every field, so that a new one cannot be forgotten here.
        let Self {
            sync_users,
            allowed_groups,
            ignored_groups,
            nested_groups,
            safety_limit,
            sync_groups: _,
            sync_groups_without_email: _,
            group_prefixes: _,
            sync_every_minutes: _,
        } = self;
        *sync_users == other.sync_users
            && *allowed_groups == other.allowed_groups
            && *ignored_groups == other.ignored_groups
            && *nested_groups == other.nested_groups
            && *safety_limit == other.safety_limit
    }

    /// The allowed and the ignored groups.
    pub fn listed_groups(&self) -> impl Iterator<Item = &GroupId> {
        self.allowed_groups.union(&self.ignored_groups)
    }
}

fn print_prefixes<S: serde::Serializer>(prefixes: &BTreeSet<NamePrefix>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(prefixes.iter().map(NamePrefix::as_str))
}
