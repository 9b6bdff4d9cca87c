//! Groups' lists of members: ids in 16 bytes each, a thousand to an item.

use std::collections::{BTreeMap, BTreeSet};

use super::apply::Action;
use super::buckets::Kind;
use super::item::{Item, Stored};
use super::keys::{from_sort_key, members, sort_key};
use super::store::DynamoStore;
use crate::directory::{DirectoryId, GroupId, InvalidId, UserId};
use crate::store::{GroupMembersChange, StoreError};

/// Members of a group.
pub(super) struct Members;

impl Kind for Members {
    type Key = UserId;
    type Value = ();
    /// Whether it is a member from now on.
    type Change = bool;

    /// 8 KB.
    const TARGET: usize = 512;
    const LIMIT: usize = 1_024;

    fn weight((): &()) -> usize {
        1
    }

    fn change(entries: &mut BTreeMap<UserId, ()>, key: &UserId, is_member: &bool) {
        if *is_member {
            entries.insert(key.clone(), ());
        } else {
            entries.remove(key);
        }
    }

    fn sort_key(from: Option<&UserId>) -> String {
        sort_key(from)
    }

    fn from_sort_key(sk: &str) -> Result<Option<UserId>, InvalidId> {
        from_sort_key(sk)
    }

    fn write(item: Item, entries: &BTreeMap<UserId, ()>) -> Result<Item, StoreError> {
        Ok(item.ids("members", entries.keys().map(UserId::object)))
    }

    fn read(item: &Stored) -> Result<BTreeMap<UserId, ()>, StoreError> {
        Ok(item.ids("members")?.into_iter().map(|id| (id, ())).collect())
    }
}

impl DynamoStore {
    /// All members of a group.
    pub(super) async fn all_members(
        &self,
        directory: DirectoryId,
        group: &GroupId,
    ) -> Result<BTreeSet<UserId>, StoreError> {
        Ok(self.all_entries::<Members>(members(directory, group)).await?.into_iter().map(|(id, ())| id).collect())
    }

    /// The members of a group after one of them, in the order of ids, until there are `enough`.
    pub(super) async fn members_after(
        &self,
        directory: DirectoryId,
        group: &GroupId,
        after: Option<&UserId>,
        enough: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        let pk = members(directory, group);
        let found = self.entries_behind::<Members>(&pk, after, enough, |()| true).await?;
        Ok(found.into_iter().map(|(id, ())| id).collect())
    }

    /// The items that change with a list of members.
    pub(super) async fn member_actions(
        &self,
        directory: DirectoryId,
        change: &GroupMembersChange,
    ) -> Result<Vec<Vec<Action>>, StoreError> {
        let joined = change.add.iter().map(|user| (user.clone(), true));
        let left = change.remove.iter().map(|user| (user.clone(), false));
        self.bucket_actions::<Members>(&members(directory, &change.group), joined.chain(left).collect()).await
    }
}
