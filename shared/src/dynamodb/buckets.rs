//! How a group's members are spread over items, so that one membership touches one item however large the group is.
//!
//! A *bucket* has the members from one id on up to where the next bucket begins, like a leaf of a B-tree. Nothing lists
//! the buckets: the one a member belongs to is the last that begins at or before it, which one query finds. A bucket
//! that has grown too large is split within one transaction. One that has lost its last member is taken away, and what
//! was its range belongs to the one before it. However ids are distributed, no bucket is too large.

use std::collections::{BTreeMap, BTreeSet};

use crate::directory::UserId;

/// How many members a bucket has at most after a split: 8 KB.
const TARGET: usize = 512;
/// How many members a bucket has at most.
const LIMIT: usize = 1_024;

/// A part of a group's members.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Bucket {
    /// The id it begins with, whether that is a member or not; `None` for the first one.
    pub(super) from: Option<UserId>,
    /// The members.
    pub(super) members: BTreeSet<UserId>,
}

impl Bucket {
    /// The buckets to write in place of this one when these users are members from now on, or are not (`false`). A
    /// bucket without members is to be taken away; none is returned when nothing changes.
    pub(super) fn changed(&self, users: BTreeMap<&UserId, bool>) -> Vec<Self> {
        let mut members = self.members.clone();
        for (user, is_member) in users {
            if is_member {
                members.insert(user.clone());
            } else {
                members.remove(user);
            }
        }
        if members == self.members { Vec::new() } else { split(self.from.clone(), members) }
    }
}

fn split(from: Option<UserId>, members: BTreeSet<UserId>) -> Vec<Bucket> {
    if members.len() <= LIMIT {
        return vec![Bucket { from, members }];
    }
    let members: Vec<UserId> = members.into_iter().collect();
    let size = members.len().div_ceil(members.len().div_ceil(TARGET));
    let parts = members.chunks(size).enumerate();
    parts
        .map(|(place, part)| Bucket {
            from: if place == 0 { from.clone() } else { part.first().cloned() },
            members: part.iter().cloned().collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::directory::ObjectId;

    fn guid(number: u128) -> UserId {
        UserId::from(ObjectId::from(uuid::Uuid::from_u128(number)))
    }

    fn any_member() -> impl Strategy<Value = UserId> {
        prop_oneof![
            any::<u128>().prop_map(guid),
            (0_u128..5_000).prop_map(guid),
            "[a-z]{1,8}".prop_map(|id| id.parse().unwrap()),
        ]
    }

    fn full(members: &BTreeSet<UserId>) -> BTreeMap<&UserId, bool> {
        members.iter().map(|member| (member, true)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn splitting_loses_and_invents_nobody_and_keeps_the_order(
            members in proptest::collection::btree_set(any_member(), 1..4_000),
        ) {
            let buckets = Bucket::default().changed(full(&members));
            prop_assert_eq!(&buckets[0].from, &None);
            for pair in buckets.windows(2) {
                prop_assert!(pair[0].members.last() < pair[1].members.first());
                prop_assert_eq!(pair[1].from.as_ref(), pair[1].members.first());
            }
            prop_assert!(buckets.iter().all(|bucket| (1..=LIMIT).contains(&bucket.members.len())));
            let back: BTreeSet<UserId> = buckets.into_iter().flat_map(|bucket| bucket.members).collect();
            prop_assert_eq!(back, members);
        }
    }

    #[test]
    fn what_changes_nothing_writes_nothing() {
        let members: BTreeSet<UserId> = (0..10).map(guid).collect();
        let bucket = Bucket { from: None, members: members.clone() };
        assert_eq!(bucket.changed(full(&members)), []);
        assert_eq!(bucket.changed(BTreeMap::from([(&guid(77), false)])), []);
    }

    #[test]
    fn ids_close_together_are_spread_as_well_as_others() {
        let members: BTreeSet<UserId> = (0..5_000).map(guid).collect();
        let sizes: Vec<usize> =
            Bucket::default().changed(full(&members)).iter().map(|bucket| bucket.members.len()).collect();
        assert_eq!(sizes, [500; 10]);
    }

    #[test]
    fn a_bucket_is_split_only_beyond_the_limit() {
        let members: BTreeSet<UserId> = (0..1_024).map(guid).collect();
        let whole = Bucket::default().changed(full(&members));
        assert_eq!(whole.len(), 1);
        assert_eq!(whole[0].changed(BTreeMap::from([(&guid(5_000), true)])).len(), 3);
    }
}
