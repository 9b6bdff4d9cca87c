//! What new settings would change, before they are saved.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::directory::{Directory, GroupId, GroupRecord, ObjectId, Presence, Searchable, Text, UserRecord};
use crate::filter::{GroupDecision, GroupNode, Policy, Reach, UserFacts, UserOutcome, decide_group, decide_user};
use crate::settings::UnknownGroup;
use crate::sync::RunId;

/// The lists of a preview.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shift {
    /// Users who would not be active any more.
    Deactivated,
    /// Users who would become active.
    Activated,
    /// Groups that would disappear.
    GroupsRemoved,
    /// Groups that would appear.
    GroupsAdded,
}

impl Shift {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Deactivated, Self::Activated, Self::GroupsRemoved, Self::GroupsAdded];
}

/// What would become of a user or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// Of a user; `None` when users would not be published at all.
    User(Option<UserOutcome>),
    /// Of a group.
    Group(GroupDecision),
}

impl Then {
    /// The outcome for a user of the directory with these settings, of which `reach` is computed.
    #[must_use]
    pub fn of_user(directory: &Directory, policy: &Policy, reach: &Reach, user: &UserRecord) -> Self {
        let facts = UserFacts::of(user, directory.publishes_users());
        Self::User(policy.sync_users().then(|| decide_user(policy, reach, facts).outcome()))
    }

    /// What would become of a group.
    #[must_use]
    pub fn of_group(policy: &Policy, group: &GroupRecord) -> Self {
        Self::Group(decide_group(policy, &group.profile))
    }
}

/// One entry of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Who or which.
    pub id: ObjectId,
    /// The displayed name.
    pub name: Option<Text>,
    /// A user's sign-in name, a group's mail address.
    pub address: Option<Text>,
    /// What would become of it.
    pub then: Then,
}

/// What consumers would see otherwise, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Outline {
    /// The run whose outcome the settings were compared with; `None` before there was one.
    pub run: Option<RunId>,
    /// How many users are active now, and would be.
    pub active: (usize, usize),
    /// How many groups are published now, and would be.
    pub groups: (usize, usize),
    /// How long each list is.
    pub sizes: BTreeMap<Shift, usize>,
    /// By what they would be, how many users would not be active any more; `None` stands for users that are not published at
    /// all.
    pub deactivated: Vec<(Option<UserOutcome>, usize)>,
    /// Listed groups that the tenant does not have.
    pub vanished: Vec<GroupId>,
    /// Groups that decisions would newly depend on, and whose members are unknown: while there are any, the settings are
    /// refused.
    #[serde(default)]
    pub unknown: Vec<UnknownGroup>,
}

impl Outline {
    /// How long a list is.
    #[must_use]
    pub fn size(&self, shift: Shift) -> usize {
        self.sizes.get(&shift).copied().unwrap_or_default()
    }

    /// True when consumers would see the same.
    #[must_use]
    pub fn changes_nothing(&self) -> bool {
        self.sizes.values().all(|size| *size == 0)
    }

    /// True as long as there was no run since it was made.
    #[must_use]
    pub fn is_of(&self, directory: &Directory) -> bool {
        self.run == directory.published.as_ref().map(|published| published.run)
    }

    /// Returns how many users would be deactivated when that number has to be confirmed: because it exceeds the safety
    /// limit, or because no user would stay active. A change cannot raise the limit that it is judged by.
    #[must_use]
    pub fn to_be_confirmed(&self, current: &Policy, new: &Policy) -> Option<usize> {
        let going = self.size(Shift::Deactivated);
        let (active, then) = self.active;
        let is_too_much = [current, new].iter().any(|policy| policy.safety_limit().is_exceeded_by(going, active));
        (is_too_much || (going > 0 && then == 0)).then_some(going)
    }
}

/// What consumers would see otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preview {
    /// In numbers.
    pub outline: Outline,
    /// One by one, in the order of names.
    pub lists: BTreeMap<Shift, Vec<Line>>,
}

impl Preview {
    /// Compares what consumers see of a directory with what they would see. `users` and `groups` are all there are.
    #[must_use]
    pub fn new(directory: &Directory, policy: &Policy, users: Vec<UserRecord>, groups: Vec<GroupRecord>) -> Self {
        let groups: BTreeMap<GroupId, GroupRecord> =
            groups.into_iter().map(|group| (group.id.clone(), group)).collect();
        let reach = Reach::compute(policy, |id| groups.get(id).map(GroupNode::from));
        let published = directory.published.as_ref();
        let mut preview = Self::default();
        preview.outline.run = published.map(|published| published.run);
        let current = Reach::compute(&directory.policy, |id| groups.get(id).map(GroupNode::from));
        preview.outline.unknown = UnknownGroup::newly_in(&reach, &current, &groups);
        preview.outline.vanished = reach.vanished().iter().cloned().collect();
        for user in users.into_iter().filter(|user| user.presence != Presence::Unseen) {
            let is_active = directory.publishes_users() && user.decision.is_active();
            preview.add_user(Then::of_user(directory, policy, &reach, &user), is_active, user);
        }
        for group in groups.into_values().filter(|group| group.presence.is_present()) {
            let is_synced = published.is_some() && group.decision.is_synced();
            preview.add_group(Then::of_group(policy, &group), is_synced, group);
        }
        preview.finish()
    }

    fn add_user(&mut self, then: Then, is_active: bool, user: UserRecord) {
        let will_be = then == Then::User(Some(UserOutcome::Active));
        self.outline.active.0 += usize::from(is_active);
        self.outline.active.1 += usize::from(will_be);
        let shift = match (is_active, will_be) {
            (false, true) => Shift::Activated,
            (true, false) => Shift::Deactivated,
            _ => return,
        };
        let profile = user.profile;
        let address = profile.user_principal_name.or(profile.mail);
        self.add(shift, Line { id: user.id.object().clone(), name: profile.display_name, address, then });
    }

    fn add_group(&mut self, then: Then, is_synced: bool, group: GroupRecord) {
        let will_be = then == Then::Group(GroupDecision::Synced);
        self.outline.groups.0 += usize::from(is_synced);
        self.outline.groups.1 += usize::from(will_be);
        let shift = match (is_synced, will_be) {
            (false, true) => Shift::GroupsAdded,
            (true, false) => Shift::GroupsRemoved,
            _ => return,
        };
        let profile = group.profile;
        self.add(
            shift,
            Line { id: group.id.object().clone(), name: profile.display_name, address: profile.mail, then },
        );
    }

    fn add(&mut self, shift: Shift, line: Line) {
        self.lists.entry(shift).or_default().push(line);
    }

    fn finish(mut self) -> Self {
        let mut deactivated: BTreeMap<Option<UserOutcome>, usize> = BTreeMap::new();
        for line in self.lists.get(&Shift::Deactivated).into_iter().flatten() {
            if let Then::User(outcome) = line.then {
                *deactivated.entry(outcome).or_default() += 1;
            }
        }
        self.outline.deactivated = deactivated.into_iter().collect();
        for (shift, lines) in &mut self.lists {
            // Those of one name stay in the order of their ids.
            lines.sort_by(|a, b| a.id.cmp(&b.id));
            lines.sort_by_cached_key(|line| Searchable::of(line.name.as_deref().unwrap_or_default()));
            self.outline.sizes.insert(*shift, lines.len());
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::*;
    use crate::directory::{DirectoryCounts, DirectoryId, GroupProfile, Membership, Published, UserProfile};
    use crate::filter::{InactiveReason, SkipReason, UserDecision};

    fn directory() -> Directory {
        let id = DirectoryId::new(uuid::Uuid::nil());
        let mut directory = Directory::new(id, "contoso.example".to_owned(), Timestamp::UNIX_EPOCH);
        directory.published = Some(Published {
            run: RunId::new(Timestamp::UNIX_EPOCH),
            at: Timestamp::UNIX_EPOCH,
            settings_version: 1,
            users: true,
            users_since: None,
            counts: DirectoryCounts::default(),
            vanished_groups: Vec::new(),
            watched_groups: None,
            uncompared_groups: BTreeSet::new(),
            groups_in_doubt: BTreeSet::new(),
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
            membership: Membership::Known,
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

    fn names(preview: &Preview, shift: Shift) -> Vec<String> {
        preview.lists.get(&shift).into_iter().flatten().map(|line| line.id.to_string()).collect()
    }

    #[test]
    fn it_says_who_would_come_and_go_and_why_in_the_order_of_names() {
        let settings = json!({"sync_users": true, "sync_groups": true, "sync_groups_without_email": true, "ignored_groups": ["staff"]});
        let preview = preview(&directory(), &settings);
        assert_eq!(names(&preview, Shift::Deactivated), ["ann", "zoe"]);
        assert_eq!(names(&preview, Shift::Activated), ["out"]);
        assert_eq!(names(&preview, Shift::GroupsAdded), ["machines"]);
        assert_eq!(names(&preview, Shift::GroupsRemoved), [""; 0]);
        let outline = preview.outline;
        assert_eq!((outline.active, outline.groups), ((3, 2), (1, 2)));
        assert_eq!(outline.deactivated, [(Some(UserOutcome::MemberOfIgnoredGroup), 2)]);
        assert_eq!(Shift::ALL.map(|shift| outline.size(shift)), [2, 1, 0, 1]);
    }

    #[test]
    fn order_of_names_is_that_of_an_alphabet_in_any_case_and_with_any_marks() {
        let named = |(id, name): (&str, Option<&str>)| {
            let profile = UserProfile { display_name: name.map(Text::from), ..UserProfile::default() };
            UserRecord { profile, ..user(id, &[], UserDecision::Active) }
        };
        let names_of = [("6", "Zebra"), ("5", "zebra"), ("4", "ärzte"), ("3", "Ärzte"), ("2", "apfel"), ("1", "Zimt")];
        let mut users: Vec<UserRecord> = names_of.map(|(id, name)| named((id, Some(name)))).into();
        users.push(named(("7", None)));
        let preview = Preview::new(&directory(), &Policy::parse(&json!({})).unwrap(), users, Vec::new());
        assert_eq!(names(&preview, Shift::Deactivated), ["7", "2", "3", "4", "5", "6", "1"]);
    }

    #[test]
    fn turning_users_off_takes_everybody_away_and_must_be_confirmed_when_that_is_much() {
        let outline = preview(&directory(), &json!({"sync_groups": true, "safety_limit": {"at_least": 3}})).outline;
        assert_eq!(outline.active, (3, 0));
        assert_eq!(outline.deactivated, [(None, 3)]);
        let policy = Policy::parse(&json!({"sync_groups": true, "safety_limit": {"at_least": 4}})).unwrap();
        assert_eq!(outline.to_be_confirmed(&policy, &policy), Some(3));
    }

    #[test]
    fn before_anything_is_published_everybody_is_new() {
        let mut directory = directory();
        directory.published = None;
        let preview = preview(&directory, &json!({"sync_users": true, "sync_groups": true}));
        assert_eq!((preview.outline.active, preview.outline.groups), ((0, 4), (0, 1)));
        assert_eq!(names(&preview, Shift::Deactivated), [""; 0]);
        assert!(preview.outline.is_of(&directory) && !preview.outline.is_of(&super::tests::directory()));
    }

    #[test]
    fn the_same_settings_change_nothing_but_for_what_a_run_has_not_decided_yet() {
        let settings =
            json!({"sync_users": true, "sync_groups": true, "allowed_groups": ["staff", "machines", "gone"]});
        let outline = preview(&directory(), &settings).outline;
        assert!(outline.changes_nothing(), "{outline:?}");
        assert_eq!(outline.vanished, ["gone".parse().unwrap()]);
    }
}
