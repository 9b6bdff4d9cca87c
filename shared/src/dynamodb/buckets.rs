//! How a group's members are spread over items: by the leading bits of their ids, so that one membership touches one
//! item however large the group is.

use std::collections::{BTreeMap, BTreeSet};

use super::keys::leading_bits;
use crate::directory::UserId;

/// How many members an item has on average after its group was spread anew: 8 KB.
const TARGET: usize = 512;
/// From how many members in one item on the group is spread anew.
const LIMIT: usize = 1_024;
/// The most leading bits.
const MAX_BITS: u32 = 16;

/// Members by bucket.
pub(super) type Buckets = BTreeMap<u32, BTreeSet<UserId>>;

/// The bucket of a member.
pub(super) fn bucket_of(user: &UserId, bits: u32) -> u32 {
    leading_bits(user.object(), bits)
}

/// How many buckets there are.
pub(super) fn bucket_count(bits: u32) -> u32 {
    1 << bits.min(MAX_BITS)
}

/// Spreads members over buckets; every bucket is there, empty ones too.
pub(super) fn spread(members: impl IntoIterator<Item = UserId>, bits: u32) -> Buckets {
    let mut buckets: Buckets = (0..bucket_count(bits)).map(|bucket| (bucket, BTreeSet::new())).collect();
    for user in members {
        buckets.entry(bucket_of(&user, bits)).or_default().insert(user);
    }
    buckets
}

/// True when a bucket has grown so large that its group should be spread anew.
pub(super) fn is_overfull(bucket: &BTreeSet<UserId>, bits: u32) -> bool {
    bucket.len() > LIMIT && bits < MAX_BITS
}

/// How many leading bits suit a group of this size.
pub(super) fn bits_for(members: usize) -> u32 {
    (0..MAX_BITS).find(|bits| members >> bits <= TARGET).unwrap_or(MAX_BITS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::directory::ObjectId;

    fn any_member() -> impl Strategy<Value = UserId> {
        prop_oneof![
            any::<u128>().prop_map(|guid| UserId::from(ObjectId::from(uuid::Uuid::from_u128(guid)))),
            "[a-z]{1,8}".prop_map(|id| id.parse().unwrap()),
        ]
    }

    proptest! {
        #[test]
        fn spreading_loses_and_invents_nobody(members in proptest::collection::btree_set(any_member(), 0..64), bits in 0_u32..5) {
            let buckets = spread(members.clone(), bits);
            prop_assert_eq!(buckets.len(), 1 << bits);
            let back: BTreeSet<UserId> = buckets.into_values().flatten().collect();
            prop_assert_eq!(back, members);
        }

        #[test]
        fn buckets_follow_the_order_of_ids(a in any::<u128>(), b in any::<u128>(), bits in 0_u32..=16) {
            let user = |guid| UserId::from(ObjectId::from(uuid::Uuid::from_u128(guid)));
            let (small, large) = (user(a.min(b)), user(a.max(b)));
            prop_assert!(bucket_of(&small, bits) <= bucket_of(&large, bits));
        }
    }

    #[test]
    fn a_bucket_has_at_most_the_target_on_average() {
        assert_eq!(bits_for(0), 0);
        assert_eq!(bits_for(512), 0);
        assert_eq!(bits_for(1_024), 1);
        assert_eq!(bits_for(100_000), 8);
    }
}
