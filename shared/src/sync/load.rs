//! What a run loads of what is known.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::changes::NetChanges;
use super::holding::FoundHold;
use super::known::{Known, reach};
use super::ledger::Ledger;
use super::outlook::next_groups;
use super::work::Work;
use crate::directory::{Directory, GroupId, GroupRecord, UserId, UserRecord};
use crate::filter::Policy;
use crate::store::{List, StoreError};

/// How many lists are loaded at once.
pub(super) const LISTS_AT_ONCE: usize = 16;

impl Work<'_> {
    /// Loads all users and groups.
    pub(super) async fn load_everything(&self, known: &mut Known) -> Result<(), StoreError> {
        let (mirror, directory) = (&self.ports.mirror, self.lease.directory);
        let (users, groups) = futures::try_join!(mirror.all_users(directory), mirror.all_groups(directory))?;
        known.add_users(users);
        known.add_groups(groups);
        known.complete = true;
        Ok(())
    }

    /// Loads what is needed to plan the changes, and says what members of unknown kinds are. Returns true when there is nothing to
    /// plan.
    pub(super) async fn load_for(
        &self,
        net: &mut NetChanges,
        directory: &Directory,
        known: &mut Known,
        found: &FoundHold,
    ) -> Result<bool, StoreError> {
        if !known.complete {
            self.load_unclassified(net, known).await?;
        }
        net.classify(known);
        // What an earlier version has published does not say which groups to watch.
        let says_watched = directory.published.as_ref().is_some_and(|published| published.watched_groups.is_some());
        let is_quiet = net.is_empty() && found.hold.is_none() && !known.complete && says_watched;
        if is_quiet {
            // The listed groups were not loaded, so nobody may be decided.
            known.forget_all();
        } else if !known.complete {
            self.load_touched(&directory.policy, net, known, found).await?;
        }
        Ok(is_quiet)
    }

    /// Loads what the lists of members of some groups are compared with: the groups, and all who are in them before or now.
    pub(super) async fn load_watched(
        &self,
        known: &mut Known,
        ledger: &Ledger,
        watched: &[GroupId],
    ) -> Result<(), StoreError> {
        if known.complete || watched.is_empty() {
            return Ok(());
        }
        let (mirror, directory) = (&self.ports.mirror, self.lease.directory);
        let records = mirror.groups(directory, &watched.iter().cloned().collect()).await?;
        let mut groups: BTreeSet<GroupId> = records.iter().flat_map(|group| &group.children).cloned().collect();
        known.add_groups(records);
        let members = self.members_of(watched.iter().cloned()).await?;
        let mut users: BTreeSet<UserId> = members.into_values().flatten().collect();
        for group in watched {
            let listed = ledger.members(group).map(|member| member.id.clone());
            groups.extend(listed.iter().cloned().map(GroupId::from));
            users.extend(listed.into_iter().map(UserId::from));
        }
        known.add_groups(mirror.groups(directory, &groups).await?);
        known.add_users(mirror.users(directory, &users).await?);
        Ok(())
    }

    /// The users whom the records have in each of these groups.
    pub(super) async fn members_of(
        &self,
        groups: impl Iterator<Item = GroupId> + Send,
    ) -> Result<BTreeMap<GroupId, BTreeSet<UserId>>, StoreError> {
        let (mirror, directory) = (&self.ports.mirror, self.lease.directory);
        stream::iter(groups)
            .map(|group| async move {
                let members = mirror.listed(directory, &List::Members(group.clone())).await?;
                Ok((group, members.into_iter().map(UserId::from).collect()))
            })
            .buffer_unordered(LISTS_AT_ONCE)
            .try_collect()
            .await
    }

    /// Loads the users and groups whose ids members of unknown kinds carry.
    async fn load_unclassified(&self, net: &NetChanges, known: &mut Known) -> Result<(), StoreError> {
        let users: BTreeSet<UserId> = net.unclassified().cloned().map(UserId::from).collect();
        if users.is_empty() {
            return Ok(());
        }
        let groups = net.unclassified().cloned().map(GroupId::from).collect();
        let (mirror, directory) = (&self.ports.mirror, self.lease.directory);
        let (users, groups) = futures::try_join!(mirror.users(directory, &users), mirror.groups(directory, &groups))?;
        known.add_users(users);
        known.add_groups(groups);
        Ok(())
    }

    /// Loads what the changes and the hold touch.
    async fn load_touched(
        &self,
        policy: &Policy,
        net: &NetChanges,
        known: &mut Known,
        found: &FoundHold,
    ) -> Result<(), StoreError> {
        let touched = net.groups.keys().chain(net.nestings.keys()).chain(net.membership.keys());
        let touched = touched.chain(policy.listed_groups()).chain(&found.changes.groups);
        self.load_groups(known, net, touched.cloned().collect()).await?;
        let groups = next_groups(&known.groups, net, policy, self.ports.clock.now());

        let mut users: BTreeSet<UserId> =
            net.users.keys().chain(net.memberships.users()).chain(found.users()).cloned().collect();
        let (before, after) = (reach(policy, &known.groups), reach(policy, &groups));
        if !after.unknown().includes(before.unknown()) {
            // Any user may have been decided by the group that has become known.
            return self.load_everything(known).await;
        }
        // Whoever has joined a group that was only held was left as before, and is decided once the hold is over.
        let held = nested(&known.groups, &found.changes.groups);
        let members = self.members_of(after.differences(&before).into_iter().chain(held)).await?;
        users.extend(members.into_values().flatten());
        // Some are known already, because it was to be found out who has come back.
        users.retain(|user| known.users.get(user).is_none());
        known.add_users(self.ports.mirror.users(self.lease.directory, &users).await?);
        self.load_resized(net, known).await
    }

    /// Loads groups that get more or fewer members.
    async fn load_resized(&self, net: &NetChanges, known: &mut Known) -> Result<(), StoreError> {
        let changes = |user: &&UserRecord| {
            let removed = net.users.get(&user.id).map(|change| change.removed.is_some());
            removed.is_some_and(|removed| removed == user.presence.is_present())
        };
        let of_users = known.users.iter().filter(changes).flat_map(|user| &user.groups);
        let resized = net.memberships.groups().chain(of_users).filter(|group| !known.groups.contains_key(*group));
        let resized: BTreeSet<GroupId> = resized.cloned().collect();
        if !resized.is_empty() {
            known.add_groups(self.ports.mirror.groups(self.lease.directory, &resized).await?);
        }
        Ok(())
    }

    /// Loads groups and all that is or becomes nested in them, at any depth.
    async fn load_groups(
        &self,
        known: &mut Known,
        net: &NetChanges,
        mut wanted: BTreeSet<GroupId>,
    ) -> Result<(), StoreError> {
        let mut asked = BTreeSet::new();
        while !wanted.is_empty() {
            let groups = self.ports.mirror.groups(self.lease.directory, &wanted).await?;
            asked.append(&mut wanted);
            let nested = groups.iter().flat_map(|group| &group.children);
            let becoming =
                asked.iter().filter_map(|group| net.nestings.get(group)).flat_map(|children| children.keys());
            wanted = nested.chain(becoming).filter(|group| !asked.contains(*group)).cloned().collect();
            known.add_groups(groups);
        }
        Ok(())
    }
}

/// These groups, and all that are nested in them.
fn nested(groups: &BTreeMap<GroupId, GroupRecord>, outer: &BTreeSet<GroupId>) -> BTreeSet<GroupId> {
    let (mut all, mut open) = (BTreeSet::new(), Vec::from_iter(outer));
    while let Some(id) = open.pop() {
        if all.insert(id.clone()) {
            open.extend(groups.get(id).into_iter().flat_map(|group| &group.children));
        }
    }
    all
}
