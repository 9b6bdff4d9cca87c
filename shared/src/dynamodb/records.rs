//! Users and groups as items.

use jiff::{SignedDuration, Timestamp};

use super::item::{Item, Stored};
use super::keys::{self, Key};
use crate::directory::{DirectoryId, GroupRecord, Presence, UserRecord};
use crate::store::StoreError;

/// How long deleted users and groups stay as inactive records.
const RETENTION: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The longest key of an index, in bytes (Amazon DynamoDB developer guide, "Quotas": partition keys).
const MAX_INDEX_KEY: usize = 2_048;
/// The largest item (by the same source). A profile takes at most a third of it, so a user may be in 16,000 groups at
/// least; nobody is in nearly as many.
const MAX_ITEM_BYTES: usize = 400 * 1024;

fn expiry(presence: Presence) -> Option<Timestamp> {
    match presence {
        Presence::Deleted { since } => Some(since + RETENTION),
        Presence::Present | Presence::Unseen => None,
    }
}

/// A name's key in an index. Users who were never read themselves cannot be found, and neither can a name so long that
/// DynamoDB would refuse the item.
fn index_key(directory: DirectoryId, presence: Presence, name: Option<&str>) -> Option<String> {
    let name = name.filter(|_| presence != Presence::Unseen)?;
    Some(keys::name(directory, name)).filter(|key| key.len() <= MAX_INDEX_KEY)
}

pub(super) fn write_user(directory: DirectoryId, user: &UserRecord) -> Result<Item, StoreError> {
    let mut item = Item::new(&Key::user(directory, &user.id))
        .value("profile", &user.profile)?
        .value("presence", &user.presence)?
        .value("decision", &user.decision)?
        .ids("groups", user.groups.iter().map(crate::directory::GroupId::object));
    let login = index_key(directory, user.presence, user.profile.user_principal_name.as_deref());
    let mail = index_key(directory, user.presence, user.profile.mail.as_deref());
    // Most people's mail address is their sign-in name: the index holds only the others.
    if let Some(mail) = mail.filter(|mail| login.as_ref() != Some(mail)) {
        item = item.text("mail", mail);
    }
    if let Some(login) = login {
        item = item.text("login", login);
    }
    storable(match expiry(user.presence) {
        Some(at) => item.expires(at),
        None => item,
    })
}

/// The item, unless DynamoDB would refuse it, and with it everything it is written together with.
fn storable(item: Item) -> Result<Item, StoreError> {
    let bytes = item.bytes();
    if bytes > MAX_ITEM_BYTES {
        let reason = format!("it would have {bytes} bytes, and an item has at most {MAX_ITEM_BYTES}");
        return Err(StoreError::Corrupt { key: item.key(), reason });
    }
    Ok(item)
}

pub(super) fn read_user(item: &Stored) -> Result<UserRecord, StoreError> {
    Ok(UserRecord {
        id: item.parsed("sk")?,
        profile: item.value("profile")?,
        presence: item.value("presence")?,
        groups: item.ids("groups")?,
        decision: item.value("decision")?,
    })
}

pub(super) fn write_group(directory: DirectoryId, group: &GroupRecord) -> Result<Item, StoreError> {
    let item = Item::new(&Key::group(directory, &group.id))
        .value("profile", &group.profile)?
        .value("presence", &group.presence)?
        .value("decision", &group.decision)?
        .ids("children", group.children.iter().map(crate::directory::GroupId::object));
    storable(match expiry(group.presence) {
        Some(at) => item.expires(at),
        None => item,
    })
}

pub(super) fn read_group(item: &Stored) -> Result<GroupRecord, StoreError> {
    Ok(GroupRecord {
        id: item.parsed("sk")?,
        profile: item.value("profile")?,
        presence: item.value("presence")?,
        children: item.ids("children")?,
        decision: item.value("decision")?,
    })
}
