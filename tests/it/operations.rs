//! What operators are told by the documents is there: an entry for each alarm, the tests that are named, and one registration with Microsoft
//! however it is made.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use shared::oauth::{GRAPH_SCOPES, OPENID_SCOPES};

const TEMPLATE: &str = include_str!("../../infra/template.yaml");
const OPERATIONS: &str = include_str!("../../docs/operations.md");
const THREATS: &str = include_str!("../../docs/threat-model.md");
const SCRIPT: &str = include_str!("../../infra/entra/register.sh");
const TERRAFORM: &str = include_str!("../../infra/entra/terraform/main.tf");
const ENTRA: &str = include_str!("../../infra/entra/README.md");

/// The part of a document below a heading.
fn section<'a>(document: &'a str, heading: &str) -> Option<&'a str> {
    let below = document.split_once(&format!("\n{heading}\n"))?.1;
    below.split("\n##").next()
}

#[test]
fn every_alarm_leads_to_an_entry_that_says_what_it_means_and_what_to_do() {
    let alarms: Vec<&str> = TEMPLATE.split("Type: AWS::CloudWatch::Alarm").skip(1).collect();
    assert!(OPERATIONS.contains(&format!("alarms, {} at 0.10", alarms.len())), "there are {}", alarms.len());
    let mut led_to = BTreeSet::new();
    for alarm in alarms {
        let description = alarm.lines().find(|line| line.contains("AlarmDescription:")).unwrap();
        let entry = description.split("See ").nth(1).unwrap().split(' ').next().unwrap();
        assert!(description.contains("docs/operations.md"), "{description}");
        let entry_text = section(OPERATIONS, &format!("### {entry}")).unwrap_or_else(|| panic!("no entry {entry}"));
        for part in ["**Meaning.**", "**First look.**", "**Fix.**"] {
            assert!(entry_text.contains(part), "{entry} lacks {part}");
        }
        assert!(alarm.contains("AlarmActions: [!Ref AlertTopic]"), "{entry} tells nobody");
        led_to.insert(entry);
    }
    let entries = OPERATIONS.lines().filter_map(|line| line.strip_prefix("### "));
    assert_eq!(entries.collect::<BTreeSet<_>>(), led_to, "an entry no alarm leads to");
}

#[test]
fn the_metrics_that_alarms_and_dashboard_watch_are_told_and_explained() {
    let source = include_str!("../../functions/sync/src/metrics.rs");
    let watched = TEMPLATE.split("Office365Sync/${AWS::StackName}\", \"").skip(1);
    let watched = watched.map(|rest| rest.split('"').next().unwrap());
    let alarmed = TEMPLATE.split("Namespace: !Sub Office365Sync/${AWS::StackName}\n      MetricName: ").skip(1);
    let alarmed = alarmed.map(|rest| rest.lines().next().unwrap());
    let names: BTreeSet<&str> = watched.chain(alarmed).collect();
    assert!(names.len() > 15, "{names:?}");
    for name in names {
        assert!(source.contains(&format!("\"{name}\"")), "{name} is never told");
        assert!(OPERATIONS.contains(&format!("`{name}`")), "{name} is not explained");
    }
}

#[test]
fn every_test_that_the_threat_model_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let named: Vec<(&str, &str)> = THREATS.split('`').filter_map(|quoted| quoted.split_once(".rs::")).collect();
    assert!(named.len() > 40, "{named:?}");
    for (file, test) in named {
        let text =
            fs::read_to_string(root.join(format!("{file}.rs"))).unwrap_or_else(|_| panic!("{file}.rs is not there"));
        assert!(text.contains(&format!("fn {test}(")), "{file}.rs has no {test}");
    }
}

/// The words in quotation marks or between other words of a list.
fn has_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "._".contains(c);
    text.split(|c| !is_part(c)).any(|part| part == word)
}

#[test]
fn script_terraform_and_page_ask_microsoft_for_what_the_code_needs() {
    for scope in OPENID_SCOPES.into_iter().chain(GRAPH_SCOPES) {
        for (name, text) in [("register.sh", SCRIPT), ("main.tf", TERRAFORM), ("README.md", ENTRA)] {
            assert!(has_word(text, scope), "{name} does not ask for {scope}");
        }
    }
    for role in ["Sync.Admin", "Sync.Read", "Sync.Operator"] {
        let id = TERRAFORM.split(&format!("\"{role}\"")).nth(1).unwrap().split("id = \"").nth(1).unwrap();
        let id = id.split('"').next().unwrap();
        assert_eq!(SCRIPT.matches(id).count(), 1, "{role} is another one in the script");
        assert!(has_word(SCRIPT, role) && has_word(ENTRA, role));
    }
}

#[test]
fn every_cloud_is_the_same_for_script_terraform_page_and_stack() {
    let is_address = |word: &&str| word.starts_with("https://") || word.starts_with("api://");
    let addresses = |text: &'static str| -> BTreeSet<&str> {
        text.split(|c: char| c.is_whitespace() || "`\",;)]'|".contains(c))
            .filter(is_address)
            .map(|word| word.trim_start_matches("login=").trim_end_matches(':'))
            .filter(|word| {
                ["login.", "graph.", "dod-graph.", "microsoftgraph.", "AzureADTokenExchange"]
                    .iter()
                    .any(|part| word.contains(part))
            })
            .collect()
    };
    let expected = addresses(ENTRA.split("## National clouds").nth(1).unwrap());
    assert_eq!(expected.len(), 10, "three logins, four Graphs, three audiences: {expected:?}");
    assert_eq!(addresses(TERRAFORM), expected);
    for address in &expected {
        assert!(SCRIPT.contains(address), "register.sh does not know {address}");
    }
    for audience in expected.iter().filter(|address| address.starts_with("api://")) {
        assert!(TEMPLATE.contains(audience), "the stack does not take {audience}");
    }
}
