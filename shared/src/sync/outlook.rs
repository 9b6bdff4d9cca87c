//! The records as they will be once the changes are in. Records of users are worked out one at a time, so that a large
//! tenant's are never in memory twice.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::changes::{Net, NetChanges};
use super::known::{Known, reach};
use super::source::Removal;
use crate::directory::{
    GroupId, GroupProfile, GroupRecord, Membership, Presence, RETENTION, UnknownCause, UserId, UserProfile, UserRecord,
};
use crate::filter::{
    GroupDecision, InactiveReason, Policy, Reach, SkipReason, UserDecision, UserFacts, decide_group, decide_user,
};

/// What is known, what was said since, and what the policy makes of both.
pub(super) struct Outlook<'a> {
    /// The records as they are. All that the changes touch must be among them.
    pub(super) known: &'a Known,
    net: &'a NetChanges,
    policy: &'a Policy,
    now: Timestamp,
    /// The groups as they will be, for those that are known or spoken of.
    pub(super) groups: BTreeMap<GroupId, GroupRecord>,
    /// Whom the listed groups reach now.
    pub(super) reach_before: Reach,
    /// Whom they will reach.
    pub(super) reach: Reach,
    /// Whom they will reach if all groups in doubt are nested, and if none is.
    in_doubt: Option<Box<[Reach; 2]>>,
}

impl<'a> Outlook<'a> {
    pub(super) fn new(known: &'a Known, net: &'a NetChanges, policy: &'a Policy, now: Timestamp) -> Self {
        let groups = next_groups(&known.groups, net, policy, now);
        let in_doubt = (!net.doubtful_nestings.is_empty()).then(|| {
            let reach = |nested| reach(policy, &with_doubtful(&groups, &net.doubtful_nestings, nested));
            Box::new([true, false].map(reach))
        });
        let (reach_before, reach) = (reach(policy, &known.groups), reach(policy, &groups));
        Self { known, net, policy, now, groups, reach_before, reach, in_doubt }
    }

    /// The users whose records may change.
    pub(super) fn touched(&self) -> BTreeSet<&'a UserId> {
        let (known, net) = (self.known, self.net);
        known.users.iter().map(|user| &user.id).chain(net.users.keys()).chain(net.memberships.users()).collect()
    }

    /// The user as it will be; `None` when nobody has ever seen it.
    pub(super) fn user(&self, id: &UserId) -> Option<UserRecord> {
        let old = self.known.users.get(id);
        let change = self.net.users.get(id);
        let removed = change.and_then(|change| change.removed);
        if old.is_none() && removed.is_some() {
            // Also the first enumeration of changes names users who were deleted before it.
            return None;
        }
        if old.is_none() && change.is_none() && !self.net.memberships.of(id).any(|(_, member)| member) {
            return None;
        }
        let mut user = old.cloned().unwrap_or_else(|| unseen_user(id));
        if let Some(change) = change {
            change.patch.clone().apply_to(&mut user.profile);
            user.presence = presence_after(user.presence, change, self.now);
        }
        for (group, member) in self.net.memberships.of(id) {
            if member {
                user.groups.insert(group.clone());
            } else {
                user.groups.remove(group);
            }
        }
        if removed == Some(Removal::Permanent) {
            // Microsoft drops the memberships too, but was seen not to report it.
            user.groups.clear();
        }
        user.decision = self.decide(&user, old.and_then(|old| self.facts(old).earlier));
        Some(user)
    }

    /// Decides about a user. Where that hangs on a group of which it is in doubt whether the user, or a group, is in it, the earlier
    /// decision stands, and whoever was not active is not let in.
    fn decide(&self, user: &UserRecord, earlier: Option<&UserDecision>) -> UserDecision {
        let decide = |reach: &Reach, groups: &BTreeSet<GroupId>| {
            decide_user(self.policy, reach, UserFacts { groups, earlier, ..self.facts(user) })
        };
        let decision = decide(&self.reach, &user.groups);
        let (none, doubtful) = (BTreeSet::new(), self.net.doubtful.get(&user.id));
        if doubtful.is_none() && self.in_doubt.is_none() {
            return decision;
        }
        let doubtful = doubtful.unwrap_or(&none);
        let [inside, outside] =
            self.in_doubt.as_deref().map_or([&self.reach; 2], |[inside, outside]| [inside, outside]);
        let hangs_on_it = decide(inside, &(&user.groups | doubtful)).is_active()
            != decide(outside, &(&user.groups - doubtful)).is_active();
        let was_active = earlier.is_some_and(UserDecision::is_active);
        if !hangs_on_it || decision.is_active() == was_active {
            return decision;
        }
        match doubtful.iter().chain(self.net.doubtful_nestings.keys()).find(|group| inside.reaches(group)) {
            _ if was_active => UserDecision::Active,
            Some(group) => UserDecision::Inactive(InactiveReason::MembershipUnknown { group: group.clone() }),
            None => decision,
        }
    }

    /// The groups that decide and whose members are known.
    pub(super) fn decisive_groups(&self) -> impl Iterator<Item = &GroupId> {
        let is_decisive = |group: &&GroupRecord| {
            let is_shown = group.presence.is_present() && !group.profile.hides_members() && group.membership.is_known();
            is_shown && self.reach.reaches(&group.id)
        };
        self.groups.values().filter(is_decisive).map(|group| &group.id)
    }

    /// Whether nobody needs a user's record any more. Looked at where all records are, so that what is published is counted
    /// without it from then on.
    pub(super) fn is_forgotten(&self, old: Option<&UserRecord>, new: &UserRecord) -> bool {
        let is_over =
            |presence| matches!(presence, Presence::Deleted { since } if self.now.duration_since(since) >= RETENTION);
        self.known.complete && is_over(new.presence) && old.is_some_and(|old| is_over(old.presence))
    }

    /// Whether the policy would let a user in with the groups as they are.
    pub(super) fn is_active_before(&self, user: &UserRecord) -> bool {
        decide_user(self.policy, &self.reach_before, self.facts(user)).is_active()
    }

    fn facts<'b>(&self, user: &'b UserRecord) -> UserFacts<'b> {
        UserFacts::of(user, self.known.published)
    }
}

fn unseen_user(id: &UserId) -> UserRecord {
    UserRecord {
        id: id.clone(),
        profile: UserProfile::default(),
        presence: Presence::Unseen,
        groups: BTreeSet::new(),
        decision: UserDecision::Inactive(InactiveReason::NotInAllowedGroup),
        changed: None,
    }
}

fn unseen_group(id: &GroupId) -> GroupRecord {
    GroupRecord {
        id: id.clone(),
        profile: GroupProfile::default(),
        presence: Presence::Unseen,
        children: BTreeSet::new(),
        decision: GroupDecision::Skipped { reason: SkipReason::GroupSyncOff },
        members: 0,
        membership: Membership::Known,
    }
}

/// The groups with all, or none, of those nested in them that may be.
fn with_doubtful(
    groups: &BTreeMap<GroupId, GroupRecord>,
    doubtful: &BTreeMap<GroupId, BTreeSet<GroupId>>,
    nested: bool,
) -> BTreeMap<GroupId, GroupRecord> {
    let mut groups = groups.clone();
    for (outer, inner) in doubtful {
        if let Some(outer) = groups.get_mut(outer) {
            outer.children = if nested { &outer.children | inner } else { &outer.children - inner };
        }
    }
    groups
}

/// An object that was never seen stays unseen when it is deleted: there is nothing to publish of it.
fn presence_after<P>(before: Presence, change: &Net<P>, now: Timestamp) -> Presence {
    match (change.removed, before) {
        (None, _) => Presence::Present,
        (Some(_), Presence::Present) => Presence::Deleted { since: now },
        (Some(_), Presence::Unseen | Presence::Deleted { .. }) => before,
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
        let hid_members = record.profile.hides_members();
        change.patch.clone().apply_to(&mut record.profile);
        record.presence = presence_after(record.presence, change, now);
        // Until its list is read, which is said below.
        if record.profile.hides_members() && !hid_members {
            record.membership = UnknownCause::Hidden.into();
        }
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
    for (id, membership) in &net.membership {
        if let Some(record) = next.get_mut(id) {
            record.membership = *membership;
        }
    }
    for record in next.values_mut() {
        record.decision = decide_group(policy, &record.profile);
    }
    next
}
