//! What the role of each function may do, as `infra/template.yaml` has it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use local::aws::SECRET_PREFIX;
use serde_yaml_ng::Value;

use super::request::Call;

const TEMPLATE: &str = include_str!("../../../infra/template.yaml");

/// One action on one resource that a role may do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// Such as `dynamodb:GetItem`.
    pub action: String,
    /// Which resource, in the words of [`Call::resource`], perhaps with `*` and `?`.
    pub resource: String,
    conditions: Vec<(String, Vec<String>)>,
    /// False when only some deployments have it, by their parameters.
    pub is_usual: bool,
}

impl Permission {
    /// True when the role may make this call by this permission.
    pub fn allows(&self, call: &Call) -> bool {
        self.action == call.action
            && is_like(&self.resource, &call.resource)
            && self.conditions.iter().all(|(key, values)| {
                let asked = match key.as_str() {
                    "dynamodb:LeadingKeys" => &call.leading_keys,
                    "dynamodb:Attributes" => &call.attributes,
                    // None of ours asks for an item as it was; the others are of deployments that the tests are not.
                    "dynamodb:ReturnValues" | "kms:SigningAlgorithm" | "sts:IdentityTokenAudience" => return true,
                    other => panic!("this test does not know {other}"),
                };
                asked.iter().all(|one| values.iter().any(|value| is_like(value, one)))
            })
    }
}

/// What each role may do, by its function.
pub static ROLES: LazyLock<BTreeMap<&'static str, Vec<Permission>>> = LazyLock::new(|| {
    let template: Value = serde_yaml_ng::from_str(TEMPLATE).unwrap();
    let template = Template(&template["Resources"]);
    let roles = [("oauth", "OauthRole"), ("sync", "SyncRole"), ("status", "StatusRole"), ("console", "ConsoleRole")];
    roles.into_iter().map(|(function, role)| (function, template.permissions(role))).collect()
});

struct Template<'a>(&'a Value);

impl Template<'_> {
    fn permissions(&self, role: &str) -> Vec<Permission> {
        let document = &self.0[role]["Properties"]["Policies"][0]["PolicyDocument"];
        let statements = document["Statement"].as_sequence().unwrap();
        statements.iter().flat_map(|statement| self.statement(statement)).collect()
    }

    fn statement(&self, statement: &Value) -> Vec<Permission> {
        let (is_usual, statement) = unconditional(statement);
        assert_eq!(statement["Effect"], "Allow");
        let resource = self.resource(&statement["Resource"]);
        let mut conditions = Vec::new();
        for tests in statement["Condition"].as_mapping().into_iter().flat_map(|operators| operators.values()) {
            for (key, values) in tests.as_mapping().unwrap() {
                conditions.push((key.as_str().unwrap().to_owned(), texts(values)));
            }
        }
        let permission =
            |action| Permission { action, resource: resource.clone(), conditions: conditions.clone(), is_usual };
        texts(&statement["Action"]).into_iter().map(permission).collect()
    }

    /// A resource in the words of a call.
    fn resource(&self, value: &Value) -> String {
        let Value::Tagged(tagged) = value else { return value.as_str().unwrap().to_owned() };
        match (tagged.tag.to_string().as_str(), &tagged.value) {
            ("!GetAtt", Value::String(name)) => name.trim_end_matches(".Arn").to_owned(),
            ("!Ref", Value::String(name)) => match self.0[name.as_str()]["Type"].as_str() {
                // A secret's ARN ends with six characters of Secrets Manager's choice.
                Some("AWS::SecretsManager::Secret") => {
                    format!("secret:{}-??????", substituted(&self.0[name.as_str()]["Properties"]["Name"]))
                }
                _ => name.clone(),
            },
            // Unless it says otherwise, a stack uses its own table.
            ("!If", Value::Sequence(choices)) if choices[0] == "HasRestoredTable" => self.resource(&choices[2]),
            ("!Sub", _) => {
                let arn = substituted(value);
                match arn.rsplit_once(":secret:") {
                    Some((_, name)) => format!("secret:{name}"),
                    None => arn.rsplit(':').next().unwrap().replace("${EventBusName}", "bus"),
                }
            }
            other => panic!("this test does not know {other:?}"),
        }
    }
}

/// The text of a `!Sub`, with or without variables of its own.
fn substituted(value: &Value) -> String {
    let Value::Tagged(tagged) = value else { panic!("{value:?} is no !Sub") };
    let text = tagged.value.as_str().or_else(|| tagged.value[0].as_str()).unwrap();
    text.replace("${Prefix}", SECRET_PREFIX)
}

/// A statement without the condition it is under, and whether that holds in the deployments that the tests are: with a client secret
/// and an event bus.
fn unconditional(statement: &Value) -> (bool, &Value) {
    let Value::Tagged(tagged) = statement else { return (true, statement) };
    assert_eq!(tagged.tag.to_string(), "!If");
    let is_usual = ["UsesClientSecret", "HasEventBus"].iter().any(|condition| tagged.value[0] == *condition);
    (is_usual, &tagged.value[1])
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        // A parameter's value.
        Value::Tagged(_) => vec!["*".to_owned()],
        Value::String(text) => vec![text.clone()],
        Value::Sequence(values) => values.iter().map(|value| value.as_str().unwrap().to_owned()).collect(),
        other => panic!("{other:?} is neither a text nor a list"),
    }
}

/// Whether a text is as a pattern with `*` and `?` says (IAM user guide, "Resource": wildcards).
fn is_like(pattern: &str, text: &str) -> bool {
    match pattern.split_at_checked(1) {
        None | Some(("", _)) => text.is_empty(),
        Some(("*", rest)) => {
            (0..=text.len()).any(|at| text.get(at..).is_some_and(|remaining| is_like(rest, remaining)))
        }
        Some((first, rest)) => text
            .split_at_checked(1)
            .is_some_and(|(one, remaining)| (first == "?" || first == one) && is_like(rest, remaining)),
    }
}

#[test]
fn patterns_match_as_those_of_iam() {
    for (pattern, text, matches) in [
        ("TOKEN#*", "TOKEN#abc", true),
        ("TOKEN#*", "DIRECTORY#abc", false),
        ("a-??", "a-12", true),
        ("a-??", "a-123", false),
        ("*", "", true),
    ] {
        assert_eq!(is_like(pattern, text), matches, "{pattern} {text}");
    }
}
