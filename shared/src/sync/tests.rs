//! From readings to plans, without any I/O.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::changes::NetChanges;
use super::guard::Guard;
use super::hold::HeldChanges;
use super::known::{Known, reach};
use super::plan::{Plan, next_groups, plan};
use super::reconcile::{FullReading, reconcile};
use super::source::{GroupChange, GroupEvent, Listing, MemberChange, Removal, UnreadObject, UserChange};
use crate::directory::{GroupId, GroupPatch, Member, MemberKind, ObjectId, Patch, Presence, UserId, UserPatch};
use crate::filter::{InactiveReason, Policy, UserDecision};
use crate::store::Write;

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
    GroupPatch { display_name: Patch::Set(name.to_owned()), ..GroupPatch::default() }
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

/// A tenant of enabled users, and groups with their members.
fn reading(users: &[u8], groups: &[(u8, Vec<Member>)]) -> FullReading {
    FullReading {
        users: listing(users.iter().map(|n| (user(*n), enabled(true)))),
        groups: listing(groups.iter().map(|(n, _)| (group(*n), named(&format!("Group {n}"))))),
        members: groups.iter().map(|(n, members)| (group(*n), listing(members.clone()))).collect(),
    }
}

/// What a store would hold after the plan: a stand-in that keeps records by id.
fn apply(known: &mut Known, plan: Plan) {
    for write in plan.into_writes() {
        match write {
            Write::Group(group) => known.add_groups(vec![group]),
            Write::User(user) => known.add_users(vec![user]),
            Write::GroupMembers(_) => {}
        }
    }
}

fn plan_for(known: &Known, net: &NetChanges, policy: &Policy) -> Plan {
    plan(known, next_groups(&known.groups, net, policy, NOW), net, policy, NOW)
}

fn sync_fully(known: &mut Known, reading: FullReading, policy: &Policy) -> Plan {
    known.complete = true;
    let net = reconcile(known, reading);
    let plan = plan_for(known, &net, policy);
    apply(known, plan.clone());
    plan
}

fn sync_changes(known: &mut Known, users: Vec<UserChange>, groups: Vec<GroupChange>, policy: &Policy) -> Plan {
    let mut net = NetChanges::default();
    net.add_users(users);
    net.add_groups(groups);
    let plan = plan_for(known, &net, policy);
    apply(known, plan.clone());
    plan
}

fn membership(of: u8, member: u8, removed: bool) -> GroupChange {
    GroupChange {
        id: group(of),
        what: GroupEvent::Seen(GroupPatch::default()),
        members: vec![MemberChange { id: user(member).object().clone(), kind: MemberKind::User, removed }],
    }
}

fn decision(known: &Known, n: u8) -> &UserDecision {
    &known.users[&user(n)].decision
}

#[test]
fn the_first_reading_is_planned_whole_and_the_second_plans_nothing() {
    let mut known = Known::default();
    let tenant = || reading(&[1, 2], &[(1, vec![person(1)]), (2, vec![nested(1)])]);
    let first = sync_fully(&mut known, tenant(), &everything_on());
    insta::assert_snapshot!(first, @r"
    group b0000000-0000-0000-0000-000000000001 Present Synced
    group b0000000-0000-0000-0000-000000000002 Present Synced
    members of b0000000-0000-0000-0000-000000000001: 1 join, 0 leave
    user a0000000-0000-0000-0000-000000000001 Present Active
    user a0000000-0000-0000-0000-000000000002 Present Active
    ");
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
        .into_writes()
        .iter()
        .map(|write| match write {
            Write::Group(_) => "group",
            Write::GroupMembers(_) => "members",
            Write::User(user) if user.decision.is_active() => "active",
            Write::User(_) => "inactive",
        })
        .collect();
    assert_eq!(kinds, ["members", "members", "active", "active", "inactive", "group"]);
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
        sync_changes(&mut known, vec![UserChange::Removed(user(1), Removal::Permanent)], vec![], &everything_on());
    assert_eq!(plan.changes.memberships_removed, 1);
    assert_eq!(plan.members[0].remove, BTreeSet::from([user(1)]));
}

#[test]
fn a_member_that_is_not_listed_yet_is_kept_unseen_and_shows_up_with_its_groups() {
    let allowed = policy(json!({"sync_users": true, "sync_groups": true, "allowed_groups": [group(1).to_string()]}));
    let mut known = Known::default();
    let plan = sync_fully(&mut known, reading(&[], &[(1, vec![person(1)])]), &allowed);
    assert_eq!(known.users[&user(1)].presence, Presence::Unseen);
    assert_eq!((plan.counts.active, plan.changes.users_added), (0, 0));

    let plan = sync_changes(&mut known, vec![UserChange::Seen(user(1), enabled(true))], vec![], &allowed);
    assert!(decision(&known, 1).is_active());
    assert_eq!((plan.changes.users_added, plan.changes.activated), (1, 1));
}

#[test]
fn users_removed_before_the_first_enumeration_leave_no_trace() {
    let mut known = Known::default();
    let plan = sync_changes(
        &mut known,
        vec![UserChange::Removed(user(1), Removal::Permanent)],
        vec![membership(1, 1, true)],
        &everything_on(),
    );
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
    hidden.groups.objects[0].1.visibility = Patch::Set("Hiddenmembership".to_owned());
    let plan = sync_fully(&mut known, hidden, &everything_on());
    assert!(plan.members.is_empty() && plan.users.is_empty());
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
    assert!(sync_fully(&mut known, odd, &everything_on()).is_empty());
}

#[test]
fn a_deleted_allowed_group_lets_nobody_in_and_is_reported() {
    let allowed = policy(json!({"sync_users": true, "sync_groups": true, "allowed_groups": [group(1).to_string()]}));
    let mut known = Known::default();
    sync_fully(&mut known, reading(&[1], &[(1, vec![person(1)])]), &allowed);
    let gone = GroupChange { id: group(1), what: GroupEvent::Removed(Removal::Permanent), members: vec![] };
    let plan = sync_changes(&mut known, vec![], vec![gone], &allowed);
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
    assert_eq!(known.users[&user(1)].groups, BTreeSet::from([group(1)]), "the outer group is no direct one");
    sync_fully(&mut known, tenant(), &settings(false));
    assert!(!decision(&known, 1).is_active());
}

/// What is held of a plan, when so many users are active and nothing was approved.
fn held(known: &Known, plan: &Plan, policy: &Policy, active: usize) -> Vec<UserId> {
    let approved = HeldChanges::default();
    Guard::new(policy, known, &approved).users(plan, active, false).into_keys().collect()
}

fn everybody(range: std::ops::RangeInclusive<u8>) -> Vec<UserId> {
    range.map(user).collect()
}

#[test]
fn a_plan_above_the_limit_is_held_and_everything_else_goes_through() {
    let all: Vec<u8> = (1..=20).collect();
    let mut known = Known::default();
    sync_fully(&mut known, reading(&all, &[(1, vec![person(1)])]), &everything_on());
    let net = reconcile(&known, reading(&[1, 2, 3, 21], &[(1, vec![])]));
    let mut plan = plan_for(&known, &net, &everything_on());

    let approved = HeldChanges::default();
    let held = Guard::new(&everything_on(), &known, &approved).users(&plan, 20, false);
    assert_eq!(held.keys().cloned().collect::<Vec<_>>(), everybody(4..=20));
    plan.hold_users(&held);
    assert_eq!((plan.changes.deactivated, plan.changes.activated, plan.counts.active), (0, 1, 21));
    assert_eq!(plan.members[0].remove, BTreeSet::from([user(1)]), "user 1 only left the group");
}

#[test]
fn what_was_approved_goes_through_and_nothing_more() {
    let all: Vec<u8> = (1..=20).collect();
    let mut known = Known::default();
    sync_fully(&mut known, reading(&all, &[]), &everything_on());
    let net = reconcile(&known, reading(&[1, 2, 3], &[]));
    let plan = plan_for(&known, &net, &everything_on());
    let policy = everything_on();
    let approve = |users: std::ops::RangeInclusive<u8>, reason: &InactiveReason| HeldChanges {
        users: users.map(|n| (user(n), reason.clone())).collect(),
        ..HeldChanges::default()
    };

    let exactly = approve(4..=20, &InactiveReason::Deleted);
    assert!(Guard::new(&policy, &known, &exactly).users(&plan, 20, false).is_empty());
    let fewer = approve(4..=15, &InactiveReason::Deleted);
    let held: Vec<UserId> = Guard::new(&policy, &known, &fewer).users(&plan, 20, false).into_keys().collect();
    assert_eq!(held, everybody(16..=20), "five more are too many again");
    let for_another_reason = approve(4..=20, &InactiveReason::DisabledInOffice365);
    assert_eq!(Guard::new(&policy, &known, &for_another_reason).users(&plan, 20, false).len(), 17);
    let long_gone = approve(1..=3, &InactiveReason::Deleted);
    assert_eq!(Guard::new(&policy, &known, &long_gone).dropped(&plan), 3, "they are there again");
}

#[test]
fn a_disabled_account_does_not_wait_for_somebody_elses_hold() {
    let all: Vec<u8> = (1..=20).collect();
    let mut known = Known::default();
    sync_fully(&mut known, reading(&all, &[]), &everything_on());
    let mut changes: Vec<_> = (1..=6).map(|n| UserChange::Removed(user(n), Removal::Soft)).collect();
    changes.push(UserChange::Seen(user(7), enabled(false)));
    let plan = sync_changes(&mut known.clone(), changes, vec![], &everything_on());
    assert_eq!(held(&known, &plan, &everything_on(), 20), everybody(1..=6));

    let disabled = (1..=6).map(|n| UserChange::Seen(user(n), enabled(false))).collect();
    let plan = sync_changes(&mut known.clone(), disabled, vec![], &everything_on());
    assert_eq!(held(&known, &plan, &everything_on(), 20), everybody(1..=6), "unless too many are disabled");
}

#[test]
fn few_deactivations_and_those_the_settings_ask_for_are_never_held() {
    let all: Vec<u8> = (1..=20).collect();
    let mut known = Known::default();
    sync_fully(&mut known, reading(&all, &[(1, vec![])]), &everything_on());
    let four = sync_changes(
        &mut known.clone(),
        (1..=4).map(|n| UserChange::Seen(user(n), enabled(false))).collect(),
        vec![],
        &everything_on(),
    );
    assert_eq!(held(&known, &four, &everything_on(), 20), []);

    let allowed = policy(json!({"sync_users": true, "sync_groups": true, "allowed_groups": [group(1).to_string()]}));
    let asked_for = sync_fully(&mut known.clone(), reading(&all, &[(1, vec![])]), &allowed);
    assert_eq!(asked_for.deactivations.len(), 20);
    assert_eq!(held(&known, &asked_for, &allowed, 20), []);
}

#[test]
fn an_allow_list_of_a_group_that_does_not_exist_is_in_doubt() {
    let all: Vec<u8> = (1..=20).collect();
    let mut known = Known::default();
    sync_fully(&mut known, reading(&all, &[]), &everything_on());
    let typo = policy(json!({"sync_users": true, "sync_groups": true, "allowed_groups": [group(9).to_string()]}));
    let net = reconcile(&known, reading(&all, &[]));
    let plan = plan_for(&known, &net, &typo);
    assert_eq!(held(&known, &plan, &typo, 20).len(), 20);
}

#[test]
fn a_tenant_without_any_users_is_held_however_small_it_was() {
    let mut known = Known::default();
    sync_fully(&mut known, reading(&[1, 2], &[]), &everything_on());
    let plan = plan_for(&known, &reconcile(&known, reading(&[], &[])), &everything_on());
    let approved = HeldChanges::default();
    let guard_policy = everything_on();
    let guard = Guard::new(&guard_policy, &known, &approved);
    assert!(guard.users(&plan, 2, false).is_empty());
    assert_eq!(guard.users(&plan, 2, true).len(), 2);
}

#[test]
fn a_large_group_that_loses_too_many_members_keeps_them() {
    let all: Vec<u8> = (1..=25).collect();
    let mut known = Known::default();
    let members = |range: std::ops::RangeInclusive<u8>| range.map(person).collect::<Vec<_>>();
    sync_fully(&mut known, reading(&all, &[(1, members(1..=20)), (2, members(1..=6))]), &everything_on());
    let net = reconcile(&known, reading(&all, &[(1, members(6..=20)), (2, vec![])]));
    let plan = plan_for(&known, &net, &everything_on());
    let approved = HeldChanges::default();
    let policy = everything_on();
    let guard = Guard::new(&policy, &known, &approved);
    assert_eq!(guard.to_be_counted(&plan), BTreeSet::from([group(1), group(2)]));
    let sizes = BTreeMap::from([(group(1), 20), (group(2), 6)]);
    let held = guard.members(&plan, &sizes);
    assert_eq!(held, BTreeMap::from([(group(1), (1..=5).map(user).collect())]), "five of twenty, but small groups may");

    let mut net = net;
    net.hold_members(&held);
    let plan = plan_for(&known, &net, &policy);
    assert!(plan.members.iter().all(|change| change.group == group(2)));
}

#[test]
fn too_many_synced_groups_do_not_go_at_once() {
    let groups = |range: std::ops::RangeInclusive<u8>| range.map(|n| (n, vec![])).collect::<Vec<_>>();
    let mut known = Known::default();
    sync_fully(&mut known, reading(&[1], &groups(1..=10)), &everything_on());
    let net = reconcile(&known, reading(&[1], &groups(6..=10)));
    let plan = plan_for(&known, &net, &everything_on());
    let (approved, policy) = (HeldChanges::default(), everything_on());
    assert_eq!(Guard::new(&policy, &known, &approved).groups(&plan, 10), (1..=5).map(group).collect());
    assert!(Guard::new(&policy, &known, &approved).groups(&plan, 100).is_empty());
    let approved = HeldChanges { groups: (1..=5).map(group).collect(), ..HeldChanges::default() };
    assert!(Guard::new(&policy, &known, &approved).groups(&plan, 10).is_empty());
}

#[test]
fn a_group_whose_change_is_held_back_with_its_users_is_seen_to_change_again() {
    let policy = policy(json!({"sync_users": true, "sync_groups": true, "allowed_groups": [group(1).to_string()]}));
    let all: Vec<u8> = (1..=10).collect();
    let mut known = Known::default();
    sync_fully(&mut known, reading(&all, &[(1, all.iter().map(|n| person(*n)).collect())]), &policy);
    let gone = || vec![GroupChange { id: group(1), what: GroupEvent::Removed(Removal::Permanent), members: vec![] }];
    for _ in 0..2 {
        let mut net = NetChanges::default();
        net.add_groups(gone());
        let mut plan = plan_for(&known, &net, &policy);
        let approved = HeldChanges::default();
        let guard = Guard::new(&policy, &known, &approved);
        let users = guard.users(&plan, 10, false);
        assert_eq!(users.len(), 10);
        let after = reach(&policy, &next_groups(&known.groups, &net, &policy, NOW));
        let left = guard.groups_to_leave(&plan, &after);
        plan.hold_users(&users);
        plan.leave_groups(&left, &known);
        assert!(plan.is_empty());
        assert_eq!(plan.counts.groups_synced + plan.counts.no_email, 1);
        apply(&mut known, plan);
    }
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
        prop_assert!(again.is_empty(), "{}", again);
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
        let counted = plan_for(&known, &NetChanges::default(), &policy).counts;
        prop_assert_eq!(first.counts.active + change.counts.active, counted.active);
        prop_assert_eq!(first.counts.deleted + change.counts.deleted, counted.deleted);
        prop_assert_eq!(first.counts.groups_synced + change.counts.groups_synced, counted.groups_synced);
    }
}
