//! From readings to plans, without any I/O.

mod guard;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::changes::NetChanges;
use super::known::Known;
use super::outlook::Outlook;
use super::plan::Plan;
use super::reconcile::Reconciliation;
use super::source::{GroupChange, GroupEvent, Listing, MemberChange, Removal, UnreadObject, UserChange};
use crate::directory::{
    GroupId, GroupPatch, GroupRecord, Member, MemberKind, Membership, ObjectId, Patch, Presence, UnknownCause, UserId,
    UserPatch,
};
use crate::filter::{InactiveReason, Policy, UserDecision};
use crate::store::{List, ListChange, Write};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn user(n: u8) -> UserId {
    format!("a0000000-0000-0000-0000-0000000000{n:02x}").parse().unwrap()
}

fn group(n: u8) -> GroupId {
    format!("b0000000-0000-0000-0000-0000000000{n:02x}").parse().unwrap()
}

fn policy(settings: Value) -> Policy {
    Policy::parse(&settings).unwrap()
}

fn everything_on() -> Policy {
    policy(json!({"sync_users": true, "sync_groups": true, "sync_groups_without_email": true}))
}

fn enabled(enabled: bool) -> UserPatch {
    UserPatch { account_enabled: Patch::Set(enabled), ..UserPatch::default() }
}

fn named(name: &str) -> GroupPatch {
    GroupPatch { display_name: Patch::Set(name.into()), ..GroupPatch::default() }
}

fn person(n: u8) -> Member {
    Member { id: user(n).object().clone(), kind: MemberKind::User }
}

fn nested(n: u8) -> Member {
    Member { id: group(n).object().clone(), kind: MemberKind::Group }
}

fn listing<T>(objects: impl IntoIterator<Item = T>) -> Listing<T> {
    Listing { objects: objects.into_iter().collect(), unread: Vec::new() }
}

/// Everything there is in a tenant, as it was read.
struct FullReading {
    users: Listing<(UserId, UserPatch)>,
    groups: Listing<(GroupId, GroupPatch)>,
    members: BTreeMap<GroupId, Listing<Member>>,
}

fn reconcile(known: &Known, reading: FullReading) -> NetChanges {
    let mut reconciliation = Reconciliation::new(known);
    reconciliation.see_users(reading.users);
    reconciliation.see_groups(reading.groups);
    for (group, members) in reading.members {
        if reconciliation.is_hidden(&group, &members) {
            reconciliation.see_unknown(&group, UnknownCause::Hidden);
        } else {
            reconciliation.see_members(&group, members);
        }
    }
    reconciliation.conclude()
}

/// A tenant of enabled users, and groups with their members.
fn reading(users: &[u8], groups: &[(u8, Vec<Member>)]) -> FullReading {
    FullReading {
        users: listing(users.iter().map(|n| (user(*n), enabled(true)))),
        groups: listing(groups.iter().map(|(n, _)| (group(*n), named(&format!("Group {n}"))))),
        members: groups.iter().map(|(n, members)| (group(*n), listing(members.clone()))).collect(),
    }
}

/// What a run would write.
#[derive(Debug, Clone)]
struct Planned {
    plan: Plan,
    writes: Vec<Write>,
    is_empty: bool,
}

impl Planned {
    fn is_empty(&self) -> bool {
        assert_eq!(self.is_empty, self.writes.is_empty());
        self.is_empty
    }

    /// Brings up to date what is known, as reading the store again would.
    fn apply_to(self, known: &mut Known) {
        for write in self.writes {
            match write {
                Write::Group(group) => known.add_groups(vec![group]),
                Write::User(user) => known.add_users(vec![user]),
                Write::ForgetUser(user) => known.users.forget(&user),
                Write::List(_) | Write::Names(_) => {}
            }
        }
    }

    /// A line for each write.
    fn lines(&self) -> String {
        let line = |write: &Write| match write {
            Write::Names(change) => format!("names: {} new, {} old\n", change.add.len(), change.remove.len()),
            Write::ForgetUser(user) => format!("forget user {user}\n"),
            Write::Group(group) => {
                let GroupRecord { id, presence, decision, members, .. } = group;
                format!("group {id} {presence:?} {decision:?}, {members} members\n")
            }
            Write::User(user) => format!("user {} {:?} {:?}\n", user.id, user.presence, user.decision),
            Write::List(change) => {
                let list = match &change.list {
                    List::Members(group) => format!("members of {group}"),
                    List::Users(outcome) => format!("users {outcome:?}"),
                    List::Groups(decision) => format!("groups {decision:?}"),
                };
                format!("{list}: {} join, {} leave\n", change.add.len(), change.remove.len())
            }
        };
        self.writes.iter().map(line).collect()
    }
}

fn plan_for(known: &Known, net: &NetChanges, policy: &Policy) -> Planned {
    let outlook = Outlook::new(known, net, policy, NOW);
    let plan = Plan::new(&outlook);
    let is_empty = plan.is_empty(&outlook);
    Planned { writes: plan.clone().into_writes(&outlook).collect(), plan, is_empty }
}

fn sync_fully(known: &mut Known, reading: FullReading, policy: &Policy) -> Planned {
    known.complete = true;
    let planned = plan_for(known, &reconcile(known, reading), policy);
    planned.clone().apply_to(known);
    planned
}

fn changes(users: Vec<UserChange>, groups: Vec<GroupChange>) -> NetChanges {
    let mut net = NetChanges::default();
    net.add_users(users);
    net.add_groups(groups);
    net
}

fn sync_changes(known: &mut Known, users: Vec<UserChange>, groups: Vec<GroupChange>, policy: &Policy) -> Planned {
    let planned = plan_for(known, &changes(users, groups), policy);
    planned.clone().apply_to(known);
    planned
}

fn membership(of: u8, member: u8, removed: bool) -> GroupChange {
    GroupChange {
        id: group(of),
        what: GroupEvent::Seen(GroupPatch::default()),
        members: vec![MemberChange { id: user(member).object().clone(), kind: MemberKind::User, removed }],
    }
}

fn decision(known: &Known, n: u8) -> &UserDecision {
    &known.users.get(&user(n)).unwrap().decision
}

#[test]
fn the_first_reading_is_planned_whole_and_the_second_plans_nothing() {
    let mut known = Known::default();
    let tenant = || reading(&[1, 2], &[(1, vec![person(1)]), (2, vec![nested(1)])]);
    let first = sync_fully(&mut known, tenant(), &everything_on());
    insta::assert_snapshot!(first.lines(), @r"
    members of b0000000-0000-0000-0000-000000000001: 1 join, 0 leave
    users Active: 2 join, 0 leave
    user a0000000-0000-0000-0000-000000000001 Present Active
    user a0000000-0000-0000-0000-000000000002 Present Active
    names: 6 new, 0 old
    groups Synced: 2 join, 0 leave
    group b0000000-0000-0000-0000-000000000001 Present Synced, 1 members
    group b0000000-0000-0000-0000-000000000002 Present Synced, 0 members
    ");
    let first = first.plan;
    assert_eq!((first.changes.users_added, first.changes.activated, first.changes.memberships_added), (2, 2, 2));
    assert!(sync_fully(&mut known, tenant(), &everything_on()).is_empty());
}

#[test]
fn lists_of_members_are_written_before_users_and_groups_after_them() {
    let mut known = Known::default();
    sync_fully(&mut known, reading(&[1, 2], &[(1, vec![])]), &everything_on());
    let plan = sync_changes(
        &mut known,
        vec![UserChange::Seen(user(1), enabled(false)), UserChange::Seen(user(3), enabled(true))],
        vec![membership(1, 2, false), membership(2, 2, false)],
        &everything_on(),
    );
    let kinds: Vec<_> = plan
        .writes
        .iter()
        .map(|write| match write {
            Write::Group(_) => "group",
            Write::List(ListChange { list: List::Members(_), .. }) => "members",
            Write::List(ListChange { list: List::Users(_), .. }) => "list of users",
            Write::List(ListChange { list: List::Groups(_), .. }) => "list of groups",
            Write::Names(_) => "names",
            Write::ForgetUser(_) => "forget",
            Write::User(user) if user.decision.is_active() => "active",
            Write::User(_) => "inactive",
        })
        .collect();
    let expected = [
        "members",
        "members",
        "list of users",
        "list of users",
        "active",
        "active",
        "inactive",
        "list of users",
        "list of groups",
        "group",
        "group",
    ];
    assert_eq!(kinds, expected, "user 1 is disabled, 2 joins both groups, of which one was never seen, 3 is new");
}

#[test]
fn of_a_user_who_is_listed_twice_the_later_entry_holds_even_if_it_is_what_was_known() {
    for known_to_be_enabled in [true, false] {
        let mut known = Known::default();
        let list = |entries: &[bool]| FullReading {
            users: listing(entries.iter().map(|is_enabled| (user(1), enabled(*is_enabled)))),
            groups: listing([]),
            members: BTreeMap::new(),
        };
        sync_fully(&mut known, list(&[known_to_be_enabled]), &everything_on());
        let plan = sync_fully(&mut known, list(&[!known_to_be_enabled, known_to_be_enabled]), &everything_on());
        assert!(plan.is_empty(), "{}", plan.lines());
    }
}

#[test]
fn new_names_come_before_the_records_that_have_them_and_old_ones_go_last() {
    let mut known = Known::default();
    let mut see = |mail: &str| {
        let patch = UserPatch { mail: Patch::Set(mail.into()), ..enabled(true) };
        sync_changes(&mut known, vec![UserChange::Seen(user(1), patch)], vec![], &everything_on()).lines()
    };
    see("kim@contoso.example");
    let user = format!("user {} Present Active\n", user(1));
    assert_eq!(see("kim.lind@contoso.example"), format!("names: 1 new, 0 old\n{user}names: 0 new, 1 old\n"));
    // Names are found in any case, so only the record changes.
    assert_eq!(see("Kim.Lind@contoso.example"), user);
    assert_eq!(see("Kim.Lind@contoso.example"), "");
}

#[test]
fn a_user_deleted_thirty_days_ago_is_forgotten_once_everything_is_read() {
    let day = jiff::SignedDuration::from_hours(24);
    for (days, is_forgotten) in [(29, false), (30, true), (300, true)] {
        let mut known = Known::default();
        sync_fully(&mut known, reading(&[1, 2], &[]), &everything_on());
        sync_changes(&mut known, vec![UserChange::Removed(user(1), Removal::Permanent)], vec![], &everything_on());
        let mut gone = known.users.get(&user(1)).unwrap().clone();
        gone.presence = Presence::Deleted { since: NOW - day * days };
        gone.profile.mail = Some("kim@contoso.example".into());
        known.add_users(vec![gone]);

        let plan = sync_fully(&mut known, reading(&[2], &[]), &everything_on());
        let expected = format!("forget user {}\nnames: 0 new, 1 old\nusers Deleted: 0 join, 1 leave\n", user(1));
        assert_eq!(plan.lines(), if is_forgotten { expected } else { String::new() }, "after {days} days");
        assert_eq!(plan.plan.counts.deleted, i64::from(!is_forgotten));
        assert!(sync_fully(&mut known, reading(&[2], &[]), &everything_on()).is_empty());
    }
}

#[test]
fn a_soft_deleted_user_keeps_memberships_through_full_syncs_and_comes_back_with_them() {
    let policy = policy(json!({"sync_users": true, "sync_groups": true, "ignored_groups": [group(1).to_string()]}));
    let mut known = Known::default();
    sync_fully(&mut known, reading(&[1, 2], &[(1, vec![person(1)])]), &policy);
    sync_changes(&mut known, vec![UserChange::Removed(user(1), Removal::Soft)], vec![], &policy);
    assert_eq!(*decision(&known, 1), UserDecision::Inactive(InactiveReason::Deleted));

    // Neither list of Microsoft's shows the user now.
    assert!(sync_fully(&mut known, reading(&[2], &[(1, vec![])]), &policy).is_empty());

    // Restored, without a word about the membership.
    sync_changes(&mut known, vec![UserChange::Seen(user(1), enabled(true))], vec![], &policy);
    assert_eq!(*decision(&known, 1), UserDecision::Inactive(InactiveReason::MemberOfIgnoredGroup { group: group(1) }));
}

#[test]
fn a_user_deleted_for_good_loses_all_memberships_though_no_group_reports_it() {
    let mut known = Known::default();
    sync_fully(&mut known, reading(&[1], &[(1, vec![person(1)])]), &everything_on());
    let plan =
        sync_changes(&mut known, vec![UserChange::Removed(user(1), Removal::Permanent)], vec![], &everything_on()).plan;
    assert_eq!(plan.changes.memberships_removed, 1);
    assert_eq!(plan.members[&group(1)].left, [user(1)]);
}

#[test]
fn a_member_that_is_not_listed_yet_is_kept_unseen_and_shows_up_with_its_groups() {
    let allowed = policy(json!({"sync_users": true, "sync_groups": true, "allowed_groups": [group(1).to_string()]}));
    let mut known = Known::default();
    let plan = sync_fully(&mut known, reading(&[], &[(1, vec![person(1)])]), &allowed).plan;
    assert_eq!(known.users.get(&user(1)).unwrap().presence, Presence::Unseen);
    assert_eq!((plan.counts.active, plan.changes.users_added), (0, 0));

    let plan = sync_changes(&mut known, vec![UserChange::Seen(user(1), enabled(true))], vec![], &allowed).plan;
    assert!(decision(&known, 1).is_active());
    assert_eq!((plan.changes.users_added, plan.changes.activated), (1, 1));
}

#[test]
fn members_of_unknown_kinds_are_whose_ids_they_carry() {
    let unknown = |id: &ObjectId| Member { id: id.clone(), kind: MemberKind::Unknown("agentUser2".into()) };
    let change = |id: &ObjectId, removed| {
        let members = vec![MemberChange { id: id.clone(), kind: unknown(id).kind, removed }];
        GroupChange { id: group(1), what: GroupEvent::Seen(GroupPatch::default()), members }
    };
    let stranger = user(9);
    let everyone = || vec![unknown(user(1).object()), unknown(group(2).object()), unknown(stranger.object())];
    let mut known = Known::default();
    sync_fully(&mut known, reading(&[1, 2], &[(1, everyone()), (2, vec![])]), &everything_on());
    assert_eq!(known.users.get(&user(1)).unwrap().groups, BTreeSet::from([group(1)]));
    assert_eq!(known.groups[&group(1)].children, BTreeSet::from([group(2)]));
    assert!(!known.has_user(&stranger), "nothing is known but the membership");
    assert_eq!(known.groups[&group(1)].membership, UnknownCause::UnknownKind.into());
    assert!(sync_fully(&mut known, reading(&[1, 2], &[(1, everyone()), (2, vec![])]), &everything_on()).is_empty());

    let mut net = changes(
        vec![],
        vec![change(user(1).object(), true), change(user(2).object(), false), change(stranger.object(), false)],
    );
    net.classify(&known);
    let said: Vec<_> = net.memberships.users().flat_map(|user| net.memberships.of(user).map(|(_, is)| is)).collect();
    assert_eq!((said, net.oddities.len()), (vec![false, true, true], 1));
    assert_eq!(net.membership, BTreeMap::from([(group(1), UnknownCause::UnknownKind.into())]));
}

#[test]
fn members_in_doubt_stay_as_known_and_new_users_are_taken_for_members() {
    let in_doubt = |n| UnreadObject { id: Some(user(n).object().clone()), note: String::new() };
    let mut known = Known::default();
    sync_fully(&mut known, reading(&[1, 2], &[(1, vec![person(1)])]), &everything_on());
    let mut again = reading(&[1, 2, 3], &[(1, vec![])]);
    again.members.get_mut(&group(1)).unwrap().unread = vec![in_doubt(1), in_doubt(2), in_doubt(3)];
    sync_fully(&mut known, again, &everything_on());
    let is_member = |n| known.users.get(&user(n)).unwrap().groups.contains(&group(1));
    assert_eq!([1, 2, 3].map(is_member), [true, false, true]);
}

#[test]
fn users_removed_before_the_first_enumeration_leave_no_trace() {
    let mut known = Known::default();
    let plan = sync_changes(
        &mut known,
        vec![UserChange::Removed(user(1), Removal::Permanent)],
        vec![membership(1, 1, true)],
        &everything_on(),
    )
    .plan;
    assert!(plan.users.is_empty() && plan.members.is_empty());
}

#[test]
fn a_group_whose_members_were_not_read_keeps_the_known_ones() {
    let mut known = Known::default();
    sync_fully(&mut known, reading(&[1], &[(1, vec![person(1)])]), &everything_on());
    let mut unread = reading(&[1], &[(1, vec![])]);
    unread.members.clear();
    assert!(sync_fully(&mut known, unread, &everything_on()).is_empty());
}

#[test]
fn a_hidden_group_that_shows_no_members_keeps_the_known_ones() {
    let mut known = Known::default();
    sync_fully(&mut known, reading(&[1], &[(1, vec![person(1)])]), &everything_on());
    let mut hidden = reading(&[1], &[(1, vec![])]);
    hidden.groups.objects[0].1.visibility = Patch::Set("Hiddenmembership".into());
    let plan = sync_fully(&mut known, hidden, &everything_on()).plan;
    assert!(plan.members.is_empty() && plan.users.is_empty());
    assert_eq!(known.groups[&group(1)].membership, UnknownCause::Hidden.into());
    assert_eq!(known.groups[&group(1)].known_members(), None);

    let mut visible = reading(&[1], &[(1, vec![])]);
    visible.groups.objects[0].1.visibility = Patch::Set("Private".into());
    sync_fully(&mut known, visible, &everything_on());
    assert_eq!(known.groups[&group(1)].known_members(), Some(0), "it is readable again");
}

/// A member of a kind that this version does not know.
fn strange(id: &ObjectId) -> Member {
    Member { id: id.clone(), kind: MemberKind::Unknown("somethingNew".into()) }
}

#[test]
fn a_listed_user_or_group_is_a_member_whatever_its_type() {
    let mut known = Known::default();
    let members = || vec![strange(user(1).object()), strange(group(2).object())];
    sync_fully(&mut known, reading(&[1], &[(1, members()), (2, vec![])]), &everything_on());
    let record = &known.groups[&group(1)];
    assert_eq!((record.known_members(), &record.children), (Some(1), &BTreeSet::from([group(2)])));
    assert!(sync_fully(&mut known, reading(&[1], &[(1, members()), (2, vec![])]), &everything_on()).is_empty());

    let plan = sync_fully(&mut known, reading(&[1], &[(1, vec![]), (2, vec![])]), &everything_on());
    assert_eq!(plan.plan.changes.memberships_removed, 2, "{}", plan.lines());
}

#[test]
fn changes_name_listed_users_by_any_type() {
    let mut known = Known::default();
    sync_fully(&mut known, reading(&[1], &[(1, vec![])]), &everything_on());
    known.complete = false;
    let joins = |n: u8| GroupChange {
        members: vec![MemberChange {
            id: user(n).object().clone(),
            kind: MemberKind::Unknown("agentUser".into()),
            removed: false,
        }],
        ..membership(1, n, false)
    };
    let mut net = changes(vec![UserChange::Seen(user(2), enabled(true))], vec![joins(1), joins(2)]);
    net.classify(&known);
    plan_for(&known, &net, &everything_on()).apply_to(&mut known);
    assert_eq!(known.groups[&group(1)].known_members(), Some(2));

    let mut net = changes(vec![], vec![joins(3)]);
    net.classify(&known);
    plan_for(&known, &net, &everything_on()).apply_to(&mut known);
    assert_eq!(known.groups[&group(1)].membership, UnknownCause::UnknownKind.into(), "3 is no listed user");
}

#[test]
fn a_member_of_unknown_kind_keeps_decisions() {
    let policy = policy(json!({"sync_users": true, "sync_groups": true, "ignored_groups": [group(1).to_string()]}));
    let mut known = Known { published: true, ..Known::default() };
    sync_fully(&mut known, reading(&[1, 2], &[(1, vec![person(1)])]), &policy);
    let odd = || reading(&[1, 2, 3], &[(1, vec![person(1), strange(user(9).object())])]);
    sync_fully(&mut known, odd(), &policy);
    assert_eq!(*decision(&known, 1), UserDecision::Inactive(InactiveReason::MemberOfIgnoredGroup { group: group(1) }));
    assert_eq!(*decision(&known, 2), UserDecision::Active);
    assert_eq!(*decision(&known, 3), UserDecision::Inactive(InactiveReason::MembershipUnknown { group: group(1) }));
    assert!(sync_fully(&mut known, odd(), &policy).is_empty());

    // It turns out to be a user.
    let listed = reading(&[1, 2, 3, 9], &[(1, vec![person(1), strange(user(9).object())])]);
    sync_fully(&mut known, listed, &policy);
    assert_eq!(*decision(&known, 3), UserDecision::Active);
    assert_eq!(*decision(&known, 9), UserDecision::Inactive(InactiveReason::MemberOfIgnoredGroup { group: group(1) }));
}

#[test]
fn group_that_changes_say_to_hide_its_members_is_unknown_unless_its_list_was_read() {
    let mut known = Known::default();
    sync_fully(&mut known, reading(&[1], &[]), &everything_on());
    known.complete = false;
    let hidden = || GroupPatch { visibility: Patch::Set("HiddenMembership".into()), ..named("Secret") };
    let hides = |number| GroupChange { what: GroupEvent::Seen(hidden()), ..membership(number, 1, false) };
    sync_changes(&mut known, vec![], vec![hides(1), hides(2)], &everything_on());
    for number in [1, 2] {
        assert_eq!(known.groups[&group(number)].membership, UnknownCause::Hidden.into());
    }
    let mut net = changes(vec![], vec![hides(3)]);
    net.membership.insert(group(3), Membership::Known);
    plan_for(&known, &net, &everything_on()).apply_to(&mut known);
    assert_eq!(known.groups[&group(3)].membership, Membership::Known);
}

#[test]
fn objects_that_could_not_be_understood_are_not_taken_for_deleted() {
    let mut known = Known::default();
    sync_fully(&mut known, reading(&[1, 2], &[(1, vec![person(1), person(2)])]), &everything_on());
    let mut odd = reading(&[2], &[(1, vec![person(2)])]);
    let unread =
        |id: Option<UserId>| vec![UnreadObject { id: id.map(|id| id.object().clone()), note: "odd".to_owned() }];
    odd.users.unread = unread(Some(user(1)));
    odd.members.get_mut(&group(1)).unwrap().unread = unread(None);
    let plan = sync_fully(&mut known, odd, &everything_on()).plan;
    assert!(plan.users.is_empty() && plan.deactivations.is_empty() && plan.members.is_empty());
    assert_eq!(known.groups[&group(1)].membership, UnknownCause::Unreadable.into());
}

#[test]
fn a_deleted_allowed_group_lets_nobody_in_and_is_reported() {
    let allowed = policy(json!({"sync_users": true, "sync_groups": true, "allowed_groups": [group(1).to_string()]}));
    let mut known = Known::default();
    sync_fully(&mut known, reading(&[1], &[(1, vec![person(1)])]), &allowed);
    let gone = GroupChange { id: group(1), what: GroupEvent::Removed(Removal::Permanent), members: vec![] };
    let plan = sync_changes(&mut known, vec![], vec![gone], &allowed).plan;
    assert_eq!(*decision(&known, 1), UserDecision::Inactive(InactiveReason::NotInAllowedGroup));
    assert_eq!(plan.vanished_groups, BTreeSet::from([group(1)]));
    assert_eq!(plan.caused_by_tenant, BTreeSet::from([user(1)]));
}

#[test]
fn direct_and_nested_memberships_are_kept_apart() {
    let settings = |nested: bool| {
        policy(
            json!({"sync_users": true, "sync_groups": true, "nested_groups": nested, "allowed_groups": [group(2).to_string()]}),
        )
    };
    let tenant = || reading(&[1], &[(1, vec![person(1)]), (2, vec![nested(1)])]);
    let mut known = Known::default();
    sync_fully(&mut known, tenant(), &settings(true));
    assert!(decision(&known, 1).is_active());
    assert_eq!(
        known.users.get(&user(1)).unwrap().groups,
        BTreeSet::from([group(1)]),
        "the outer group is no direct one"
    );
    sync_fully(&mut known, tenant(), &settings(false));
    assert!(!decision(&known, 1).is_active());
}

/// A small tenant: users with `accountEnabled`, and the members of each group.
#[derive(Debug, Clone, Default)]
struct Tenant {
    users: BTreeMap<u8, bool>,
    groups: BTreeMap<u8, BTreeSet<ObjectId>>,
}

fn any_tenant() -> impl Strategy<Value = Tenant> {
    let users = proptest::collection::btree_map(0_u8..6, any::<bool>(), 0..6);
    let member = prop_oneof![
        (0_u8..6).prop_map(|n| user(n).object().clone()),
        (0_u8..4).prop_map(|n| group(n).object().clone())
    ];
    let groups = proptest::collection::btree_map(0_u8..4, proptest::collection::btree_set(member, 0..5), 0..4);
    (users, groups).prop_map(|(users, groups)| Tenant { users, groups })
}

impl Tenant {
    fn reading(&self) -> FullReading {
        let member = |id: &ObjectId| {
            let kind = if id.to_string().starts_with('a') { MemberKind::User } else { MemberKind::Group };
            Member { id: id.clone(), kind }
        };
        FullReading {
            users: listing(self.users.iter().map(|(n, on)| (user(*n), enabled(*on)))),
            groups: listing(self.groups.keys().map(|n| (group(*n), named("Group")))),
            // Lists leave out what does not exist.
            members: self
                .groups
                .iter()
                .map(|(n, members)| {
                    let exists = |id: &&ObjectId| {
                        self.users.keys().any(|n| user(*n).object() == *id)
                            || self.groups.keys().any(|n| group(*n).object() == *id)
                    };
                    (group(*n), listing(members.iter().filter(exists).map(member)))
                })
                .collect(),
        }
    }
}

proptest! {
    #[test]
    fn a_second_reading_of_any_tenant_plans_nothing(before in any_tenant(), after in any_tenant(), nested in any::<bool>()) {
        let policy = policy(json!({
            "sync_users": true, "sync_groups": true, "nested_groups": nested,
            "ignored_groups": [group(0).to_string()], "allowed_groups": [group(1).to_string(), group(2).to_string()],
        }));
        let mut known = Known::default();
        sync_fully(&mut known, before.reading(), &policy);
        sync_fully(&mut known, after.reading(), &policy);
        let again = sync_fully(&mut known, after.reading(), &policy);
        prop_assert!(again.is_empty(), "{}", again.lines());
    }

    #[test]
    fn counts_kept_by_differences_equal_a_count_of_everything(tenant in any_tenant(), gone in 0_u8..6, joins in 0_u8..4) {
        let policy = everything_on();
        let mut known = Known::default();
        let first = sync_fully(&mut known, tenant.reading(), &policy);
        known.complete = false;
        let change = sync_changes(
            &mut known,
            vec![UserChange::Removed(user(gone), Removal::Soft), UserChange::Seen(user(5), enabled(true))],
            vec![membership(joins, 5, false)],
            &policy,
        );
        known.complete = true;
        let counted = plan_for(&known, &NetChanges::default(), &policy).plan.counts;
        prop_assert_eq!(first.plan.counts.active + change.plan.counts.active, counted.active);
        prop_assert_eq!(first.plan.counts.deleted + change.plan.counts.deleted, counted.deleted);
        prop_assert_eq!(first.plan.counts.groups_synced + change.plan.counts.groups_synced, counted.groups_synced);
    }
}
