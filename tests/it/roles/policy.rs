//! What the role of each function may do, as `infra/template.yaml` has it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use local::aws::SECRET_PREFIX;
use serde_yaml_ng::Value;
use shared::config::AppCredential;

use super::request::Call;

const TEMPLATE: &str = include_str!("../../../infra/template.yaml");

/// One action on one resource that a role may do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// Such as `dynamodb:GetItem`.
    pub action: String,
    /// Which resource, in the words of [`Call::resource`], perhaps with `*` and `?`.
    pub resource: String,
    conditions: Vec<Condition>,
    /// The condition of the template that it is under, when only some deployments have it.
    only_if: Option<String>,
}

/// What must be true of a call besides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Condition {
    /// Such as `dynamodb:LeadingKeys`.
    key: String,
    values: Vec<String>,
    /// Whether a call will do that says nothing of it (IAM user guide, "Condition operators": `IfExists`, `ForAllValues`).
    is_met_by_silence: bool,
}

impl Permission {
    /// True when the role may make this call by this permission.
    pub fn allows(&self, call: &Call) -> bool {
        self.action == call.action
            && is_like(&self.resource, &call.resource)
            && self.conditions.iter().all(|condition| match call.context.get(condition.key.as_str()) {
                None => condition.is_met_by_silence,
                Some(said) => said.iter().all(|one| condition.values.iter().any(|value| is_like(value, one))),
            })
    }

    /// True when the roles of such a deployment have it.
    pub fn is_in(&self, app_credential: &AppCredential) -> bool {
        let holding: &[&str] = match app_credential {
            AppCredential::ClientSecret => &["UsesClientSecret"],
            AppCredential::Certificate => &["UsesCertificate"],
            AppCredential::KmsCertificate { .. } => &["UsesCertificate", "UsesKmsCertificate"],
            AppCredential::WebIdentity { .. } => &["UsesWebIdentity"],
        };
        // All deployments of the tests announce changes.
        self.only_if.as_deref().is_none_or(|only_if| only_if == "HasEventBus" || holding.contains(&only_if))
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
        let (only_if, statement) = unconditional(statement);
        assert_eq!(statement["Effect"], "Allow");
        let resource = self.resource(&statement["Resource"]);
        let mut conditions = Vec::new();
        for (operator, tests) in statement["Condition"].as_mapping().into_iter().flatten() {
            let operator = operator.as_str().unwrap();
            let is_met_by_silence = operator.starts_with("ForAllValues:") || operator.ends_with("IfExists");
            for (key, values) in tests.as_mapping().unwrap() {
                let key = key.as_str().unwrap().to_owned();
                conditions.push(Condition { key, values: texts(values), is_met_by_silence });
            }
        }
        let permission = |action| Permission {
            action,
            resource: resource.clone(),
            conditions: conditions.clone(),
            only_if: only_if.clone(),
        };
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

/// The condition that a statement is under, and the statement without it.
fn unconditional(statement: &Value) -> (Option<String>, &Value) {
    let Value::Tagged(tagged) = statement else { return (None, statement) };
    assert_eq!(tagged.tag.to_string(), "!If");
    (tagged.value[0].as_str().map(str::to_owned), &tagged.value[1])
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
