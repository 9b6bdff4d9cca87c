//! One row per rule.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Tenant, ids, policy};
use crate::directory::{GroupId, GroupProfile, Membership, UnknownCause};
use crate::filter::{
    GroupDecision, GroupNode, InactiveReason, Reach, SkipReason, UserDecision, UserFacts, decide_group, decide_user,
    explain_user,
};

/// What it is about, the settings, whether the user was deleted and is enabled, the user's groups, and the decision.
type UserRow<'a> = (&'a str, Value, (bool, Option<bool>), &'a [&'a str], UserDecision);

/// A user who was not deleted and is enabled.
const EXISTS: (bool, Option<bool>) = (false, Some(true));

/// Settings with group sync on and these lists.
fn lists(allowed: &[&str], ignored: &[&str], nested: bool) -> Value {
    json!({"sync_groups": true, "allowed_groups": allowed, "ignored_groups": ignored, "nested_groups": nested})
}

#[test]
fn a_user_is_decided_by_the_first_rule_that_applies() {
    // "staff" holds "berlin", which holds "kreuzberg", which holds "staff" again. "ghost" does not exist.
    let tenant = Tenant::of(&[
        ("staff", &["berlin"]),
        ("berlin", &["kreuzberg"]),
        ("kreuzberg", &["staff"]),
        ("leavers", &["former"]),
        ("former", &[]),
        ("barred", &[]),
    ]);
    let active = || UserDecision::Active;
    let deleted = || UserDecision::Inactive(InactiveReason::Deleted);
    let disabled = || UserDecision::Inactive(InactiveReason::DisabledInOffice365);
    let ignored =
        |group: &str| UserDecision::Inactive(InactiveReason::MemberOfIgnoredGroup { group: group.parse().unwrap() });
    let not_allowed = || UserDecision::Inactive(InactiveReason::NotInAllowedGroup);

    let rows: Vec<UserRow<'_>> = vec![
        ("nothing set: everybody", json!({}), EXISTS, &[], active()),
        ("1: deleted", json!({}), (true, Some(true)), &[], deleted()),
        ("1 before 2", json!({}), (true, Some(false)), &[], deleted()),
        ("1 before 3", lists(&[], &["leavers"], false), (true, Some(true)), &["leavers"], deleted()),
        ("2: disabled", json!({}), (false, Some(false)), &[], disabled()),
        ("2 wants an explicit false", json!({}), (false, None), &[], active()),
        ("2 before 3", lists(&[], &["leavers"], false), (false, Some(false)), &["leavers"], disabled()),
        ("2 before 4", lists(&["staff"], &[], false), (false, Some(false)), &[], disabled()),
        ("3: in an ignored group", lists(&[], &["leavers"], false), EXISTS, &["leavers"], ignored("leavers")),
        ("3: not in it", lists(&[], &["leavers"], false), EXISTS, &["staff"], active()),
        (
            "3: of several, the smallest id",
            lists(&[], &["leavers", "barred"], false),
            EXISTS,
            &["leavers", "barred"],
            ignored("barred"),
        ),
        ("3 before 4", lists(&["staff"], &["leavers"], false), EXISTS, &["leavers"], ignored("leavers")),
        (
            "ignored wins over allowed",
            lists(&["staff"], &["leavers"], false),
            EXISTS,
            &["leavers", "staff"],
            ignored("leavers"),
        ),
        (
            "a group in both lists is ignored",
            lists(&["staff"], &["staff"], false),
            EXISTS,
            &["staff"],
            ignored("staff"),
        ),
        ("4: in an allowed group", lists(&["staff"], &[], false), EXISTS, &["staff"], active()),
        ("4: one of several is enough", lists(&["staff", "barred"], &[], false), EXISTS, &["barred"], active()),
        ("4: in none", lists(&["staff"], &[], false), EXISTS, &["barred"], not_allowed()),
        ("direct: nesting does not ignore", lists(&[], &["leavers"], false), EXISTS, &["former"], active()),
        ("nested: it does", lists(&[], &["leavers"], true), EXISTS, &["former"], ignored("leavers")),
        ("direct: nesting does not allow", lists(&["staff"], &[], false), EXISTS, &["kreuzberg"], not_allowed()),
        ("nested: it does, at any depth", lists(&["staff"], &[], true), EXISTS, &["kreuzberg"], active()),
        ("nested: not upwards", lists(&[], &["former"], true), EXISTS, &["leavers"], active()),
        ("nested: round a cycle", lists(&["kreuzberg"], &[], true), EXISTS, &["berlin"], active()),
        ("a vanished ignored group ignores nobody", lists(&[], &["ghost"], true), EXISTS, &["ghost"], active()),
        ("a vanished allowed group allows nobody", lists(&["ghost"], &[], true), EXISTS, &["ghost"], not_allowed()),
        ("a vanished one beside one that exists", lists(&["ghost", "staff"], &[], false), EXISTS, &["staff"], active()),
    ];
    for (row, settings, (deleted, account_enabled), groups, expected) in rows {
        let policy = policy(&settings);
        let groups = ids(groups.iter().copied());
        let facts = UserFacts { deleted, account_enabled, groups: &groups, earlier: None };
        assert_eq!(decide_user(&policy, &tenant.reach(&policy), facts), expected, "{row}");
    }
}

#[test]
fn a_group_is_decided_by_the_first_rule_that_applies() {
    let skipped = |reason| GroupDecision::Skipped { reason };
    let synced = GroupDecision::Synced;
    let on = json!({"sync_groups": true});
    let prefixes = json!({"sync_groups": true, "group_prefixes": ["VPN-", "Ä"]});
    let without_email = json!({"sync_groups": true, "sync_groups_without_email": true});
    let both = json!({"sync_groups": true, "sync_groups_without_email": true, "group_prefixes": ["VPN-"]});
    let mail = Some("group@contoso.example");
    for (row, settings, name, mail, expected) in [
        ("off", &json!({}), Some("VPN-A"), mail, skipped(SkipReason::GroupSyncOff)),
        ("off before no mail", &json!({}), Some("VPN-A"), None, skipped(SkipReason::GroupSyncOff)),
        ("on", &on, Some("VPN-A"), mail, synced),
        ("no mail", &on, Some("VPN-A"), None, skipped(SkipReason::NoEmail)),
        ("a blank is no mail", &on, Some("VPN-A"), Some(" "), skipped(SkipReason::NoEmail)),
        ("no mail is fine", &without_email, Some("VPN-A"), None, synced),
        ("no mail before prefix", &prefixes, Some("Other"), None, skipped(SkipReason::NoEmail)),
        ("a prefix", &prefixes, Some("VPN-A"), mail, synced),
        ("in any case", &prefixes, Some("vpn-a"), mail, synced),
        ("another prefix, beyond ASCII", &prefixes, Some("ärzte"), mail, synced),
        ("the prefix is all there is", &prefixes, Some("VPN-"), mail, synced),
        ("no prefix", &prefixes, Some("Other VPN-A"), mail, skipped(SkipReason::PrefixNotAllowed)),
        ("less than a prefix", &prefixes, Some("VPN"), mail, skipped(SkipReason::PrefixNotAllowed)),
        ("no name, prefixes", &prefixes, None, mail, skipped(SkipReason::PrefixNotAllowed)),
        ("no name, no prefixes", &on, None, mail, synced),
        ("prefix without mail", &both, Some("vpn-x"), None, synced),
    ] {
        let profile =
            GroupProfile { display_name: name.map(Into::into), mail: mail.map(Into::into), ..GroupProfile::default() };
        assert_eq!(decide_group(&policy(settings), &profile), expected, "{row}");
    }
}

#[test]
fn listed_groups_that_do_not_exist_are_reported() {
    let tenant = Tenant::of(&[("staff", &[])]);
    let reach = tenant.reach(&policy(&lists(&["staff", "ghost"], &["spectre", "ghost"], false)));
    assert_eq!(*reach.vanished(), ids(["ghost", "spectre"]));
}

#[test]
fn a_deleted_group_reaches_nobody_not_even_through_the_groups_nested_in_it() {
    let policy = policy(&lists(&["staff"], &[], true));
    let (nested, none) = (ids(["berlin"]), BTreeSet::new());
    let reach = Reach::compute(&policy, |group| match group.to_string().as_str() {
        "staff" => Some(GroupNode { present: false, children: &nested, membership: Membership::Known }),
        "berlin" => Some(GroupNode { present: true, children: &none, membership: Membership::Known }),
        _ => None,
    });
    assert_eq!(reach.of(&ids(["staff", "berlin"])).allowed, None);
    assert_eq!(*reach.vanished(), ids(["staff"]));
}

#[test]
fn members_to_decide_anew_are_those_of_groups_reached_otherwise() {
    let settings = policy(&lists(&["staff"], &["leavers"], true));
    let before = Tenant::of(&[("staff", &["berlin"]), ("berlin", &[]), ("leavers", &[]), ("hamburg", &[])]);
    let after = Tenant::of(&[("staff", &["hamburg"]), ("berlin", &[]), ("leavers", &[]), ("hamburg", &[])]);
    let differences = after.reach(&settings).differences(&before.reach(&settings));
    assert_eq!(differences, ids(["berlin", "hamburg"]));
    assert_eq!(before.reach(&settings).differences(&before.reach(&settings)), ids([]));
}

/// The decision when the members of these groups are unknown.
fn decide_with_unknown(
    settings: &Value,
    unknown: &[&str],
    groups: &[&str],
    earlier: Option<&UserDecision>,
) -> UserDecision {
    let policy = policy(settings);
    let none = BTreeSet::new();
    let children = ids(["inner"]);
    let reach = Reach::compute(&policy, |group: &GroupId| {
        let name = group.to_string();
        let membership = if unknown.contains(&name.as_str()) { UnknownCause::Hidden.into() } else { Membership::Known };
        let children = if name == "outer" { &children } else { &none };
        Some(GroupNode { present: true, children, membership })
    });
    let facts =
        UserFacts { deleted: false, account_enabled: Some(true), groups: &ids(groups.iter().copied()), earlier };
    let decision = decide_user(&policy, &reach, facts);
    let again = decide_user(&policy, &reach, UserFacts { earlier: Some(&decision), ..facts });
    assert_eq!(decision, again, "what was decided is decided again");
    assert_eq!(explain_user(&policy, &reach, facts).iter().all(|check| check.passed), decision.is_active());
    decision
}

#[test]
fn unknown_members_keep_the_earlier_decision() {
    use UserDecision::{Active, Inactive};
    let not_allowed = || Inactive(InactiveReason::NotInAllowedGroup);
    let ignored = |group: &str| Inactive(InactiveReason::MemberOfIgnoredGroup { group: group.parse().unwrap() });
    let unknown = |group: &str| Inactive(InactiveReason::MembershipUnknown { group: group.parse().unwrap() });
    let (ignores, allows) = (lists(&[], &["secret", "leavers"], false), lists(&["secret", "staff"], &[], false));
    let (nested, both) = (lists(&["outer"], &[], true), lists(&["staff"], &["secret"], false));
    let none = &[][..];
    for (row, settings, hidden, groups, earlier, expected) in [
        ("an active user stays active", &ignores, "secret", none, Some(Active), Active),
        ("a new user is not let in", &ignores, "secret", none, None, unknown("secret")),
        (
            "nor one who was disabled",
            &ignores,
            "secret",
            none,
            Some(Inactive(InactiveReason::DisabledInOffice365)),
            unknown("secret"),
        ),
        ("a member on record is ignored", &ignores, "secret", &["secret"], Some(Active), ignored("secret")),
        ("another ignored group decides", &ignores, "secret", &["leavers"], Some(Active), ignored("leavers")),
        ("an active user stays allowed", &allows, "secret", none, Some(Active), Active),
        ("a user who was not allowed is not", &allows, "secret", none, Some(not_allowed()), not_allowed()),
        ("a new user is not allowed in", &allows, "secret", none, None, unknown("secret")),
        ("a known allowed group decides", &allows, "secret", &["staff"], None, Active),
        ("a member on record is allowed", &allows, "secret", &["secret"], None, Active),
        ("a nested one counts", &nested, "inner", none, None, unknown("inner")),
        ("a nested one keeps", &nested, "inner", none, Some(Active), Active),
        ("in no allowed group is certain", &both, "secret", none, Some(Active), not_allowed()),
        ("allowed and perhaps ignored", &both, "secret", &["staff"], None, unknown("secret")),
        ("the reason stays while it holds", &ignores, "secret", none, Some(unknown("secret")), unknown("secret")),
        ("and not after", &ignores, "secret", none, Some(unknown("other")), unknown("secret")),
        ("all is known again", &ignores, "-", none, Some(unknown("secret")), Active),
        ("all is known again, and not allowed", &allows, "-", none, Some(Active), not_allowed()),
    ] {
        assert_eq!(decide_with_unknown(settings, &[hidden], groups, earlier.as_ref()), expected, "{row}");
    }
}

#[test]
fn an_explanation_names_the_group_that_settled_a_rule() {
    let settings = policy(&lists(&["staff"], &["leavers"], true));
    let tenant = Tenant::of(&[("staff", &["berlin"]), ("berlin", &[]), ("leavers", &[])]);
    let groups = ids(["berlin", "leavers"]);
    let facts = UserFacts { deleted: false, account_enabled: Some(true), groups: &groups, earlier: None };
    insta::assert_json_snapshot!(explain_user(&settings, &tenant.reach(&settings), facts), @r#"
    [
      {
        "rule": "not_deleted",
        "passed": true,
        "explanation": "The user exists in the tenant."
      },
      {
        "rule": "enabled_in_office_365",
        "passed": true,
        "explanation": "The account is not disabled in Office 365."
      },
      {
        "rule": "in_no_ignored_group",
        "passed": false,
        "group": "leavers",
        "explanation": "The user is a member of an ignored group."
      },
      {
        "rule": "in_allowed_group",
        "passed": true,
        "group": "staff",
        "explanation": "The user is in an allowed group."
      }
    ]
    "#);
}

#[test]
fn decisions_are_stored_under_stable_names() {
    let ignored = InactiveReason::MemberOfIgnoredGroup { group: "leavers".parse().unwrap() };
    for (decision, json) in [
        (UserDecision::Active, json!({"status": "active"})),
        (UserDecision::Inactive(InactiveReason::Deleted), json!({"status": "inactive", "reason": "deleted"})),
        (
            UserDecision::Inactive(InactiveReason::DisabledInOffice365),
            json!({"status": "inactive", "reason": "disabled_in_office_365"}),
        ),
        (
            UserDecision::Inactive(ignored),
            json!({"status": "inactive", "reason": "member_of_ignored_group", "group": "leavers"}),
        ),
        (
            UserDecision::Inactive(InactiveReason::NotInAllowedGroup),
            json!({"status": "inactive", "reason": "not_in_allowed_group"}),
        ),
        (
            UserDecision::Inactive(InactiveReason::MembershipUnknown { group: "secret".parse().unwrap() }),
            json!({"status": "inactive", "reason": "membership_unknown", "group": "secret"}),
        ),
    ] {
        assert_eq!(serde_json::to_value(&decision).unwrap(), json);
        assert_eq!(serde_json::from_value::<UserDecision>(json).unwrap(), decision);
    }
    for (reason, name) in [
        (SkipReason::GroupSyncOff, "group_sync_off"),
        (SkipReason::NoEmail, "no_email"),
        (SkipReason::PrefixNotAllowed, "prefix_not_allowed"),
    ] {
        let decision = GroupDecision::Skipped { reason };
        let json = json!({"status": "skipped", "reason": name});
        assert_eq!(serde_json::to_value(decision).unwrap(), json);
        assert_eq!(serde_json::from_value::<GroupDecision>(json).unwrap(), decision);
    }
}
