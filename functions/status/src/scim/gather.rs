//! What a filter takes that is no stored list: looked up by indexes, and held against the filter one by one.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use serde_json::Value;
use shared::directory::{GroupId, GroupRecord, ObjectId, UserId, UserRecord};
use shared::feed::is_published;
use shared::http::{Problem, ProblemKind};
use shared::store::{Found, GroupFilter, Listed, StoreError, UserFilter};

use super::attributes::ResourceType;
use super::filter::{Condition, Naming, Source};
use super::group::MAX_MEMBERS;
use super::resource::{of_groups, of_users};
use super::search::Search;
use crate::groups::with_known_members;
use crate::users::is_known;

/// The most resources that are held against a filter one by one.
const MAX_LOOKED_AT: usize = 2_000;
/// How many are read together.
const AT_A_TIME: usize = 500;

/// Records of one kind.
pub(super) enum Records {
    Users(Vec<UserRecord>),
    Groups(Vec<GroupRecord>),
}

impl Records {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Users(users) => users.len(),
            Self::Groups(groups) => groups.len(),
        }
    }

    /// The id of the last one.
    pub(super) fn last(&self) -> Option<&ObjectId> {
        match self {
            Self::Users(users) => users.last().map(|user| user.id.object()),
            Self::Groups(groups) => groups.last().map(|group| group.id.object()),
        }
    }

    /// All but the first ones.
    pub(super) fn behind(self, count: usize) -> Self {
        match self {
            Self::Users(users) => Self::Users(users.into_iter().skip(count).collect()),
            Self::Groups(groups) => Self::Groups(groups.into_iter().skip(count).collect()),
        }
    }

    /// Those whose ids come after this one.
    pub(super) fn after(self, id: &ObjectId) -> Self {
        match self {
            Self::Users(users) => Self::Users(users.into_iter().filter(|user| user.id.object() > id).collect()),
            Self::Groups(groups) => Self::Groups(groups.into_iter().filter(|group| group.id.object() > id).collect()),
        }
    }

    /// Keeps the first ones.
    pub(super) fn truncate(&mut self, len: usize) {
        match self {
            Self::Users(users) => users.truncate(len),
            Self::Groups(groups) => groups.truncate(len),
        }
    }
}

impl Search<'_> {
    /// All that is as asked, in the order of ids.
    pub(super) async fn matching(&self) -> Result<Records, Problem> {
        match self.kind {
            ResourceType::User => {
                let mut users = BTreeMap::new();
                self.gather_users(&self.plan.source, &mut users).await?;
                let users: Vec<UserRecord> = users.into_values().filter(is_known).collect();
                let Some(condition) = self.unanswered() else { return Ok(Records::Users(users)) };
                let resources = of_users(self.app, self.directory, &users, condition.asks_for("groups")).await?;
                Ok(Records::Users(those(users, &resources, condition)))
            }
            ResourceType::Group => {
                let mut groups = BTreeMap::new();
                self.gather_groups(&self.plan.source, &mut groups).await?;
                let groups = groups.into_values().filter(|group| is_published(self.directory, group));
                let groups: Vec<GroupRecord> = groups.collect();
                let Some(condition) = self.unanswered() else { return Ok(Records::Groups(groups)) };
                let asks_for_members = condition.asks_for("members");
                if asks_for_members && groups.iter().map(|group| group.members).sum::<u64>() > MAX_MEMBERS {
                    return Err(too_many());
                }
                let resources = of_groups(self.app, self.directory, &groups, asks_for_members).await?;
                Ok(Records::Groups(those(groups, &resources, condition)))
            }
        }
    }

    /// What is still to be asked of each one that was found.
    fn unanswered(&self) -> Option<&Condition> {
        self.condition.as_ref().filter(|_| !self.plan.is_exact)
    }

    /// Looks up the users of a source.
    fn gather_users<'b>(
        &'b self,
        source: &'b Source,
        found: &'b mut BTreeMap<UserId, UserRecord>,
    ) -> BoxFuture<'b, Result<(), Problem>> {
        Box::pin(async move {
            let (queries, directory) = (&self.app.queries, self.directory.id);
            let users = match source {
                Source::Nothing | Source::GroupsOf(_) => Vec::new(),
                Source::One(id) => self.user(id).await?,
                Source::Named(naming, name) => self.named(*naming, name).await?,
                Source::Beginning(prefix) => {
                    let (mut users, mut after) = (Vec::new(), None);
                    loop {
                        let Found { items, next } = queries
                            .find_users(directory, prefix, UserFilter::All, MAX_LOOKED_AT, after.as_ref())
                            .await?;
                        users.extend(items);
                        match next {
                            None => break users,
                            Some(_) if users.len() >= MAX_LOOKED_AT => return Err(too_many()),
                            next => after = next,
                        }
                    }
                }
                Source::Several(sources) => {
                    let (ids, others): (Vec<_>, Vec<_>) =
                        sources.iter().partition(|source| matches!(source, Source::One(_)));
                    for source in others {
                        self.gather_users(source, found).await?;
                    }
                    let ids = ids.into_iter().filter_map(Source::id).collect();
                    queries.users_by_id(directory, &ids).await?
                }
                Source::MembersOf(group) => match self.published_group(group).await? {
                    Some(group) => {
                        with_known_members(&group)?;
                        self.whole(&Listed::Members(group.id)).await?
                    }
                    None => Vec::new(),
                },
                Source::Active(true) => self.whole(&Listed::Users(UserFilter::Active)).await?,
                Source::Active(false) => self.whole(&Listed::Users(UserFilter::Inactive)).await?,
                Source::Everything => self.whole(&Listed::Users(UserFilter::All)).await?,
            };
            found.extend(users.into_iter().map(|user| (user.id.clone(), user)));
            if found.len() > MAX_LOOKED_AT { Err(too_many()) } else { Ok(()) }
        })
    }

    /// The users with a name. When one of them is in the tenant, that one is meant, and not a deleted user who had the name before.
    async fn named(&self, naming: Naming, name: &str) -> Result<Vec<UserRecord>, StoreError> {
        let mut users = self.app.queries.users_named(self.directory.id, name).await?;
        let is_taken = |user: &UserRecord| user.presence.is_present() && naming.is_of(&user.profile, name);
        if users.iter().any(is_taken) {
            users.retain(is_taken);
        }
        // A user without a name is called by the id.
        users.extend(self.user(name).await?);
        Ok(users)
    }

    async fn user(&self, id: &str) -> Result<Vec<UserRecord>, StoreError> {
        match id.parse() {
            Ok(id) => Ok(self.app.queries.user(self.directory.id, &id).await?.into_iter().collect()),
            Err(_) => Ok(Vec::new()),
        }
    }

    /// All users of a list, unless there are too many.
    async fn whole(&self, listed: &Listed) -> Result<Vec<UserRecord>, Problem> {
        let (queries, directory) = (&self.app.queries, self.directory.id);
        let (mut users, mut after) = (Vec::new(), None);
        loop {
            let page = match listed {
                Listed::Users(filter) => queries.list_users(directory, *filter, AT_A_TIME, after.as_ref()).await?,
                Listed::Members(group) => queries.list_members(directory, group, AT_A_TIME, after.as_ref()).await?,
                Listed::Groups(_) => return Ok(users),
            };
            after = page.end().map(|user| user.id.clone());
            users.extend(page.items);
            if after.is_none() {
                return Ok(users);
            }
            if users.len() >= MAX_LOOKED_AT {
                return Err(too_many());
            }
        }
    }

    /// Looks up the groups of a source.
    fn gather_groups<'b>(
        &'b self,
        source: &'b Source,
        found: &'b mut BTreeMap<GroupId, GroupRecord>,
    ) -> BoxFuture<'b, Result<(), Problem>> {
        Box::pin(async move {
            let (queries, directory) = (&self.app.queries, self.directory.id);
            let groups = match source {
                Source::Nothing | Source::Named(..) | Source::MembersOf(_) | Source::Active(_) => Vec::new(),
                Source::One(id) => self.group(id).await?,
                Source::Beginning(beginning) => {
                    let (mut groups, mut after) = (Vec::new(), None);
                    loop {
                        let Found { items, next } = queries
                            .find_groups(directory, beginning, GroupFilter::SYNCED, MAX_LOOKED_AT, after.as_ref())
                            .await?;
                        groups.extend(items);
                        match next {
                            None => break,
                            Some(_) if groups.len() >= MAX_LOOKED_AT => return Err(too_many()),
                            next => after = next,
                        }
                    }
                    // A group without a name is called by its id.
                    groups.extend(self.group(beginning).await?);
                    groups
                }
                Source::GroupsOf(user) => self.groups_of(user).await?,
                Source::Several(sources) => {
                    let (ids, others): (Vec<_>, Vec<_>) =
                        sources.iter().partition(|source| matches!(source, Source::One(_)));
                    for source in others {
                        self.gather_groups(source, found).await?;
                    }
                    let ids = ids.into_iter().filter_map(Source::id).collect();
                    queries.groups_by_id(directory, &ids).await?
                }
                Source::Everything => {
                    let page = queries.list_groups(directory, GroupFilter::SYNCED, MAX_LOOKED_AT, None).await?;
                    if page.more {
                        return Err(too_many());
                    }
                    page.items
                }
            };
            found.extend(groups.into_iter().map(|group| (group.id.clone(), group)));
            if found.len() > MAX_LOOKED_AT { Err(too_many()) } else { Ok(()) }
        })
    }

    async fn group(&self, id: &str) -> Result<Vec<GroupRecord>, StoreError> {
        match id.parse() {
            Ok(id) => Ok(self.app.queries.group(self.directory.id, &id).await?.into_iter().collect()),
            Err(_) => Ok(Vec::new()),
        }
    }

    /// The groups that a user is directly in.
    async fn groups_of(&self, user: &UserId) -> Result<Vec<GroupRecord>, Problem> {
        let (queries, directory) = (&self.app.queries, self.directory.id);
        let is_group = self.published_group(&user.object().clone().into()).await?.is_some();
        if is_group {
            let why = "Groups are found by the users in them, not by the groups nested in them.";
            return Err(Problem::new(ProblemKind::InvalidFilter, why));
        }
        // A deleted user is in no group any more, although a restoration would bring the memberships back.
        let is_member = |user: &UserRecord| self.directory.publishes_users() && user.presence.is_present();
        match queries.user(directory, user).await?.filter(is_member) {
            Some(user) => {
                let groups = queries.groups_by_id(directory, &user.groups).await?;
                groups.iter().filter(|group| is_published(self.directory, group)).try_for_each(with_known_members)?;
                Ok(groups)
            }
            None => Ok(Vec::new()),
        }
    }
}

/// Those whose resources are as asked.
fn those<T>(records: Vec<T>, resources: &[Value], condition: &Condition) -> Vec<T> {
    let held = resources.iter().map(|resource| condition.holds(resource));
    records.into_iter().zip(held).filter_map(|(record, holds)| holds.then_some(record)).collect()
}

fn too_many() -> Problem {
    Problem::new(
        ProblemKind::TooMany,
        format!(
            "More than {MAX_LOOKED_AT} resources would have to be looked at one by one. Ask for fewer, or for a list by itself."
        ),
    )
}
