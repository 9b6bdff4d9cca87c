//! Lists of ids: groups' members, and users and groups by their decisions. Ids in 16 bytes each, some hundred to an item.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::apply::Action;
use super::buckets::Kind;
use super::item::{Item, Stored};
use super::keys::{from_sort_key, list, sort_key};
use super::store::{AT_ONCE, DynamoStore};
use crate::directory::{DirectoryId, InvalidId, ObjectId};
use crate::store::{ChangeStore as _, List, ListChange, NameIndex, StoreError};

/// Ids of a list.
pub(super) struct Ids;

impl Kind for Ids {
    type Key = ObjectId;
    type Value = ();
    /// Whether it is in the list from now on.
    type Change = bool;

    /// 3 KB.
    const TARGET: usize = 192;
    const LIMIT: usize = 384;

    fn weight((): &()) -> usize {
        1
    }

    fn change(entries: &mut BTreeMap<ObjectId, ()>, key: &ObjectId, is_in: &bool) {
        if *is_in {
            entries.insert(key.clone(), ());
        } else {
            entries.remove(key);
        }
    }

    fn sort_key(from: Option<&ObjectId>) -> String {
        sort_key(from)
    }

    fn from_sort_key(sk: &str) -> Result<Option<ObjectId>, InvalidId> {
        from_sort_key(sk)
    }

    fn write(item: Item, entries: &BTreeMap<ObjectId, ()>) -> Result<Item, StoreError> {
        Ok(item.ids("members", entries.keys()))
    }

    fn read(item: &Stored) -> Result<BTreeMap<ObjectId, ()>, StoreError> {
        Ok(item.ids("members")?.into_iter().map(|id| (id, ())).collect())
    }
}

impl DynamoStore {
    /// All ids in a list.
    pub(super) async fn all_in<T: From<ObjectId> + Ord>(
        &self,
        directory: DirectoryId,
        of: &List,
    ) -> Result<BTreeSet<T>, StoreError> {
        Ok(self.all_entries::<Ids>(list(directory, of)).await?.into_iter().map(|(id, ())| id.into()).collect())
    }

    /// The ids in a list after one of them, in their order, until there are `enough`.
    pub(super) async fn some_in(
        &self,
        directory: DirectoryId,
        of: &List,
        after: Option<&ObjectId>,
        enough: usize,
    ) -> Result<Vec<ObjectId>, StoreError> {
        let found = self.entries_behind::<Ids>(&list(directory, of), after, enough, |()| true).await?;
        // An item has many more, that nobody has asked for.
        Ok(found.into_iter().take(enough).map(|(id, ())| id).collect())
    }

    /// The ids that are in any of these lists after one of them, in their order, until there are `enough`.
    ///
    /// Whoever is in one of the lists at every moment is found. An object that moves is entered into the new list before its record
    /// changes and taken out of the old one afterwards, but lists are not read in one moment: an object that moves from a list
    /// not read yet to one already read is in neither. Its move is in the log then.
    pub(super) async fn some_in_any(
        &self,
        directory: DirectoryId,
        of: &[List],
        after: Option<&ObjectId>,
        enough: usize,
    ) -> Result<Vec<ObjectId>, StoreError> {
        if let [list] = of {
            return self.some_in(directory, list, after, enough).await;
        }
        let before = self.last_change(directory).await?;
        let found: Vec<Vec<ObjectId>> = stream::iter(of.to_vec())
            .map(|list| async move { self.some_in(directory, &list, after, enough).await })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let moved = self.changed_after(directory, NameIndex::Users, before).await?;
        let ids: BTreeSet<ObjectId> = found.into_iter().chain([moved]).flatten().collect();
        let is_behind = |id: &ObjectId| after.is_none_or(|after| id > after);
        Ok(ids.into_iter().filter(is_behind).take(enough).collect())
    }

    /// The items that change with a list.
    pub(super) async fn list_actions(
        &self,
        directory: DirectoryId,
        change: &ListChange,
    ) -> Result<Vec<Vec<Action>>, StoreError> {
        let entering = change.add.iter().map(|id| (id.clone(), true));
        let leaving = change.remove.iter().map(|id| (id.clone(), false));
        self.bucket_actions::<Ids>(&list(directory, &change.list), entering.chain(leaving).collect()).await
    }
}
