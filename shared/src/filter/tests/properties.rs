//! What holds for any input.

use std::collections::BTreeSet;

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::{Tenant, policy};
use crate::directory::{GroupId, GroupProfile};
use crate::filter::{InactiveReason, Policy, Rule, UserDecision, UserFacts, decide_group, decide_user, explain_user};

/// Few groups, so that lists, memberships and nesting often meet. Only the first eight may exist in a tenant.
const GROUPS: u8 = 10;
const EXISTING: u8 = 8;

fn group_id(number: u8) -> GroupId {
    format!("g{number}").parse().unwrap()
}

fn any_groups() -> impl Strategy<Value = Vec<GroupId>> {
    vec(0..GROUPS, 0..6).prop_map(|numbers| numbers.into_iter().map(group_id).collect())
}

fn any_prefixes() -> impl Strategy<Value = Vec<String>> {
    vec(select(vec!["VPN-", "vpn-", "Straße", "STRASSE", "é", "e\u{301}", "ΣΑΣ", " x", "\u{1F600}"]), 0..5)
        .prop_map(|prefixes| prefixes.into_iter().map(str::to_owned).collect())
}

/// The fields of valid settings, in whatever order their lists are written.
#[derive(Debug, Clone)]
struct Settings {
    sync_users: bool,
    without_email: bool,
    nested: bool,
    prefixes: Vec<String>,
    allowed: Vec<GroupId>,
    ignored: Vec<GroupId>,
}

impl Settings {
    fn json(&self) -> Value {
        json!({
            "sync_users": self.sync_users,
            "sync_groups": true,
            "sync_groups_without_email": self.without_email,
            "group_prefixes": self.prefixes,
            "allowed_groups": self.allowed,
            "ignored_groups": self.ignored,
            "nested_groups": self.nested,
        })
    }

    fn policy(&self) -> Policy {
        policy(&self.json())
    }
}

prop_compose! {
    fn any_settings()(
        sync_users: bool,
        without_email: bool,
        nested: bool,
        prefixes in any_prefixes(),
        allowed in any_groups(),
        ignored in any_groups(),
    ) -> Settings {
        Settings { sync_users, without_email, nested, prefixes, allowed, ignored }
    }
}

prop_compose! {
    /// The same settings with every list shuffled.
    fn shuffled(settings: Settings)(
        prefixes in Just(settings.prefixes.clone()).prop_shuffle(),
        allowed in Just(settings.allowed.clone()).prop_shuffle(),
        ignored in Just(settings.ignored.clone()).prop_shuffle(),
    ) -> Settings {
        Settings { prefixes, allowed, ignored, ..settings.clone() }
    }
}

/// Some existing groups, nested at random: in themselves, in circles, and holding groups that do not exist.
fn any_tenant() -> impl Strategy<Value = Tenant> {
    vec((0..EXISTING, btree_set(0..GROUPS, 0..4)), 0..10).prop_map(|groups| {
        let nested = |nested: BTreeSet<u8>| nested.into_iter().map(group_id).collect();
        Tenant(groups.into_iter().map(|(group, of)| (group_id(group), nested(of))).collect(), BTreeSet::new())
    })
}

/// The same with some groups whose members are unknown.
fn any_tenant_with_unknown() -> impl Strategy<Value = Tenant> {
    (any_tenant(), btree_set(0..EXISTING, 0..4))
        .prop_map(|(Tenant(groups, _), unknown)| Tenant(groups, unknown.into_iter().map(group_id).collect()))
}

/// A decision of an earlier time, or none.
fn any_earlier() -> impl Strategy<Value = Option<UserDecision>> {
    let of = |reason: fn(GroupId) -> InactiveReason| {
        (0..GROUPS).prop_map(move |group| Some(UserDecision::Inactive(reason(group_id(group)))))
    };
    prop_oneof![
        Just(None),
        Just(Some(UserDecision::Active)),
        Just(Some(UserDecision::Inactive(InactiveReason::NotInAllowedGroup))),
        Just(Some(UserDecision::Inactive(InactiveReason::DisabledInOffice365))),
        of(|group| InactiveReason::MemberOfIgnoredGroup { group }),
        of(|group| InactiveReason::MembershipUnknown { group }),
    ]
}

/// A user: whether deleted, whether enabled, and the groups.
#[derive(Debug, Clone)]
struct User(bool, Option<bool>, BTreeSet<GroupId>);

impl User {
    fn facts(&self) -> UserFacts<'_> {
        UserFacts { deleted: self.0, account_enabled: self.1, groups: &self.2, earlier: None }
    }
}

fn any_user() -> impl Strategy<Value = User> {
    (prop::bool::weighted(0.1), prop_oneof![Just(None), Just(Some(true)), Just(Some(false))], any_groups())
        .prop_map(|(deleted, enabled, groups)| User(deleted, enabled, groups.into_iter().collect()))
}

fn any_group_profile() -> impl Strategy<Value = GroupProfile> {
    let names =
        select(vec!["VPN-Berlin", "strasse 1", "STRASSE", "cafe\u{301}", "É-Team", "σας", "", " X", "\u{1F600}"]);
    (prop::option::of(names), prop::option::of(select(vec!["", "group@contoso.example"]))).prop_map(|(name, mail)| {
        GroupProfile { display_name: name.map(Into::into), mail: mail.map(Into::into), ..GroupProfile::default() }
    })
}

fn decide(settings: &Settings, tenant: &Tenant, user: &User) -> UserDecision {
    let policy = settings.policy();
    decide_user(&policy, &tenant.reach(&policy), user.facts())
}

/// The groups a user is in when memberships count through nesting: those, and all that hold one of them through groups
/// that exist. Found by asking each group, not by walking from the listed ones.
fn flattened(tenant: &Tenant, direct: &BTreeSet<GroupId>) -> BTreeSet<GroupId> {
    let mut all = direct.clone();
    loop {
        let holders = tenant
            .0
            .iter()
            .filter(|(_, nested)| nested.iter().any(|child| tenant.0.contains_key(child) && all.contains(child)));
        let grown: BTreeSet<_> = all.iter().chain(holders.map(|(group, _)| group)).cloned().collect();
        if grown == all {
            return all;
        }
        all = grown;
    }
}

proptest! {
    #[test]
    fn a_decision_depends_on_nothing_but_its_inputs(settings in any_settings(), tenant in any_tenant(), user in any_user()) {
        prop_assert_eq!(decide(&settings, &tenant, &user), decide(&settings, &tenant.clone(), &user.clone()));
    }

    #[test]
    fn the_order_of_lists_never_matters(
        (settings, other) in any_settings().prop_flat_map(|settings| (Just(settings.clone()), shuffled(settings))),
        tenant in any_tenant(),
        user in any_user(),
        group in any_group_profile(),
    ) {
        prop_assert_eq!(settings.policy(), other.policy());
        prop_assert_eq!(decide(&settings, &tenant, &user), decide(&other, &tenant, &user));
        prop_assert_eq!(decide_group(&settings.policy(), &group), decide_group(&other.policy(), &group));
    }

    #[test]
    fn adding_an_ignored_group_never_activates_anyone(
        settings in any_settings(), tenant in any_tenant(), user in any_user(), added in 0..GROUPS,
    ) {
        let mut more = settings.clone();
        more.ignored.push(group_id(added));
        prop_assert!(decide(&settings, &tenant, &user).is_active() || !decide(&more, &tenant, &user).is_active());
    }

    #[test]
    fn adding_an_allowed_group_to_others_never_deactivates_anyone(
        settings in any_settings(), tenant in any_tenant(), user in any_user(), added in 0..GROUPS,
    ) {
        prop_assume!(!settings.allowed.is_empty());
        let mut more = settings.clone();
        more.allowed.push(group_id(added));
        prop_assert!(!decide(&settings, &tenant, &user).is_active() || decide(&more, &tenant, &user).is_active());
    }

    #[test]
    fn nested_groups_decide_like_direct_ones_on_flattened_memberships(
        settings in any_settings(), tenant in any_tenant(), user in any_user(),
    ) {
        let nested = Settings { nested: true, ..settings.clone() };
        let direct = Settings { nested: false, ..settings };
        let User(deleted, enabled, groups) = user.clone();
        let flat = User(deleted, enabled, flattened(&tenant, &groups));
        prop_assert_eq!(decide(&nested, &tenant, &user), decide(&direct, &tenant, &flat));
    }

    #[test]
    fn deleted_and_disabled_users_are_never_active(settings in any_settings(), tenant in any_tenant(), user in any_user()) {
        if decide(&settings, &tenant, &user).is_active() {
            prop_assert!(!user.0 && user.1 != Some(false));
        }
    }

    #[test]
    fn a_printed_policy_parses_to_itself(settings in any_settings()) {
        let policy = settings.policy();
        let printed = serde_json::to_value(&policy).unwrap();
        let parsed = Policy::parse(&printed).unwrap();
        prop_assert_eq!(&parsed, &policy);
        prop_assert_eq!(serde_json::to_value(&parsed).unwrap(), printed);
    }

    #[test]
    fn an_explanation_agrees_with_the_decision(
        settings in any_settings(), tenant in any_tenant_with_unknown(), user in any_user(), earlier in any_earlier(),
    ) {
        let policy = settings.policy();
        let reach = tenant.reach(&policy);
        let facts = UserFacts { earlier: earlier.as_ref(), ..user.facts() };
        let checks = explain_user(&policy, &reach, facts);
        let first_failed = checks.iter().find(|check| !check.passed);
        match decide_user(&policy, &reach, facts) {
            UserDecision::Active => prop_assert_eq!(first_failed, None),
            UserDecision::Inactive(reason) => {
                let (rule, group) = match reason {
                    InactiveReason::Deleted => (Rule::NotDeleted, None),
                    InactiveReason::DisabledInOffice365 => (Rule::EnabledInOffice365, None),
                    InactiveReason::MemberOfIgnoredGroup { group } => (Rule::InNoIgnoredGroup, Some(group)),
                    InactiveReason::NotInAllowedGroup => {
                        (Rule::InAllowedGroup, reach.unknown().allowed.first().cloned())
                    }
                    InactiveReason::MembershipUnknown { group } if reach.unknown().ignored.contains(&group) => {
                        (Rule::InNoIgnoredGroup, Some(group))
                    }
                    InactiveReason::MembershipUnknown { group } => (Rule::InAllowedGroup, Some(group)),
                };
                let failed = first_failed.unwrap();
                prop_assert_eq!((failed.rule, &failed.group), (rule, &group));
            }
        }
    }

    #[test]
    fn only_members_of_groups_that_differ_can_be_decided_otherwise(
        settings in any_settings(), before in any_tenant(), after in any_tenant(), user in any_user(),
    ) {
        let policy = settings.policy();
        let (before, after) = (before.reach(&policy), after.reach(&policy));
        if after.differences(&before).is_disjoint(&user.2) {
            prop_assert_eq!(
                decide_user(&policy, &before, user.facts()),
                decide_user(&policy, &after, user.facts())
            );
        }
    }

    #[test]
    fn unknown_members_never_change_a_decision(
        settings in any_settings(), tenant in any_tenant_with_unknown(), user in any_user(), earlier in any_earlier(),
    ) {
        let policy = settings.policy();
        let known = Tenant(tenant.0.clone(), BTreeSet::new());
        let by_record = decide_user(&policy, &known.reach(&policy), user.facts());
        let reach = tenant.reach(&policy);
        let facts = UserFacts { earlier: earlier.as_ref(), ..user.facts() };
        let decision = decide_user(&policy, &reach, facts);
        // Whoever is let in was active before, or all that decides is known.
        if decision.is_active() && earlier != Some(UserDecision::Active) {
            prop_assert!(by_record.is_active() && reach.unknown().ignored.is_empty());
        }
        // Whoever was active is only put out by what is known.
        if earlier == Some(UserDecision::Active) && !decision.is_active() {
            prop_assert_eq!(&decision, &by_record);
        }
        let again = decide_user(&policy, &reach, UserFacts { earlier: Some(&decision), ..facts });
        prop_assert_eq!(decision, again);
    }

    #[test]
    fn any_json_is_a_policy_or_has_named_faults(settings in any_json()) {
        match Policy::parse(&settings) {
            Ok(policy) => prop_assert!(Policy::parse(&serde_json::to_value(policy).unwrap()).is_ok()),
            Err(invalid) => {
                prop_assert!(!invalid.faults.is_empty());
                prop_assert!(invalid.faults.iter().all(|fault| !fault.expected.is_empty()));
            }
        }
    }
}

/// Objects with known and unknown fields and values of any type.
fn any_json() -> impl Strategy<Value = Value> {
    let field = select(vec![
        "sync_users",
        "sync_groups",
        "sync_groups_without_email",
        "group_prefixes",
        "allowed_groups",
        "ignored_groups",
        "nested_groups",
        "surprise",
    ]);
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    let value = prop_oneof![3 => scalar.clone(), 1 => vec(scalar, 0..4).prop_map(Value::from)];
    vec((field, value), 0..6)
        .prop_map(|fields| Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
}
