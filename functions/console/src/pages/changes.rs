//! What has become of users and groups, from the log of changes.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};
use shared::directory::{
    Change, ChangeId, ChangedGroup, ChangedUser, Directory, GroupId, GroupRecord, UserId, UserRecord,
};
use shared::filter::{GroupDecision, UserDecision};
use shared::store::{Changes, Logged, StoreError, history};
use shared::sync::{Run, RunId};

use super::layout::path;
use super::words::{counted, inactive, name_of, skipped, time};
use crate::Site;

/// How many changes a page has.
const PER_PAGE: usize = 50;
/// How many changes of one user are shown.
const MAX_OF_USER: usize = 10;
/// How many groups a change names; the rest is counted.
const MAX_GROUPS: usize = 10;

/// Changes, and what the objects in them are called.
pub(super) struct Story {
    changes: Vec<Logged>,
    users: BTreeMap<UserId, UserRecord>,
    groups: BTreeMap<GroupId, GroupRecord>,
    /// Where the next page begins, if there is one.
    pub(super) next: Option<u64>,
    /// True when there were changes behind these that are not kept any more.
    is_forgotten: bool,
}

impl Story {
    /// The last changes of a user.
    pub(super) async fn of_user(site: &Site, directory: &Directory, user: &UserRecord) -> Result<Self, StoreError> {
        let changes = history(&*site.changes, directory.id, &user.id, user.changed, MAX_OF_USER).await?;
        let is_forgotten = changes.is_empty() && user.changed.is_some();
        Self::told(site, directory, changes, None, is_forgotten).await
    }

    /// Some changes of a run, after the one of this number.
    pub(super) async fn of_run(
        site: &Site,
        directory: &Directory,
        run: &Run,
        after: Option<u64>,
    ) -> Result<Self, StoreError> {
        let Some(begin) = run.changes_after else { return Self::told(site, directory, Vec::new(), None, false).await };
        let after = after.unwrap_or(begin).max(begin);
        let found = site.changes.changes(directory.id, ChangeId::new(after), PER_PAGE).await?;
        let (mut changes, more, mut is_forgotten) = match found {
            Changes::Next { changes, more } => (changes, more, false),
            Changes::TooOld => (Vec::new(), false, true),
            Changes::NotReached => (Vec::new(), false, false),
        };
        // A run that was cut off may have others in its midst, and has others behind it.
        let is_behind = |logged: &Logged| run.finished_at.is_some_and(|end| logged.run != run.id && logged.at > end);
        let end = changes.iter().position(is_behind);
        let is_full = changes.len() == PER_PAGE;
        let last = changes.last().filter(|_| more && end.is_none()).map(|last| last.id);
        let next = last.filter(|_| is_full).map(ChangeId::number);
        if last.is_some() && !is_full {
            // The log has a gap: what expires is removed in any order.
            let behind = site.changes.changes(directory.id, last, 1).await?;
            is_forgotten = behind == Changes::TooOld;
        }
        changes.truncate(end.unwrap_or(changes.len()));
        changes.retain(|logged| logged.run == run.id);
        Self::told(site, directory, changes, next, is_forgotten).await
    }

    async fn told(
        site: &Site,
        directory: &Directory,
        changes: Vec<Logged>,
        next: Option<u64>,
        is_forgotten: bool,
    ) -> Result<Self, StoreError> {
        let (mut users, mut groups) = (BTreeSet::new(), BTreeSet::new());
        for logged in &changes {
            match &logged.change {
                Change::Group(group) => drop(groups.insert(group.id.clone())),
                Change::User(user) => {
                    users.insert(user.id.clone());
                    for moved in [&user.joined, &user.left] {
                        groups.extend(moved.iter().take(MAX_GROUPS).cloned());
                    }
                }
            }
        }
        let users = site.app.mirror.users(directory.id, &users).await?;
        let groups = site.queries.groups_by_id(directory.id, &groups).await?;
        Ok(Self {
            changes,
            users: users.into_iter().map(|user| (user.id.clone(), user)).collect(),
            groups: groups.into_iter().map(|group| (group.id.clone(), group)).collect(),
            next,
            is_forgotten,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// As the history of the one user whom it is about.
    pub(super) fn as_history(&self, directory: &Directory) -> Markup {
        html! {
            @if self.is_forgotten { p { "Nothing has changed in the last 30 days." } }
            @else if self.is_empty() { p { "No change is known." } }
            @else {
                ol.history {
                    @for logged in &self.changes {
                        li { (when(directory, logged)) " " (self.what(directory, &logged.change)) }
                    }
                }
                p.quiet { "Changes are kept for 30 days." }
            }
        }
    }

    /// As a table of everybody and everything that it is about.
    pub(super) fn as_table(&self, directory: &Directory) -> Markup {
        html! {
            @if !self.is_forgotten || !self.is_empty() {
                div.scroll { table {
                    thead { tr { th scope="col" { "Who or which" } th scope="col" { "What" } } }
                    tbody {
                        @for logged in &self.changes {
                            tr {
                                th scope="row" { (self.whose(directory, &logged.change)) }
                                td { (self.what(directory, &logged.change)) }
                            }
                        }
                    }
                } }
            }
            @if self.is_forgotten {
                p { @if !self.is_empty() { "Changes after these are not kept any more. " } "Single changes are kept for 30 days." }
            }
        }
    }

    fn whose(&self, directory: &Directory, change: &Change) -> Markup {
        match change {
            Change::User(ChangedUser { id, .. }) => {
                let name = self.users.get(id).map_or("a user who is not known any more", name_of);
                html! { a href=(path(directory, &format!("/users/{id}"))) { (name) } }
            }
            Change::Group(ChangedGroup { id, .. }) => self.group(directory, id),
        }
    }

    fn group(&self, directory: &Directory, id: &GroupId) -> Markup {
        let name = self.groups.get(id).and_then(|group| group.profile.display_name.as_deref());
        html! { a href=(path(directory, &format!("/groups/{id}"))) { (name.unwrap_or("(no name)")) } }
    }

    fn what(&self, directory: &Directory, change: &Change) -> Markup {
        match change {
            Change::User(user) => html! {
                @let said = of_user(user);
                @for (place, part) in said.iter().enumerate() { @if place > 0 { "; " } (part) }
                @for (word, groups) in [("joined", &user.joined), ("left", &user.left)] {
                    @if !groups.is_empty() {
                        @if !said.is_empty() || word == "left" && !user.joined.is_empty() { "; " }
                        (word) " "
                        @for (place, group) in groups.iter().take(MAX_GROUPS).enumerate() {
                            @if place > 0 { ", " } (self.group(directory, group))
                        }
                        @if groups.len() > MAX_GROUPS { " and " (counted(groups.len() - MAX_GROUPS, "more group", "more groups")) }
                    }
                }
            },
            Change::Group(group) => html! {
                @for (place, part) in of_group(group).iter().enumerate() { @if place > 0 { "; " } (part) }
            },
        }
    }
}

fn when(directory: &Directory, logged: &Logged) -> Markup {
    let run: RunId = logged.run;
    html! { a href=(path(directory, &format!("/runs/{run}"))) { (time(logged.at)) } }
}

fn of_user(user: &ChangedUser) -> Vec<String> {
    let decided = match (&user.before, &user.after) {
        (before, after) if before == after => None,
        (None, Some(UserDecision::Active)) => Some("seen for the first time: active".to_owned()),
        (None, Some(UserDecision::Inactive(reason))) => {
            Some(format!("seen for the first time: inactive, {}", inactive(reason)))
        }
        (_, Some(UserDecision::Active)) => Some("became active".to_owned()),
        (Some(UserDecision::Active), Some(UserDecision::Inactive(reason))) => {
            Some(format!("became inactive: {}", inactive(reason)))
        }
        (_, Some(UserDecision::Inactive(reason))) => Some(format!("still inactive, but now: {}", inactive(reason))),
        (_, None) => Some("forgotten, 30 days after the deletion".to_owned()),
    };
    decided.into_iter().chain(changed_properties(&user.properties)).collect()
}

fn of_group(group: &ChangedGroup) -> Vec<String> {
    let decided = match (group.before, group.after) {
        (before, after) if before == after => None,
        (None, Some(GroupDecision::Synced)) => Some("new group: synced".to_owned()),
        (None, Some(GroupDecision::Skipped { reason })) => Some(format!("new group: skipped, {}", skipped(reason))),
        (_, Some(GroupDecision::Synced)) => Some("synced from now on".to_owned()),
        (_, Some(GroupDecision::Skipped { reason })) => Some(format!("skipped from now on: {}", skipped(reason))),
        (_, None) => Some("deleted in the tenant".to_owned()),
    };
    let nesting = group.nesting.then(|| "other groups are nested in it".to_owned());
    decided.into_iter().chain(changed_properties(&group.properties)).chain(nesting).collect()
}

fn changed_properties(properties: &[impl AsRef<str>]) -> Option<String> {
    let named: Vec<String> = properties.iter().map(|name| name.as_ref().replace('_', " ")).collect();
    (!named.is_empty()).then(|| format!("{} changed", named.join(", ")))
}
