//! The deployment template and the code agree on names: of variables, and of the table's keys and indexes.

use std::collections::BTreeSet;

use gateway::Routes;

const TEMPLATE: &str = include_str!("../../infra/template.yaml");
const GUIDE: &str = include_str!("../../infra/README.md");
const CONFIG: &str = include_str!("../../shared/src/config.rs");
const TABLE: &str = include_str!("../../shared/src/dynamodb/table.rs");

/// Names that are all capitals stand in the template only where a function's variables are set.
fn set_by_the_template() -> BTreeSet<&'static str> {
    let is_variable = |key: &&str| key.contains('_') && key.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    TEMPLATE.lines().filter_map(|line| line.trim().split_once(':')).map(|(key, _)| key).filter(is_variable).collect()
}

fn read_by_the_code() -> BTreeSet<&'static str> {
    let constants = CONFIG.lines().filter_map(|line| line.strip_prefix("pub const "));
    constants.filter_map(|line| line.split('"').nth(1)).collect()
}

/// The words in `text` that follow `marker`.
fn words_after(text: &'static str, marker: &str) -> BTreeSet<&'static str> {
    let is_end = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-');
    text.split(marker).skip(1).filter_map(|rest| rest.split(is_end).next()).collect()
}

#[test]
fn the_template_sets_every_variable_the_code_reads_and_no_other() {
    let mut needed = read_by_the_code();
    assert!(needed.remove("CA_FILE"), "only the local stack trusts further certificates");
    assert_eq!(set_by_the_template(), needed);
}

#[test]
fn the_template_declares_the_table_the_code_makes() {
    let mut attributes = words_after(TABLE, "text(\"");
    attributes.extend(words_after(TABLE, "const TTL: &str = \""));
    assert_eq!(words_after(TEMPLATE, "AttributeName: "), attributes);
}

#[test]
fn described_requests_reach_the_function_that_answers_them() {
    let find = |method: &str, path: &str| {
        let route = Routes::deployed().find(&method.parse().unwrap(), path).unwrap();
        route.function().to_owned()
    };
    let mut checked = 0;
    for (description, function) in [(status::description(), "status"), (console::description(), "console")] {
        let description = serde_json::to_value(description).unwrap();
        for (path, operations) in description["paths"].as_object().unwrap() {
            for method in operations.as_object().unwrap().keys() {
                let method = method.to_uppercase();
                assert_eq!(find(&method, path), function, "{method} {path}");
                if method == "GET" {
                    assert_eq!(find("HEAD", path), function, "HEAD {path}");
                }
                checked += 1;
            }
        }
    }
    assert!(checked > 20);
    for (method, path, function) in [
        ("GET", "/scim/v2/d/Users", "status"),
        ("GET", "/scim/v2/d//Users", "status"),
        ("POST", "/scim/v2/d/.search", "status"),
        ("DELETE", "/scim/v2/d/Users/u", "status"),
        ("HEAD", "/healthz", "status"),
        ("HEAD", "/oauth/callback", "oauth"),
        ("GET", "/signin", "oauth"),
        ("GET", "/", "console"),
        ("POST", "/directories/d/settings", "console"),
    ] {
        assert_eq!(find(method, path), function, "{method} {path}");
    }
}

#[test]
fn the_log_of_accesses_has_nothing_of_what_was_asked() {
    let format = TEMPLATE.split("Format: >-").nth(1).unwrap().split("\n\n").next().unwrap();
    let known = [
        "requestId",
        "requestTimeEpoch",
        "routeKey",
        "status",
        "responseLatency",
        "integrationLatency",
        "integrationErrorMessage",
        "responseLength",
    ];
    let named: Vec<&str> = format.split("$context.").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(named, known);
    let folded = format.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(serde_json::from_str::<serde_json::Value>(&folded).is_ok(), "{folded}");
}

#[test]
fn the_guide_explains_every_parameter() {
    let parameters = TEMPLATE.split("\nParameters:\n").nth(1).unwrap().split("\nRules:").next().unwrap();
    let is_name =
        |line: &&str| line.starts_with("  ") && !line.starts_with("   ") && !line.trim_start().starts_with('#');
    let names: Vec<&str> =
        parameters.lines().filter(is_name).filter_map(|line| line.trim().split(':').next()).collect();
    assert!(names.len() > 10, "{names:?}");
    let table: String = GUIDE.lines().filter(|line| line.starts_with("| `")).collect();
    for name in names {
        assert!(table.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn the_schedule_sends_what_the_function_takes_for_a_tick() {
    let input = TEMPLATE.split("Input: '").nth(1).unwrap().split('\'').next().unwrap();
    assert!(matches!(serde_json::from_str(input), Ok(sync::SyncEvent::Tick)), "{input}");
}

#[test]
fn two_stacks_in_one_account_have_no_name_in_common() {
    const NAMES: [&str; 10] = [
        "FunctionName",
        "LogGroupName",
        "AlarmName",
        "DashboardName",
        "Name",
        "QueueName",
        "TopicName",
        "TableName",
        "RoleName",
        "ManagedPolicyName",
    ];
    let template: serde_yaml_ng::Value = serde_yaml_ng::from_str(TEMPLATE).unwrap();
    let mut given = 0;
    for (resource, content) in template["Resources"].as_mapping().unwrap() {
        // These say whom they are about, and have no names themselves.
        if ["AWS::Lambda::Permission", "AWS::Lambda::EventSourceMapping"].iter().any(|kind| content["Type"] == *kind) {
            continue;
        }
        for name in NAMES.iter().filter_map(|name| content["Properties"].get(name)) {
            assert!(format!("{name:?}").contains("AWS::StackName"), "{resource:?}: {name:?}");
            given += 1;
        }
    }
    assert!(given > 25, "{given}");
}
