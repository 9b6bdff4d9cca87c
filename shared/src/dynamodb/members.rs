//! Groups' lists of members.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;

use super::apply::Action;
use super::buckets::Bucket;
use super::error::unavailable;
use super::item::{Item, Stored};
use super::keys::{Key, members};
use super::store::DynamoStore;
use crate::directory::{DirectoryId, GroupId, UserId};
use crate::store::{GroupMembersChange, StoreError};

/// Which bucket a query looks for.
enum Wanted<'a> {
    /// The one this id belongs to.
    Of(&'a UserId),
    /// The first one.
    First,
    /// The one after the one that begins with this.
    After(Option<&'a UserId>),
}

impl DynamoStore {
    async fn bucket(
        &self,
        directory: DirectoryId,
        group: &GroupId,
        wanted: Wanted<'_>,
    ) -> Result<Option<Bucket>, StoreError> {
        let (condition, from, forward) = match wanted {
            Wanted::Of(user) => ("pk = :pk AND sk <= :from", Some(user), false),
            Wanted::First => ("pk = :pk AND sk >= :from", None, true),
            Wanted::After(from) => ("pk = :pk AND sk > :from", from, true),
        };
        let key = Key::members(directory, group, from);
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression(condition)
            .expression_attribute_values(":pk", AttributeValue::S(key.pk))
            .expression_attribute_values(":from", AttributeValue::S(key.sk))
            .scan_index_forward(forward)
            .consistent_read(true)
            .limit(1)
            .send()
            .await
            .map_err(unavailable)?;
        found.items.unwrap_or_default().pop().map(|item| read(&Stored::new(item)?)).transpose()
    }

    /// All members of a group.
    pub(super) async fn all_members(
        &self,
        directory: DirectoryId,
        group: &GroupId,
    ) -> Result<BTreeSet<UserId>, StoreError> {
        let mut all = BTreeSet::new();
        for item in self.partition(members(directory, group)).await? {
            all.append(&mut read(&item)?.members);
        }
        Ok(all)
    }

    /// The members of a group after one of them, bucket by bucket in the order of ids, until there are `enough`.
    pub(super) async fn members_after(
        &self,
        directory: DirectoryId,
        group: &GroupId,
        after: Option<&UserId>,
        enough: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        let mut next = match after {
            Some(after) => self.bucket(directory, group, Wanted::Of(after)).await?,
            None => None,
        };
        if next.is_none() {
            next = self.bucket(directory, group, Wanted::First).await?;
        }
        let mut found: Vec<UserId> = Vec::new();
        while let Some(bucket) = next {
            // A bucket that is split meanwhile shows some of its members twice.
            let last = found.last().or(after).cloned();
            found.extend(bucket.members.into_iter().filter(|id| last.as_ref().is_none_or(|last| id > last)));
            if found.len() >= enough {
                break;
            }
            next = self.bucket(directory, group, Wanted::After(bucket.from.as_ref())).await?;
        }
        Ok(found)
    }

    /// Works out which items change, bucket by bucket. Reads only the buckets that the change touches.
    pub(super) async fn member_actions(
        &self,
        directory: DirectoryId,
        change: &GroupMembersChange,
    ) -> Result<Vec<Vec<Action>>, StoreError> {
        let joined = change.add.iter().map(|user| (user, true));
        let left = change.remove.iter().map(|user| (user, false));
        let mut open: BTreeMap<&UserId, bool> = joined.chain(left).collect();
        let mut actions = Vec::new();
        // From the last id backwards, because a bucket says where it begins but not where it ends.
        while let Some((last, _)) = open.last_key_value() {
            let bucket = self.bucket(directory, &change.group, Wanted::Of(last)).await?.unwrap_or_default();
            let touched = match &bucket.from {
                Some(from) => open.split_off(from),
                None => std::mem::take(&mut open),
            };
            let changed = bucket.changed(touched);
            if !changed.is_empty() {
                actions.push(changed.iter().map(|bucket| action(directory, &change.group, bucket)).collect());
            }
        }
        Ok(actions)
    }
}

fn action(directory: DirectoryId, group: &GroupId, bucket: &Bucket) -> Action {
    let key = Key::members(directory, group, bucket.from.as_ref());
    if bucket.members.is_empty() {
        Action::Delete(key)
    } else {
        Action::Put(Item::new(&key).ids("members", bucket.members.iter().map(UserId::object)))
    }
}

pub(super) fn read(item: &Stored) -> Result<Bucket, StoreError> {
    let from = Key::members_from(item.sort_key()?).map_err(|_| item.corrupt("its sort key is no id".to_owned()))?;
    Ok(Bucket { from, members: item.ids("members")? })
}
