//! Pages of users, groups and members.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;

use super::cursor::{decode, encode};
use super::error::unavailable;
use super::item::Stored;
use super::keys::{self, Key, SHARDS, shard};
use super::records::read_group;
use super::search::Search;
use super::store::DynamoStore;
use super::users::Users;
use crate::directory::{DirectoryId, GroupId, GroupRecord, NameKey, ObjectId, Presence, UserId, UserRecord};
use crate::filter::{GroupDecision, UserOutcome};
use crate::store::{
    Cursor, Found, GroupFilter, List, Listed, MirrorStore as _, NameIndex, Page, QueryStore, StoreError, UserFilter,
};

/// How many ids are looked at beyond those wanted, since some of them may lead to records that do not count.
pub(super) const LOOK_AHEAD: usize = 8;
/// How many entries are skipped together.
const AT_A_TIME: usize = 4_096;

impl UserFilter {
    /// Where its users are listed; `None` when all are to be.
    fn outcomes(self) -> Option<Vec<UserOutcome>> {
        match self {
            Self::All => None,
            Self::AllByOutcome => Some([&[UserOutcome::Active], UserOutcome::INACTIVE.as_slice()].concat()),
            Self::Active => Some(vec![UserOutcome::Active]),
            Self::Inactive => Some(UserOutcome::INACTIVE.to_vec()),
            Self::With(outcome) => Some(vec![outcome]),
        }
    }
}

#[async_trait]
impl QueryStore for DynamoStore {
    async fn list_users(
        &self,
        directory: DirectoryId,
        filter: UserFilter,
        limit: usize,
        after: Option<&Cursor>,
    ) -> Result<Page<UserRecord>, StoreError> {
        match filter.outcomes() {
            None => self.list_every_user(directory, limit, after).await,
            Some(outcomes) => self.list_users_with(directory, &outcomes, limit, after).await,
        }
    }

    async fn user(&self, directory: DirectoryId, id: &UserId) -> Result<Option<UserRecord>, StoreError> {
        let ids = BTreeSet::from([id.clone()]);
        // A query may see half of a transaction. Somebody who moves to another bucket at this very moment is there when
        // looked for again.
        match self.users(directory, &ids).await?.pop() {
            None => Ok(self.users(directory, &ids).await?.pop()),
            found => Ok(found),
        }
    }

    async fn users_by_id(&self, directory: DirectoryId, ids: &BTreeSet<UserId>) -> Result<Vec<UserRecord>, StoreError> {
        self.users(directory, ids).await
    }

    async fn users_named(&self, directory: DirectoryId, name: &str) -> Result<Vec<UserRecord>, StoreError> {
        let (key, earlier) = (NameKey::of(name), NameKey::earlier(name));
        let mut ids = self.named(directory, NameIndex::Users, &key).await?;
        if earlier != key {
            // The index may be one of an earlier version, until a run has rebuilt it.
            ids.extend(self.named(directory, NameIndex::Users, &earlier).await?);
        }
        let mut users = self.users(directory, &ids.into_iter().map(UserId::from).collect()).await?;
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
        let lists = match filter {
            UserFilter::All | UserFilter::AllByOutcome => Vec::new(),
            other => other.outcomes().unwrap_or_default().into_iter().map(List::Users).collect(),
        };
        let takes = |user: &UserRecord| filter.takes(&user.decision);
        self.search(Search { directory, prefix, lists, takes, limit }, after).await
    }

    async fn list_groups(
        &self,
        directory: DirectoryId,
        filter: GroupFilter,
        limit: usize,
        after: Option<&Cursor>,
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
        after: Option<&Cursor>,
    ) -> Result<Page<UserRecord>, StoreError> {
        let place: Option<ObjectId> = after.map(|cursor| decode("members", cursor)).transpose()?;
        let list = List::Members(group.clone());
        let listed = self.listed_users(directory, &list, place, limit + 1, |user| user.presence.is_present()).await?;
        Ok(page(listed, limit, |last| encode("members", &last.id)))
    }

    async fn skip(
        &self,
        directory: DirectoryId,
        of: &Listed,
        count: NonZeroUsize,
    ) -> Result<Option<Cursor>, StoreError> {
        let mut left = count.get();
        match of {
            Listed::Users(filter) => match filter.outcomes() {
                Some(outcomes) => {
                    for outcome in outcomes {
                        if let Some(id) = self.skip_in(directory, &List::Users(outcome), &mut left).await? {
                            return Ok(Some(encode("decided", &(outcome, id))));
                        }
                    }
                    Ok(None)
                }
                None => self.skip_pages(directory, of, left).await,
            },
            Listed::Groups(GroupFilter::With(decision)) => {
                let id = self.skip_in(directory, &List::Groups(*decision), &mut left).await?;
                Ok(id.map(|id| encode("groups", &id)))
            }
            Listed::Groups(GroupFilter::All) => self.skip_pages(directory, of, left).await,
            Listed::Members(group) => self.skip_members(directory, group, left).await,
        }
    }
}

/// A page of at most `limit` of these, and a cursor if there are more.
fn page<T>(mut items: Vec<T>, limit: usize, cursor: impl Fn(&T) -> Cursor) -> Page<T> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(cursor);
    Page { items, next }
}

impl DynamoStore {
    /// The id behind which a list goes on after so many ids; when it has fewer, they are taken off.
    async fn skip_in(
        &self,
        directory: DirectoryId,
        list: &List,
        left: &mut usize,
    ) -> Result<Option<ObjectId>, StoreError> {
        let mut behind = None;
        loop {
            let ids = self.some_in(directory, list, behind.as_ref(), (*left).min(AT_A_TIME)).await?;
            let Some(last) = ids.last() else { return Ok(None) };
            *left -= ids.len();
            if *left == 0 {
                return Ok(Some(last.clone()));
            }
            behind = Some(last.clone());
        }
    }

    /// The same by pages, where only the records tell who counts.
    async fn skip_pages(
        &self,
        directory: DirectoryId,
        of: &Listed,
        mut left: usize,
    ) -> Result<Option<Cursor>, StoreError> {
        let mut after = None;
        loop {
            let limit = left.min(AT_A_TIME);
            let (found, next) = match of {
                Listed::Users(filter) => {
                    let page = self.list_users(directory, *filter, limit, after.as_ref()).await?;
                    (page.items.len(), page.next)
                }
                Listed::Groups(filter) => {
                    let page = self.list_groups(directory, *filter, limit, after.as_ref()).await?;
                    (page.items.len(), page.next)
                }
                Listed::Members(group) => {
                    let page = self.list_members(directory, group, limit, after.as_ref()).await?;
                    (page.items.len(), page.next)
                }
            };
            left -= found;
            match next {
                Some(next) if left > 0 => after = Some(next),
                next => return Ok(next),
            }
        }
    }

    /// The same for members, among whom there are some who do not count: deleted users, and those who were never read themselves.
    async fn skip_members(
        &self,
        directory: DirectoryId,
        group: &GroupId,
        left: usize,
    ) -> Result<Option<Cursor>, StoreError> {
        let list = List::Members(group.clone());
        let mut members: Vec<ObjectId> = Vec::new();
        loop {
            let some = self.some_in(directory, &list, members.last(), AT_A_TIME).await?;
            if some.is_empty() {
                break;
            }
            members.extend(some);
        }
        let deleted: BTreeSet<ObjectId> = self.all_in(directory, &List::Users(UserOutcome::Deleted)).await?;
        members.retain(|id| !deleted.contains(id));
        let counted = self.group(directory, group).await?.map_or(0, |group| group.members);
        if members.len() as u64 == counted {
            return Ok(members.get(left - 1).map(|id| encode("members", id)));
        }
        self.skip_pages(directory, &Listed::Members(group.clone()), left).await
    }

    async fn list_every_user(
        &self,
        directory: DirectoryId,
        limit: usize,
        after: Option<&Cursor>,
    ) -> Result<Page<UserRecord>, StoreError> {
        let place: Option<UserId> = after.map(|cursor| decode("users", cursor)).transpose()?;
        let first = place.as_ref().map_or(0, |place| shard(place.object()));
        let mut behind = place;
        let mut items: Vec<UserRecord> = Vec::new();
        for shard in first..SHARDS {
            let pk = keys::users(directory, shard);
            let enough = limit + 1 - items.len();
            let seen = |user: &UserRecord| user.presence != Presence::Unseen;
            let found = self.entries_behind::<Users>(&pk, behind.take().as_ref(), enough, seen).await?;
            items.extend(found.into_iter().map(|(_, user)| user));
            if items.len() > limit {
                break;
            }
        }
        Ok(page(items, limit, |last| encode("users", &last.id)))
    }

    async fn list_users_with(
        &self,
        directory: DirectoryId,
        outcomes: &[UserOutcome],
        limit: usize,
        after: Option<&Cursor>,
    ) -> Result<Page<UserRecord>, StoreError> {
        let place: Option<(UserOutcome, ObjectId)> = after.map(|cursor| decode("decided", cursor)).transpose()?;
        if place.as_ref().is_some_and(|(outcome, _)| !outcomes.contains(outcome)) {
            return Err(StoreError::BadCursor);
        }
        let (from, mut behind) = place.unzip();
        let mut items: Vec<UserRecord> = Vec::new();
        for outcome in outcomes.iter().skip_while(|outcome| from.is_some_and(|from| from != **outcome)) {
            let counts = |user: &UserRecord| user.presence != Presence::Unseen && user.decision.outcome() == *outcome;
            let (list, enough) = (List::Users(*outcome), limit + 1 - items.len());
            items.append(&mut self.listed_users(directory, &list, behind.take(), enough, counts).await?);
            if items.len() > limit {
                break;
            }
        }
        Ok(page(items, limit, |last| encode("decided", &(last.decision.outcome(), &last.id))))
    }

    /// Users of a list behind one of them who count, until there are `enough`.
    async fn listed_users(
        &self,
        directory: DirectoryId,
        list: &List,
        mut behind: Option<ObjectId>,
        enough: usize,
        counts: impl Fn(&UserRecord) -> bool,
    ) -> Result<Vec<UserRecord>, StoreError> {
        let mut found = Vec::new();
        while found.len() < enough {
            let look = enough - found.len() + LOOK_AHEAD;
            let ids = self.some_in(directory, list, behind.as_ref(), look).await?;
            let Some(last) = ids.last() else { break };
            behind = Some(last.clone());
            let wanted: BTreeSet<UserId> = ids.iter().cloned().map(UserId::from).collect();
            let users = self.users(directory, &wanted).await?;
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
        after: Option<&Cursor>,
    ) -> Result<Page<GroupRecord>, StoreError> {
        let place: Option<ObjectId> = after.map(|cursor| decode("groups", cursor)).transpose()?;
        let first = place.as_ref().map_or(0, shard);
        let mut after = place.map(|id| id.to_string());
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
        Ok(page(items, limit, |last| encode("groups", &last.id)))
    }

    async fn list_groups_with(
        &self,
        directory: DirectoryId,
        decision: GroupDecision,
        limit: usize,
        after: Option<&Cursor>,
    ) -> Result<Page<GroupRecord>, StoreError> {
        let mut behind: Option<ObjectId> = after.map(|cursor| decode("groups", cursor)).transpose()?;
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
        Ok(page(items, limit, |last| encode("groups", &last.id)))
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
