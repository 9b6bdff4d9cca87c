//! Users' records, a dozen to an item.
//!
//! Every write is a transaction, which costs two write units for each KB it touches. A record alone would be rounded up to
//! one; packed, a dozen need about three.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::apply::Action;
use super::buckets::Kind;
use super::item::{Item, Stored};
use super::keys::{self, SHARDS, from_sort_key, shard, sort_key};
use super::packing::{pack, unpack};
use super::store::{AT_ONCE, DynamoStore};
use crate::directory::{DirectoryId, GroupId, Presence, UserId, UserProfile, UserRecord};
use crate::filter::UserDecision;
use crate::store::StoreError;

/// Records of a directory's users in one shard.
pub(super) struct Users;

/// About how many bytes of a record weigh 1: what most records have at most.
const BYTES_OF_WEIGHT: usize = 1_024;

/// A record without names for its parts.
type Packed = (UserId, UserProfile, Presence, UserDecision, BTreeSet<GroupId>);

impl Kind for Users {
    type Key = UserId;
    type Value = UserRecord;
    /// The record as it is from now on, or that there is none any more.
    type Change = Option<UserRecord>;

    const TARGET: usize = 12;
    const LIMIT: usize = 20;

    fn weight(user: &UserRecord) -> usize {
        let texts = user.profile.texts().map(str::len).sum::<usize>();
        1 + (texts + user.groups.len() * 40) / BYTES_OF_WEIGHT
    }

    fn change(entries: &mut BTreeMap<UserId, UserRecord>, key: &UserId, change: &Option<UserRecord>) {
        match change {
            Some(user) => entries.insert(key.clone(), user.clone()),
            None => entries.remove(key),
        };
    }

    fn sort_key(from: Option<&UserId>) -> String {
        sort_key(from)
    }

    fn from_sort_key(sk: &str) -> Option<Option<UserId>> {
        from_sort_key(sk)
    }

    fn write(item: Item, entries: &BTreeMap<UserId, UserRecord>) -> Result<Item, StoreError> {
        let users: Vec<_> = entries
            .values()
            .map(|user| (&user.id, &user.profile, user.presence, &user.decision, &user.groups))
            .collect();
        let packed =
            pack(&users).map_err(|error| StoreError::Corrupt { key: item.key(), reason: error.to_string() })?;
        Ok(item.bytes_of("users", &packed))
    }

    fn read(item: &Stored) -> Result<BTreeMap<UserId, UserRecord>, StoreError> {
        let users: Vec<Packed> =
            unpack(item.bytes("users")?).ok_or_else(|| item.corrupt("users is malformed".to_owned()))?;
        let record = |(id, profile, presence, decision, groups)| UserRecord { id, profile, presence, groups, decision };
        Ok(users.into_iter().map(record).map(|user| (user.id.clone(), user)).collect())
    }
}

impl DynamoStore {
    /// All users.
    pub(super) async fn every_user(&self, directory: DirectoryId) -> Result<Vec<UserRecord>, StoreError> {
        let found: Vec<BTreeMap<UserId, UserRecord>> = stream::iter(0..SHARDS)
            .map(|shard| self.all_entries::<Users>(keys::users(directory, shard)))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(found.into_iter().flat_map(BTreeMap::into_values).collect())
    }

    /// These users, as far as they are known.
    pub(super) async fn some_users(
        &self,
        directory: DirectoryId,
        ids: &BTreeSet<UserId>,
    ) -> Result<Vec<UserRecord>, StoreError> {
        let found: Vec<BTreeMap<UserId, UserRecord>> = stream::iter(by_shard(ids.iter().map(|id| (id.clone(), ()))))
            .map(|(shard, ids)| async move {
                self.entries::<Users>(&keys::users(directory, shard), ids.into_keys().collect()).await
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(found.into_iter().flat_map(BTreeMap::into_values).collect())
    }

    /// The items that change with these records.
    pub(super) async fn user_actions(
        &self,
        directory: DirectoryId,
        changes: impl Iterator<Item = (UserId, Option<UserRecord>)>,
    ) -> Result<Vec<Vec<Action>>, StoreError> {
        let units: Vec<Vec<Vec<Action>>> = stream::iter(by_shard(changes))
            .map(|(shard, changes)| async move {
                self.bucket_actions::<Users>(&keys::users(directory, shard), changes).await
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(units.into_iter().flatten().collect())
    }
}

fn by_shard<T>(of_users: impl Iterator<Item = (UserId, T)>) -> BTreeMap<u8, BTreeMap<UserId, T>> {
    let mut shards: BTreeMap<u8, BTreeMap<UserId, T>> = BTreeMap::new();
    for (id, value) in of_users {
        shards.entry(shard(id.object())).or_default().insert(id, value);
    }
    shards
}
