//! Buckets as they are read and written.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;

use super::apply::Action;
use super::buckets::{Bucket, BucketOf, Kind, changed};
use super::error::unavailable;
use super::item::{Item, Stored};
use super::keys::Key;
use super::store::DynamoStore;
use crate::store::StoreError;

/// Maximum number of buckets of one partition that are read for keys with a prefix: a quarter of what one query may read.
const MAX_BUCKETS: i32 = 16;

/// Entries of a kind.
pub(super) type Entries<T> = BTreeMap<<T as Kind>::Key, <T as Kind>::Value>;

/// A bucket, and what changes in it.
pub(super) type Touched<T> = (BucketOf<T>, BTreeMap<<T as Kind>::Key, <T as Kind>::Change>);

/// Where some buckets begin.
enum Start<'a, K> {
    /// With the first one.
    First,
    /// Behind the one that begins with this key.
    Behind(Option<&'a K>),
}

/// Reads a bucket's item.
pub(super) fn read<T: Kind>(item: &Stored) -> Result<BucketOf<T>, StoreError> {
    let from = T::from_sort_key(item.sort_key()?)
        .map_err(|_| item.corrupt("its sort key is not one of a bucket".to_owned()))?;
    Ok(Bucket { from, entries: T::read(item)? })
}

/// What to write in place of a bucket after these changes: nothing when nothing changes.
pub(super) fn actions<T: Kind>(
    pk: &str,
    bucket: BucketOf<T>,
    changes: &BTreeMap<T::Key, T::Change>,
) -> Result<Vec<Action>, StoreError> {
    changed::<T>(bucket, changes).iter().map(|bucket| action::<T>(pk, bucket)).collect()
}

fn action<T: Kind>(pk: &str, bucket: &BucketOf<T>) -> Result<Action, StoreError> {
    let key = Key::new(pk, T::sort_key(bucket.from.as_ref()));
    if bucket.entries.is_empty() {
        return Ok(Action::Delete(key));
    }
    T::write(Item::new(&key), &bucket.entries)?.storable().map(Action::Put)
}

impl DynamoStore {
    /// The bucket that a key belongs to.
    pub(super) async fn bucket_of<T: Kind>(&self, pk: &str, key: &T::Key) -> Result<Option<BucketOf<T>>, StoreError> {
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk <= :sk")
            .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()))
            .expression_attribute_values(":sk", AttributeValue::S(T::sort_key(Some(key))))
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(1)
            .send()
            .await
            .map_err(unavailable)?;
        found.items.unwrap_or_default().pop().map(|item| read::<T>(&Stored::new(item)?)).transpose()
    }

    /// Some buckets in their order, at most so many.
    async fn some_buckets<T: Kind>(
        &self,
        pk: &str,
        start: Start<'_, T::Key>,
        most: usize,
    ) -> Result<Vec<BucketOf<T>>, StoreError> {
        let (condition, from) = match start {
            Start::First => ("pk = :pk AND sk >= :sk", None),
            Start::Behind(from) => ("pk = :pk AND sk > :sk", from),
        };
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression(condition)
            .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()))
            .expression_attribute_values(":sk", AttributeValue::S(T::sort_key(from)))
            .consistent_read(true)
            .limit(i32::try_from(most).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(unavailable)?;
        found.items.unwrap_or_default().into_iter().map(|item| read::<T>(&Stored::new(item)?)).collect()
    }

    /// All entries of a partition in their order.
    pub(super) async fn all_entries<T: Kind>(&self, pk: String) -> Result<Vec<(T::Key, T::Value)>, StoreError> {
        let mut all = Vec::new();
        for item in self.partition(pk).await? {
            all.extend(read::<T>(&item)?.entries);
        }
        Ok(all)
    }

    /// The entries with these keys, as far as there are any. Reads only the buckets that they belong to.
    pub(super) async fn entries<T: Kind>(
        &self,
        pk: &str,
        mut keys: BTreeSet<T::Key>,
    ) -> Result<Entries<T>, StoreError> {
        let mut found = BTreeMap::new();
        // From the last key backwards, because a bucket says where it begins but not where it ends.
        while let Some(last) = keys.last() {
            let bucket = self.bucket_of::<T>(pk, last).await?.unwrap_or_default();
            let mut of_bucket = match &bucket.from {
                Some(from) => keys.split_off(from),
                None => std::mem::take(&mut keys),
            };
            for (key, value) in bucket.entries {
                if of_bucket.remove(&key) {
                    found.insert(key, value);
                }
            }
        }
        Ok(found)
    }

    /// Entries behind one of them, in their order, until there are at least `enough` that count or no more. A bucket that
    /// is split meanwhile shows none of them twice and leaves none out.
    pub(super) async fn entries_behind<T: Kind>(
        &self,
        pk: &str,
        behind: Option<&T::Key>,
        enough: usize,
        counts: impl Fn(&T::Value) -> bool,
    ) -> Result<Vec<(T::Key, T::Value)>, StoreError> {
        let at_once = enough.div_ceil(T::TARGET) + 1;
        let mut buckets = match behind {
            Some(key) => self.bucket_of::<T>(pk, key).await?.into_iter().collect(),
            None => Vec::new(),
        };
        if buckets.is_empty() {
            buckets = self.some_buckets::<T>(pk, Start::First, at_once).await?;
        }
        let mut found = Vec::new();
        let mut last = behind.cloned();
        while let Some(end) = buckets.last().map(|bucket| bucket.from.clone()) {
            for (key, value) in buckets.into_iter().flat_map(|bucket| bucket.entries) {
                if last.as_ref().is_some_and(|last| key <= *last) {
                    continue;
                }
                last = Some(key.clone());
                if counts(&value) {
                    found.push((key, value));
                }
            }
            if found.len() >= enough {
                break;
            }
            buckets = self.some_buckets::<T>(pk, Start::Behind(end.as_ref()), at_once).await?;
        }
        Ok(found)
    }

    /// The entries whose keys begin with one; `None` when more buckets than [`MAX_BUCKETS`] begin with such keys. `begins` says the
    /// same of a key as its sort key does.
    pub(super) async fn entries_with_prefix<T: Kind>(
        &self,
        pk: &str,
        prefix: &T::Key,
        begins: impl Fn(&T::Key) -> bool,
    ) -> Result<Option<Entries<T>>, StoreError> {
        let mut found: Entries<T> = BTreeMap::new();
        // The first keys may be in a bucket that begins before them, which says where it begins but not where it ends.
        if let Some(first) = self.bucket_of::<T>(pk, prefix).await? {
            let goes_beyond = first.entries.last_key_value().is_some_and(|(last, _)| last > prefix && !begins(last));
            found.extend(first.entries.into_iter().filter(|(key, _)| begins(key)));
            if goes_beyond {
                return Ok(Some(found));
            }
        }
        let buckets = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
            .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()))
            .expression_attribute_values(":sk", AttributeValue::S(T::sort_key(Some(prefix))))
            .consistent_read(true)
            .limit(MAX_BUCKETS + 1)
            .send()
            .await
            .map_err(unavailable)?;
        let items = buckets.items.unwrap_or_default();
        if buckets.last_evaluated_key.is_some() || items.len() > usize::try_from(MAX_BUCKETS).unwrap_or_default() {
            return Ok(None);
        }
        for item in items {
            found.extend(read::<T>(&Stored::new(item)?)?.entries.into_iter().filter(|(key, _)| begins(key)));
        }
        Ok(Some(found))
    }

    /// Works out which items change, bucket by bucket.
    pub(super) async fn bucket_actions<T: Kind>(
        &self,
        pk: &str,
        changes: BTreeMap<T::Key, T::Change>,
    ) -> Result<Vec<Vec<Action>>, StoreError> {
        let touched = self.touched::<T>(pk, changes).await?;
        let units = touched.into_iter().map(|(bucket, changes)| actions::<T>(pk, bucket, &changes));
        units.filter(|unit| unit.as_ref().map_or(true, |unit| !unit.is_empty())).collect()
    }

    /// The buckets that the changes touch, each with what changes in it.
    pub(super) async fn touched<T: Kind>(
        &self,
        pk: &str,
        mut changes: BTreeMap<T::Key, T::Change>,
    ) -> Result<Vec<Touched<T>>, StoreError> {
        let mut touched = Vec::new();
        while let Some((last, _)) = changes.last_key_value() {
            let bucket = self.bucket_of::<T>(pk, last).await?.unwrap_or_default();
            let of_bucket = match &bucket.from {
                Some(from) => changes.split_off(from),
                None => std::mem::take(&mut changes),
            };
            touched.push((bucket, of_bucket));
        }
        Ok(touched)
    }
}
