//! What `benches/writes.rs` measures, which is nobody else's business.

use std::collections::BTreeMap;

use super::buckets::{Bucket, Kind, changed};
use super::item::Item;
use super::keys::Key;
use super::lists::Ids;
use super::users::Users;
use crate::directory::{UserId, UserRecord};

/// Packs users into items; returns how many bytes those have.
#[must_use]
pub fn pack_users(users: &[UserRecord]) -> usize {
    pack::<Users>(users.iter().map(|user| (user.id.clone(), Some(user.clone()))).collect())
}

/// Packs a group's members into items; returns how many bytes those have.
#[must_use]
pub fn pack_members(members: &[UserId]) -> usize {
    pack::<Ids>(members.iter().map(|user| (user.object().clone(), true)).collect())
}

fn pack<T: Kind>(changes: BTreeMap<T::Key, T::Change>) -> usize {
    let buckets = changed::<T>(Bucket::default(), &changes);
    buckets.into_iter().filter_map(|bucket| T::write(item(), &bucket.entries).ok()).map(|item| item.bytes()).sum()
}

fn item() -> Item {
    Item::new(&Key { pk: String::new(), sk: String::new() })
}
