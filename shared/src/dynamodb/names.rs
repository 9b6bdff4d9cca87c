//! Indexes of users and of groups by all their names, some ten to an item. They may have entries of names that nobody has any
//! more, so whoever finds somebody by them looks at the record.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::apply::Action;
use super::bucket_store::Entries;
use super::buckets::Kind;
use super::item::{Item, Stored};
use super::keys::{NAME, SHARDS, names};
use super::packing::{pack, unpack};
use super::store::{AT_ONCE, DynamoStore};
use crate::directory::{DirectoryId, InvalidId, NameKey, ObjectId};
use crate::store::{NameIndex, NamesChange, StoreError};

/// Names of a directory's users, or groups, in one shard.
pub(super) struct Names;

/// The sort key of the first bucket: before all others.
const FIRST: &str = "-";

impl Kind for Names {
    type Key = NameKey;
    type Value = BTreeSet<ObjectId>;
    /// Who has the name from now on, or has not (`false`).
    type Change = Vec<(ObjectId, bool)>;

    /// About 1.5 KB.
    const TARGET: usize = 48;
    const LIMIT: usize = 80;

    fn weight(users: &BTreeSet<ObjectId>) -> usize {
        users.len()
    }

    fn change(entries: &mut BTreeMap<NameKey, BTreeSet<ObjectId>>, key: &NameKey, change: &Vec<(ObjectId, bool)>) {
        let users = entries.entry(key.clone()).or_default();
        for (user, is_named) in change {
            if *is_named {
                users.insert(user.clone());
            } else {
                users.remove(user);
            }
        }
        if users.is_empty() {
            entries.remove(key);
        }
    }

    fn sort_key(from: Option<&NameKey>) -> String {
        from.map_or_else(|| FIRST.to_owned(), |from| format!("{NAME}{}", from.as_str()))
    }

    fn from_sort_key(sk: &str) -> Result<Option<NameKey>, InvalidId> {
        match sk.strip_prefix(NAME) {
            Some(name) => Ok(Some(NameKey::stored(name))),
            None if sk == FIRST => Ok(None),
            None => Err(InvalidId::Malformed),
        }
    }

    fn write(item: Item, entries: &BTreeMap<NameKey, BTreeSet<ObjectId>>) -> Result<Item, StoreError> {
        let packed =
            pack(entries).map_err(|error| StoreError::Corrupt { key: item.key(), reason: error.to_string() })?;
        Ok(item.bytes_of("names", &packed))
    }

    fn read(item: &Stored) -> Result<BTreeMap<NameKey, BTreeSet<ObjectId>>, StoreError> {
        unpack(item.bytes("names")?).ok_or_else(|| item.corrupt("names is malformed".to_owned()))
    }
}

impl DynamoStore {
    /// Who has a name with this key, or had one.
    pub(super) async fn named(
        &self,
        directory: DirectoryId,
        of: NameIndex,
        key: &NameKey,
    ) -> Result<BTreeSet<ObjectId>, StoreError> {
        let bucket = self.bucket_of::<Names>(&names(directory, of, key.shard()), key).await?;
        Ok(bucket.and_then(|mut bucket| bucket.entries.remove(key)).unwrap_or_default())
    }

    /// The ids under all keys that begin like this; `None` when there are too many of them to be read for one page.
    pub(super) async fn named_like(
        &self,
        directory: DirectoryId,
        of: NameIndex,
        prefix: &NameKey,
    ) -> Result<Option<BTreeSet<ObjectId>>, StoreError> {
        let shards: Vec<Option<Entries<Names>>> = stream::iter(0..SHARDS)
            .map(|shard| async move {
                let pk = names(directory, of, shard);
                self.entries_with_prefix::<Names>(&pk, prefix, |key| key.as_str().starts_with(prefix.as_str())).await
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let all: Option<Vec<Entries<Names>>> = shards.into_iter().collect();
        Ok(all.map(|all| all.into_iter().flat_map(BTreeMap::into_values).flatten().collect()))
    }

    /// The items that change with these names.
    pub(super) async fn name_actions(
        &self,
        directory: DirectoryId,
        change: &NamesChange,
    ) -> Result<Vec<Vec<Action>>, StoreError> {
        let mut shards: BTreeMap<u8, BTreeMap<NameKey, Vec<(ObjectId, bool)>>> = BTreeMap::new();
        let added = change.add.iter().map(|(key, id)| (key, id, true));
        for (key, id, is_named) in added.chain(change.remove.iter().map(|(key, id)| (key, id, false))) {
            shards.entry(key.shard()).or_default().entry(key.clone()).or_default().push((id.clone(), is_named));
        }
        let units: Vec<Vec<Vec<Action>>> = stream::iter(shards)
            .map(|(shard, changes)| async move {
                self.bucket_actions::<Names>(&names(directory, change.of, shard), changes).await
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(units.into_iter().flatten().collect())
    }
}
