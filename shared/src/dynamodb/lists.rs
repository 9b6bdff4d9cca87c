//! Lists of ids: groups' members, and users and groups by their decisions. Ids in 16 bytes each, some hundred to an item.

use std::collections::{BTreeMap, BTreeSet};

use super::apply::Action;
use super::buckets::Kind;
use super::item::{Item, Stored};
use super::keys::{from_sort_key, list, sort_key};
use super::store::DynamoStore;
use crate::directory::{DirectoryId, InvalidId, ObjectId};
use crate::store::{List, ListChange, StoreError};

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
