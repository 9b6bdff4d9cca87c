//! Pages of users, groups and members.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;

use super::error::unavailable;
use super::item::Stored;
use super::keys::{self, Key, SHARDS, shard};
use super::lease;
use super::records::read_group;
use super::search::Search;
use super::store::DynamoStore;
use super::users::Users;
use crate::directory::{DirectoryId, GroupId, GroupRecord, NameKey, ObjectId, Presence, UserId, UserRecord};
use crate::filter::{GroupDecision, UserOutcome};
use crate::store::{
    Found, GroupFilter, List, Listed, MirrorStore as _, NameIndex, Page, QueryStore, StoreError, UserFilter,
};

/// The last of the first ids in the order in which records are listed.
fn nth_of_records(ids: Vec<ObjectId>, count: usize) -> Option<ObjectId> {
    let mut ids: Vec<(u8, ObjectId)> = ids.into_iter().map(|id| (shard(&id), id)).collect();
    ids.sort_unstable();
    ids.into_iter().nth(count - 1).map(|(_, id)| id)
}

/// How many ids are looked at beyond those wanted, since some of them may lead to records that do not count.
pub(super) const LOOK_AHEAD: usize = 8;
/// How many entries are skipped together.
const AT_A_TIME: usize = 4_096;

impl UserFilter {
    /// The lists that have its users, one for each outcome; `None` when all users are wanted.
    fn lists(self) -> Option<Vec<List>> {
        let outcomes = match self {
            Self::All => return None,
            Self::Active => vec![UserOutcome::Active],
            Self::Inactive => UserOutcome::INACTIVE.to_vec(),
            Self::With(outcome) => vec![outcome],
        };
        Some(outcomes.into_iter().map(List::Users).collect())
    }
}

#[async_trait]
impl QueryStore for DynamoStore {
    async fn list_users(
        &self,
        directory: DirectoryId,
        filter: UserFilter,
        limit: usize,
        after: Option<&UserId>,
    ) -> Result<Page<UserRecord>, StoreError> {
        let Some(lists) = filter.lists() else { return self.list_every_user(directory, limit, after).await };
        let counts = |user: &UserRecord| user.presence != Presence::Unseen && filter.takes(&user.decision);
        Ok(Page::of(self.listed_users(directory, &lists, after, limit + 1, counts).await?, limit))
    }

    async fn user(&self, directory: DirectoryId, id: &UserId) -> Result<Option<UserRecord>, StoreError> {
        Ok(self.users_looked_for(directory, &BTreeSet::from([id.clone()])).await?.pop())
    }

    async fn users_by_id(&self, directory: DirectoryId, ids: &BTreeSet<UserId>) -> Result<Vec<UserRecord>, StoreError> {
        self.users_looked_for(directory, ids).await
    }

    async fn users_named(&self, directory: DirectoryId, name: &str) -> Result<Vec<UserRecord>, StoreError> {
        let (key, earlier) = (NameKey::of(name), NameKey::earlier(name));
        let mut ids = self.named(directory, NameIndex::Users, &key).await?;
        if earlier != key {
            // The index may be one of an earlier version, until a run has rebuilt it.
            ids.extend(self.named(directory, NameIndex::Users, &earlier).await?);
        }
        let ids = ids.into_iter().map(UserId::from).collect();
        let mut users = self.users_looked_for(directory, &ids).await?;
        // The index has names of the past too, and others that look the same to it.
        users.retain(|user| user.presence != Presence::Unseen && user.profile.is_named(name));
        users.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(users)
    }

    async fn find_users(
        &self,
        directory: DirectoryId,
        prefix: &str,
        filter: UserFilter,
        limit: usize,
        after: Option<&ObjectId>,
    ) -> Result<Found<UserRecord>, StoreError> {
        let lists = filter.lists().unwrap_or_default();
        let takes = |user: &UserRecord| filter.takes(&user.decision);
        self.search(Search { directory, prefix, lists, takes, limit }, after).await
    }

    async fn list_groups(
        &self,
        directory: DirectoryId,
        filter: GroupFilter,
        limit: usize,
        after: Option<&GroupId>,
    ) -> Result<Page<GroupRecord>, StoreError> {
        match filter {
            GroupFilter::All => self.list_every_group(directory, limit, after).await,
            GroupFilter::With(decision) => self.list_groups_with(directory, decision, limit, after).await,
        }
    }

    async fn find_groups(
        &self,
        directory: DirectoryId,
        prefix: &str,
        filter: GroupFilter,
        limit: usize,
        after: Option<&ObjectId>,
    ) -> Result<Found<GroupRecord>, StoreError> {
        let lists = match filter {
            GroupFilter::All => Vec::new(),
            GroupFilter::With(decision) => vec![List::Groups(decision)],
        };
        let takes = |group: &GroupRecord| filter.takes(group.decision);
        self.search(Search { directory, prefix, lists, takes, limit }, after).await
    }

    async fn group(&self, directory: DirectoryId, id: &GroupId) -> Result<Option<GroupRecord>, StoreError> {
        self.get(&Key::group(directory, id)).await?.as_ref().map(read_group).transpose()
    }

    async fn groups_by_id(
        &self,
        directory: DirectoryId,
        ids: &BTreeSet<GroupId>,
    ) -> Result<Vec<GroupRecord>, StoreError> {
        self.groups(directory, ids).await
    }

    async fn list_members(
        &self,
        directory: DirectoryId,
        group: &GroupId,
        limit: usize,
        after: Option<&UserId>,
    ) -> Result<Page<UserRecord>, StoreError> {
        let lists = [List::Members(group.clone())];
        let is_in = |user: &UserRecord| user.presence.is_present() && user.groups.contains(group);
        Ok(Page::of(self.listed_users(directory, &lists, after, limit + 1, is_in).await?, limit))
    }

    async fn skip(
        &self,
        directory: DirectoryId,
        of: &Listed,
        count: NonZeroUsize,
    ) -> Result<Option<ObjectId>, StoreError> {
        if !self.is_writing(directory).await? {
            let behind = self.skip_listed(directory, of, count.get()).await?;
            if !self.is_writing(directory).await? {
                return Ok(behind);
            }
        }
        self.skip_recorded(directory, of, count.get()).await
    }
}

impl DynamoStore {
    /// These users, as far as they are known.
    ///
    /// A query may see half of a transaction, so a user who moves to another bucket at this very moment may be in none. Who is not
    /// found is looked for once more.
    async fn users_looked_for(
        &self,
        directory: DirectoryId,
        ids: &BTreeSet<UserId>,
    ) -> Result<Vec<UserRecord>, StoreError> {
        let mut users = self.users(directory, ids).await?;
        if users.len() < ids.len() {
            let found: BTreeSet<&UserId> = users.iter().map(|user| &user.id).collect();
            let missing: BTreeSet<UserId> = ids.iter().filter(|id| !found.contains(id)).cloned().collect();
            users.extend(self.users(directory, &missing).await?);
        }
        Ok(users)
    }

    /// Whether lists may have others than the records say: while a run writes, and after one that was cut off.
    async fn is_writing(&self, directory: DirectoryId) -> Result<bool, StoreError> {
        let sync = self.get(&Key::sync(directory)).await?;
        Ok(sync.as_ref().map(lease::state).transpose()?.is_some_and(|state| state.unfinished))
    }

    /// The id behind which a listing goes on, counted by lists of ids. Records take twenty times as much to read.
    async fn skip_listed(
        &self,
        directory: DirectoryId,
        of: &Listed,
        count: usize,
    ) -> Result<Option<ObjectId>, StoreError> {
        match of {
            Listed::Users(filter) => match filter.lists() {
                Some(lists) => self.skip_in(directory, &lists, count).await,
                None => self.skip_users(directory, count).await,
            },
            Listed::Groups(GroupFilter::With(decision)) => {
                self.skip_in(directory, &[List::Groups(*decision)], count).await
            }
            Listed::Groups(GroupFilter::All) => self.skip_recorded(directory, of, count).await,
            Listed::Members(group) => {
                let members: BTreeSet<ObjectId> = self.all_in(directory, &List::Members(group.clone())).await?;
                let deleted: BTreeSet<ObjectId> = self.all_in(directory, &List::Users(UserOutcome::Deleted)).await?;
                let present: Vec<ObjectId> = members.into_iter().filter(|id| !deleted.contains(id)).collect();
                // There may be members who were never read themselves, and others who are none.
                let counted = self.group(directory, group).await?.map_or(0, |group| group.members);
                if present.len() as u64 == counted {
                    return Ok(present.into_iter().nth(count - 1));
                }
                self.skip_recorded(directory, of, count).await
            }
        }
    }

    /// The id behind which lists go on after their first `left` ids.
    async fn skip_in(
        &self,
        directory: DirectoryId,
        lists: &[List],
        mut left: usize,
    ) -> Result<Option<ObjectId>, StoreError> {
        let mut behind = None;
        loop {
            let ids = self.some_in_any(directory, lists, behind.as_ref(), left.min(AT_A_TIME)).await?;
            let Some(last) = ids.last() else { return Ok(None) };
            left -= ids.len();
            behind = Some(last.clone());
            if left == 0 {
                return Ok(behind);
            }
        }
    }

    /// The id behind which the listing of all users goes on.
    async fn skip_users(&self, directory: DirectoryId, count: usize) -> Result<Option<ObjectId>, StoreError> {
        let ids = self.some_in_any(directory, &UserOutcome::ALL.map(List::Users), None, usize::MAX).await?;
        Ok(nth_of_records(ids, count))
    }

    /// The id behind which a listing goes on, counted by the records that are in it.
    async fn skip_recorded(
        &self,
        directory: DirectoryId,
        of: &Listed,
        count: usize,
    ) -> Result<Option<ObjectId>, StoreError> {
        let ids = match of {
            Listed::Users(filter) => {
                let counts = |user: &UserRecord| user.presence != Presence::Unseen && filter.takes(&user.decision);
                let ids = self.ids_of_users(directory, counts).await?;
                if filter.lists().is_none() {
                    return Ok(nth_of_records(ids, count));
                }
                ids
            }
            Listed::Groups(filter) => {
                let groups = self.all_groups(directory).await?.into_iter();
                let counts = |group: &GroupRecord| group.presence.is_present() && filter.takes(group.decision);
                let mut ids: Vec<ObjectId> = groups.filter(counts).map(|group| group.id.object().clone()).collect();
                if *filter == GroupFilter::All {
                    ids.sort_by_cached_key(|id| (shard(id), id.to_string()));
                    return Ok(ids.into_iter().nth(count - 1));
                }
                ids
            }
            Listed::Members(group) => {
                let is_in = |user: &UserRecord| user.presence.is_present() && user.groups.contains(group);
                self.ids_of_users(directory, is_in).await?
            }
        };
        // Lists have another order than records where ids are not GUIDs.
        Ok(ids.into_iter().collect::<BTreeSet<_>>().into_iter().nth(count - 1))
    }

    /// The ids of all users whose records count. One shard is in memory at a time.
    async fn ids_of_users(
        &self,
        directory: DirectoryId,
        counts: impl Fn(&UserRecord) -> bool,
    ) -> Result<Vec<ObjectId>, StoreError> {
        let mut ids = Vec::new();
        for shard in 0..SHARDS {
            let users = self.all_entries::<Users>(keys::users(directory, shard)).await?;
            ids.extend(users.into_iter().filter(|(_, user)| counts(user)).map(|(id, _)| id.object().clone()));
        }
        Ok(ids)
    }

    async fn list_every_user(
        &self,
        directory: DirectoryId,
        limit: usize,
        after: Option<&UserId>,
    ) -> Result<Page<UserRecord>, StoreError> {
        let first = after.map_or(0, |id| shard(id.object()));
        let mut behind = after;
        let mut items: Vec<UserRecord> = Vec::new();
        for shard in first..SHARDS {
            let pk = keys::users(directory, shard);
            let enough = limit + 1 - items.len();
            let seen = |user: &UserRecord| user.presence != Presence::Unseen;
            let found = self.entries_behind::<Users>(&pk, behind.take(), enough, seen).await?;
            items.extend(found.into_iter().map(|(_, user)| user));
            if items.len() > limit {
                break;
            }
        }
        Ok(Page::of(items, limit))
    }

    /// Users of these lists who count, in the order of ids behind one of them, until there are `enough`.
    async fn listed_users(
        &self,
        directory: DirectoryId,
        lists: &[List],
        after: Option<&UserId>,
        enough: usize,
        counts: impl Fn(&UserRecord) -> bool,
    ) -> Result<Vec<UserRecord>, StoreError> {
        let mut found = Vec::new();
        let mut behind = after.map(|id| id.object().clone());
        while found.len() < enough {
            let look = enough - found.len() + LOOK_AHEAD;
            let ids = self.some_in_any(directory, lists, behind.as_ref(), look).await?;
            let Some(last) = ids.last() else { break };
            behind = Some(last.clone());
            let wanted: BTreeSet<UserId> = ids.iter().cloned().map(UserId::from).collect();
            let users = self.users_looked_for(directory, &wanted).await?;
            let mut users: BTreeMap<UserId, UserRecord> =
                users.into_iter().map(|user| (user.id.clone(), user)).collect();
            found.extend(ids.into_iter().filter_map(|id| users.remove(&UserId::from(id))).filter(&counts));
        }
        found.truncate(enough);
        Ok(found)
    }

    async fn list_every_group(
        &self,
        directory: DirectoryId,
        limit: usize,
        after: Option<&GroupId>,
    ) -> Result<Page<GroupRecord>, StoreError> {
        let first = after.map_or(0, |id| shard(id.object()));
        let mut after = after.map(ToString::to_string);
        let mut items: Vec<GroupRecord> = Vec::new();
        for shard in first..SHARDS {
            while items.len() <= limit {
                let look = limit + 1 - items.len() + LOOK_AHEAD;
                let pk = keys::groups(directory, shard);
                let (mut found, next) = self.some_groups(pk, look, after.as_deref()).await?;
                items.append(&mut found);
                after = next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(Page::of(items, limit))
    }

    async fn list_groups_with(
        &self,
        directory: DirectoryId,
        decision: GroupDecision,
        limit: usize,
        after: Option<&GroupId>,
    ) -> Result<Page<GroupRecord>, StoreError> {
        let mut behind = after.map(|id| id.object().clone());
        let mut items: Vec<GroupRecord> = Vec::new();
        while items.len() <= limit {
            let look = limit + 1 - items.len() + LOOK_AHEAD;
            let ids = self.some_in(directory, &List::Groups(decision), behind.as_ref(), look).await?;
            let Some(last) = ids.last() else { break };
            behind = Some(last.clone());
            let wanted: BTreeSet<GroupId> = ids.iter().cloned().map(GroupId::from).collect();
            let groups = self.groups(directory, &wanted).await?;
            let mut groups: BTreeMap<GroupId, GroupRecord> =
                groups.into_iter().map(|group| (group.id.clone(), group)).collect();
            let counts = |group: &GroupRecord| group.presence.is_present() && group.decision == decision;
            items.extend(ids.into_iter().filter_map(|id| groups.remove(&GroupId::from(id))).filter(counts));
        }
        Ok(Page::of(items, limit))
    }

    /// The groups that are in the tenant among the next `look` of a partition, and where to go on.
    async fn some_groups(
        &self,
        pk: String,
        look: usize,
        after: Option<&str>,
    ) -> Result<(Vec<GroupRecord>, Option<String>), StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .filter_expression("presence.#state = :present")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":present", AttributeValue::S("present".to_owned()))
            .consistent_read(true)
            .limit(i32::try_from(look).unwrap_or(i32::MAX))
            .expression_attribute_values(":pk", AttributeValue::S(pk));
        let query = match after {
            None => query.key_condition_expression("pk = :pk"),
            Some(after) => query
                .key_condition_expression("pk = :pk AND sk > :after")
                .expression_attribute_values(":after", AttributeValue::S(after.to_owned())),
        };
        let output = query.send().await.map_err(unavailable)?;
        let next = output.last_evaluated_key.and_then(|key| key.get("sk").and_then(|sk| sk.as_s().ok()).cloned());
        let items = output.items.unwrap_or_default();
        let items = items.into_iter().map(|item| read_group(&Stored::new(item)?)).collect::<Result<_, _>>()?;
        Ok((items, next))
    }
}
