//! From complete lists to changes against what is known.

use std::collections::{BTreeMap, BTreeSet};

use super::changes::NetChanges;
use super::error::ListKind;
use super::known::Known;
use super::ledger::Ledger;
use super::source::{Listing, Removal, UnreadObject};
use super::verify::Seen;
use crate::directory::{
    GroupId, GroupPatch, Member, MemberKind, Membership, ObjectId, Presence, UnknownCause, UserId, UserPatch,
};

/// Says what must have changed for the tenant to look like this now.
///
/// It sees all users and all groups, part by part, then the members of each group whose list was read to its end. A group
/// whose members it does not see is unknown, not empty. Objects that are not listed any more count as soft-deleted:
/// whether they can be restored is not known, so their memberships are kept.
pub(super) struct Reconciliation<'a> {
    known: &'a Known,
    /// Who was in each group, in the order of ids.
    members: BTreeMap<&'a GroupId, Vec<&'a UserId>>,
    net: NetChanges,
    listed_users: BTreeSet<UserId>,
    listed_groups: BTreeSet<GroupId>,
    hidden_groups: BTreeSet<GroupId>,
    changed_users: BTreeSet<UserId>,
    changed_groups: BTreeSet<GroupId>,
    unread_users: Vec<UnreadObject>,
    unread_groups: Vec<UnreadObject>,
}

impl<'a> Reconciliation<'a> {
    /// Nothing has been seen. `known` must be complete.
    pub(super) fn new(known: &'a Known) -> Self {
        let mut members: BTreeMap<&GroupId, Vec<&UserId>> = BTreeMap::new();
        for record in known.users.iter() {
            for group in &record.groups {
                members.entry(group).or_default().push(&record.id);
            }
        }
        Self {
            known,
            members,
            net: NetChanges::default(),
            listed_users: BTreeSet::new(),
            listed_groups: BTreeSet::new(),
            hidden_groups: BTreeSet::new(),
            changed_users: BTreeSet::new(),
            changed_groups: BTreeSet::new(),
            unread_users: Vec::new(),
            unread_groups: Vec::new(),
        }
    }

    /// Only the members of some groups will be seen: `known` must have these groups, and all users and groups in them before
    /// or now. Whatever exists on record counts as seen.
    pub(super) fn of_some_groups(known: &'a Known) -> Self {
        let mut reconciliation = Self::new(known);
        let users = known.users.iter().filter(|user| user.presence.is_present());
        reconciliation.listed_users.extend(users.map(|user| user.id.clone()));
        let groups = || known.groups.values().filter(|group| group.presence.is_present());
        reconciliation.listed_groups.extend(groups().map(|group| group.id.clone()));
        let hidden = groups().filter(|group| group.profile.hides_members());
        reconciliation.hidden_groups.extend(hidden.map(|group| group.id.clone()));
        reconciliation
    }

    /// What must have changed of the members that were seen.
    pub(super) fn into_membership_changes(self) -> NetChanges {
        self.net
    }

    /// What the changes since the lists were begun say of them: which members are users or groups, and which groups hide their
    /// members, so that their lists may be empty for that.
    pub(super) fn see_changes(&mut self, ledger: &Ledger) {
        self.changed_users = ledger.users_seen();
        self.changed_groups = ledger.groups_seen();
        self.hidden_groups.extend(ledger.hiding());
    }

    /// Some of the users.
    pub(super) fn see_users(&mut self, users: Listing<(UserId, UserPatch)>) {
        for (id, patch) in users.objects {
            self.listed_users.insert(id.clone());
            // What is known already, nearly everything as a rule, would only take memory.
            let known = self.known.users.get(&id).filter(|known| known.presence.is_present());
            if self.net.users.contains_key(&id) || known.is_none_or(|known| !patch.agrees_with(&known.profile)) {
                self.net.see_user(id, patch);
            }
        }
        self.unread_users.extend(users.unread);
    }

    /// Some of the groups.
    pub(super) fn see_groups(&mut self, groups: Listing<(GroupId, GroupPatch)>) {
        for (id, patch) in groups.objects {
            self.listed_groups.insert(id.clone());
            if self.known.hides_members(&id, &patch) {
                self.hidden_groups.insert(id.clone());
            }
            self.net.see_group(id, patch);
        }
        self.unread_groups.extend(groups.unread);
    }

    /// Notes that each of these, who are counted and not listed, may be in the group or not.
    pub(super) fn doubt(&mut self, group: &GroupId, members: &[Member]) {
        for Member { id, kind } in members {
            if *kind == MemberKind::Group {
                self.net.doubtful_nestings.entry(group.clone()).or_default().insert(id.clone().into());
            } else {
                self.net.doubtful.entry(id.clone().into()).or_default().insert(group.clone());
            }
        }
    }

    /// A group whose members cannot be read. Those on record stay.
    pub(super) fn see_unknown(&mut self, group: &GroupId, cause: UnknownCause) {
        self.set_membership(group, cause.into());
    }

    fn set_membership(&mut self, group: &GroupId, membership: Membership) {
        let record = self.known.groups.get(group);
        // Of a group that begins to hide its members, it has to be said that they are known all the same.
        let hid_members = record.is_some_and(|record| record.profile.hides_members());
        let begins_to_hide = self.hidden_groups.contains(group) && !hid_members;
        if begins_to_hide || record.map(|record| record.membership) != Some(membership) {
            self.net.membership.insert(group.clone(), membership);
        }
    }

    /// The users that were listed.
    pub(super) fn users_seen(&self) -> Seen<'_> {
        let has = |id: &ObjectId| self.listed_users.contains(&UserId::from(id.clone()));
        Seen::new(ListKind::Users, self.listed_users.len(), &self.unread_users, has)
    }

    /// The groups that were listed.
    pub(super) fn groups_seen(&self) -> Seen<'_> {
        let has = |id: &ObjectId| self.listed_groups.contains(&GroupId::from(id.clone()));
        Seen::new(ListKind::Groups, self.listed_groups.len(), &self.unread_groups, has)
    }

    /// True for a list that may be empty because the group hides its members.
    pub(super) fn is_hidden(&self, group: &GroupId, members: &Listing<Member>) -> bool {
        members.objects.is_empty() && self.hidden_groups.contains(group)
    }

    /// True when anything is known to be in a group.
    pub(super) fn has_members(&self, group: &GroupId) -> bool {
        self.members.contains_key(group) || !self.children_of(group).is_empty()
    }

    /// The groups that are known to be nested in a group.
    pub(super) fn children_of(&self, group: &GroupId) -> &'a BTreeSet<GroupId> {
        static NONE: BTreeSet<GroupId> = BTreeSet::new();
        self.known.groups.get(group).map_or(&NONE, |record| &record.children)
    }

    /// Known members that a list lacks, although they are not known to be deleted: users, and nested groups.
    pub(super) fn lost(&self, group: &GroupId, members: &Listing<Member>) -> (Vec<&'a UserId>, Vec<&'a GroupId>) {
        let mut listed: Vec<&ObjectId> = members.objects.iter().map(|member| &member.id).collect();
        listed.sort_unstable();
        let is_gone = |id: &ObjectId| listed.binary_search(&id).is_err() && !may_be(&members.unread, id);
        let users = self.members.get(group).into_iter().flatten().copied();
        let users = users.filter(|user| is_gone(user.object()) && !self.is_deleted(user));
        let groups = self.children_of(group).iter();
        let groups = groups.filter(|child| {
            let deleted = !self.listed_groups.contains(*child) && self.known.groups.contains_key(*child);
            !deleted && is_gone(child.object())
        });
        (users.collect(), groups.collect())
    }

    /// All members of a group, once all users and groups have been seen. An unread one whose id is known stays what it was; one that
    /// was never seen before is taken for a member, since nothing is known of it that could stay.
    pub(super) fn see_members(&mut self, group: &GroupId, members: Listing<Member>) {
        // One without a usable id may be anyone; of one with an id the rest is known.
        let is_whole = members.unread.iter().all(|object| object.id.is_some());
        let mut membership = if is_whole { Membership::Known } else { UnknownCause::Unreadable.into() };
        let (lost_users, lost_groups) = self.lost(group, &members);
        for user in lost_users {
            self.net.memberships.set(user.clone(), group, false);
        }
        for child in lost_groups {
            self.net.set_nesting(group.clone(), child.clone(), false);
        }
        for id in members.unread.into_iter().filter_map(|object| object.id) {
            let (user, child) = (UserId::from(id.clone()), GroupId::from(id));
            if self.listed_users.contains(&user) && self.known.users.get(&user).is_none() {
                self.net.memberships.set(user, group, true);
            } else if self.listed_groups.contains(&child) && !self.known.groups.contains_key(&child) {
                self.net.set_nesting(group.clone(), child, true);
            }
        }
        let known_users = self.members.remove(group).unwrap_or_default();
        let known_children = self.children_of(group);
        for Member { id, kind } in members.objects {
            match self.kind_of(&id, kind) {
                // One of an unknown kind is kept as a user who was never read: should it come to be one, it is in the group.
                kind @ (MemberKind::User | MemberKind::Unknown(_)) => {
                    if let MemberKind::Unknown(kind) = kind {
                        self.net
                            .oddities
                            .push(format!("group {group} has a member {id} of an unknown kind ({kind:?})"));
                        membership = UnknownCause::UnknownKind.into();
                    }
                    let user = UserId::from(id);
                    if known_users.binary_search(&&user).is_err() {
                        self.net.memberships.set(user, group, true);
                    }
                }
                MemberKind::Group => {
                    let child = GroupId::from(id);
                    if !known_children.contains(&child) {
                        self.net.set_nesting(group.clone(), child, true);
                    }
                }
                MemberKind::Device | MemberKind::ServicePrincipal | MemberKind::Contact => {}
            }
        }
        self.set_membership(group, membership);
    }

    /// What a member is. An id that is a user's or a group's is that user or group, whatever the name of its type.
    pub(super) fn kind_of(&self, id: &ObjectId, kind: MemberKind) -> MemberKind {
        if !kind.is_unknown() {
            return kind;
        }
        let (user, group) = (UserId::from(id.clone()), GroupId::from(id.clone()));
        if self.listed_users.contains(&user) || self.changed_users.contains(&user) || self.known.has_user(&user) {
            MemberKind::User
        } else if self.listed_groups.contains(&group)
            || self.changed_groups.contains(&group)
            || self.known.has_group(&group)
        {
            MemberKind::Group
        } else {
            kind
        }
    }

    /// True for what is known only as a member, because its kind is unknown.
    pub(super) fn is_unseen(&self, user: &UserId) -> bool {
        !self.listed_users.contains(user) && !self.known.has_user(user)
    }

    /// True for a user who is not listed any more. Lists leave out deleted members whose memberships come back when they are
    /// restored.
    fn is_deleted(&self, user: &UserId) -> bool {
        let was_there = |presence: Presence| presence.is_present() || presence.is_deleted();
        !self.listed_users.contains(user) && self.known.users.get(user).is_some_and(|record| was_there(record.presence))
    }

    /// What must have changed.
    pub(super) fn conclude(mut self) -> NetChanges {
        for record in self.known.users.iter() {
            let id = &record.id;
            let is_listed = self.listed_users.contains(id) || may_be(&self.unread_users, id.object());
            if record.presence.is_present() && !is_listed {
                self.net.remove_user(id.clone(), Removal::Soft);
            }
        }
        for (id, record) in &self.known.groups {
            let is_listed = self.listed_groups.contains(id) || may_be(&self.unread_groups, id.object());
            if record.presence.is_present() && !is_listed {
                self.net.remove_group(id.clone(), Removal::Soft);
            }
        }
        self.net
    }
}

/// True when an object that was listed but could not be read may be this one.
fn may_be(unread: &[UnreadObject], id: &ObjectId) -> bool {
    unread.iter().any(|object| object.id.as_ref().is_none_or(|unread| unread == id))
}
