//! What a run may take away at once, and what it must leave for an administrator to decide.
//!
//! Only what the tenant has caused counts: an administrator who changes the settings means it. The exception is an
//! allow-list that names groups the tenant does not have, since what it means is in doubt. An ignored group that vanishes is
//! the one thing that waits because of whom it would let in.

use std::collections::{BTreeMap, BTreeSet};

use super::hold::HeldChanges;
use super::outlook::Outlook;
use super::plan::Plan;
use crate::directory::{GroupId, GroupRecord, UserId};
use crate::filter::{GroupDecision, InactiveReason, Policy, SafetyLimit, UserDecision, decide_group};

/// A group's loss of members is looked at when it has at least so many.
const LARGE_GROUP: usize = 20;

/// Judges the plan of one run.
pub(super) struct Guard<'a> {
    limit: SafetyLimit,
    policy: &'a Policy,
    /// What an administrator has approved.
    approved: &'a HeldChanges,
}

impl<'a> Guard<'a> {
    pub(super) fn new(policy: &'a Policy, approved: &'a HeldChanges) -> Self {
        Self { limit: policy.safety_limit(), policy, approved }
    }

    /// The users who would leave a group without being deleted, for the groups that matter to anybody.
    fn leaving(&self, plan: &Plan, outlook: &Outlook<'_>) -> BTreeMap<GroupId, BTreeSet<UserId>> {
        let is_deleted = |user: &&UserId| outlook.user(user).is_some_and(|user| user.presence.is_deleted());
        let matters = |group: &GroupId| {
            outlook.reach_before.reaches(group) || outlook.known.groups.get(group).is_some_and(is_synced)
        };
        let none = BTreeSet::new();
        let mut leaving = BTreeMap::new();
        for (group, moves) in plan.members.iter().filter(|(group, _)| matters(group)) {
            let approved = self.approved.members.get(group).unwrap_or(&none);
            let users = moves.left.iter().filter(|user| !approved.contains(*user) && !is_deleted(user));
            leaving.insert(group.clone(), users.cloned().collect());
        }
        leaving
    }

    /// The groups that would go whose members are ignored so far: those would be let in, however few they are.
    fn vanishing(&self, plan: &Plan, outlook: &Outlook<'_>) -> BTreeSet<GroupId> {
        let is_there = |groups: &BTreeMap<GroupId, GroupRecord>, id: &GroupId| {
            groups.get(id).is_some_and(|group| group.presence.is_present())
        };
        let vanishes = |id: &&GroupId| {
            is_there(&outlook.known.groups, id)
                && !is_there(&outlook.groups, id)
                && outlook.reach_before.ignores(id)
                && !self.approved.groups.contains(*id)
        };
        plan.groups.iter().filter(vanishes).cloned().collect()
    }

    /// The groups that may lose too many members: it takes their sizes to know.
    pub(super) fn to_be_counted(&self, plan: &Plan, outlook: &Outlook<'_>) -> BTreeSet<GroupId> {
        let many = |users: &BTreeSet<UserId>| self.limit.is_share_exceeded_by(users.len(), LARGE_GROUP);
        self.leaving(plan, outlook).into_iter().filter(|(_, users)| many(users)).map(|(group, _)| group).collect()
    }

    /// The memberships that must stay, because a large group would lose too many, or an ignored one goes. `sizes` are those
    /// before the run.
    pub(super) fn members(
        &self,
        plan: &Plan,
        outlook: &Outlook<'_>,
        sizes: &BTreeMap<GroupId, usize>,
    ) -> BTreeMap<GroupId, BTreeSet<UserId>> {
        let vanishing = self.vanishing(plan, outlook);
        let mut held = self.leaving(plan, outlook);
        held.retain(|group, users| {
            let size = sizes.get(group).copied().unwrap_or_default();
            let too_many = size >= LARGE_GROUP && self.limit.is_share_exceeded_by(users.len(), size);
            too_many || (vanishing.contains(group) && !users.is_empty())
        });
        held
    }

    /// The groups that must stay, because too many synced ones would go, or an ignored one. `synced` were there before the
    /// run.
    pub(super) fn groups(&self, plan: &Plan, outlook: &Outlook<'_>, synced: usize) -> BTreeSet<GroupId> {
        let goes = |id: &&GroupId| {
            let meant = |old: &GroupRecord| decide_group(self.policy, &old.profile) != GroupDecision::Synced;
            let goes = |old: &GroupRecord| is_synced(old) && !outlook.groups.get(*id).is_some_and(is_synced);
            outlook.known.groups.get(*id).is_some_and(|old| goes(old) && !meant(old))
                && !self.approved.groups.contains(*id)
        };
        let gone: BTreeSet<GroupId> = plan.groups.iter().filter(goes).cloned().collect();
        let mut held = self.vanishing(plan, outlook);
        if self.limit.is_exceeded_by(gone.len(), synced) {
            held.extend(gone);
        }
        held
    }

    /// The users who must stay active, because too many would become inactive. `active` were so before the run;
    /// `emptied` says that the tenant has no users at all any more.
    ///
    /// That an account was disabled is not held with the others, unless that alone is too much.
    pub(super) fn users(
        &self,
        plan: &Plan,
        outlook: &Outlook<'_>,
        active: usize,
        emptied: bool,
    ) -> BTreeMap<UserId, InactiveReason> {
        let in_doubt = plan.vanished_groups.iter().any(|group| self.policy.allowed_groups().contains(group));
        let mut all = BTreeMap::new();
        for user in plan.deactivations.iter().filter_map(|user| outlook.user(user)) {
            let UserDecision::Inactive(reason) = user.decision else { continue };
            let counts = in_doubt || plan.caused_by_tenant.contains(&user.id);
            if counts && self.approved.users.get(&user.id) != Some(&reason) {
                all.insert(user.id, reason);
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
    pub(super) fn groups_to_leave(&self, plan: &Plan, outlook: &Outlook<'_>) -> BTreeSet<GroupId> {
        let changes = |id: &&GroupId| {
            let (old, new) = (outlook.known.groups.get(*id), outlook.groups.get(*id));
            let alike = old.zip(new).is_some_and(|(old, new)| {
                (old.presence, &old.children, old.membership) == (new.presence, &new.children, new.membership)
            });
            !alike && (outlook.reach_before.reaches(id) || outlook.reach.reaches(id) || self.policy.lists(id))
        };
        plan.groups.iter().filter(changes).cloned().collect()
    }

    /// How many of the approved changes are not true any more: they are not among what is after the plan.
    pub(super) fn dropped(&self, plan: &Plan, outlook: &Outlook<'_>) -> usize {
        let is_planned =
            |id: &UserId| plan.users.binary_search(id).is_ok() || plan.deactivations.binary_search(id).is_ok();
        let user = |id: &UserId| if is_planned(id) { outlook.user(id) } else { outlook.known.users.get(id).cloned() };
        let group = |id: &GroupId| {
            let groups = if plan.groups.contains(id) { &outlook.groups } else { &outlook.known.groups };
            groups.get(id)
        };
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
