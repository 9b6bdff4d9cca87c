//! Pages of users, groups and members.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;

use super::cursor::{decode, encode};
use super::error::unavailable;
use super::item::Stored;
use super::keys::{self, Key, SHARDS, shard};
use super::records::{read_group, read_user};
use super::store::DynamoStore;
use super::table::{BY_LOGIN, BY_MAIL};
use crate::directory::{DirectoryId, GroupId, GroupRecord, ObjectId, UserId, UserRecord};
use crate::store::{Cursor, GroupFilter, MirrorStore as _, Page, QueryStore, StoreError, UserFilter};

/// The fewest items looked at in one request while a filter leaves most of them out.
const LOOK_AHEAD: usize = 100;

/// A filter on what is stored, as DynamoDB evaluates it.
struct Filter {
    expression: &'static str,
    names: &'static [(&'static str, &'static str)],
    values: &'static [(&'static str, &'static str)],
}

impl From<UserFilter> for Filter {
    fn from(filter: UserFilter) -> Self {
        const STATE: (&str, &str) = ("#state", "state");
        const STATUS: (&str, &str) = ("#status", "status");
        const UNSEEN: (&str, &str) = (":unseen", "unseen");
        match filter {
            UserFilter::All => Self { expression: "presence.#state <> :unseen", names: &[STATE], values: &[UNSEEN] },
            UserFilter::Active => Self {
                expression: "presence.#state <> :unseen AND decision.#status = :status",
                names: &[STATE, STATUS],
                values: &[UNSEEN, (":status", "active")],
            },
            UserFilter::Inactive => Self {
                expression: "presence.#state <> :unseen AND decision.#status = :status",
                names: &[STATE, STATUS],
                values: &[UNSEEN, (":status", "inactive")],
            },
        }
    }
}

impl From<GroupFilter> for Filter {
    fn from(filter: GroupFilter) -> Self {
        const STATE: (&str, &str) = ("#state", "state");
        const PRESENT: (&str, &str) = (":present", "present");
        match filter {
            GroupFilter::All => Self { expression: "presence.#state = :present", names: &[STATE], values: &[PRESENT] },
            GroupFilter::Synced => Self {
                expression: "presence.#state = :present AND decision.#status = :synced",
                names: &[STATE, ("#status", "status")],
                values: &[PRESENT, (":synced", "synced")],
            },
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
        let page = self.listing("users", |shard| keys::users(directory, shard), &filter.into(), limit, after).await?;
        let items = page.items.iter().map(read_user).collect::<Result<_, _>>()?;
        Ok(Page { items, next: page.next })
    }

    async fn user(&self, directory: DirectoryId, id: &UserId) -> Result<Option<UserRecord>, StoreError> {
        self.get(&Key::user(directory, id)).await?.as_ref().map(read_user).transpose()
    }

    async fn users_named(&self, directory: DirectoryId, name: &str) -> Result<Vec<UserRecord>, StoreError> {
        let key = keys::name(directory, name);
        let (by_login, by_mail) =
            futures::try_join!(self.indexed(BY_LOGIN, "login", &key), self.indexed(BY_MAIL, "mail", &key))?;
        let ids: BTreeSet<UserId> = by_login.into_iter().chain(by_mail).collect();
        let mut users = self.users(directory, &ids).await?;
        // The index may lag behind the records.
        let has = |value: &Option<String>| value.as_deref().is_some_and(|value| keys::name(directory, value) == key);
        users.retain(|user| has(&user.profile.user_principal_name) || has(&user.profile.mail));
        users.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(users)
    }

    async fn list_groups(
        &self,
        directory: DirectoryId,
        filter: GroupFilter,
        limit: usize,
        after: Option<&Cursor>,
    ) -> Result<Page<GroupRecord>, StoreError> {
        let page = self.listing("groups", |shard| keys::groups(directory, shard), &filter.into(), limit, after).await?;
        let items = page.items.iter().map(read_group).collect::<Result<_, _>>()?;
        Ok(Page { items, next: page.next })
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
            let ids = self.members_after(directory, group, place.as_ref(), limit + 1).await?;
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
    /// A page of items from the shards one after the other, in the order of their sort keys.
    async fn listing(
        &self,
        name: &str,
        pk: impl Fn(u8) -> String,
        filter: &Filter,
        limit: usize,
        after: Option<&Cursor>,
    ) -> Result<Page<Stored>, StoreError> {
        let place: Option<ObjectId> = after.map(|cursor| decode(name, cursor)).transpose()?;
        let first = place.as_ref().map_or(0, shard);
        let mut after = place.map(|id| id.to_string());
        let mut items: Vec<Stored> = Vec::new();
        for shard in first..SHARDS {
            loop {
                let look = (limit + 1 - items.len()).max(LOOK_AHEAD);
                let (found, next) = self.filtered(pk(shard), filter, look, after.as_deref()).await?;
                items.extend(found);
                if items.len() > limit {
                    items.truncate(limit);
                    let last = items.last().map(|last| last.parsed::<ObjectId>("sk")).transpose()?;
                    return Ok(Page { items, next: last.map(|last| encode(name, &last)) });
                }
                after = next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(Page { items, next: None })
    }

    /// The matching ones among the next `look` items of a partition, and where to go on.
    async fn filtered(
        &self,
        pk: String,
        filter: &Filter,
        look: usize,
        after: Option<&str>,
    ) -> Result<(Vec<Stored>, Option<String>), StoreError> {
        let mut query = self
            .client
            .query()
            .table_name(&self.table)
            .filter_expression(filter.expression)
            .consistent_read(true)
            .limit(i32::try_from(look).unwrap_or(i32::MAX))
            .expression_attribute_values(":pk", AttributeValue::S(pk));
        query = match after {
            None => query.key_condition_expression("pk = :pk"),
            Some(after) => query
                .key_condition_expression("pk = :pk AND sk > :after")
                .expression_attribute_values(":after", AttributeValue::S(after.to_owned())),
        };
        for (name, attribute) in filter.names {
            query = query.expression_attribute_names(*name, *attribute);
        }
        for (name, value) in filter.values {
            query = query.expression_attribute_values(*name, AttributeValue::S((*value).to_owned()));
        }
        let output = query.send().await.map_err(unavailable)?;
        let next = output.last_evaluated_key.and_then(|key| key.get("sk").and_then(|sk| sk.as_s().ok()).cloned());
        let items = output.items.unwrap_or_default().into_iter().map(Stored::new).collect::<Result<_, _>>()?;
        Ok((items, next))
    }

    /// The users that an index has under a name.
    async fn indexed(&self, index: &str, attribute: &str, name: &str) -> Result<Vec<UserId>, StoreError> {
        let items: Vec<_> = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(index)
            .key_condition_expression("#name = :name")
            .expression_attribute_names("#name", attribute)
            .expression_attribute_values(":name", AttributeValue::S(name.to_owned()))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(unavailable)?;
        // Only keys are projected, so there is no version to check yet.
        items
            .iter()
            .filter_map(|item| item.get("sk")?.as_s().ok())
            .map(|id| {
                id.parse()
                    .map_err(|_| StoreError::Corrupt { key: index.to_owned(), reason: "a key is no id".to_owned() })
            })
            .collect()
    }
}
