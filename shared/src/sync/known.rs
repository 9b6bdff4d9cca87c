//! What is known of a directory when a run begins.

use std::collections::BTreeMap;

use crate::directory::{GroupId, GroupPatch, GroupProfile, GroupRecord, Presence, UserId, UserRecord};
use crate::filter::{GroupNode, Policy, Reach};

/// The records a run has loaded.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// By id.
    pub(super) users: KnownUsers,
    /// By id.
    pub(super) groups: BTreeMap<GroupId, GroupRecord>,
    /// True when these are all records there are, not only those the changes touch.
    pub(super) complete: bool,
    /// True when the indexes of the table have to be made anew.
    pub(super) unindexed: bool,
    /// True when consumers have been told the decisions of the users' records.
    pub(super) published: bool,
}

impl Known {
    /// True for a user who was read, not only named as a member.
    pub(super) fn has_user(&self, id: &UserId) -> bool {
        self.users.get(id).is_some_and(|user| user.presence != Presence::Unseen)
    }

    /// True for a group that was read, not only named as a member.
    pub(super) fn has_group(&self, id: &GroupId) -> bool {
        self.groups.get(id).is_some_and(|group| group.presence != Presence::Unseen)
    }

    /// True for a group that hides its members once a patch is applied to what is known of it.
    pub(super) fn hides_members(&self, id: &GroupId, patch: &GroupPatch) -> bool {
        let visibility = self.groups.get(id).and_then(|group| group.profile.visibility.clone());
        let mut profile = GroupProfile { visibility, ..GroupProfile::default() };
        patch.visibility.clone().apply_to(&mut profile.visibility);
        profile.hides_members()
    }

    /// Forgets what was loaded.
    pub(super) fn forget_all(&mut self) {
        (self.users, self.groups) = Default::default();
    }

    /// Adds users.
    pub(super) fn add_users(&mut self, users: Vec<UserRecord>) {
        self.users.add(users);
    }

    /// Adds groups.
    pub(super) fn add_groups(&mut self, groups: Vec<GroupRecord>) {
        self.groups.extend(groups.into_iter().map(|group| (group.id.clone(), group)));
    }
}

/// Records of users in the order of their ids. A sorted list, because maps waste memory on records of this size, and a
/// run may know hundreds of thousands.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownUsers(Vec<UserRecord>);

impl KnownUsers {
    /// The record of a user.
    pub(super) fn get(&self, id: &UserId) -> Option<&UserRecord> {
        self.0.binary_search_by(|user| user.id.cmp(id)).ok().and_then(|place| self.0.get(place))
    }

    /// All records.
    pub(super) fn iter(&self) -> std::slice::Iter<'_, UserRecord> {
        self.0.iter()
    }

    #[cfg(test)]
    pub(super) fn forget(&mut self, id: &UserId) {
        self.0.retain(|user| user.id != *id);
    }

    fn add(&mut self, users: Vec<UserRecord>) {
        if self.0.is_empty() {
            self.0 = users;
        } else {
            self.0.extend(users);
        }
        // Stable: of two records of a user the later one is the last.
        self.0.sort_by(|a, b| a.id.cmp(&b.id));
        self.0.dedup_by(|later, earlier| {
            let same = later.id == earlier.id;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
    }
}

/// Which of these groups count as allowed or ignored.
pub(super) fn reach(policy: &Policy, groups: &BTreeMap<GroupId, GroupRecord>) -> Reach {
    Reach::compute(policy, |id| groups.get(id).map(GroupNode::from))
}
