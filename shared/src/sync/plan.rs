//! The plan of a run: what to write, in which order, and what it means. Pure and total; applying it makes no
//! choices.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;

use super::changes::{Net, NetChanges};
use super::known::{Known, reach};
use super::record::ChangeCounts;
use super::source::Removal;
use crate::directory::{
    DirectoryCounts, GroupId, GroupProfile, GroupRecord, Presence, UserId, UserProfile, UserRecord,
};
use crate::filter::{
    GroupDecision, InactiveReason, Policy, Reach, SkipReason, UserDecision, UserFacts, decide_group, decide_user,
};
use crate::store::{GroupMembersChange, Write};

/// What a run will write. Empty when nothing has changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Groups whose record changes.
    pub groups: Vec<GroupRecord>,
    /// Changes of groups' lists of members.
    pub members: Vec<GroupMembersChange>,
    /// Users whose record changes, but for those who become inactive.
    pub users: Vec<UserRecord>,
    /// Users who become inactive.
    pub deactivations: Vec<UserRecord>,
    /// Those of the deactivations that what Microsoft says has caused, not a change of the settings.
    pub caused_by_tenant: BTreeSet<UserId>,
    /// What changes, by kind.
    pub changes: ChangeCounts,
    /// How the counts of the published state change; of a complete reading, what they are.
    pub counts: DirectoryCounts,
    /// Groups the settings name that the tenant does not have.
    pub vanished_groups: BTreeSet<GroupId>,
}

impl Plan {
    /// True when there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.members.is_empty() && self.users.is_empty() && self.deactivations.is_empty()
    }

    /// All writes in the order in which they must be made. Lists of members come before the users' records,
    /// because a run takes a membership for done when the user's record shows it; and users' records before those of
    /// groups, because a run decides a group's members anew when the group's record shows a change. Of the users,
    /// deactivations come last.
    #[must_use]
    pub fn into_writes(self) -> Vec<Write> {
        let members = self.members.into_iter().map(Write::GroupMembers);
        let users = self.users.into_iter().chain(self.deactivations).map(Write::User);
        members.chain(users).chain(self.groups.into_iter().map(Write::Group)).collect()
    }

    /// Takes these users' deactivations out, with all that concerns them, so that the rest can be applied without.
    pub(super) fn hold_users(&mut self, held: &BTreeMap<UserId, InactiveReason>) {
        for user in self.deactivations.extract_if(.., |user| held.contains_key(&user.id)) {
            self.changes.deactivated -= 1;
            self.changes.users_changed -= 1;
            count_user(&mut self.counts, &user, -1);
            self.counts.active += 1;
            self.caused_by_tenant.remove(&user.id);
        }
        for change in &mut self.members {
            let joined = change.add.extract_if(.., |user| held.contains_key(user)).count() as u64;
            let left = change.remove.extract_if(.., |user| held.contains_key(user)).count() as u64;
            self.changes.memberships_added -= joined;
            self.changes.memberships_removed -= left;
        }
        self.members.retain(|change| !change.add.is_empty() || !change.remove.is_empty());
    }

    /// Takes these groups' records out.
    pub(super) fn leave_groups(&mut self, left: &BTreeSet<GroupId>, known: &Known) {
        for new in self.groups.extract_if(.., |group| left.contains(&group.id)) {
            count_group(&mut self.counts, &new, -1);
            if let Some(old) = known.groups.get(&new.id) {
                count_group(&mut self.counts, old, 1);
                self.changes.groups_changed -= 1;
                self.changes.memberships_added -= size(new.children.difference(&old.children));
                self.changes.memberships_removed -= size(old.children.difference(&new.children));
            } else {
                self.changes.groups_added -= 1;
                self.changes.memberships_added -= new.children.len() as u64;
            }
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for group in &self.groups {
            writeln!(f, "group {} {:?} {:?}", group.id, group.presence, group.decision)?;
        }
        for change in &self.members {
            writeln!(f, "members of {}: {} join, {} leave", change.group, change.add.len(), change.remove.len())?;
        }
        for user in self.users.iter().chain(&self.deactivations) {
            writeln!(f, "user {} {:?} {:?}", user.id, user.presence, user.decision)?;
        }
        Ok(())
    }
}

/// The groups as they will be, for those that are known or spoken of.
pub(super) fn next_groups(
    known: &BTreeMap<GroupId, GroupRecord>,
    net: &NetChanges,
    policy: &Policy,
    now: Timestamp,
) -> BTreeMap<GroupId, GroupRecord> {
    let mut next = known.clone();
    for (id, change) in &net.groups {
        if change.removed.is_some() && !known.contains_key(id) {
            continue;
        }
        let record = next.entry(id.clone()).or_insert_with(|| unseen_group(id));
        change.patch.clone().apply_to(&mut record.profile);
        record.presence = presence_after(record.presence, change, now);
    }
    for (id, children) in &net.nestings {
        let record = next.entry(id.clone()).or_insert_with(|| unseen_group(id));
        for (child, nested) in children {
            if *nested {
                record.children.insert(child.clone());
            } else {
                record.children.remove(child);
            }
        }
    }
    for record in next.values_mut() {
        record.decision = decide_group(policy, &record.profile);
    }
    next
}

fn unseen_group(id: &GroupId) -> GroupRecord {
    GroupRecord {
        id: id.clone(),
        profile: GroupProfile::default(),
        presence: Presence::Unseen,
        children: BTreeSet::new(),
        decision: GroupDecision::Skipped { reason: SkipReason::GroupSyncOff },
    }
}

/// An object that was never seen stays unseen when it is deleted: there is nothing to publish of it.
fn presence_after<P>(before: Presence, change: &Net<P>, now: Timestamp) -> Presence {
    match (change.removed, before) {
        (None, _) => Presence::Present,
        (Some(_), Presence::Present) => Presence::Deleted { since: now },
        (Some(_), Presence::Unseen | Presence::Deleted { .. }) => before,
    }
}

/// Plans a run. `known` holds every record the changes touch; `groups` is [`next_groups`] of it.
pub(super) fn plan(
    known: &Known,
    groups: BTreeMap<GroupId, GroupRecord>,
    net: &NetChanges,
    policy: &Policy,
    now: Timestamp,
) -> Plan {
    let before = reach(policy, &known.groups);
    let after = reach(policy, &groups);
    let mut plan = Plan { vanished_groups: after.vanished().clone(), ..Plan::default() };

    let mut members: BTreeMap<GroupId, GroupMembersChange> = BTreeMap::new();
    let touched: BTreeSet<&UserId> = known.users.keys().chain(net.users.keys()).chain(net.memberships.keys()).collect();
    for id in touched {
        let old = known.users.get(id);
        let Some(new) = next_user(id, old, net, policy, &after, now) else { continue };
        let none = BTreeSet::new();
        let old_groups = old.map_or(&none, |old| &old.groups);
        for group in new.groups.difference(old_groups) {
            change_of(&mut members, group).add.insert(id.clone());
            plan.changes.memberships_added += 1;
        }
        for group in old_groups.difference(&new.groups) {
            change_of(&mut members, group).remove.insert(id.clone());
            plan.changes.memberships_removed += 1;
        }
        plan.add_user(known.complete, old, new, policy, &before);
    }
    plan.members = members.into_values().collect();
    for (id, new) in groups {
        plan.add_group(known.complete, known.groups.get(&id), new);
    }
    plan
}

fn change_of<'a>(
    members: &'a mut BTreeMap<GroupId, GroupMembersChange>,
    group: &GroupId,
) -> &'a mut GroupMembersChange {
    members.entry(group.clone()).or_insert_with(|| GroupMembersChange {
        group: group.clone(),
        add: BTreeSet::new(),
        remove: BTreeSet::new(),
    })
}

/// The user as it will be; `None` when nobody has ever seen it.
fn next_user(
    id: &UserId,
    old: Option<&UserRecord>,
    net: &NetChanges,
    policy: &Policy,
    reach: &Reach,
    now: Timestamp,
) -> Option<UserRecord> {
    let change = net.users.get(id);
    let removed = change.and_then(|change| change.removed);
    let memberships = net.memberships.get(id);
    if old.is_none() && removed.is_some() {
        // Also the first enumeration of changes names users who were deleted before it.
        return None;
    }
    if old.is_none() && change.is_none() && !memberships.is_some_and(|groups| groups.values().any(|member| *member)) {
        return None;
    }
    let mut user = old.cloned().unwrap_or_else(|| UserRecord {
        id: id.clone(),
        profile: UserProfile::default(),
        presence: Presence::Unseen,
        groups: BTreeSet::new(),
        decision: UserDecision::Inactive(InactiveReason::NotInAllowedGroup),
    });
    if let Some(change) = change {
        change.patch.clone().apply_to(&mut user.profile);
        user.presence = presence_after(user.presence, change, now);
    }
    for (group, member) in memberships.into_iter().flatten() {
        if *member {
            user.groups.insert(group.clone());
        } else {
            user.groups.remove(group);
        }
    }
    if removed == Some(Removal::Permanent) {
        // Microsoft drops the memberships too, but was seen not to report it.
        user.groups.clear();
    }
    user.decision = decide_user(policy, reach, facts(&user));
    Some(user)
}

fn facts(user: &UserRecord) -> UserFacts<'_> {
    UserFacts {
        deleted: user.presence.is_deleted(),
        account_enabled: user.profile.account_enabled,
        groups: &user.groups,
    }
}

impl Plan {
    fn add_user(&mut self, complete: bool, old: Option<&UserRecord>, new: UserRecord, policy: &Policy, before: &Reach) {
        count_user(&mut self.counts, &new, 1);
        if let Some(old) = old.filter(|_| !complete) {
            count_user(&mut self.counts, old, -1);
        }
        if old == Some(&new) {
            return;
        }
        let was_visible = old.is_some_and(|old| old.presence != Presence::Unseen);
        let was_active = was_visible && old.is_some_and(|old| old.decision.is_active());
        let is_active = new.presence != Presence::Unseen && new.decision.is_active();
        if !was_visible && new.presence != Presence::Unseen {
            self.changes.users_added += 1;
        } else if was_visible {
            self.changes.users_changed += 1;
        }
        if is_active && !was_active {
            self.changes.activated += 1;
        }
        if was_active && !is_active {
            self.changes.deactivated += 1;
            if old.is_some_and(|old| decide_user(policy, before, facts(old)).is_active()) {
                self.caused_by_tenant.insert(new.id.clone());
            }
            self.deactivations.push(new);
        } else {
            self.users.push(new);
        }
    }

    fn add_group(&mut self, complete: bool, old: Option<&GroupRecord>, new: GroupRecord) {
        count_group(&mut self.counts, &new, 1);
        if let Some(old) = old.filter(|_| !complete) {
            count_group(&mut self.counts, old, -1);
        }
        if old == Some(&new) {
            return;
        }
        if let Some(old) = old {
            self.changes.groups_changed += 1;
            self.changes.memberships_added += size(new.children.difference(&old.children));
            self.changes.memberships_removed += size(old.children.difference(&new.children));
        } else {
            self.changes.groups_added += 1;
            self.changes.memberships_added += new.children.len() as u64;
        }
        self.groups.push(new);
    }
}

fn size<'a>(groups: impl Iterator<Item = &'a GroupId>) -> u64 {
    groups.count() as u64
}

fn count_user(counts: &mut DirectoryCounts, user: &UserRecord, by: i64) {
    if user.presence == Presence::Unseen {
        return;
    }
    *match &user.decision {
        UserDecision::Active => &mut counts.active,
        UserDecision::Inactive(InactiveReason::Deleted) => &mut counts.deleted,
        UserDecision::Inactive(InactiveReason::DisabledInOffice365) => &mut counts.disabled_in_office_365,
        UserDecision::Inactive(InactiveReason::MemberOfIgnoredGroup { .. }) => &mut counts.member_of_ignored_group,
        UserDecision::Inactive(InactiveReason::NotInAllowedGroup) => &mut counts.not_in_allowed_group,
    } += by;
}

fn count_group(counts: &mut DirectoryCounts, group: &GroupRecord, by: i64) {
    if !group.presence.is_present() {
        return;
    }
    *match group.decision {
        GroupDecision::Synced => &mut counts.groups_synced,
        GroupDecision::Skipped { reason: SkipReason::GroupSyncOff } => &mut counts.group_sync_off,
        GroupDecision::Skipped { reason: SkipReason::NoEmail } => &mut counts.no_email,
        GroupDecision::Skipped { reason: SkipReason::PrefixNotAllowed } => &mut counts.prefix_not_allowed,
    } += by;
}
