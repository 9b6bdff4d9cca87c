//! What a run loads of what is known.

use std::collections::BTreeSet;

use super::changes::NetChanges;
use super::holding::FoundHold;
use super::known::{Known, reach};
use super::outlook::next_groups;
use super::work::Work;
use crate::directory::{GroupId, UserId, UserRecord};
use crate::filter::Policy;
use crate::store::StoreError;

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
        policy: &Policy,
        known: &mut Known,
        found: &FoundHold,
    ) -> Result<bool, StoreError> {
        if !known.complete {
            self.load_unclassified(net, known).await?;
        }
        net.classify(known);
        let is_quiet = net.is_empty() && found.hold.is_none() && !known.complete;
        if !is_quiet && !known.complete {
            self.load_touched(policy, net, known, found).await?;
        }
        Ok(is_quiet)
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
        let touched = net.groups.keys().chain(net.nestings.keys()).chain(policy.listed_groups());
        let touched = touched.chain(&found.changes.groups);
        self.load_groups(known, net, touched.cloned().collect()).await?;
        let groups = next_groups(&known.groups, net, policy, self.ports.clock.now());

        let mut users: BTreeSet<UserId> =
            net.users.keys().chain(net.memberships.users()).chain(found.users()).cloned().collect();
        for group in reach(policy, &groups).differences(&reach(policy, &known.groups)) {
            users.append(&mut self.ports.mirror.members(self.lease.directory, &group).await?);
        }
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
