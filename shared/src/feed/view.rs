//! What of a change is told.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::directory::{Change, ChangeId, ChangedGroup, ChangedUser, Directory, GroupId, Text, UserId};
use crate::filter::{GroupDecision, InactiveReason, UserDecision};
use crate::store::Logged;
use crate::sync::RunId;

/// A property of users that is kept and not published. The decision shows what follows from it.
const UNPUBLISHED: &str = "account_enabled";
/// The name of the groups nested in a group, as the API has it.
const NESTED: &str = "groups";

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
    /// Whether a group that decides has the user in it is unknown, and the user was not active before.
    MembershipUnknown,
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
        UserDecision::Inactive(InactiveReason::MembershipUnknown { .. }) => Reason::MembershipUnknown,
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
        /// The properties that have other values; `groups` when published groups are nested in it, or are no longer.
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

/// The groups that changes name, of which those that are published have to be known for [`view`].
#[must_use]
pub fn groups_of(directory: &Directory, changes: &[Logged]) -> BTreeSet<GroupId> {
    let mut groups = BTreeSet::new();
    for logged in changes {
        match &logged.change {
            Change::User(user) if directory.publishes_users() => {
                groups.extend(user.joined.iter().chain(&user.left).cloned());
                groups.extend([&user.before, &user.after].into_iter().flatten().filter_map(group_in_reason).cloned());
            }
            Change::Group(group) => groups.extend(group.joined.iter().chain(&group.left).cloned()),
            Change::User(_) => {}
        }
    }
    groups
}

/// The ignored group that is the reason of a decision.
fn group_in_reason(decision: &UserDecision) -> Option<&GroupId> {
    match decision {
        UserDecision::Inactive(InactiveReason::MemberOfIgnoredGroup { group }) => Some(group),
        UserDecision::Active | UserDecision::Inactive(_) => None,
    }
}

/// What consumers are told of a change, if anything.
#[must_use]
pub fn view(directory: &Directory, is_published: impl Fn(&GroupId) -> bool, logged: Logged) -> Option<ChangeView> {
    let changed = match logged.change {
        Change::User(user) => of_user(user, is_published).filter(|_| directory.publishes_users()),
        Change::Group(group) => of_group(group, is_published).filter(|_| directory.published.is_some()),
    }?;
    Some(ChangeView { id: logged.id, at: logged.at, run: logged.run, changed })
}

fn of_user(change: ChangedUser, is_published: impl Fn(&GroupId) -> bool) -> Option<ChangedObject> {
    let published = |ids: Vec<GroupId>| ids.into_iter().filter(&is_published).collect::<Vec<_>>();
    let (joined, left) = (published(change.joined), published(change.left));
    let mut properties = change.properties;
    properties.retain(|property| property != UNPUBLISHED);
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
        (Some(before), Some(after)) if is_told_apart(before, after, &is_published) => UserChange::ReasonChanged,
        _ if properties.is_empty() && joined.is_empty() && left.is_empty() => return None,
        _ => UserChange::Changed,
    };
    let (status, reason) = change.after.as_ref().map(reason_of).unzip();
    let (user, reason) = (change.id, reason.flatten());
    Some(ChangedObject::User { kind, user, status, reason, properties, joined, left })
}

/// Whether consumers can tell two decisions apart. The ignored group that is a reason shows only when it is published.
fn is_told_apart(before: &UserDecision, after: &UserDecision, is_published: impl Fn(&GroupId) -> bool) -> bool {
    let shown = |decision| group_in_reason(decision).filter(|group| is_published(group));
    reason_of(before) != reason_of(after) || shown(before) != shown(after)
}

fn of_group(change: ChangedGroup, is_published: impl Fn(&GroupId) -> bool) -> Option<ChangedObject> {
    let mut nested = change.joined.iter().chain(&change.left).peekable();
    // Where the groups are not named, some of them may be published.
    let is_nesting = change.nesting && (nested.peek().is_none() || nested.any(is_published));
    let mut properties = change.properties;
    if is_nesting {
        properties.push(Text::from(NESTED));
    }
    let is_synced = |decision: Option<GroupDecision>| decision.is_some_and(GroupDecision::is_synced);
    let kind = match (is_synced(change.before), is_synced(change.after)) {
        (false, true) => GroupChange::Appeared,
        (true, false) => GroupChange::Disappeared,
        (true, true) if properties.is_empty() => return None,
        (true, true) => GroupChange::Changed,
        (false, false) => return None,
    };
    Some(ChangedObject::Group { kind, group: change.id, properties })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::directory::ObjectId;

    const SEEN: u128 = 1;
    const HIDDEN: u128 = 2;

    fn group(number: u128) -> GroupId {
        ObjectId::from(Uuid::from_u128(number)).into()
    }

    fn seen(id: &GroupId) -> bool {
        *id == group(SEEN)
    }

    fn ignored(number: u128) -> UserDecision {
        UserDecision::Inactive(InactiveReason::MemberOfIgnoredGroup { group: group(number) })
    }

    fn user(before: UserDecision, after: UserDecision, properties: &[&str]) -> Option<UserChange> {
        let change = ChangedUser {
            id: "kim".parse().unwrap(),
            before: Some(before),
            after: Some(after),
            properties: properties.iter().map(|name| Text::from(*name)).collect(),
            joined: vec![group(HIDDEN)],
            left: Vec::new(),
            previous: None,
        };
        let Some(ChangedObject::User { kind, joined, .. }) = of_user(change, seen) else { return None };
        assert_eq!(joined, [], "a group that is not published");
        Some(kind)
    }

    fn nested(nesting: bool, joined: &[u128], properties: &[&str]) -> Option<Vec<Text>> {
        let change = ChangedGroup {
            id: "parent".parse().unwrap(),
            before: Some(GroupDecision::Synced),
            after: Some(GroupDecision::Synced),
            properties: properties.iter().map(|name| Text::from(*name)).collect(),
            nesting,
            joined: joined.iter().map(|number| group(*number)).collect(),
            left: Vec::new(),
        };
        let Some(ChangedObject::Group { properties, .. }) = of_group(change, seen) else { return None };
        Some(properties)
    }

    #[test]
    fn invisible_changes_of_users_are_not_told() {
        let active = || UserDecision::Active;
        assert_eq!(user(active(), active(), &[]), None);
        assert_eq!(user(active(), active(), &["account_enabled"]), None);
        assert_eq!(user(active(), active(), &["account_enabled", "mail"]), Some(UserChange::Changed));
        assert_eq!(user(ignored(HIDDEN), ignored(HIDDEN + 1), &[]), None);
        assert_eq!(user(ignored(HIDDEN), ignored(SEEN), &[]), Some(UserChange::ReasonChanged));
        assert_eq!(user(active(), ignored(HIDDEN), &[]), Some(UserChange::Deactivated));
    }

    #[test]
    fn changed_groups_name_what_changed() {
        assert_eq!(nested(true, &[HIDDEN], &[]), None);
        assert_eq!(nested(true, &[HIDDEN, SEEN], &["mail"]).unwrap(), ["mail", "groups"]);
        assert_eq!(nested(true, &[], &[]).unwrap(), ["groups"], "not named, so it may be a published one");
        assert_eq!(nested(false, &[], &[]), None);
    }
}
