//! Groups as items.

use std::collections::BTreeSet;

use super::item::{Item, Stored};
use super::keys::Key;
use crate::directory::{
    DirectoryId, GroupId, GroupProfile, GroupRecord, Membership, Presence, RETENTION, UnknownCause,
};
use crate::store::StoreError;

pub(super) fn write_group(directory: DirectoryId, group: &GroupRecord) -> Result<Item, StoreError> {
    let item = Item::new(&Key::group(directory, &group.id))
        .value("profile", &group.profile)?
        .value("presence", &group.presence)?
        .value("decision", &group.decision)?
        .number("members", group.members)
        .ids("children", group.children.iter().map(GroupId::object));
    // Without a word, members are known, unless they may be hidden.
    let item = if group.membership.is_known() && !group.profile.hides_members() {
        item
    } else {
        item.value("membership", &group.membership)?
    };
    let item = match group.presence {
        Presence::Deleted { since } => item.expires_after(since, RETENTION),
        Presence::Present | Presence::Unseen => item,
    };
    item.storable()
}

pub(super) fn read_group(item: &Stored) -> Result<GroupRecord, StoreError> {
    let profile: GroupProfile = item.value("profile")?;
    let children: BTreeSet<GroupId> = item.ids("children")?;
    // Records of an earlier version have none, and are counted again.
    let members = item.optional_value("members")?.unwrap_or_default();
    let membership = match item.optional_value("membership")? {
        Some(membership) => membership,
        // An earlier version took hidden members for none.
        None if profile.hides_members() && members == 0 && children.is_empty() => UnknownCause::Hidden.into(),
        None => Membership::Known,
    };
    Ok(GroupRecord {
        id: item.parsed("sk")?,
        profile,
        presence: item.value("presence")?,
        children,
        decision: item.value("decision")?,
        members,
        membership,
    })
}
