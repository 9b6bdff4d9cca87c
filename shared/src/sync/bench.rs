//! What `benches/writes.rs` measures, which is nobody else's business.

use jiff::Timestamp;

use super::changes::NetChanges;
use super::known::Known;
use super::outlook::Outlook;
use super::plan::Plan;
use super::source::MemberChange;
use crate::directory::{GroupId, GroupRecord, MemberKind, UserId, UserPatch, UserRecord};
use crate::filter::Policy;

/// What a plan is made of.
#[derive(Default)]
pub struct Subject {
    known: Known,
    net: NetChanges,
}

impl Subject {
    /// All that is known of a directory.
    #[must_use]
    pub fn known(users: Vec<UserRecord>, groups: Vec<GroupRecord>) -> Self {
        let mut subject = Self::default();
        subject.known.add_users(users);
        subject.known.add_groups(groups);
        subject.known.complete = true;
        subject
    }

    /// Something was said of a user.
    pub fn see_user(&mut self, id: UserId, patch: UserPatch) {
        self.net.see_user(id, patch);
    }

    /// A user joined a group, or left it.
    pub fn see_member(&mut self, group: &GroupId, user: &UserId, removed: bool) {
        self.net.add_member(group, MemberChange { id: user.object().clone(), kind: MemberKind::User, removed });
    }

    /// Plans; returns how many objects are to be written.
    #[must_use]
    pub fn plan(&self, policy: &Policy) -> usize {
        Plan::new(&Outlook::new(&self.known, &self.net, policy, Timestamp::UNIX_EPOCH)).len()
    }
}
