//! A request of the SDK as IAM sees it.

use std::collections::{BTreeMap, BTreeSet};

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use local::aws::TABLE;
use serde_json::Value;

/// The key in KMS, in the tests that have one.
pub const SIGNING_KEY: &str = "arn:aws:kms:local:000000000000:key/1";

/// One action on one resource that a request asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// Such as `dynamodb:GetItem`.
    pub action: String,
    /// `Table`, `RunQueue`, `AlertTopic`, `event-bus/bus`, `SigningKeyArn`, or `secret:` and the secret's name with six characters.
    pub resource: String,
    /// What conditions of a policy may ask about, by its key, such as `dynamodb:LeadingKeys`.
    pub context: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Call {
    fn new(action: &str, resource: &str) -> Self {
        Self { action: action.to_owned(), resource: resource.to_owned(), context: BTreeMap::new() }
    }

    fn about(mut self, key: &'static str, said: impl IntoIterator<Item = String>) -> Self {
        self.context.entry(key).or_default().extend(said);
        self
    }
}

/// The function that makes a request, by the name of its clients; `None` for whoever looks on.
pub fn function(request: &HttpRequest) -> Option<String> {
    let agent = request.headers().get("x-amz-user-agent")?;
    agent.split(' ').find_map(|word| word.strip_prefix("app/")).map(str::to_owned)
}

/// What a request needs permission for. A transaction needs it for each of its parts (Amazon DynamoDB developer guide, "IAM
/// and transactions").
pub fn calls(request: &HttpRequest) -> Vec<Call> {
    let bytes = request.body().bytes().unwrap();
    let Some(target) = request.headers().get("x-amz-target") else {
        // The older way of asking, by a form.
        let form: Vec<(String, String)> = url::form_urlencoded::parse(bytes).into_owned().collect();
        let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        return vec![match field("Action") {
            Some("Publish") => Call::new("sns:Publish", field("TopicArn").unwrap().rsplit(':').next().unwrap()),
            Some("GetWebIdentityToken") => Call::new("sts:GetWebIdentityToken", "*")
                .about("sts:IdentityTokenAudience", field("Audience.member.1").map(str::to_owned)),
            other => panic!("no role says anything of {other:?}"),
        }];
    };
    let (service, operation) = target.rsplit_once('.').unwrap();
    let body: Value = serde_json::from_slice(bytes).unwrap();
    match service {
        "DynamoDB_20120810" => table_calls(operation, &body),
        "secretsmanager" => {
            let name = body.get("SecretId").or_else(|| body.get("Name")).unwrap().as_str().unwrap();
            vec![Call::new(&format!("secretsmanager:{operation}"), &format!("secret:{name}-AbCdEf"))]
        }
        "AmazonSQS" => vec![Call::new(&format!("sqs:{operation}"), "RunQueue")],
        "TrentService" => {
            assert_eq!(body["KeyId"], SIGNING_KEY);
            let algorithm = body["SigningAlgorithm"].as_str().map(str::to_owned);
            vec![Call::new(&format!("kms:{operation}"), "SigningKeyArn").about("kms:SigningAlgorithm", algorithm)]
        }
        "AWSEvents" => vec![Call::new(&format!("events:{operation}"), "event-bus/bus")],
        other => panic!("no role says anything of {other}"),
    }
}

fn table_calls(operation: &str, body: &Value) -> Vec<Call> {
    match operation {
        "TransactWriteItems" | "TransactGetItems" => {
            let parts = body["TransactItems"].as_array().unwrap().iter().flat_map(|item| item.as_object().unwrap());
            let parts = parts.map(|(kind, part)| {
                let operation = match kind.as_str() {
                    "ConditionCheck" => "ConditionCheckItem".to_owned(),
                    other => format!("{other}Item"),
                };
                table_call(&operation, part)
            });
            parts.collect()
        }
        "BatchGetItem" => {
            assert_eq!(body["RequestItems"].as_object().unwrap().keys().collect::<Vec<_>>(), [TABLE]);
            vec![Call::new("dynamodb:BatchGetItem", "Table")]
        }
        _ => vec![table_call(operation, body)],
    }
}

fn table_call(operation: &str, body: &Value) -> Call {
    assert_eq!(body["TableName"], TABLE);
    let mut call = Call::new(&format!("dynamodb:{operation}"), "Table");
    for keyed in ["Key", "Item"].into_iter().filter_map(|name| body[name].as_object()) {
        call = call
            .about("dynamodb:LeadingKeys", keyed["pk"]["S"].as_str().map(str::to_owned))
            .about("dynamodb:Attributes", keyed.keys().cloned());
    }
    for expression in ["UpdateExpression", "ConditionExpression"].into_iter().filter_map(|name| body[name].as_str()) {
        call = call.about("dynamodb:Attributes", attributes(expression, &body["ExpressionAttributeNames"]));
    }
    match body["ReturnValues"].as_str() {
        Some(values) => call.about("dynamodb:ReturnValues", [values.to_owned()]),
        None => call,
    }
}

/// The attributes at the top of an item that an expression names.
fn attributes(expression: &str, names: &Value) -> Vec<String> {
    const WORDS: [&str; 8] = ["SET", "REMOVE", "ADD", "DELETE", "AND", "OR", "NOT", "IN"];
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_#:.".contains(c);
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(at) = rest.find(is_part) {
        let (word, after) = rest.split_at(at).1.split_at(rest[at..].find(|c| !is_part(c)).unwrap_or(rest.len() - at));
        let is_function = after.starts_with('(');
        let top = word.split('.').next().unwrap();
        if !is_function && !top.starts_with(':') && !WORDS.contains(&top) && top.parse::<u64>().is_err() {
            found.push(names[top].as_str().unwrap_or(top).to_owned());
        }
        rest = after;
    }
    found
}

#[test]
fn the_attributes_of_an_expression_are_found() {
    let names = serde_json::json!({ "#s": "state" });
    let found = attributes("SET #s.last = :x, count = if_not_exists(count, :zero) + :one REMOVE a.b", &names);
    assert_eq!(found, ["state", "count", "count", "a"]);
    assert_eq!(attributes("attribute_exists(pk) AND begins_with(sk, :x)", &names), ["pk", "sk"]);
}
