//! From answers in the order they came to what they say in all.
//!
//! Graph repeats objects within a round, replays them across rounds, and spreads a group's members over pages. The
//! only rule it leaves is that what came last holds; so folding is idempotent and a replay changes nothing.
//!
//! Source: Microsoft Graph, "Use delta query to track changes" (repeated and replayed objects).

use std::collections::{BTreeMap, BTreeSet};

use super::known::Known;
use super::memberships::Memberships;
use super::source::{GroupChange, GroupEvent, MemberChange, Removal, UserChange};
use crate::directory::{GroupId, GroupPatch, MemberKind, Membership, ObjectId, UnknownCause, UserId, UserPatch};

/// What a reading says in all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct NetChanges {
    /// What was said of users.
    pub(super) users: BTreeMap<UserId, Net<UserPatch>>,
    /// What was said of groups.
    pub(super) groups: BTreeMap<GroupId, Net<GroupPatch>>,
    /// What was said of who is in which group.
    pub(super) memberships: Memberships,
    /// By outer group: whether a group is nested in it now, for the groups that were spoken of.
    pub(super) nestings: BTreeMap<GroupId, BTreeMap<GroupId, bool>>,
    /// Whether the members of a group are known now, for the groups whose lists were read or could not be.
    pub(super) membership: BTreeMap<GroupId, Membership>,
    /// Groups of which it is in doubt whether a user is in them: the tenant counts the user and does not list it.
    pub(super) doubtful: BTreeMap<UserId, BTreeSet<GroupId>>,
    /// By outer group: groups of which it is likewise in doubt whether they are nested in it.
    pub(super) doubtful_nestings: BTreeMap<GroupId, BTreeSet<GroupId>>,
    /// Members of kinds that this version does not know, by group, until [`Self::classify`] looks at whose ids they carry.
    unclassified: Vec<(GroupId, MemberChange)>,
    /// What is odd but does no harm, in words.
    pub(super) oddities: Vec<String>,
}

/// What was said of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Net<P> {
    /// All that was said of its properties.
    pub(super) patch: P,
    /// How it was deleted, unless it exists.
    pub(super) removed: Option<Removal>,
}

impl<P> Net<P> {
    fn seen(patch: P) -> Self {
        Self { patch, removed: None }
    }
}

impl NetChanges {
    /// True when nothing was said.
    pub(super) fn is_empty(&self) -> bool {
        self.users.is_empty()
            && self.groups.is_empty()
            && self.memberships.is_empty()
            && self.nestings.is_empty()
            && self.membership.is_empty()
    }

    /// The groups of which it is in doubt who is in them.
    pub(super) fn groups_in_doubt(&self) -> BTreeSet<GroupId> {
        self.doubtful.values().flatten().chain(self.doubtful_nestings.keys()).cloned().collect()
    }

    /// Adds a round of user changes.
    pub(super) fn add_users(&mut self, changes: Vec<UserChange>) {
        for change in changes {
            match change {
                UserChange::Seen(id, patch) => self.see_user(id, patch),
                UserChange::Removed(id, removal) => self.remove_user(id, removal),
            }
        }
    }

    /// Adds a round of group changes.
    pub(super) fn add_groups(&mut self, changes: Vec<GroupChange>) {
        for GroupChange { id, what, members } in changes {
            for member in members {
                self.add_member(&id, member);
            }
            match what {
                GroupEvent::Seen(patch) => self.see_group(id, patch),
                GroupEvent::Removed(removal) => self.remove_group(id, removal),
            }
        }
    }

    /// A user exists.
    pub(super) fn see_user(&mut self, id: UserId, patch: UserPatch) {
        match self.users.get_mut(&id) {
            Some(net) => {
                net.patch.merge(patch);
                net.removed = None;
            }
            None => {
                self.users.insert(id, Net::seen(patch));
            }
        }
    }

    /// A user was deleted.
    pub(super) fn remove_user(&mut self, id: UserId, removal: Removal) {
        self.users.entry(id).or_insert_with(|| Net::seen(UserPatch::default())).removed = Some(removal);
    }

    /// A group exists.
    pub(super) fn see_group(&mut self, id: GroupId, patch: GroupPatch) {
        match self.groups.get_mut(&id) {
            Some(net) => {
                net.patch.merge(patch);
                net.removed = None;
            }
            None => {
                self.groups.insert(id, Net::seen(patch));
            }
        }
    }

    /// A group was deleted.
    pub(super) fn remove_group(&mut self, id: GroupId, removal: Removal) {
        self.groups.entry(id).or_insert_with(|| Net::seen(GroupPatch::default())).removed = Some(removal);
    }

    /// Whether a group is nested in another now.
    pub(super) fn set_nesting(&mut self, outer: GroupId, inner: GroupId, nested: bool) {
        self.nestings.entry(outer).or_default().insert(inner, nested);
    }

    /// Forgets that these users left these groups.
    pub(super) fn hold_members(&mut self, held: &BTreeMap<GroupId, BTreeSet<UserId>>) {
        for (group, users) in held {
            for user in users {
                self.memberships.forget(user, group);
            }
        }
    }

    /// Forgets what was said of these groups, and that they left others or others left them, but not of their users.
    pub(super) fn hold_groups(&mut self, held: &BTreeSet<GroupId>) {
        self.groups.retain(|group, _| !held.contains(group));
        self.membership.retain(|group, _| !held.contains(group));
        self.nestings.retain(|outer, children| {
            let outer_is_held = held.contains(outer);
            children.retain(|inner, nested| *nested || !(outer_is_held || held.contains(inner)));
            !children.is_empty()
        });
    }

    /// A member joined or left. Devices, service principals and contacts decide nothing and are not kept.
    pub(super) fn add_member(&mut self, group: &GroupId, member: MemberChange) {
        let MemberChange { id, kind, removed } = member;
        match kind {
            MemberKind::User => self.memberships.set(id.into(), group, !removed),
            MemberKind::Group => self.set_nesting(group.clone(), id.into(), !removed),
            MemberKind::Device | MemberKind::ServicePrincipal | MemberKind::Contact => {}
            kind @ MemberKind::Unknown(_) => {
                self.unclassified.push((group.clone(), MemberChange { id, kind, removed }));
            }
        }
    }

    /// The ids of members of unknown kinds.
    pub(super) fn unclassified(&self) -> impl Iterator<Item = &ObjectId> {
        self.unclassified.iter().map(|(_, member)| &member.id)
    }

    /// Takes members of unknown kinds for the users or groups whose ids they carry: Graph gives new names to subtypes of user,
    /// such as `agentUser`. Any other makes the members of its group unknown, and is kept as a user who was never read: should
    /// it come to be one, it is in the group. `known` says what is known apart from these changes.
    pub(super) fn classify(&mut self, known: &Known) {
        let mut last = BTreeMap::new();
        for (group, MemberChange { id, kind, removed }) in std::mem::take(&mut self.unclassified) {
            last.insert((group, id), (kind, removed));
        }
        for ((group, id), (kind, removed)) in last {
            let (user, inner) = (UserId::from(id.clone()), GroupId::from(id));
            let is_user = known.has_user(&user) || self.users.contains_key(&user);
            if !is_user && (known.has_group(&inner) || self.groups.contains_key(&inner)) {
                self.set_nesting(group, inner, !removed);
                continue;
            }
            self.memberships.set(user, &group, !removed);
            if let MemberKind::Unknown(kind) = kind
                && !is_user
                && !removed
            {
                self.oddities.push(format!("group {group} has a member {inner} of an unknown kind ({kind:?})"));
                self.membership.insert(group, UnknownCause::UnknownKind.into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::directory::Patch;

    fn user(n: u8) -> UserId {
        format!("00000000-0000-0000-0000-0000000000{n:02x}").parse().unwrap()
    }

    fn named(name: &str) -> UserPatch {
        UserPatch { display_name: Patch::Set(name.into()), ..UserPatch::default() }
    }

    fn fold(changes: Vec<UserChange>) -> NetChanges {
        let mut net = NetChanges::default();
        net.add_users(changes);
        net
    }

    #[test]
    fn what_came_last_holds() {
        let net = fold(vec![
            UserChange::Removed(user(1), Removal::Soft),
            UserChange::Seen(user(1), named("restored")),
            UserChange::Seen(user(2), named("about to leave")),
            UserChange::Removed(user(2), Removal::Permanent),
        ]);
        assert_eq!(net.users[&user(1)].removed, None);
        assert_eq!(net.users[&user(2)].removed, Some(Removal::Permanent));
    }

    #[test]
    fn a_group_repeated_over_pages_gathers_its_members() {
        let group: GroupId = "10000000-0000-0000-0000-000000000000".parse().unwrap();
        let slice = |ids: &[u8]| GroupChange {
            id: group.clone(),
            what: GroupEvent::Seen(GroupPatch::default()),
            members: ids
                .iter()
                .map(|n| MemberChange { id: user(*n).object().clone(), kind: MemberKind::User, removed: false })
                .collect(),
        };
        let mut net = NetChanges::default();
        net.add_groups(vec![slice(&[1, 2]), slice(&[3])]);
        assert_eq!(net.memberships.users().count(), 3);
    }

    fn any_change() -> impl Strategy<Value = UserChange> {
        (0_u8..4, prop_oneof![Just(None), Just(Some(Removal::Soft)), Just(Some(Removal::Permanent))], "[ab]").prop_map(
            |(n, removal, name)| match removal {
                Some(removal) => UserChange::Removed(user(n), removal),
                None => UserChange::Seen(user(n), named(&name)),
            },
        )
    }

    proptest! {
        #[test]
        fn replaying_a_round_changes_nothing(changes in proptest::collection::vec(any_change(), 0..12)) {
            let once = fold(changes.clone());
            let twice = fold([changes.clone(), changes].concat());
            prop_assert_eq!(once, twice);
        }
    }
}
