//! An index of users by all their names, a hundred to an item. It may have entries of names that nobody has any more, so
//! whoever finds users by it looks at their records.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::apply::Action;
use super::buckets::Kind;
use super::item::{Item, Stored};
use super::keys::{NAME, SHARDS, names};
use super::packing::{pack, unpack};
use super::store::{AT_ONCE, DynamoStore};
use crate::directory::{DirectoryId, InvalidId, NameKey, UserId};
use crate::store::{NamesChange, StoreError};

/// Names of a directory's users in one shard.
pub(super) struct Names;

/// The sort key of the first bucket: before all others.
const FIRST: &str = "-";

impl Kind for Names {
    type Key = NameKey;
    type Value = BTreeSet<UserId>;
    /// Users who have the name from now on, or have not (`false`).
    type Change = Vec<(UserId, bool)>;

    /// About 3 KB.
    const TARGET: usize = 96;
    const LIMIT: usize = 160;

    fn weight(users: &BTreeSet<UserId>) -> usize {
        users.len()
    }

    fn change(entries: &mut BTreeMap<NameKey, BTreeSet<UserId>>, key: &NameKey, change: &Vec<(UserId, bool)>) {
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

    fn write(item: Item, entries: &BTreeMap<NameKey, BTreeSet<UserId>>) -> Result<Item, StoreError> {
        let packed =
            pack(entries).map_err(|error| StoreError::Corrupt { key: item.key(), reason: error.to_string() })?;
        Ok(item.bytes_of("names", &packed))
    }

    fn read(item: &Stored) -> Result<BTreeMap<NameKey, BTreeSet<UserId>>, StoreError> {
        unpack(item.bytes("names")?).ok_or_else(|| item.corrupt("names is malformed".to_owned()))
    }
}

impl DynamoStore {
    /// Users who have a name with this key, or had one.
    pub(super) async fn users_with(
        &self,
        directory: DirectoryId,
        key: &NameKey,
    ) -> Result<BTreeSet<UserId>, StoreError> {
        let bucket = self.bucket_of::<Names>(&names(directory, key.shard()), key).await?;
        Ok(bucket.and_then(|mut bucket| bucket.entries.remove(key)).unwrap_or_default())
    }

    /// Users who have a name that begins like this, or had one: of each shard of names the first ones, until there are
    /// `enough`.
    pub(super) async fn users_beginning_with(
        &self,
        directory: DirectoryId,
        beginning: &NameKey,
        enough: usize,
    ) -> Result<BTreeSet<UserId>, StoreError> {
        let shards: Vec<BTreeSet<UserId>> = stream::iter(0..SHARDS)
            .map(|shard| async move {
                let pk = names(directory, shard);
                let found = self.entries_from::<Names>(&pk, beginning, enough).await?;
                let begins = |key: &NameKey| key.as_str().starts_with(beginning.as_str());
                let users = found.into_iter().take_while(|(key, _)| begins(key)).flat_map(|(_, users)| users);
                Ok::<_, StoreError>(users.take(enough).collect())
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(shards.into_iter().flatten().collect())
    }

    /// The items that change with these names.
    pub(super) async fn name_actions(
        &self,
        directory: DirectoryId,
        change: &NamesChange,
    ) -> Result<Vec<Vec<Action>>, StoreError> {
        let mut shards: BTreeMap<u8, BTreeMap<NameKey, Vec<(UserId, bool)>>> = BTreeMap::new();
        let added = change.add.iter().map(|(key, user)| (key, user, true));
        for (key, user, is_named) in added.chain(change.remove.iter().map(|(key, user)| (key, user, false))) {
            shards.entry(key.shard()).or_default().entry(key.clone()).or_default().push((user.clone(), is_named));
        }
        let units: Vec<Vec<Vec<Action>>> = stream::iter(shards)
            .map(
                |(shard, changes)| async move { self.bucket_actions::<Names>(&names(directory, shard), changes).await },
            )
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(units.into_iter().flatten().collect())
    }
}
