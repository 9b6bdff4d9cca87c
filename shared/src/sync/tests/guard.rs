//! What a plan may take away.

use super::*;
use crate::sync::guard::Guard;
use crate::sync::hold::HeldChanges;

/// A plan that is looked at by the guard, when so many users are active.
struct Case<'a> {
    policy: &'a Policy,
    outlook: Outlook<'a>,
    plan: Plan,
}

impl<'a> Case<'a> {
    fn new(known: &'a Known, net: &'a NetChanges, policy: &'a Policy) -> Self {
        let outlook = Outlook::new(known, net, policy, NOW);
        Self { policy, plan: Plan::new(&outlook), outlook }
    }

    /// Whom the guard holds, when so many users are active.
    fn held(&self, approved: &HeldChanges, active: usize) -> Vec<UserId> {
        Guard::new(self.policy, approved).users(&self.plan, &self.outlook, active, false).into_keys().collect()
    }

    /// Which groups it holds, when so many are synced.
    fn held_groups(&self, approved: &HeldChanges, synced: usize) -> BTreeSet<GroupId> {
        Guard::new(self.policy, approved).groups(&self.plan, &self.outlook, synced)
    }
}

fn nothing() -> HeldChanges {
    HeldChanges::default()
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
    let (policy, approved) = (everything_on(), nothing());
    let Case { outlook, mut plan, .. } = Case::new(&known, &net, &policy);

    let held = Guard::new(&policy, &approved).users(&plan, &outlook, 20, false);
    assert_eq!(held.keys().cloned().collect::<Vec<_>>(), everybody(4..=20));
    plan.keep_users(&held.keys().cloned().collect(), &outlook);
    assert_eq!((plan.changes.deactivated, plan.changes.activated, plan.counts.active), (0, 1, 21));
    assert_eq!(plan.members[&group(1)].left, [user(1)], "user 1 only left the group");
}

#[test]
fn what_was_approved_goes_through_and_nothing_more() {
    let all: Vec<u8> = (1..=20).collect();
    let mut known = Known::default();
    sync_fully(&mut known, reading(&all, &[]), &everything_on());
    let net = reconcile(&known, reading(&[1, 2, 3], &[]));
    let policy = everything_on();
    let case = Case::new(&known, &net, &policy);
    let approve = |users: std::ops::RangeInclusive<u8>, reason: &InactiveReason| HeldChanges {
        users: users.map(|n| (user(n), reason.clone())).collect(),
        ..HeldChanges::default()
    };

    let exactly = approve(4..=20, &InactiveReason::Deleted);
    assert!(case.held(&exactly, 20).is_empty());
    let fewer = approve(4..=15, &InactiveReason::Deleted);
    assert_eq!(case.held(&fewer, 20), everybody(16..=20), "five more are too many again");
    let for_another_reason = approve(4..=20, &InactiveReason::DisabledInOffice365);
    assert_eq!(case.held(&for_another_reason, 20).len(), 17);
    let long_gone = approve(1..=3, &InactiveReason::Deleted);
    let dropped = Guard::new(&policy, &long_gone).dropped(&case.plan, &case.outlook);
    assert_eq!(dropped, 3, "they are there again");
}

#[test]
fn a_disabled_account_does_not_wait_for_somebody_elses_hold() {
    let all: Vec<u8> = (1..=20).collect();
    let mut known = Known::default();
    sync_fully(&mut known, reading(&all, &[]), &everything_on());
    let mut deleted: Vec<_> = (1..=6).map(|n| UserChange::Removed(user(n), Removal::Soft)).collect();
    deleted.push(UserChange::Seen(user(7), enabled(false)));
    let (policy, net) = (everything_on(), changes(deleted, vec![]));
    assert_eq!(Case::new(&known, &net, &policy).held(&nothing(), 20), everybody(1..=6));

    let disabled = (1..=6).map(|n| UserChange::Seen(user(n), enabled(false))).collect();
    let net = changes(disabled, vec![]);
    assert_eq!(Case::new(&known, &net, &policy).held(&nothing(), 20), everybody(1..=6), "unless too many are disabled");
}

#[test]
fn few_deactivations_and_those_the_settings_ask_for_are_never_held() {
    let all: Vec<u8> = (1..=20).collect();
    let mut known = Known::default();
    sync_fully(&mut known, reading(&all, &[(1, vec![])]), &everything_on());
    let four = changes((1..=4).map(|n| UserChange::Seen(user(n), enabled(false))).collect(), vec![]);
    assert_eq!(Case::new(&known, &four, &everything_on()).held(&nothing(), 20), []);

    let allowed = policy(json!({"sync_users": true, "sync_groups": true, "allowed_groups": [group(1).to_string()]}));
    let net = reconcile(&known, reading(&all, &[(1, vec![])]));
    let asked_for = Case::new(&known, &net, &allowed);
    assert_eq!(asked_for.plan.deactivations.len(), 20);
    assert_eq!(asked_for.held(&nothing(), 20), []);
}

#[test]
fn an_allow_list_of_a_group_that_does_not_exist_is_in_doubt() {
    let all: Vec<u8> = (1..=20).collect();
    let mut known = Known::default();
    sync_fully(&mut known, reading(&all, &[]), &everything_on());
    let typo = policy(json!({"sync_users": true, "sync_groups": true, "allowed_groups": [group(9).to_string()]}));
    let net = reconcile(&known, reading(&all, &[]));
    assert_eq!(Case::new(&known, &net, &typo).held(&nothing(), 20).len(), 20);
}

#[test]
fn a_tenant_without_any_users_is_held_however_small_it_was() {
    let mut known = Known::default();
    sync_fully(&mut known, reading(&[1, 2], &[]), &everything_on());
    let net = reconcile(&known, reading(&[], &[]));
    let (policy, approved) = (everything_on(), nothing());
    let Case { outlook, plan, .. } = Case::new(&known, &net, &policy);
    let guard = Guard::new(&policy, &approved);
    assert!(guard.users(&plan, &outlook, 2, false).is_empty());
    assert_eq!(guard.users(&plan, &outlook, 2, true).len(), 2);
}

#[test]
fn a_large_group_that_loses_too_many_members_keeps_them() {
    let all: Vec<u8> = (1..=25).collect();
    let mut known = Known::default();
    let members = |range: std::ops::RangeInclusive<u8>| range.map(person).collect::<Vec<_>>();
    sync_fully(&mut known, reading(&all, &[(1, members(1..=20)), (2, members(1..=6))]), &everything_on());
    let net = reconcile(&known, reading(&all, &[(1, members(6..=20)), (2, vec![])]));
    let (policy, approved) = (everything_on(), nothing());
    let Case { outlook, plan, .. } = Case::new(&known, &net, &policy);
    let guard = Guard::new(&policy, &approved);
    assert_eq!(guard.to_be_counted(&plan, &outlook), BTreeSet::from([group(1), group(2)]));
    let sizes = BTreeMap::from([(group(1), 20), (group(2), 6)]);
    let held = guard.members(&plan, &outlook, &sizes);
    assert_eq!(held, BTreeMap::from([(group(1), (1..=5).map(user).collect())]), "five of twenty, but small groups may");

    let mut net = net;
    net.hold_members(&held);
    let plan = plan_for(&known, &net, &policy).plan;
    assert!(plan.members.keys().eq([&group(2)]));
}

#[test]
fn too_many_synced_groups_do_not_go_at_once() {
    let groups = |range: std::ops::RangeInclusive<u8>| range.map(|n| (n, vec![])).collect::<Vec<_>>();
    let mut known = Known::default();
    sync_fully(&mut known, reading(&[1], &groups(1..=10)), &everything_on());
    let net = reconcile(&known, reading(&[1], &groups(6..=10)));
    let policy = everything_on();
    let case = Case::new(&known, &net, &policy);
    assert_eq!(case.held_groups(&nothing(), 10), (1..=5).map(group).collect());
    assert!(case.held_groups(&nothing(), 100).is_empty());
    let approved = HeldChanges { groups: (1..=5).map(group).collect(), ..HeldChanges::default() };
    assert!(case.held_groups(&approved, 10).is_empty());
}

#[test]
fn a_group_whose_change_would_deactivate_held_users_is_not_written() {
    let policy = policy(json!({"sync_users": true, "sync_groups": true, "allowed_groups": [group(1).to_string()]}));
    let all: Vec<u8> = (1..=10).collect();
    let mut known = Known::default();
    sync_fully(&mut known, reading(&all, &[(1, all.iter().map(|n| person(*n)).collect())]), &policy);
    let gone = vec![GroupChange { id: group(1), what: GroupEvent::Removed(Removal::Permanent), members: vec![] }];
    let (net, approved) = (changes(vec![], gone), nothing());
    let Case { outlook, mut plan, .. } = Case::new(&known, &net, &policy);
    let guard = Guard::new(&policy, &approved);
    let users = guard.users(&plan, &outlook, 10, false);
    assert_eq!(users.len(), 10);
    let left = guard.groups_to_leave(&plan, &outlook);
    plan.keep_users(&users.keys().cloned().collect(), &outlook);
    plan.leave_groups(&left, &outlook);
    assert!(plan.is_empty(&outlook));
    assert_eq!(plan.counts.groups_synced + plan.counts.no_email, 1);
}
