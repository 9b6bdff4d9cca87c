//! What is known of a directory when a run begins.

use std::collections::BTreeMap;

use crate::directory::{GroupId, GroupRecord, UserId, UserRecord};
use crate::filter::{GroupNode, Policy, Reach};

/// The records a run has loaded.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// By id.
    pub(super) users: BTreeMap<UserId, UserRecord>,
    /// By id.
    pub(super) groups: BTreeMap<GroupId, GroupRecord>,
    /// True when these are all records there are, not only those the changes touch.
    pub(super) complete: bool,
}

impl Known {
    /// Adds users.
    pub(super) fn add_users(&mut self, users: Vec<UserRecord>) {
        self.users.extend(users.into_iter().map(|user| (user.id.clone(), user)));
    }

    /// Adds groups.
    pub(super) fn add_groups(&mut self, groups: Vec<GroupRecord>) {
        self.groups.extend(groups.into_iter().map(|group| (group.id.clone(), group)));
    }
}

/// Which of these groups count as allowed or ignored.
pub(super) fn reach(policy: &Policy, groups: &BTreeMap<GroupId, GroupRecord>) -> Reach {
    Reach::compute(policy, |id| {
        groups.get(id).map(|group| GroupNode { present: group.presence.is_present(), children: &group.children })
    })
}
