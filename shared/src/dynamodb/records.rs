//! Groups as items.

use super::item::{Item, Stored};
use super::keys::Key;
use crate::directory::{DirectoryId, GroupId, GroupRecord, Presence, RETENTION};
use crate::store::StoreError;

pub(super) fn write_group(directory: DirectoryId, group: &GroupRecord) -> Result<Item, StoreError> {
    let item = Item::new(&Key::group(directory, &group.id))
        .value("profile", &group.profile)?
        .value("presence", &group.presence)?
        .value("decision", &group.decision)?
        .number("members", group.members)
        .ids("children", group.children.iter().map(GroupId::object));
    let item = match group.presence {
        Presence::Deleted { since } => item.expires_after(since, RETENTION),
        Presence::Present | Presence::Unseen => item,
    };
    item.storable()
}

pub(super) fn read_group(item: &Stored) -> Result<GroupRecord, StoreError> {
    Ok(GroupRecord {
        id: item.parsed("sk")?,
        profile: item.value("profile")?,
        presence: item.value("presence")?,
        children: item.ids("children")?,
        decision: item.value("decision")?,
        // Records of an earlier version have none, and are counted anew.
        members: item.optional_value("members")?.unwrap_or_default(),
    })
}
