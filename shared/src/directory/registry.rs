//! The record of a directory itself.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DirectoryId, GroupId, Membership, UnknownCause};
use crate::audit::Actor;
use crate::filter::Policy;
use crate::sync::RunId;

/// A tenant that an administrator has authorized, with its settings and what its last good run published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// The tenant's id.
    pub id: DirectoryId,
    /// What people call it: the mail domain of the administrator who authorized it first.
    pub name: String,
    /// When it was first authorized.
    pub created_at: Timestamp,
    /// The settings that filter it.
    pub policy: Policy,
    /// Grows by one with every change of the settings.
    pub settings_version: u64,
    /// Who changed the settings last, and when; `None` while they are as they were at first.
    pub settings_changed: Option<SettingsChanged>,
    /// When the schedule should sync it next.
    pub next_sync_at: Timestamp,
    /// What consumers see, once a run has succeeded.
    pub published: Option<Published>,
}

impl Directory {
    /// A directory as its first authorization makes it: everything off, due at once.
    #[must_use]
    pub fn new(id: DirectoryId, name: String, now: Timestamp) -> Self {
        Self {
            id,
            name,
            created_at: now,
            policy: Policy::default(),
            settings_version: 1,
            settings_changed: None,
            next_sync_at: now,
            published: None,
        }
    }

    /// True when consumers see the directory's users at all.
    #[must_use]
    pub fn publishes_users(&self) -> bool {
        self.published.as_ref().is_some_and(|published| published.users)
    }

    /// True when the published state was decided with the settings of now.
    #[must_use]
    pub fn settings_are_published(&self) -> bool {
        self.published.as_ref().is_some_and(|published| published.settings_version == self.settings_version)
    }
}

/// Who changed settings, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsChanged {
    /// Who.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}

/// The last run whose outcome consumers see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The run that made it.
    pub run: RunId,
    /// When it was made.
    pub at: Timestamp,
    /// The settings it was decided with.
    pub settings_version: u64,
    /// True when users are published at all (`sync_users`).
    pub users: bool,
    /// The run that has last changed whether they are; `None` when it has always been so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users_since: Option<RunId>,
    /// How many of what.
    pub counts: DirectoryCounts,
    /// Groups the settings name that the tenant does not have. They match nobody.
    pub vanished_groups: Vec<GroupId>,
    /// Groups the decisions depend on whose members are unknown or may be hidden, and others that could not be read: each
    /// run that reads the tenant reads their members. `None` when an earlier version published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watched_groups: Option<BTreeMap<GroupId, Membership>>,
    /// Groups that have come to decide with settings that were applied to what is known of them: the next run that reads the
    /// tenant compares their members.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub uncompared_groups: BTreeSet<GroupId>,
    /// Groups of which it is in doubt who is in them, so that decisions may have stayed as they were: each run that reads the
    /// tenant compares their members, and decides everybody anew.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups_in_doubt: BTreeSet<GroupId>,
}

impl Published {
    /// Those of the watched groups whose members are unknown, and why they are.
    pub fn unknown_groups(&self) -> impl Iterator<Item = (&GroupId, UnknownCause)> {
        let watched = self.watched_groups.iter().flatten();
        watched.filter_map(|(group, membership)| Some((group, membership.cause()?)))
    }
}

/// How many users and groups the published state has, by decision.
///
/// Signed, so that a run can state its differences in the same shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DirectoryCounts {
    /// Users who are active.
    pub active: i64,
    /// Users who are inactive because they were deleted.
    pub deleted: i64,
    /// Users who are inactive because their account is disabled.
    pub disabled_in_office_365: i64,
    /// Users who are inactive because they are in an ignored group.
    pub member_of_ignored_group: i64,
    /// Users who are inactive because they are in no allowed group.
    pub not_in_allowed_group: i64,
    /// Users who are inactive because it is unknown whether a group that decides has them in it.
    #[serde(default)]
    pub membership_unknown: i64,
    /// Groups that are synced.
    pub groups_synced: i64,
    /// Groups skipped because group sync is off.
    pub group_sync_off: i64,
    /// Groups skipped because they have no mail address.
    pub no_email: i64,
    /// Groups skipped because their name has none of the prefixes.
    pub prefix_not_allowed: i64,
}

impl DirectoryCounts {
    /// All users who are inactive, for whatever reason.
    #[must_use]
    pub fn inactive(&self) -> i64 {
        self.deleted
            + self.disabled_in_office_365
            + self.member_of_ignored_group
            + self.not_in_allowed_group
            + self.membership_unknown
    }

    /// All groups that are skipped, for whatever reason.
    #[must_use]
    pub fn groups_skipped(&self) -> i64 {
        self.group_sync_off + self.no_email + self.prefix_not_allowed
    }
}
