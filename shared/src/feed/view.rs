//! What of a change is told.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::directory::{Change, ChangeId, ChangedGroup, ChangedUser, Directory, GroupId, Text, UserId};
use crate::filter::{GroupDecision, InactiveReason, UserDecision};
use crate::store::Logged;
use crate::sync::RunId;

/// Whether a user may be let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// May be.
    Active,
    /// May not.
    Inactive,
}

/// Why a user is inactive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Deleted in the tenant.
    Deleted,
    /// The account may not sign in to Office 365.
    #[serde(rename = "disabled_in_office_365")]
    DisabledInOffice365,
    /// In a group that the settings ignore.
    MemberOfIgnoredGroup,
    /// The settings allow only some groups, and the user is in none of them.
    NotInAllowedGroup,
}

/// A decision as it is told.
#[must_use]
pub fn reason_of(decision: &UserDecision) -> (Status, Option<Reason>) {
    let reason = match decision {
        UserDecision::Active => return (Status::Active, None),
        UserDecision::Inactive(InactiveReason::Deleted) => Reason::Deleted,
        UserDecision::Inactive(InactiveReason::DisabledInOffice365) => Reason::DisabledInOffice365,
        UserDecision::Inactive(InactiveReason::MemberOfIgnoredGroup { .. }) => Reason::MemberOfIgnoredGroup,
        UserDecision::Inactive(InactiveReason::NotInAllowedGroup) => Reason::NotInAllowedGroup,
    };
    (Status::Inactive, Some(reason))
}

/// What has become of a user or a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChangeView {
    /// Its number in the directory; some are left out.
    pub id: ChangeId,
    /// When.
    pub at: Timestamp,
    /// The run that made it.
    pub run: RunId,
    /// What it is.
    #[serde(flatten)]
    pub changed: ChangedObject,
}

/// Who or what has changed, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ChangedObject {
    /// A user.
    User {
        /// What happened.
        #[serde(rename = "type")]
        kind: UserChange,
        /// Who.
        user: UserId,
        /// What the user is from now on; `null` when there is nobody any more.
        status: Option<Status>,
        /// Why, when the user is inactive.
        reason: Option<Reason>,
        /// The properties that have other values.
        #[schema(value_type = Vec<String>, example = json!(["display_name"]))]
        properties: Vec<Text>,
        /// The published groups that the user is in from now on.
        joined: Vec<GroupId>,
        /// The published groups that the user is not in any more.
        left: Vec<GroupId>,
    },
    /// A group.
    Group {
        /// What happened.
        #[serde(rename = "type")]
        kind: GroupChange,
        /// Which.
        group: GroupId,
        /// The properties that have other values.
        #[schema(value_type = Vec<String>, example = json!(["display_name"]))]
        properties: Vec<Text>,
    },
}

/// What happened to a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub enum UserChange {
    /// It is there and was not.
    #[serde(rename = "user.appeared")]
    Appeared,
    /// It is active and was not.
    #[serde(rename = "user.activated")]
    Activated,
    /// It is inactive and was active.
    #[serde(rename = "user.deactivated")]
    Deactivated,
    /// It is inactive for another reason.
    #[serde(rename = "user.reason_changed")]
    ReasonChanged,
    /// It has other properties or groups.
    #[serde(rename = "user.changed")]
    Changed,
    /// Nothing is kept of it any more.
    #[serde(rename = "user.forgotten")]
    Forgotten,
}

/// What happened to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub enum GroupChange {
    /// Consumers see it and did not.
    #[serde(rename = "group.appeared")]
    Appeared,
    /// It has other properties.
    #[serde(rename = "group.changed")]
    Changed,
    /// Consumers do not see it any more.
    #[serde(rename = "group.disappeared")]
    Disappeared,
}

/// The groups that somebody joined or left, of which those that are published have to be known for [`view`].
#[must_use]
pub fn groups_of(directory: &Directory, changes: &[Logged]) -> BTreeSet<GroupId> {
    let mut groups = BTreeSet::new();
    if directory.publishes_users() {
        for logged in changes {
            if let Change::User(user) = &logged.change {
                groups.extend(user.joined.iter().chain(&user.left).cloned());
            }
        }
    }
    groups
}

/// What consumers are told of a change, if anything.
#[must_use]
pub fn view(directory: &Directory, is_published: impl Fn(&GroupId) -> bool, logged: Logged) -> Option<ChangeView> {
    let changed = match logged.change {
        Change::User(user) => of_user(user, is_published).filter(|_| directory.publishes_users()),
        Change::Group(group) => of_group(group).filter(|_| directory.published.is_some()),
    }?;
    Some(ChangeView { id: logged.id, at: logged.at, run: logged.run, changed })
}

fn of_user(change: ChangedUser, is_published: impl Fn(&GroupId) -> bool) -> Option<ChangedObject> {
    let published = |ids: Vec<GroupId>| ids.into_iter().filter(&is_published).collect::<Vec<_>>();
    let (joined, left) = (published(change.joined), published(change.left));
    let is_active = |decision: &Option<UserDecision>| decision.as_ref().is_some_and(UserDecision::is_active);
    let kind = match (&change.before, &change.after) {
        (None, _) => UserChange::Appeared,
        (_, None) => UserChange::Forgotten,
        (before, after) if is_active(before) != is_active(after) => {
            if is_active(after) {
                UserChange::Activated
            } else {
                UserChange::Deactivated
            }
        }
        (before, after) if before != after => UserChange::ReasonChanged,
        _ if change.properties.is_empty() && joined.is_empty() && left.is_empty() => return None,
        _ => UserChange::Changed,
    };
    let (status, reason) = change.after.as_ref().map(reason_of).unzip();
    let (user, reason, properties) = (change.id, reason.flatten(), change.properties);
    Some(ChangedObject::User { kind, user, status, reason, properties, joined, left })
}

fn of_group(change: ChangedGroup) -> Option<ChangedObject> {
    let is_synced = |decision: Option<GroupDecision>| decision.is_some_and(GroupDecision::is_synced);
    let kind = match (is_synced(change.before), is_synced(change.after)) {
        (false, true) => GroupChange::Appeared,
        (true, false) => GroupChange::Disappeared,
        (true, true) => GroupChange::Changed,
        (false, false) => return None,
    };
    Some(ChangedObject::Group { kind, group: change.id, properties: change.properties })
}
