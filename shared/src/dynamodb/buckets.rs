//! How much that belongs together is spread over items, so that one change touches one item however much there is, and the
//! first write of everything costs little.
//!
//! A *bucket* has the entries from one key on up to where the next bucket begins, like a leaf of a B-tree. Nothing lists
//! the buckets: the one an entry belongs to is the last that begins at or before its key, which one query finds. A bucket
//! that has grown too large is split within one transaction. One that has lost its last entry is taken away, and what
//! was its range belongs to the one before it. However keys are distributed, no bucket is too large.

use std::collections::BTreeMap;
use std::fmt::Debug;

use super::item::{Item, Stored};
use crate::directory::InvalidId;
use crate::store::StoreError;

/// A kind of entries that are kept in buckets.
pub(super) trait Kind: Send + Sync + 'static {
    /// What entries are found by, and in whose order they are.
    type Key: Ord + Clone + Debug + Send + Sync;
    /// What is kept under a key.
    type Value: Clone + PartialEq + Debug + Send + Sync;
    /// What may become of an entry.
    type Change: Send + Sync;

    /// How much weight a bucket has at most after a split.
    const TARGET: usize;
    /// How much weight a bucket has at most, unless it has a single entry.
    const LIMIT: usize;

    /// What an entry weighs, at least 1.
    fn weight(value: &Self::Value) -> usize;

    /// Brings an entry up to date. Doing it twice is the same as once.
    fn change(entries: &mut BTreeMap<Self::Key, Self::Value>, key: &Self::Key, change: &Self::Change);

    /// The sort key of the bucket that begins with this key; `None` is before all. Sort keys sort as keys do.
    fn sort_key(from: Option<&Self::Key>) -> String;

    /// The key in a sort key.
    fn from_sort_key(sk: &str) -> Result<Option<Self::Key>, InvalidId>;

    /// The item with the entries.
    fn write(item: Item, entries: &BTreeMap<Self::Key, Self::Value>) -> Result<Item, StoreError>;

    /// The entries in an item.
    fn read(item: &Stored) -> Result<BTreeMap<Self::Key, Self::Value>, StoreError>;
}

/// Some entries, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bucket<K, V> {
    /// The key it begins with, whether there is an entry or not; `None` for the first one.
    pub(super) from: Option<K>,
    /// The entries.
    pub(super) entries: BTreeMap<K, V>,
}

/// A bucket of a kind.
pub(super) type BucketOf<T> = Bucket<<T as Kind>::Key, <T as Kind>::Value>;

impl<K, V> Default for Bucket<K, V> {
    fn default() -> Self {
        Self { from: None, entries: BTreeMap::new() }
    }
}

/// The buckets to write in place of this one after these changes. A bucket without entries is to be taken away; none
/// is returned when nothing changes.
pub(super) fn changed<T: Kind>(bucket: BucketOf<T>, changes: &BTreeMap<T::Key, T::Change>) -> Vec<BucketOf<T>> {
    let mut entries = bucket.entries.clone();
    for (key, change) in changes {
        T::change(&mut entries, key, change);
    }
    if entries == bucket.entries { Vec::new() } else { split::<T>(bucket.from, entries) }
}

fn split<T: Kind>(from: Option<T::Key>, entries: BTreeMap<T::Key, T::Value>) -> Vec<BucketOf<T>> {
    let weight: usize = entries.values().map(T::weight).sum();
    if weight <= T::LIMIT || entries.len() < 2 {
        return vec![Bucket { from, entries }];
    }
    let share = weight.div_ceil(weight.div_ceil(T::TARGET));
    let mut buckets = Vec::new();
    let mut part = Bucket { from, entries: BTreeMap::new() };
    let mut filled = 0;
    for (key, value) in entries {
        let more = T::weight(&value);
        if filled > 0 && filled + more > share {
            let next = Bucket { from: Some(key.clone()), entries: BTreeMap::new() };
            buckets.push(std::mem::replace(&mut part, next));
            filled = 0;
        }
        filled += more;
        part.entries.insert(key, value);
    }
    buckets.push(part);
    buckets
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Numbers with their weights.
    struct Numbers;

    impl Kind for Numbers {
        type Key = u32;
        type Value = usize;
        type Change = Option<usize>;

        const TARGET: usize = 10;
        const LIMIT: usize = 20;

        fn weight(value: &usize) -> usize {
            *value
        }

        fn change(entries: &mut BTreeMap<u32, usize>, key: &u32, change: &Option<usize>) {
            match change {
                Some(value) => entries.insert(*key, *value),
                None => entries.remove(key),
            };
        }

        fn sort_key(from: Option<&u32>) -> String {
            from.map_or_else(|| "-".to_owned(), |from| format!("{from:010}"))
        }

        fn from_sort_key(sk: &str) -> Result<Option<u32>, InvalidId> {
            if sk == "-" { Ok(None) } else { sk.parse().map(Some).map_err(|_| InvalidId::Malformed) }
        }

        fn write(item: Item, _: &BTreeMap<u32, usize>) -> Result<Item, StoreError> {
            Ok(item)
        }

        fn read(_: &Stored) -> Result<BTreeMap<u32, usize>, StoreError> {
            Ok(BTreeMap::new())
        }
    }

    fn after(entries: &BTreeMap<u32, usize>, changes: &BTreeMap<u32, Option<usize>>) -> Vec<Bucket<u32, usize>> {
        changed::<Numbers>(Bucket { from: None, entries: entries.clone() }, changes)
    }

    fn all(entries: &BTreeMap<u32, usize>) -> BTreeMap<u32, Option<usize>> {
        entries.iter().map(|(key, weight)| (*key, Some(*weight))).collect()
    }

    proptest! {
        #[test]
        fn splitting_loses_and_invents_nothing_and_keeps_the_order(
            entries in proptest::collection::btree_map(any::<u32>(), 1_usize..40, 1..400),
        ) {
            let buckets = after(&BTreeMap::new(), &all(&entries));
            prop_assert_eq!(&buckets[0].from, &None);
            for pair in buckets.windows(2) {
                prop_assert!(pair[0].entries.last_key_value() < pair[1].entries.first_key_value());
                prop_assert_eq!(pair[1].from.as_ref(), pair[1].entries.keys().next());
            }
            for bucket in &buckets {
                prop_assert!(bucket.entries.len() == 1 || bucket.entries.values().sum::<usize>() <= Numbers::LIMIT);
            }
            let back: BTreeMap<u32, usize> = buckets.into_iter().flat_map(|bucket| bucket.entries).collect();
            prop_assert_eq!(back, entries);
        }
    }

    #[test]
    fn what_changes_nothing_writes_nothing() {
        let entries: BTreeMap<u32, usize> = (0..10).map(|key| (key, 1)).collect();
        assert_eq!(after(&entries, &all(&entries)), []);
        assert_eq!(after(&entries, &BTreeMap::from([(77, None)])), []);
    }

    #[test]
    fn a_bucket_is_split_only_beyond_the_limit_and_evenly() {
        let entries: BTreeMap<u32, usize> = (0..20).map(|key| (key, 1)).collect();
        assert_eq!(after(&BTreeMap::new(), &all(&entries)).len(), 1);
        let sizes: Vec<usize> =
            after(&entries, &BTreeMap::from([(20, Some(1))])).iter().map(|bucket| bucket.entries.len()).collect();
        assert_eq!(sizes, [7, 7, 7]);
    }

    #[test]
    fn an_entry_that_is_too_heavy_has_a_bucket_of_its_own() {
        let entries = BTreeMap::from([(1, 1), (2, 100), (3, 1)]);
        let sizes: Vec<usize> =
            after(&BTreeMap::new(), &all(&entries)).iter().map(|bucket| bucket.entries.len()).collect();
        assert!(sizes.len() > 1, "{sizes:?}");
    }

    #[test]
    fn a_bucket_that_has_lost_everything_is_returned_empty() {
        let entries = BTreeMap::from([(1, 1)]);
        assert_eq!(after(&entries, &BTreeMap::from([(1, None)])), [Bucket::default()]);
    }
}
