//! From complete lists to changes against what is known.

use std::collections::{BTreeMap, BTreeSet};

use super::changes::NetChanges;
use super::known::Known;
use super::source::{Listing, MemberChange, Removal, UnreadObject};
use crate::directory::{GroupId, GroupPatch, Member, MemberKind, ObjectId, Patch, UserId, UserPatch};

/// A full reading of a tenant.
#[derive(Debug)]
pub(super) struct FullReading {
    /// All users that exist.
    pub(super) users: Listing<(UserId, UserPatch)>,
    /// All groups that exist.
    pub(super) groups: Listing<(GroupId, GroupPatch)>,
    /// The members of each group whose list was read to its end. A group without an entry is unknown, not empty.
    pub(super) members: BTreeMap<GroupId, Listing<Member>>,
}

/// Says what must have changed for the tenant to look like this now.
///
/// `known` must be complete. Objects that are not listed any more count as soft-deleted: whether they can be
/// restored is not known, so their memberships are kept.
pub(super) fn reconcile(known: &Known, reading: FullReading) -> NetChanges {
    let mut net = NetChanges::default();
    let listed_users: BTreeSet<UserId> = reading.users.objects.iter().map(|(id, _)| id.clone()).collect();
    let listed_groups: BTreeSet<GroupId> = reading.groups.objects.iter().map(|(id, _)| id.clone()).collect();

    for (id, record) in &known.users {
        if record.presence.is_present() && !listed_users.contains(id) && !may_be(&reading.users.unread, id.object()) {
            net.remove_user(id.clone(), Removal::Soft);
        }
    }
    for (id, record) in &known.groups {
        if record.presence.is_present() && !listed_groups.contains(id) && !may_be(&reading.groups.unread, id.object()) {
            net.remove_group(id.clone(), Removal::Soft);
        }
    }

    let mut known_members: BTreeMap<&GroupId, BTreeSet<&UserId>> = BTreeMap::new();
    for record in known.users.values() {
        for group in &record.groups {
            known_members.entry(group).or_default().insert(&record.id);
        }
    }
    let hidden: BTreeSet<&GroupId> =
        reading.groups.objects.iter().filter(|(_, patch)| hides_members(patch)).map(|(id, _)| id).collect();
    for (group, members) in &reading.members {
        if members.objects.is_empty() && hidden.contains(group) {
            // Empty and hidden look the same; what is known stays.
            continue;
        }
        let mut gone = known_members.remove(group).unwrap_or_default();
        let mut gone_children: BTreeSet<&GroupId> =
            known.groups.get(group).map(|record| record.children.iter().collect()).unwrap_or_default();
        for member in &members.objects {
            match member.kind {
                MemberKind::User => {
                    let user = UserId::from(member.id.clone());
                    if !gone.remove(&user) {
                        net.set_membership(user, group.clone(), true);
                    }
                }
                MemberKind::Group => {
                    let child = GroupId::from(member.id.clone());
                    if !gone_children.remove(&child) {
                        net.set_nesting(group.clone(), child, true);
                    }
                }
                _ => net.add_member(
                    group,
                    MemberChange { id: member.id.clone(), kind: member.kind.clone(), removed: false },
                ),
            }
        }
        // Lists leave out deleted members whose memberships come back when they are restored.
        for user in gone {
            let deleted = !listed_users.contains(user)
                && known
                    .users
                    .get(user)
                    .is_some_and(|record| record.presence.is_present() || record.presence.is_deleted());
            if !deleted && !may_be(&members.unread, user.object()) {
                net.set_membership(user.clone(), group.clone(), false);
            }
        }
        for child in gone_children {
            let deleted = !listed_groups.contains(child) && known.groups.contains_key(child);
            if !deleted && !may_be(&members.unread, child.object()) {
                net.set_nesting(group.clone(), child.clone(), false);
            }
        }
    }

    for (id, patch) in reading.users.objects {
        net.see_user(id, patch);
    }
    for (id, patch) in reading.groups.objects {
        net.see_group(id, patch);
    }
    net
}

/// True when an object that was listed but could not be read may be this one.
fn may_be(unread: &[UnreadObject], id: &ObjectId) -> bool {
    unread.iter().any(|object| object.id.as_ref().is_none_or(|unread| unread == id))
}

/// True for a group that shows its members only to some.
///
/// Source: Microsoft Graph, "group resource type" (`visibility`); pages differ in the spelling's case.
fn hides_members(patch: &GroupPatch) -> bool {
    matches!(&patch.visibility, Patch::Set(visibility) if visibility.eq_ignore_ascii_case("HiddenMembership"))
}
