//! The ports that the status function reads, in memory.

#![expect(clippy::unimplemented, reason = "the status function only reads")]

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use shared::access::{AccessToken, TokenHash};
use shared::alerts::{AlertRecord, Condition};
use shared::clock::Clock;
use shared::credentials::Credential;
use shared::directory::{
    ChangeId, Directory, DirectoryId, GroupId, GroupRecord, ObjectId, Presence, Text, UserId, UserRecord,
};
use shared::store::{
    AlertStore, Before, ChangeStore, Changes, DirectoryStore, Found, GroupFilter, Listed, Logged, Page, QueryStore,
    RequestedRun, RunStore, SettingsChange, Standing, StoreError, TokenStore, UserFilter,
};
use shared::sync::{Run, RunId};

/// Everything stored. Users and groups are those of the first directory; the others have none.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) directories: Vec<Directory>,
    pub(crate) users: Vec<UserRecord>,
    pub(crate) groups: Vec<GroupRecord>,
    /// The latest first.
    pub(crate) runs: Vec<Run>,
    /// What has become of the first directory, in its order. What is kept how long is tested with a real store.
    pub(crate) log: Vec<Logged>,
    pub(crate) credentials: Vec<Credential>,
    pub(crate) tokens: Vec<(TokenHash, AccessToken)>,
    pub(crate) open_conditions: BTreeSet<Condition>,
}

impl Memory {
    fn users_of(&self, directory: DirectoryId) -> impl Iterator<Item = &UserRecord> {
        self.users.iter().filter(move |_| self.directories.first().is_some_and(|first| first.id == directory))
    }

    fn groups_of(&self, directory: DirectoryId) -> impl Iterator<Item = &GroupRecord> {
        self.groups.iter().filter(move |_| self.directories.first().is_some_and(|first| first.id == directory))
    }

    fn log_of(&self, directory: DirectoryId) -> &[Logged] {
        let is_first = self.directories.first().is_some_and(|first| first.id == directory);
        if is_first { &self.log } else { &[] }
    }
}

/// Cuts a page out of a listing: what follows the entry with this id.
fn page<T, I: PartialEq>(all: Vec<T>, limit: usize, after: Option<&I>, id: impl Fn(&T) -> &I) -> Page<T> {
    let begin = after.map_or(0, |after| all.iter().position(|one| id(one) == after).map_or(all.len(), |at| at + 1));
    Page::of(all.into_iter().skip(begin).take(limit + 1).collect(), limit)
}

#[async_trait]
impl QueryStore for Memory {
    async fn list_users(
        &self,
        directory: DirectoryId,
        filter: UserFilter,
        limit: usize,
        after: Option<&UserId>,
    ) -> Result<Page<UserRecord>, StoreError> {
        let wanted = |user: &&UserRecord| user.presence != Presence::Unseen && filter.takes(&user.decision);
        Ok(page(self.users_of(directory).filter(wanted).cloned().collect(), limit, after, |user| &user.id))
    }

    async fn user(&self, directory: DirectoryId, id: &UserId) -> Result<Option<UserRecord>, StoreError> {
        Ok(self.users_of(directory).find(|user| user.id == *id).cloned())
    }

    async fn users_by_id(&self, directory: DirectoryId, ids: &BTreeSet<UserId>) -> Result<Vec<UserRecord>, StoreError> {
        Ok(self.users_of(directory).filter(|user| ids.contains(&user.id)).cloned().collect())
    }

    async fn users_named(&self, directory: DirectoryId, name: &str) -> Result<Vec<UserRecord>, StoreError> {
        let is_name = |text: &Option<Text>| text.as_ref().is_some_and(|text| text.eq_ignore_ascii_case(name));
        let named = |user: &&UserRecord| is_name(&user.profile.user_principal_name) || is_name(&user.profile.mail);
        Ok(self.users_of(directory).filter(named).cloned().collect())
    }

    async fn find_users(
        &self,
        directory: DirectoryId,
        prefix: &str,
        filter: UserFilter,
        limit: usize,
        after: Option<&ObjectId>,
    ) -> Result<Found<UserRecord>, StoreError> {
        let wanted = |user: &&UserRecord| {
            user.presence != Presence::Unseen && filter.takes(&user.decision) && user.profile.is_found_by(prefix)
        };
        let all: Vec<UserRecord> = self.users_of(directory).filter(wanted).cloned().collect();
        let found = page(all, limit, after, |user| user.id.object());
        let next = found.end().map(|user| user.id.object().clone());
        Ok(Found { items: found.items, next })
    }

    async fn list_groups(
        &self,
        directory: DirectoryId,
        filter: GroupFilter,
        limit: usize,
        after: Option<&GroupId>,
    ) -> Result<Page<GroupRecord>, StoreError> {
        let wanted = |group: &&GroupRecord| group.presence.is_present() && filter.takes(group.decision);
        Ok(page(self.groups_of(directory).filter(wanted).cloned().collect(), limit, after, |group| &group.id))
    }

    async fn find_groups(
        &self,
        _: DirectoryId,
        _: &str,
        _: GroupFilter,
        _: usize,
        _: Option<&ObjectId>,
    ) -> Result<Found<GroupRecord>, StoreError> {
        unimplemented!("tested with a real store")
    }

    async fn group(&self, directory: DirectoryId, id: &GroupId) -> Result<Option<GroupRecord>, StoreError> {
        Ok(self.groups_of(directory).find(|group| group.id == *id).cloned())
    }

    async fn groups_by_id(
        &self,
        directory: DirectoryId,
        ids: &BTreeSet<GroupId>,
    ) -> Result<Vec<GroupRecord>, StoreError> {
        Ok(self.groups_of(directory).filter(|group| ids.contains(&group.id)).cloned().collect())
    }

    async fn list_members(
        &self,
        directory: DirectoryId,
        group: &GroupId,
        limit: usize,
        after: Option<&UserId>,
    ) -> Result<Page<UserRecord>, StoreError> {
        let member = |user: &&UserRecord| user.presence.is_present() && user.groups.contains(group);
        Ok(page(self.users_of(directory).filter(member).cloned().collect(), limit, after, |user| &user.id))
    }

    async fn skip(
        &self,
        directory: DirectoryId,
        of: &Listed,
        count: NonZeroUsize,
    ) -> Result<Option<ObjectId>, StoreError> {
        let most = count.get();
        Ok(match of {
            Listed::Users(filter) => {
                let page = self.list_users(directory, *filter, most, None).await?;
                page.end().map(|user| user.id.object().clone())
            }
            Listed::Groups(filter) => {
                let page = self.list_groups(directory, *filter, most, None).await?;
                page.end().map(|group| group.id.object().clone())
            }
            Listed::Members(group) => {
                let page = self.list_members(directory, group, most, None).await?;
                page.end().map(|user| user.id.object().clone())
            }
        })
    }
}

#[async_trait]
impl ChangeStore for Memory {
    fn log_name(&self) -> String {
        "log".to_owned()
    }

    async fn last_change(&self, directory: DirectoryId) -> Result<Option<ChangeId>, StoreError> {
        Ok(self.log_of(directory).last().map(|logged| logged.id))
    }

    async fn changes(
        &self,
        directory: DirectoryId,
        after: Option<ChangeId>,
        limit: usize,
    ) -> Result<Changes, StoreError> {
        let log = self.log_of(directory);
        if after > log.last().map(|logged| logged.id) {
            return Ok(Changes::NotReached);
        }
        let mut changes: Vec<Logged> = log.iter().filter(|logged| Some(logged.id) > after).cloned().collect();
        let more = changes.len() > limit;
        changes.truncate(limit);
        Ok(Changes::Next { changes, more })
    }

    async fn change_before(&self, directory: DirectoryId, at: Timestamp) -> Result<Before, StoreError> {
        let before = self.log_of(directory).iter().rfind(|logged| logged.at < at);
        Ok(Before::Change(before.map(|logged| logged.id)))
    }

    async fn change(&self, directory: DirectoryId, id: ChangeId) -> Result<Option<Logged>, StoreError> {
        Ok(self.log_of(directory).iter().find(|logged| logged.id == id).cloned())
    }
}

#[async_trait]
impl DirectoryStore for Memory {
    async fn directories(&self) -> Result<Vec<Directory>, StoreError> {
        Ok(self.directories.clone())
    }

    async fn directory(&self, id: DirectoryId) -> Result<Option<Directory>, StoreError> {
        Ok(self.directories.iter().find(|directory| directory.id == id).cloned())
    }

    async fn create_directory(&self, _: &Directory) -> Result<bool, StoreError> {
        unimplemented!("the status function only reads")
    }

    async fn change_settings(&self, _: DirectoryId, _: &SettingsChange) -> Result<u64, StoreError> {
        unimplemented!("the status function only reads")
    }

    async fn schedule(&self, _: DirectoryId, _: Timestamp) -> Result<(), StoreError> {
        unimplemented!("the status function only reads")
    }
}

#[async_trait]
impl RunStore for Memory {
    async fn request_run(&self, _: &Run) -> Result<RequestedRun, StoreError> {
        unimplemented!("the status function only reads")
    }

    async fn save_run(&self, _: &Run) -> Result<(), StoreError> {
        unimplemented!("the status function only reads")
    }

    async fn run(&self, directory: DirectoryId, id: RunId) -> Result<Option<Run>, StoreError> {
        Ok(self.runs.iter().find(|run| run.directory == directory && run.id == id).cloned())
    }

    async fn runs(&self, directory: DirectoryId, limit: usize, after: Option<RunId>) -> Result<Page<Run>, StoreError> {
        let runs = self.runs.iter().filter(|run| run.directory == directory).cloned().collect();
        Ok(page(runs, limit, after.as_ref(), |run| &run.id))
    }

    async fn count_manual_run(&self, _: DirectoryId, _: i64) -> Result<u64, StoreError> {
        unimplemented!("the status function only reads")
    }
}

#[async_trait]
impl TokenStore for Memory {
    async fn token(&self, hash: &TokenHash) -> Result<Option<AccessToken>, StoreError> {
        Ok(self.tokens.iter().find(|(known, _)| known == hash).map(|(_, token)| token.clone()))
    }

    async fn put_token(&self, _: &TokenHash, _: &AccessToken) -> Result<(), StoreError> {
        unimplemented!("the status function only reads")
    }

    async fn note_token_used(&self, _: &TokenHash, _: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl AlertStore for Memory {
    async fn standing(&self, directory: DirectoryId) -> Result<Standing, StoreError> {
        let alerts = AlertRecord { open: self.open_conditions.clone(), ..AlertRecord::default() };
        let credentials = self.credentials.iter().filter(|credential| credential.directory == directory);
        Ok(Standing { alerts, credentials: credentials.cloned().collect() })
    }

    async fn put_alerts(&self, _: DirectoryId, _: &AlertRecord) -> Result<(), StoreError> {
        unimplemented!("the status function only reads")
    }
}

/// A clock that stands still.
pub(crate) struct Stopped(pub(crate) Timestamp);

#[async_trait]
impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        self.0
    }

    async fn sleep(&self, _: Duration) {}
}
