//! Settings that are no policy, and how they are told so.

use serde_json::{Value, json};

use super::policy;
use crate::filter::{FieldError, Policy};

/// The faults of some settings: field and expectation.
fn faults(settings: &Value) -> Vec<(String, String)> {
    let invalid = Policy::parse(settings).unwrap_err();
    invalid.faults.into_iter().map(|FieldError { field, expected, .. }| (field, expected)).collect()
}

#[test]
fn everything_is_off_or_empty_at_first() {
    let policy = policy(&json!({}));
    assert_eq!(policy, Policy::default());
    insta::assert_json_snapshot!(policy, @r#"
    {
      "sync_users": false,
      "sync_groups": false,
      "sync_groups_without_email": false,
      "group_prefixes": [],
      "allowed_groups": [],
      "ignored_groups": [],
      "nested_groups": false,
      "safety_limit": {
        "percent": 20,
        "at_least": 5
      },
      "sync_every_minutes": null
    }
    "#);
}

#[test]
fn each_fault_names_its_field_and_what_was_expected() {
    let id = "a group's object id (not its name): 1 to 128 letters, digits, '-', '_' and '.'";
    let (prefixes, groups) = ("a list of at most 100 prefixes", "a list of at most 1000 ids of groups");
    let switch = "true or false";
    let text = "text of 1 to 256 characters that is not only white space";
    let many_ids: Vec<_> = (0..1_001).map(|n| n.to_string()).collect();
    let many_prefixes: Vec<_> = (0..101).map(|n| n.to_string()).collect();
    for (settings, field, expected) in [
        (json!(null), "settings", "a JSON object"),
        (json!([]), "settings", "a JSON object"),
        (json!("sync_users"), "settings", "a JSON object"),
        (json!({"sync_users": "true"}), "sync_users", switch),
        (json!({"sync_users": 1}), "sync_users", switch),
        (json!({"sync_users": null}), "sync_users", switch),
        (json!({"sync_groups": []}), "sync_groups", switch),
        (json!({"sync_groups_without_email": "no"}), "sync_groups_without_email", switch),
        (json!({"nested_groups": {}}), "nested_groups", switch),
        (json!({"safety_limit": 20}), "safety_limit", "an object of percent and at_least"),
        (json!({"safety_limit": {"percent": 101}}), "safety_limit.percent", "a whole number from 0 to 100"),
        (json!({"safety_limit": {"percent": "20"}}), "safety_limit.percent", "a whole number from 0 to 100"),
        (json!({"safety_limit": {"at_least": 0}}), "safety_limit.at_least", "a whole number from 1 to 4294967295"),
        (json!({"sync_every_minutes": 0}), "sync_every_minutes", "a whole number of minutes from 1 to 1440, or null"),
        (
            json!({"sync_every_minutes": 1441}),
            "sync_every_minutes",
            "a whole number of minutes from 1 to 1440, or null",
        ),
        (
            json!({"sync_every_minutes": "hourly"}),
            "sync_every_minutes",
            "a whole number of minutes from 1 to 1440, or null",
        ),
        (json!({"safety_limit": {"share": 5}}), "safety_limit.share", "one of percent, at_least"),
        (json!({"group_prefixes": "VPN-"}), "group_prefixes", prefixes),
        (json!({"group_prefixes": null}), "group_prefixes", prefixes),
        (json!({"group_prefixes": ["VPN-", ""]}), "group_prefixes[1]", text),
        (json!({"group_prefixes": [" \t"]}), "group_prefixes[0]", text),
        (json!({"group_prefixes": [7]}), "group_prefixes[0]", text),
        (json!({"group_prefixes": ["x".repeat(257)]}), "group_prefixes[0]", text),
        (json!({"group_prefixes": many_prefixes}), "group_prefixes", prefixes),
        (json!({"sync_groups": true, "allowed_groups": {}}), "allowed_groups", groups),
        (json!({"sync_groups": true, "allowed_groups": [""]}), "allowed_groups[0]", id),
        (json!({"sync_groups": true, "allowed_groups": ["All Staff"]}), "allowed_groups[0]", id),
        (json!({"sync_groups": true, "allowed_groups": [null]}), "allowed_groups[0]", id),
        (json!({"sync_groups": true, "ignored_groups": ["ok", "../x"]}), "ignored_groups[1]", id),
        (json!({"sync_groups": true, "ignored_groups": [["ok"]]}), "ignored_groups[0]", id),
        (json!({"sync_groups": true, "ignored_groups": many_ids}), "ignored_groups", groups),
    ] {
        assert_eq!(faults(&settings), [(field.to_owned(), expected.to_owned())], "{settings}");
    }
}

#[test]
fn an_unknown_field_is_refused_with_the_known_ones_named() {
    for field in ["sync_user", "Sync_Users", "", "ignored_groups "] {
        let faults = faults(&json!({ field: true }));
        assert_eq!(faults.len(), 1, "{field:?}");
        assert_eq!(faults[0].0, field);
        assert!(faults[0].1.starts_with("one of sync_users, sync_groups, "), "{faults:?}");
    }
}

#[test]
fn without_group_sync_no_group_may_be_listed() {
    for settings in [
        json!({"allowed_groups": ["g"]}),
        json!({"ignored_groups": ["g"]}),
        json!({"sync_groups": false, "allowed_groups": ["g"], "ignored_groups": ["h"]}),
    ] {
        let faults = faults(&settings);
        assert_eq!(faults.len(), 1, "{settings}");
        assert_eq!(faults[0].0, "sync_groups");
        assert!(faults[0].1.contains("would let everybody they keep out in"), "{faults:?}");
    }
    assert!(Policy::parse(&json!({"allowed_groups": [], "ignored_groups": []})).is_ok());
    assert!(Policy::parse(&json!({"sync_groups": true, "allowed_groups": ["g"]})).is_ok());
}

#[test]
fn a_malformed_sync_groups_is_one_fault_not_two() {
    let faults = faults(&json!({"sync_groups": "yes", "allowed_groups": ["g"]}));
    assert_eq!(faults, [("sync_groups".to_owned(), "true or false".to_owned())]);
}

#[test]
fn all_faults_are_found_at_once() {
    let invalid = Policy::parse(&json!({
        "sync_users": 1,
        "group_prefixes": ["", "ok", " "],
        "allowed_groups": ["fine"],
        "surprise": true,
    }));
    insta::assert_snapshot!(invalid.unwrap_err(), @r#"
    the settings are not valid; sync_users: expected true or false, found 1; group_prefixes[0]: expected text of 1 to 256 characters that is not only white space, found ""; group_prefixes[2]: expected text of 1 to 256 characters that is not only white space, found " "; surprise: expected one of sync_users, sync_groups, sync_groups_without_email, group_prefixes, allowed_groups, ignored_groups, nested_groups, safety_limit, sync_every_minutes, found true; sync_groups: expected true while allowed_groups or ignored_groups name groups: turning it off would let everybody they keep out in; empty both lists first if that is meant, found false
    "#);
}

#[test]
fn what_was_found_is_shortened() {
    let invalid = Policy::parse(&json!({"sync_users": "é".repeat(500)})).unwrap_err();
    assert_eq!(invalid.faults[0].found.chars().count(), 81);
}

#[test]
fn a_flood_of_faults_is_told_in_part() {
    let settings: serde_json::Map<String, Value> =
        (0..10_000).map(|n| (format!("{n:05}{}", "x".repeat(500)), json!(true))).collect();
    let invalid = Policy::parse(&Value::Object(settings)).unwrap_err();
    let last = invalid.faults.last().unwrap();
    assert_eq!((invalid.faults.len(), last.found.as_str()), (51, "9950 more"));
    assert_eq!(invalid.faults[0].field.chars().count(), 81);
}

#[test]
fn all_lists_together_fit_one_stored_item() {
    let ids: Vec<_> = (0..1_000).map(|n| format!("{n:0>128}")).collect();
    let more: Vec<_> = (1_000..2_000).map(|n| format!("{n:0>128}")).collect();
    let settings = json!({"sync_groups": true, "allowed_groups": ids, "ignored_groups": more});
    assert_eq!(faults(&settings), [("settings".to_owned(), "at most 163840 bytes in all lists together".to_owned())]);
}

#[test]
fn the_limits_themselves_are_fine() {
    let ids: Vec<_> = (0..1_000).map(|n| n.to_string()).collect();
    let prefixes: Vec<_> = (0..100).map(|n| format!("{n:0>256}")).collect();
    let policy = policy(&json!({
        "sync_groups": true,
        "group_prefixes": prefixes,
        "allowed_groups": ids,
        "ignored_groups": ids,
    }));
    assert_eq!(policy.listed_groups().count(), 1_000);
}

#[test]
fn an_id_listed_twice_or_in_another_case_is_listed_once() {
    let policy = policy(&json!({"sync_groups": true, "allowed_groups": [
        "6ea91a8d-e32e-41a1-b7bd-d2d185eed0e0",
        "6EA91A8D-E32E-41A1-B7BD-D2D185EED0E0",
    ]}));
    assert_eq!(policy.allowed_groups().len(), 1);
}

#[test]
fn stored_settings_are_checked_like_sent_ones() {
    assert!(serde_json::from_value::<Policy>(json!({"sync_users": true})).is_ok());
    let error = serde_json::from_value::<Policy>(json!({"sync_user": true})).unwrap_err();
    assert!(error.to_string().contains("sync_user"), "{error}");
}
