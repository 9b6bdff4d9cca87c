//! The deployment template and the code agree on names: of variables, and of the table's keys and indexes.

use std::collections::BTreeSet;

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

/// A route of API Gateway.
struct Route {
    method: &'static str,
    path: &'static str,
    integration: &'static str,
}

fn routes() -> Vec<Route> {
    let after = |text: &'static str, marker: &str| text.split_once(marker).unwrap().1;
    let all = TEMPLATE.split("RouteKey: ").skip(1).map(|rest| {
        let (method, path) = rest.lines().next().unwrap().split_once(' ').unwrap_or(("ANY", "/{proxy+}"));
        let integration = after(rest, "integrations/${").split('}').next().unwrap();
        Route { method, path, integration }
    });
    all.collect()
}

/// Whether a route takes this path, and how closely: by its whole length, or by what stands before its end.
///
/// Source: Amazon API Gateway developer guide, "Create routes for HTTP APIs": full matches come before greedy ones.
fn fits(route: &Route, method: &str, path: &str) -> Option<(bool, usize)> {
    if route.method != "ANY" && route.method != method {
        return None;
    }
    let (known, asked): (Vec<_>, Vec<_>) = (route.path.split('/').collect(), path.split('/').collect());
    let is_greedy = known.last().is_some_and(|last| last.ends_with("+}"));
    let before = known.len() - usize::from(is_greedy);
    let is_long_enough = if is_greedy { asked.len() > before } else { asked.len() == before };
    let alike = known.iter().take(before).zip(&asked).all(|(known, asked)| known == asked || known.starts_with('{'));
    (is_long_enough && alike).then_some((!is_greedy, before))
}

#[test]
fn each_request_that_is_described_comes_to_the_function_that_answers_it() {
    let routes = routes();
    let mut checked = 0;
    for (description, integration) in
        [(status::description(), "StatusIntegration"), (console::description(), "ConsoleIntegration")]
    {
        let description = serde_json::to_value(description).unwrap();
        for (path, operations) in description["paths"].as_object().unwrap() {
            for method in operations.as_object().unwrap().keys() {
                let method = method.to_uppercase();
                let best = routes.iter().filter_map(|route| Some((fits(route, &method, path)?, route)));
                let best = best.max_by_key(|(closeness, _)| *closeness).map(|(_, route)| route.integration);
                assert_eq!(best, Some(integration), "{method} {path}");
                checked += 1;
            }
        }
    }
    assert!(checked > 20);
    for (method, path) in
        [("GET", "/scim/v2/d/Users"), ("POST", "/scim/v2/d/.search"), ("DELETE", "/scim/v2/d/Users/u")]
    {
        let best = routes.iter().filter_map(|route| Some((fits(route, method, path)?, route)));
        let best = best.max_by_key(|(closeness, _)| *closeness).map(|(_, route)| route.integration);
        assert_eq!(best, Some("StatusIntegration"), "{method} {path}");
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
