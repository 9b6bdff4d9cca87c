//! What a run may take away at once, and what it must leave for an administrator to decide.
//!
//! Only what the tenant has caused counts: an administrator who changes the settings means it. The exception is an
//! allow-list that names groups the tenant does not have, since what it means is in doubt.

use std::collections::{BTreeMap, BTreeSet};

use super::hold::HeldChanges;
use super::known::{Known, reach};
use super::plan::Plan;
use crate::directory::{GroupId, GroupRecord, UserId};
use crate::filter::{GroupDecision, InactiveReason, Policy, Reach, SafetyLimit, UserDecision, decide_group};

/// A group's loss of members is looked at when it has at least so many.
const LARGE_GROUP: usize = 20;

/// Judges the plan of one run.
pub(super) struct Guard<'a> {
    limit: SafetyLimit,
    policy: &'a Policy,
    known: &'a Known,
    reach: Reach,
    /// What an administrator has approved.
    approved: &'a HeldChanges,
}

impl<'a> Guard<'a> {
    pub(super) fn new(policy: &'a Policy, known: &'a Known, approved: &'a HeldChanges) -> Self {
        Self { limit: policy.safety_limit(), policy, known, reach: reach(policy, &known.groups), approved }
    }

    /// The users who would leave a group without being deleted, for the groups that matter to anybody.
    fn leaving(&self, plan: &Plan) -> BTreeMap<GroupId, BTreeSet<UserId>> {
        let records = plan.users.iter().chain(&plan.deactivations);
        let deleted: BTreeSet<&UserId> =
            records.filter(|user| user.presence.is_deleted()).map(|user| &user.id).collect();
        let none = BTreeSet::new();
        let mut leaving = BTreeMap::new();
        for change in plan.members.iter().filter(|change| self.matters(&change.group)) {
            let approved = self.approved.members.get(&change.group).unwrap_or(&none);
            let users: BTreeSet<UserId> = change
                .remove
                .iter()
                .filter(|user| !deleted.contains(user) && !approved.contains(*user))
                .cloned()
                .collect();
            leaving.insert(change.group.clone(), users);
        }
        leaving
    }

    fn matters(&self, group: &GroupId) -> bool {
        self.reach.reaches(group) || self.known.groups.get(group).is_some_and(is_synced)
    }

    /// The groups that may lose too many members: it takes their sizes to know.
    pub(super) fn to_be_counted(&self, plan: &Plan) -> BTreeSet<GroupId> {
        let many = |users: &BTreeSet<UserId>| self.limit.is_share_exceeded_by(users.len(), LARGE_GROUP);
        self.leaving(plan).into_iter().filter(|(_, users)| many(users)).map(|(group, _)| group).collect()
    }

    /// The memberships that must stay, because a large group would lose too many. `sizes` are those before the run.
    pub(super) fn members(&self, plan: &Plan, sizes: &BTreeMap<GroupId, usize>) -> BTreeMap<GroupId, BTreeSet<UserId>> {
        let mut held = self.leaving(plan);
        held.retain(|group, users| {
            let size = sizes.get(group).copied().unwrap_or_default();
            size >= LARGE_GROUP && self.limit.is_share_exceeded_by(users.len(), size)
        });
        held
    }

    /// The groups that must stay, because too many synced ones would go. `synced` were there before the run.
    pub(super) fn groups(&self, plan: &Plan, synced: usize) -> BTreeSet<GroupId> {
        let goes = |new: &&GroupRecord| {
            let meant = |old: &GroupRecord| decide_group(self.policy, &old.profile) != GroupDecision::Synced;
            self.known.groups.get(&new.id).is_some_and(|old| is_synced(old) && !is_synced(new) && !meant(old))
                && !self.approved.groups.contains(&new.id)
        };
        let gone: BTreeSet<GroupId> = plan.groups.iter().filter(goes).map(|group| group.id.clone()).collect();
        if self.limit.is_exceeded_by(gone.len(), synced) { gone } else { BTreeSet::new() }
    }

    /// The users who must stay active, because too many would become inactive. `active` were so before the run;
    /// `emptied` says that the tenant has no users at all any more.
    ///
    /// That an account was disabled is not held with the others, unless that alone is too much.
    pub(super) fn users(&self, plan: &Plan, active: usize, emptied: bool) -> BTreeMap<UserId, InactiveReason> {
        let in_doubt = plan.vanished_groups.iter().any(|group| self.policy.allowed_groups().contains(group));
        let mut all = BTreeMap::new();
        for user in &plan.deactivations {
            let UserDecision::Inactive(reason) = &user.decision else { continue };
            let counts = in_doubt || plan.caused_by_tenant.contains(&user.id);
            if counts && self.approved.users.get(&user.id) != Some(reason) {
                all.insert(user.id.clone(), reason.clone());
            }
        }
        let too_many = |number: usize| self.limit.is_exceeded_by(number, active) || (emptied && number > 0);
        if !too_many(all.len()) {
            return BTreeMap::new();
        }
        let disabled = all.values().filter(|reason| **reason == InactiveReason::DisabledInOffice365).count();
        if !too_many(disabled) {
            all.retain(|_, reason| *reason != InactiveReason::DisabledInOffice365);
        }
        all
    }

    /// The groups whose new state would make held users inactive without a word, once it is stored.
    pub(super) fn groups_to_leave(&self, plan: &Plan, after: &Reach) -> BTreeSet<GroupId> {
        let changes = |new: &&GroupRecord| {
            let old = self.known.groups.get(&new.id);
            let alike = old.is_some_and(|old| old.presence == new.presence && old.children == new.children);
            !alike && (self.reach.reaches(&new.id) || after.reaches(&new.id) || self.policy.lists(&new.id))
        };
        plan.groups.iter().filter(changes).map(|group| group.id.clone()).collect()
    }

    /// How many of the approved changes are not true any more: they are not among what is after the plan.
    pub(super) fn dropped(&self, plan: &Plan) -> usize {
        let user = |id: &UserId| {
            let new = plan.users.iter().chain(&plan.deactivations).find(|user| user.id == *id);
            new.or_else(|| self.known.users.get(id))
        };
        let group =
            |id: &GroupId| plan.groups.iter().find(|group| group.id == *id).or_else(|| self.known.groups.get(id));
        let active = self.approved.users.keys().filter(|id| user(id).is_some_and(|user| user.decision.is_active()));
        let there = self.approved.groups.iter().filter(|id| group(id).is_some_and(is_synced));
        let members = self.approved.members.iter().flat_map(|(group, users)| users.iter().map(move |id| (group, id)));
        let member = members.filter(|(group, id)| user(id).is_some_and(|user| user.groups.contains(*group)));
        active.count() + there.count() + member.count()
    }
}

fn is_synced(group: &GroupRecord) -> bool {
    group.presence.is_present() && group.decision == GroupDecision::Synced
}
