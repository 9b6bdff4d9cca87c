//! Users' records, about ten to an item.
//!
//! Every write is a transaction, which costs two write units for each KB it touches. A record alone would be rounded up to
//! one; packed, eight need about two, and a change of one user still costs no more than a handful.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;

use super::apply::Unit;
use super::bucket_store::{Touched, actions};
use super::buckets::Kind;
use super::changes::Log;
use super::item::{Item, Stored};
use super::keys::{self, SHARDS, from_sort_key, shard, sort_key};
use super::packing::{pack, unpack};
use super::store::{AT_ONCE, DynamoStore};
use crate::directory::{ChangeId, DirectoryId, GroupId, InvalidId, Presence, UserId, UserProfile, UserRecord};
use crate::filter::UserDecision;
use crate::store::StoreError;
use crate::sync::ChangeCounts;

/// Records of a directory's users in one shard.
pub(super) struct Users;

/// About how many bytes of a record weigh 1: what most records have at most.
const BYTES_OF_WEIGHT: usize = 1_024;

/// The most bytes of records in an item, which has 400 KB in all (Amazon DynamoDB developer guide, "Quotas").
const MAX_BYTES: usize = 399 * 1024;

/// A record without names for its parts.
#[derive(Deserialize)]
struct Packed(
    UserId,
    UserProfile,
    Presence,
    UserDecision,
    BTreeSet<GroupId>,
    // Records of an earlier version end here.
    #[serde(default)] Option<ChangeId>,
);

impl Kind for Users {
    type Key = UserId;
    type Value = UserRecord;
    /// The record as it is from now on, or that there is none any more.
    type Change = Option<UserRecord>;

    const TARGET: usize = 8;
    const LIMIT: usize = 14;

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
        sort_key(from.map(UserId::object))
    }

    fn from_sort_key(sk: &str) -> Result<Option<UserId>, InvalidId> {
        Ok(from_sort_key(sk)?.map(UserId::from))
    }

    fn write(item: Item, entries: &BTreeMap<UserId, UserRecord>) -> Result<Item, StoreError> {
        let users: Vec<_> = entries
            .values()
            .map(|user| (&user.id, &user.profile, user.presence, &user.decision, &user.groups, user.changed))
            .collect();
        let corrupt = |reason| StoreError::Corrupt { key: item.key(), reason };
        let packed = pack(&users).map_err(|error| corrupt(error.to_string()))?;
        if let [(id, ..)] = users.as_slice()
            && packed.len() > MAX_BYTES
        {
            let bytes = packed.len();
            return Err(corrupt(format!("user {id} would take {bytes} bytes, and an item has room for {MAX_BYTES}")));
        }
        Ok(item.bytes_of("users", &packed))
    }

    fn read(item: &Stored) -> Result<BTreeMap<UserId, UserRecord>, StoreError> {
        let users: Vec<Packed> =
            unpack(item.bytes("users")?).ok_or_else(|| item.corrupt("users is malformed".to_owned()))?;
        let record = |Packed(id, profile, presence, decision, groups, changed)| UserRecord {
            id,
            profile,
            presence,
            groups,
            decision,
            changed,
        };
        Ok(users.into_iter().map(record).map(|user| (user.id.clone(), user)).collect())
    }
}

impl DynamoStore {
    /// All users.
    pub(super) async fn every_user(&self, directory: DirectoryId) -> Result<Vec<UserRecord>, StoreError> {
        let shards = stream::iter(0..SHARDS)
            .map(|shard| self.all_entries::<Users>(keys::users(directory, shard)))
            .buffered(AT_ONCE);
        shards.map_ok(|shard| stream::iter(shard).map(|(_, user)| Ok(user))).try_flatten().try_collect().await
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

    /// The items that change with these records, and what that means.
    pub(super) async fn user_units(
        &self,
        directory: DirectoryId,
        changes: impl Iterator<Item = (UserId, Option<UserRecord>)>,
        log: &mut Log,
    ) -> Result<Vec<Unit>, StoreError> {
        let touched: Vec<(String, Vec<Touched<Users>>)> = stream::iter(by_shard(changes))
            .map(|(shard, changes)| async move {
                let pk = keys::users(directory, shard);
                let touched = self.touched::<Users>(&pk, changes).await?;
                Ok::<_, StoreError>((pk, touched))
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let mut units = Vec::new();
        for (pk, touched) in touched {
            for (bucket, mut changes) in touched {
                let (mut logged, mut counted) = (Vec::new(), ChangeCounts::default());
                for (id, new) in &mut changes {
                    let old = bucket.entries.get(id);
                    counted += new.as_ref().map(|new| ChangeCounts::of_user(old, new)).unwrap_or_default();
                    logged.append(&mut log.user(old, new.as_mut()));
                }
                units.push(Unit { actions: actions::<Users>(&pk, bucket, &changes)?, logged, changes: counted });
            }
        }
        Ok(units)
    }
}

fn by_shard<T>(of_users: impl Iterator<Item = (UserId, T)>) -> BTreeMap<u8, BTreeMap<UserId, T>> {
    let mut shards: BTreeMap<u8, BTreeMap<UserId, T>> = BTreeMap::new();
    for (id, value) in of_users {
        shards.entry(shard(id.object())).or_default().insert(id, value);
    }
    shards
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::directory::ObjectId;
    use crate::dynamodb::buckets::{Bucket, changed};

    fn user(number: u128, groups: u128) -> UserRecord {
        let scattered = |number: u128| {
            ObjectId::from(Uuid::from_u128(number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)))
        };
        UserRecord {
            id: ObjectId::from(Uuid::from_u128(number)).into(),
            profile: UserProfile { display_name: Some(format!("Person {number}").into()), ..UserProfile::default() },
            presence: Presence::Present,
            groups: (1..=groups).map(|number| GroupId::from(scattered(number))).collect(),
            decision: UserDecision::Active,
            changed: None,
        }
    }

    fn item(users: Vec<UserRecord>) -> Result<Item, StoreError> {
        let item = Item::new(&keys::Key::new("USERS", "-"));
        Users::write(item, &users.into_iter().map(|user| (user.id.clone(), user)).collect())
    }

    #[test]
    fn a_record_too_large_for_an_item_is_named() {
        assert!(item(vec![user(1, 14_000)]).and_then(Item::storable).is_ok());
        let error = item(vec![user(1, 30_000)]).unwrap_err().to_string();
        assert!(error.contains("user 00000000-0000-0000-0000-000000000001 would take"), "{error}");
    }

    #[test]
    fn many_large_records_are_spread_over_items_that_hold_them() {
        let users = (0..40).map(|number| (user(number, 2_000).id, Some(user(number, 2_000))));
        for bucket in changed::<Users>(Bucket::default(), &users.collect()) {
            let item = item(bucket.entries.into_values().collect()).unwrap();
            assert!(item.bytes() < 100_000, "{}", item.bytes());
        }
    }
}
