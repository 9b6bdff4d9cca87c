//! Pages of users, groups and members.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;

use super::cursor::{decode, encode};
use super::error::unavailable;
use super::item::Stored;
use super::keys::{self, Key, SHARDS, shard};
use super::records::read_group;
use super::store::DynamoStore;
use super::users::Users;
use crate::directory::{DirectoryId, GroupId, GroupRecord, NameKey, ObjectId, Presence, UserId, UserRecord};
use crate::store::{Cursor, GroupFilter, MirrorStore as _, Page, QueryStore, StoreError, UserFilter};

/// The fewest items looked at in one request while a filter leaves most of them out.
const LOOK_AHEAD: usize = 100;

impl UserFilter {
    fn takes(self, user: &UserRecord) -> bool {
        user.presence != Presence::Unseen
            && match self {
                Self::All => true,
                Self::Active => user.decision.is_active(),
                Self::Inactive => !user.decision.is_active(),
            }
    }
}

impl GroupFilter {
    /// As DynamoDB evaluates it: the expression, and the values in it.
    fn expression(self) -> (&'static str, &'static [(&'static str, &'static str)]) {
        match self {
            Self::All => ("presence.#state = :present", &[("#state", "state")]),
            Self::Synced => (
                "presence.#state = :present AND decision.#status = :synced",
                &[("#state", "state"), ("#status", "status")],
            ),
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
        let place: Option<UserId> = after.map(|cursor| decode("users", cursor)).transpose()?;
        let first = place.as_ref().map_or(0, |place| shard(place.object()));
        let mut behind = place;
        let mut items: Vec<UserRecord> = Vec::new();
        for shard in first..SHARDS {
            let pk = keys::users(directory, shard);
            let enough = limit + 1 - items.len();
            let found =
                self.entries_behind::<Users>(&pk, behind.take().as_ref(), enough, |user| filter.takes(user)).await?;
            items.extend(found.into_iter().map(|(_, user)| user));
            if items.len() > limit {
                items.truncate(limit);
                let next = items.last().map(|last| encode("users", &last.id));
                return Ok(Page { items, next });
            }
        }
        Ok(Page { items, next: None })
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

    async fn users_named(&self, directory: DirectoryId, name: &str) -> Result<Vec<UserRecord>, StoreError> {
        let ids = self.users_with(directory, &NameKey::of(name)).await?;
        let mut users = self.users(directory, &ids).await?;
        // The index has names of the past too, and others that look the same to it.
        users.retain(|user| user.presence != Presence::Unseen && user.profile.is_named(name));
        users.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(users)
    }

    async fn find_users(
        &self,
        directory: DirectoryId,
        beginning: &str,
        limit: usize,
    ) -> Result<Vec<UserRecord>, StoreError> {
        let key = NameKey::of(beginning);
        if key.as_str().is_empty() {
            return Ok(Vec::new());
        }
        let mut ids = self.users_beginning_with(directory, &key, limit).await?;
        while ids.len() > limit {
            ids.pop_last();
        }
        let mut users = self.users(directory, &ids).await?;
        users.retain(|user| user.presence != Presence::Unseen && user.profile.is_found_by(beginning));
        users.sort_by(|a, b| (&a.profile.display_name, &a.id).cmp(&(&b.profile.display_name, &b.id)));
        Ok(users)
    }

    async fn list_groups(
        &self,
        directory: DirectoryId,
        filter: GroupFilter,
        limit: usize,
        after: Option<&Cursor>,
    ) -> Result<Page<GroupRecord>, StoreError> {
        let place: Option<ObjectId> = after.map(|cursor| decode("groups", cursor)).transpose()?;
        let first = place.as_ref().map_or(0, shard);
        let mut after = place.map(|id| id.to_string());
        let mut items: Vec<GroupRecord> = Vec::new();
        for shard in first..SHARDS {
            loop {
                let look = (limit + 1 - items.len()).max(LOOK_AHEAD);
                let pk = keys::groups(directory, shard);
                let (mut found, next) = self.filtered(pk, filter, look, after.as_deref()).await?;
                items.append(&mut found);
                if items.len() > limit {
                    items.truncate(limit);
                    let next = items.last().map(|last| encode("groups", &last.id));
                    return Ok(Page { items, next });
                }
                after = next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(Page { items, next: None })
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
        let mut place: Option<UserId> = after.map(|cursor| decode("members", cursor)).transpose()?;
        let mut items: Vec<UserRecord> = Vec::new();
        loop {
            let enough = limit + 1 - items.len();
            let mut ids = self.members_after(directory, group, place.as_ref(), enough).await?;
            // An item has many more, whose records nobody has asked for.
            ids.truncate(enough);
            let Some(last) = ids.last().cloned() else { return Ok(Page { items, next: None }) };
            let wanted: BTreeSet<UserId> = ids.iter().cloned().collect();
            let users = self.users(directory, &wanted).await?;
            let mut users: BTreeMap<UserId, UserRecord> =
                users.into_iter().map(|user| (user.id.clone(), user)).collect();
            let present = ids.iter().filter_map(|id| users.remove(id)).filter(|user| user.presence.is_present());
            items.extend(present);
            if items.len() > limit {
                items.truncate(limit);
                let next = items.last().map(|last| encode("members", &last.id));
                return Ok(Page { items, next });
            }
            place = Some(last);
        }
    }
}

impl DynamoStore {
    /// The matching ones among the next `look` items of a partition, and where to go on.
    async fn filtered(
        &self,
        pk: String,
        filter: GroupFilter,
        look: usize,
        after: Option<&str>,
    ) -> Result<(Vec<GroupRecord>, Option<String>), StoreError> {
        let (expression, names) = filter.expression();
        let mut query = self
            .client
            .query()
            .table_name(&self.table)
            .filter_expression(expression)
            .expression_attribute_values(":present", AttributeValue::S("present".to_owned()))
            .consistent_read(true)
            .limit(i32::try_from(look).unwrap_or(i32::MAX))
            .expression_attribute_values(":pk", AttributeValue::S(pk));
        query = match after {
            None => query.key_condition_expression("pk = :pk"),
            Some(after) => query
                .key_condition_expression("pk = :pk AND sk > :after")
                .expression_attribute_values(":after", AttributeValue::S(after.to_owned())),
        };
        for (name, attribute) in names {
            query = query.expression_attribute_names(*name, *attribute);
        }
        if filter == GroupFilter::Synced {
            query = query.expression_attribute_values(":synced", AttributeValue::S("synced".to_owned()));
        }
        let output = query.send().await.map_err(unavailable)?;
        let next = output.last_evaluated_key.and_then(|key| key.get("sk").and_then(|sk| sk.as_s().ok()).cloned());
        let items = output.items.unwrap_or_default();
        let items = items.into_iter().map(|item| read_group(&Stored::new(item)?)).collect::<Result<_, _>>()?;
        Ok((items, next))
    }
}
