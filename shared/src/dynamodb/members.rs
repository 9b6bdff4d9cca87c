//! Groups' lists of members.

use std::collections::{BTreeMap, BTreeSet};

use super::buckets::{Buckets, bits_for, bucket_count, bucket_of, is_overfull, spread};
use super::item::{Item, Stored};
use super::keys::Key;
use super::store::DynamoStore;
use crate::directory::{DirectoryId, GroupId, UserId};
use crate::store::{GroupMembersChange, StoreError};

/// What a change of lists of members makes of items.
pub(super) enum MemberAction {
    /// Write the item.
    Put(Item),
    /// Take the item away.
    Delete(Key),
}

impl DynamoStore {
    /// How many leading bits choose a member's bucket, for groups that are spread. The others have one bucket.
    async fn bits(
        &self,
        directory: DirectoryId,
        groups: impl Iterator<Item = &GroupId>,
    ) -> Result<BTreeMap<GroupId, u32>, StoreError> {
        let heads = self.get_all(groups.map(|group| Key::members_head(directory, group)).collect()).await?;
        heads.iter().map(|head| Ok((head.parsed("group")?, head.number("bits")?))).collect()
    }

    async fn buckets(
        &self,
        directory: DirectoryId,
        wanted: impl Iterator<Item = (&GroupId, u32, u32)>,
    ) -> Result<BTreeMap<GroupId, Buckets>, StoreError> {
        let keys = wanted.map(|(group, bits, bucket)| Key::members_bucket(directory, group, bits, bucket)).collect();
        let mut found: BTreeMap<GroupId, Buckets> = BTreeMap::new();
        for item in self.get_all(keys).await? {
            let (group, bucket, members) = read_bucket(&item)?;
            found.entry(group).or_default().insert(bucket, members);
        }
        Ok(found)
    }

    /// All members of a group.
    pub(super) async fn all_members(
        &self,
        directory: DirectoryId,
        group: &GroupId,
    ) -> Result<BTreeSet<UserId>, StoreError> {
        let bits = self.bits(directory, std::iter::once(group)).await?.remove(group).unwrap_or(0);
        let all = (0..bucket_count(bits)).map(|bucket| (group, bits, bucket));
        let buckets = self.buckets(directory, all).await?.remove(group).unwrap_or_default();
        Ok(buckets.into_values().flatten().collect())
    }

    /// The members of a group from a bucket on, bucket by bucket in the order of ids, until there are `enough`.
    pub(super) async fn members_after(
        &self,
        directory: DirectoryId,
        group: &GroupId,
        after: Option<&UserId>,
        enough: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        let bits = self.bits(directory, std::iter::once(group)).await?.remove(group).unwrap_or(0);
        let first = after.map_or(0, |after| bucket_of(after, bits));
        let mut members = Vec::new();
        for bucket in first..bucket_count(bits) {
            let mut found = self.buckets(directory, std::iter::once((group, bits, bucket))).await?;
            let ids = found.remove(group).unwrap_or_default().into_values().flatten();
            members.extend(ids.filter(|id| bucket > first || after.is_none_or(|after| id > after)));
            if members.len() >= enough {
                break;
            }
        }
        Ok(members)
    }

    /// Works out which items change. Reads only the buckets that the changes touch.
    pub(super) async fn member_actions(
        &self,
        directory: DirectoryId,
        changes: &[&GroupMembersChange],
    ) -> Result<Vec<MemberAction>, StoreError> {
        let bits = self.bits(directory, changes.iter().map(|change| &change.group)).await?;
        let bits_of = |group: &GroupId| bits.get(group).copied().unwrap_or(0);
        let touched: BTreeSet<(&GroupId, u32, u32)> = changes
            .iter()
            .flat_map(|change| change.add.iter().chain(&change.remove).map(move |user| (&change.group, user)))
            .map(|(group, user)| (group, bits_of(group), bucket_of(user, bits_of(group))))
            .collect();
        let mut known = self.buckets(directory, touched.into_iter()).await?;
        let mut actions = Vec::new();
        for change in changes {
            let bits = bits_of(&change.group);
            let before = known.remove(&change.group).unwrap_or_default();
            let mut after = before.clone();
            for user in &change.add {
                after.entry(bucket_of(user, bits)).or_default().insert(user.clone());
            }
            for user in &change.remove {
                after.entry(bucket_of(user, bits)).or_default().remove(user);
            }
            if after.values().any(|bucket| is_overfull(bucket, bits)) {
                actions.extend(self.spread_anew(directory, &change.group, bits, after).await?);
                continue;
            }
            let changed = after.iter().filter(|(bucket, members)| {
                before.get(bucket).map_or(!members.is_empty(), |before| before != *members)
            });
            for (bucket, members) in changed {
                actions.push(MemberAction::Put(write_bucket(directory, &change.group, bits, *bucket, members)));
            }
        }
        Ok(actions)
    }

    /// Spreads a group over more buckets: the new ones first, then the head that leads to them, then the old ones go.
    /// Interrupted anywhere, the head leads to buckets that are whole.
    async fn spread_anew(
        &self,
        directory: DirectoryId,
        group: &GroupId,
        bits: u32,
        changed: Buckets,
    ) -> Result<Vec<MemberAction>, StoreError> {
        let rest = (0..bucket_count(bits)).filter(|bucket| !changed.contains_key(bucket));
        let rest = self.buckets(directory, rest.map(|bucket| (group, bits, bucket))).await?.remove(group);
        let members: BTreeSet<UserId> =
            changed.into_values().chain(rest.unwrap_or_default().into_values()).flatten().collect();
        let more_bits = bits_for(members.len()).max(bits + 1);
        let new = spread(members, more_bits);
        let head =
            Item::new(&Key::members_head(directory, group)).text("group", group.to_string()).number("bits", more_bits);
        let mut actions: Vec<MemberAction> = new
            .iter()
            .filter(|(_, members)| !members.is_empty())
            .map(|(bucket, members)| MemberAction::Put(write_bucket(directory, group, more_bits, *bucket, members)))
            .collect();
        actions.push(MemberAction::Put(head));
        actions.extend(
            (0..bucket_count(bits))
                .map(|bucket| MemberAction::Delete(Key::members_bucket(directory, group, bits, bucket))),
        );
        Ok(actions)
    }
}

fn write_bucket(directory: DirectoryId, group: &GroupId, bits: u32, bucket: u32, members: &BTreeSet<UserId>) -> Item {
    Item::new(&Key::members_bucket(directory, group, bits, bucket))
        .text("group", group.to_string())
        .number("bucket", bucket)
        .ids("members", members.iter().map(UserId::object))
}

fn read_bucket(item: &Stored) -> Result<(GroupId, u32, BTreeSet<UserId>), StoreError> {
    Ok((item.parsed("group")?, item.number("bucket")?, item.ids("members")?))
}
