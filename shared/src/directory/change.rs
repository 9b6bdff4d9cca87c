//! What has become of a user or a group, from one record to the next: what the log of changes has.

use std::collections::BTreeSet;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{GroupId, GroupRecord, Presence, Text, UserId, UserRecord};
use crate::filter::{GroupDecision, UserDecision};

/// The most groups that one change has somebody join and leave: about 40 KB of ids.
const MAX_MOVES: usize = 1_000;

/// A change's number in its directory. They begin with 1, and none is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = u64, minimum = 1, example = 4711)]
pub struct ChangeId(NonZeroU64);

impl ChangeId {
    /// The first one of a directory.
    pub const FIRST: Self = Self(NonZeroU64::MIN);

    /// The change of this number; `None` for 0.
    #[must_use]
    pub fn new(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    /// The one after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0.get()
    }
}

/// What has become of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Of a user.
    User(ChangedUser),
    /// Of a group.
    Group(ChangedGroup),
}

/// What has become of a user. Who was not there before is to be read whole: only the decision is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedUser {
    /// Who.
    pub id: UserId,
    /// The decision before; `None` when there was nobody to be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<UserDecision>,
    /// The decision from now on; `None` when there is nobody to be seen any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<UserDecision>,
    /// The properties that have another value now, by the names of our own API.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<Text>,
    /// Groups the user is in from now on. A deleted user is in no group; restored, the user is in those that were kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joined: Vec<GroupId>,
    /// Groups the user is not in any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<GroupId>,
    /// The user's change before this one, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<ChangeId>,
}

impl ChangedUser {
    /// What lies between two records of a user, in as many parts as it takes; none when nobody can tell them apart.
    pub(crate) fn between(old: Option<&UserRecord>, new: Option<&UserRecord>) -> Vec<Self> {
        let Some(id) = old.or(new).map(|user| user.id.clone()) else { return Vec::new() };
        let [old, new] = [old, new].map(|user| user.filter(|user| user.presence != Presence::Unseen));
        let decision = |user: Option<&UserRecord>| user.map(|user| user.decision.clone());
        let mut change = Self {
            id,
            before: decision(old),
            after: decision(new),
            properties: Vec::new(),
            joined: Vec::new(),
            left: Vec::new(),
            previous: None,
        };
        let (Some(old), Some(new)) = (old, new) else {
            return if change.before == change.after { Vec::new() } else { vec![change] };
        };
        change.properties = new.profile.differences(&old.profile);
        let none = BTreeSet::new();
        // Records keep the groups of deleted users for their return.
        let [before, after] = [old, new].map(|user| if user.presence.is_present() { &user.groups } else { &none });
        let mut joined = after.difference(before).cloned().peekable();
        let mut left = before.difference(after).cloned().peekable();
        let mut parts = Vec::new();
        loop {
            change.joined = joined.by_ref().take(MAX_MOVES).collect();
            change.left = left.by_ref().take(MAX_MOVES).collect();
            if change.is_something() {
                let rest = Self { before: change.after.clone(), properties: Vec::new(), ..change.clone() };
                parts.push(std::mem::replace(&mut change, rest));
            }
            if joined.peek().is_none() && left.peek().is_none() {
                return parts;
            }
        }
    }

    fn is_something(&self) -> bool {
        self.before != self.after || !self.properties.is_empty() || !self.joined.is_empty() || !self.left.is_empty()
    }

    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        200 + 40 * (self.joined.len() + self.left.len())
    }
}

/// What has become of a group. Which users joined or left it is told with the users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedGroup {
    /// Which.
    pub id: GroupId,
    /// The decision before; `None` when there was no such group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<GroupDecision>,
    /// The decision from now on; `None` when there is no such group any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<GroupDecision>,
    /// The properties that have another value now, by the names of our own API.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<Text>,
    /// True when other groups are nested in it from now on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nesting: bool,
    /// Groups that are nested in it from now on; empty when there are too many to be named, as in logs of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joined: Vec<GroupId>,
    /// Groups that are no longer nested in it; empty likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<GroupId>,
}

impl ChangedGroup {
    /// What lies between two records of a group; `None` when nobody can tell them apart. How many members it has is told with
    /// those.
    pub(crate) fn between(old: Option<&GroupRecord>, new: &GroupRecord) -> Option<Self> {
        let seen = |group: &&GroupRecord| group.presence.is_present();
        let (old, now) = (old.filter(seen), Some(new).filter(seen));
        let both = old.zip(now);
        let change = Self {
            id: new.id.clone(),
            before: old.map(|group| group.decision),
            after: now.map(|group| group.decision),
            properties: both.map(|(old, new)| differences(old, new)).unwrap_or_default(),
            nesting: both.is_some_and(|(old, new)| old.children != new.children),
            joined: both.map(|(old, new)| named(&new.children, &old.children)).unwrap_or_default(),
            left: both.map(|(old, new)| named(&old.children, &new.children)).unwrap_or_default(),
        };
        // All of them or none: a part would look like the whole.
        let change = if change.joined.len() > MAX_MOVES || change.left.len() > MAX_MOVES {
            Self { joined: Vec::new(), left: Vec::new(), ..change }
        } else {
            change
        };
        (change.before != change.after || !change.properties.is_empty() || change.nesting).then_some(change)
    }

    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        250 + 40 * (self.joined.len() + self.left.len())
    }
}

/// The groups that are among these and not among those; more than [`MAX_MOVES`] are not counted to the end.
fn named(these: &BTreeSet<GroupId>, those: &BTreeSet<GroupId>) -> Vec<GroupId> {
    these.difference(those).take(MAX_MOVES + 1).cloned().collect()
}

/// The names, by our own API, of what is different about a group.
fn differences(old: &GroupRecord, new: &GroupRecord) -> Vec<Text> {
    let mut names = new.profile.differences(&old.profile);
    if old.membership.is_known() != new.membership.is_known() {
        names.push("membership".into());
    }
    names
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::directory::{Membership, ObjectId, UserProfile};
    use crate::filter::InactiveReason;

    fn group(number: usize) -> GroupId {
        ObjectId::from(Uuid::from_u128(number as u128)).into()
    }

    fn kim(groups: std::ops::Range<usize>) -> UserRecord {
        UserRecord {
            id: "kim".parse().unwrap(),
            profile: UserProfile { display_name: Some("Kim".into()), ..UserProfile::default() },
            presence: Presence::Present,
            groups: groups.map(group).collect(),
            decision: UserDecision::Active,
            changed: None,
        }
    }

    #[test]
    fn what_is_alike_is_no_change() {
        let ghost = UserRecord { presence: Presence::Unseen, ..kim(0..2) };
        assert_eq!(ChangedUser::between(Some(&kim(0..2)), Some(&kim(0..2))), []);
        assert_eq!(ChangedUser::between(None, None), []);
        assert_eq!(
            ChangedUser::between(Some(&ghost), Some(&UserRecord { groups: BTreeSet::new(), ..ghost.clone() })),
            []
        );
        assert_eq!(ChangedUser::between(None, Some(&ghost)), []);
    }

    #[test]
    fn who_comes_or_goes_is_told_by_the_decision_alone() {
        let inactive = UserDecision::Inactive(InactiveReason::Deleted);
        let deleted = UserRecord { decision: inactive.clone(), ..kim(0..2) };
        for (old, new, before, after) in [
            (None, Some(kim(0..2)), None, Some(UserDecision::Active)),
            (Some(deleted.clone()), None, Some(inactive.clone()), None),
            (Some(UserRecord { presence: Presence::Unseen, ..kim(0..2) }), Some(deleted), None, Some(inactive)),
        ] {
            let changes = ChangedUser::between(old.as_ref(), new.as_ref());
            let [change] = changes.as_slice() else { panic!("{changes:?}") };
            assert_eq!((&change.before, &change.after), (&before, &after));
            assert!(change.joined.is_empty() && change.left.is_empty() && change.properties.is_empty());
        }
    }

    #[test]
    fn what_differs_is_named() {
        let mut new = kim(1..3);
        new.profile.display_name = Some("Kim Married".into());
        new.profile.mail = Some("kim@contoso.example".into());
        new.decision = UserDecision::Inactive(InactiveReason::NotInAllowedGroup);
        let changes = ChangedUser::between(Some(&kim(0..2)), Some(&new));
        let [change] = changes.as_slice() else { panic!("{changes:?}") };
        assert_eq!(change.properties, ["display_name", "mail"]);
        assert_eq!((change.joined.as_slice(), change.left.as_slice()), ([group(2)].as_slice(), [group(0)].as_slice()));
        assert_eq!(change.after, Some(new.decision));
    }

    #[test]
    fn deleted_user_leaves_all_groups_and_returns_to_those_kept() {
        let since = jiff::Timestamp::UNIX_EPOCH;
        let deleted = |groups| UserRecord {
            presence: Presence::Deleted { since },
            decision: UserDecision::Inactive(InactiveReason::Deleted),
            ..kim(groups)
        };
        let moves = |old: &UserRecord, new: &UserRecord| {
            let changes = ChangedUser::between(Some(old), Some(new));
            changes.into_iter().next().map(|change| (change.joined, change.left))
        };
        let (none, two) = (Vec::new(), vec![group(0), group(1)]);
        assert_eq!(moves(&kim(0..2), &deleted(0..2)), Some((none.clone(), two.clone())));
        assert_eq!(moves(&deleted(0..0), &deleted(0..2)), None, "whoever is deleted joins no group");
        assert_eq!(moves(&deleted(0..2), &kim(0..2)), Some((two.clone(), none.clone())));
        assert_eq!(moves(&deleted(0..0), &kim(0..2)), Some((two, none)));
    }

    #[test]
    fn nested_groups_are_named_unless_there_are_too_many() {
        let nesting = |children: std::ops::Range<usize>| GroupRecord {
            id: "parent".parse().unwrap(),
            profile: crate::directory::GroupProfile::default(),
            presence: Presence::Present,
            children: children.map(group).collect(),
            decision: GroupDecision::Synced,
            members: 0,
            membership: Membership::Known,
        };
        let change = ChangedGroup::between(Some(&nesting(0..2)), &nesting(1..3)).unwrap();
        assert_eq!((change.nesting, change.joined, change.left), (true, vec![group(2)], vec![group(0)]));
        let change = ChangedGroup::between(Some(&nesting(0..2)), &nesting(0..5_000)).unwrap();
        assert_eq!((change.nesting, change.joined, change.left), (true, vec![], vec![]));
    }

    #[test]
    fn very_many_groups_are_told_in_parts_and_none_is_left_out() {
        let (old, new) = (kim(0..2_500), kim(2_400..2_600));
        let parts = ChangedUser::between(Some(&old), Some(&new));
        assert_eq!(parts.len(), 3);
        let left: usize = parts.iter().map(|part| part.left.len()).sum();
        let joined: BTreeSet<GroupId> = parts.iter().flat_map(|part| part.joined.clone()).collect();
        assert_eq!((left, joined), (2_400, (2_500..2_600).map(group).collect()));
    }
}
