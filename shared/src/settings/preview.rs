//! What new settings would change, before they are saved.

use std::collections::BTreeMap;

use crate::directory::{Directory, GroupId, GroupRecord, Presence, UserRecord};
use crate::filter::{
    GroupDecision, GroupNode, InactiveReason, Policy, Reach, SkipReason, UserDecision, UserFacts, decide_group,
    decide_user,
};

/// A user whom the settings would let in or keep out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserShift {
    /// The user as it is.
    pub user: UserRecord,
    /// What it would be; `None` when users would not be published at all.
    pub after: Option<UserDecision>,
}

/// A group that the settings would publish or hide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupShift {
    /// The group as it is.
    pub group: GroupRecord,
    /// Why it would be hidden; `None` when it would be published.
    pub skipped: Option<SkipReason>,
}

/// What consumers would see otherwise, in the order of names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preview {
    /// Users who would become active.
    pub activated: Vec<UserShift>,
    /// Users who would not be active any more.
    pub deactivated: Vec<UserShift>,
    /// Groups that would appear.
    pub groups_added: Vec<GroupShift>,
    /// Groups that would disappear.
    pub groups_removed: Vec<GroupShift>,
    /// How many users are active now, and would be.
    pub active: (usize, usize),
    /// How many groups are published now, and would be.
    pub groups: (usize, usize),
    /// Listed groups that the tenant does not have.
    pub vanished: Vec<GroupId>,
}

impl Preview {
    /// Compares what consumers see of a directory with what they would see. `users` and `groups` are all there are.
    #[must_use]
    pub fn new(directory: &Directory, policy: &Policy, users: Vec<UserRecord>, groups: Vec<GroupRecord>) -> Self {
        let groups: BTreeMap<GroupId, GroupRecord> =
            groups.into_iter().map(|group| (group.id.clone(), group)).collect();
        let reach = Reach::compute(policy, |id| {
            let group = groups.get(id)?;
            Some(GroupNode { present: group.presence.is_present(), children: &group.children })
        });
        let mut preview = Self { vanished: reach.vanished().iter().cloned().collect(), ..Self::default() };
        let published = directory.published.as_ref();
        let users_published = published.is_some_and(|published| published.users);
        for user in users.into_iter().filter(|user| user.presence != Presence::Unseen) {
            let facts = UserFacts {
                deleted: user.presence.is_deleted(),
                account_enabled: user.profile.account_enabled,
                groups: &user.groups,
            };
            let after = policy.sync_users().then(|| decide_user(policy, &reach, facts));
            let is_active = users_published && user.decision.is_active();
            let will_be = after.as_ref().is_some_and(UserDecision::is_active);
            preview.active.0 += usize::from(is_active);
            preview.active.1 += usize::from(will_be);
            match (is_active, will_be) {
                (false, true) => preview.activated.push(UserShift { user, after }),
                (true, false) => preview.deactivated.push(UserShift { user, after }),
                _ => {}
            }
        }
        for group in groups.into_values().filter(|group| group.presence.is_present()) {
            let skipped = match decide_group(policy, &group.profile) {
                GroupDecision::Synced => None,
                GroupDecision::Skipped { reason } => Some(reason),
            };
            let is_synced = published.is_some() && group.decision.is_synced();
            preview.groups.0 += usize::from(is_synced);
            preview.groups.1 += usize::from(skipped.is_none());
            match (is_synced, skipped) {
                (false, None) => preview.groups_added.push(GroupShift { group, skipped }),
                (true, Some(_)) => preview.groups_removed.push(GroupShift { group, skipped }),
                _ => {}
            }
        }
        for users in [&mut preview.activated, &mut preview.deactivated] {
            users.sort_by(|a, b| a.user.profile.display_name.cmp(&b.user.profile.display_name));
        }
        for groups in [&mut preview.groups_added, &mut preview.groups_removed] {
            groups.sort_by(|a, b| a.group.profile.display_name.cmp(&b.group.profile.display_name));
        }
        preview
    }

    /// True when consumers would see the same.
    #[must_use]
    pub fn changes_nothing(&self) -> bool {
        self.activated.is_empty()
            && self.deactivated.is_empty()
            && self.groups_added.is_empty()
            && self.groups_removed.is_empty()
    }

    /// How many users would lose what they have, when that is more than a run would take away unasked: whoever saves
    /// this has to say the number.
    #[must_use]
    pub fn to_be_confirmed(&self, policy: &Policy) -> Option<usize> {
        let going = self.deactivated.len();
        policy.safety_limit().is_exceeded_by(going, self.active.0).then_some(going)
    }

    /// By reason, how many users would become inactive; `None` stands for users that are not published at all.
    #[must_use]
    pub fn reasons(&self) -> Vec<(Option<InactiveReason>, usize)> {
        let mut reasons: BTreeMap<Option<InactiveReason>, usize> = BTreeMap::new();
        for shift in &self.deactivated {
            let reason = match &shift.after {
                Some(UserDecision::Inactive(reason)) => Some(reason.clone()),
                _ => None,
            };
            *reasons.entry(reason).or_default() += 1;
        }
        reasons.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::*;
    use crate::directory::{DirectoryCounts, DirectoryId, GroupProfile, Published, UserProfile};
    use crate::sync::RunId;

    fn directory() -> Directory {
        let id = DirectoryId::new(uuid::Uuid::nil());
        let mut directory = Directory::new(id, "contoso.example".to_owned(), Timestamp::UNIX_EPOCH);
        directory.published = Some(Published {
            run: RunId::new(Timestamp::UNIX_EPOCH),
            at: Timestamp::UNIX_EPOCH,
            settings_version: 1,
            users: true,
            counts: DirectoryCounts::default(),
            vanished_groups: Vec::new(),
        });
        directory
    }

    fn user(name: &str, groups: &[&str], decision: UserDecision) -> UserRecord {
        UserRecord {
            id: name.parse().unwrap(),
            profile: UserProfile { display_name: Some(name.into()), ..UserProfile::default() },
            presence: Presence::Present,
            groups: groups.iter().map(|group| group.parse().unwrap()).collect(),
            decision,
            changed: None,
        }
    }

    fn group(name: &str, mail: bool, decision: GroupDecision) -> GroupRecord {
        GroupRecord {
            id: name.parse().unwrap(),
            profile: GroupProfile {
                display_name: Some(name.into()),
                mail: mail.then(|| "g@contoso.example".into()),
                ..GroupProfile::default()
            },
            presence: Presence::Present,
            children: BTreeSet::new(),
            decision,
            members: 0,
        }
    }

    fn preview(directory: &Directory, settings: &Value) -> Preview {
        let users = vec![
            user("zoe", &["staff"], UserDecision::Active),
            user("ann", &["staff"], UserDecision::Active),
            user("bot", &["machines"], UserDecision::Active),
            user("out", &[], UserDecision::Inactive(InactiveReason::NotInAllowedGroup)),
            UserRecord { presence: Presence::Unseen, ..user("ghost", &[], UserDecision::Active) },
        ];
        let groups = vec![
            group("staff", true, GroupDecision::Synced),
            group("machines", false, GroupDecision::Skipped { reason: SkipReason::NoEmail }),
        ];
        Preview::new(directory, &Policy::parse(settings).unwrap(), users, groups)
    }

    fn names(shifts: &[UserShift]) -> Vec<String> {
        shifts.iter().map(|shift| shift.user.id.to_string()).collect()
    }

    #[test]
    fn it_says_who_would_come_and_go_and_why_in_the_order_of_names() {
        let settings = json!({"sync_users": true, "sync_groups": true, "sync_groups_without_email": true, "ignored_groups": ["staff"]});
        let preview = preview(&directory(), &settings);
        assert_eq!(names(&preview.deactivated), ["ann", "zoe"]);
        assert_eq!(names(&preview.activated), ["out"]);
        assert_eq!(preview.active, (3, 2));
        assert_eq!(preview.groups, (1, 2));
        assert_eq!(preview.groups_added.len(), 1);
        let reason = InactiveReason::MemberOfIgnoredGroup { group: "staff".parse().unwrap() };
        assert_eq!(preview.reasons(), [(Some(reason), 2)]);
    }

    #[test]
    fn turning_users_off_takes_everybody_away_and_must_be_confirmed_when_that_is_much() {
        let preview = preview(&directory(), &json!({"sync_groups": true, "safety_limit": {"at_least": 3}}));
        assert_eq!(preview.active, (3, 0));
        assert_eq!(preview.reasons(), [(None, 3)]);
        let limit = |settings: Value| preview.to_be_confirmed(&Policy::parse(&settings).unwrap());
        assert_eq!(limit(json!({"safety_limit": {"at_least": 3}})), Some(3));
        assert_eq!(limit(json!({"safety_limit": {"at_least": 4}})), None);
    }

    #[test]
    fn before_anything_is_published_everybody_is_new() {
        let mut directory = directory();
        directory.published = None;
        let preview = preview(&directory, &json!({"sync_users": true, "sync_groups": true}));
        assert_eq!((preview.active, preview.groups), ((0, 4), (0, 1)));
        assert!(preview.deactivated.is_empty());
    }

    #[test]
    fn the_same_settings_change_nothing_but_for_what_a_run_has_not_decided_yet() {
        let settings =
            json!({"sync_users": true, "sync_groups": true, "allowed_groups": ["staff", "machines", "gone"]});
        let preview = preview(&directory(), &settings);
        assert!(preview.changes_nothing(), "{preview:?}");
        assert_eq!(preview.vanished, ["gone".parse().unwrap()]);
    }
}
