//! Whether an answer is one that the description of the API has. Every test that asks the API asks this as well.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex};

use http::{HeaderValue, StatusCode};
use jsonschema::Validator;
use serde_json::{Value, json};

/// The description, with every schema closed: what it does not name may not be there.
static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    let mut description = local::openapi::document();
    let mut parts = BTreeSet::new();
    parts_of_others(&description["components"]["schemas"], &mut parts);
    for (name, schema) in description["components"]["schemas"].as_object_mut().unwrap() {
        if !parts.contains(name) {
            close(schema);
        }
    }
    description
});

/// Schemas that are only a part of what they describe.
fn parts_of_others(schema: &Value, parts: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(all) = members.get("allOf") {
                name_references(all, parts);
            }
            members.values().for_each(|member| parts_of_others(member, parts));
        }
        Value::Array(values) => values.iter().for_each(|value| parts_of_others(value, parts)),
        _ => {}
    }
}

fn name_references(schema: &Value, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(place) = members.get("$ref").and_then(Value::as_str) {
                names.insert(place.rsplit('/').next().unwrap().to_owned());
            }
        }
        Value::Array(values) => values.iter().for_each(|value| name_references(value, names)),
        _ => {}
    }
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.contains_key("properties") || members.contains_key("allOf") {
                members.insert("unevaluatedProperties".to_owned(), json!(false));
            }
            for (name, member) in members {
                // What is within is closed with the whole.
                if name != "allOf" {
                    close(member);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(close),
        _ => {}
    }
}

/// The operations with their paths, as the description has them.
pub fn operations() -> impl Iterator<Item = (&'static str, &'static str, &'static Value)> {
    let paths = DESCRIPTION["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, operations)| {
        operations.as_object().unwrap().iter().map(|(method, operation)| (method.as_str(), path.as_str(), operation))
    })
}

/// The described path that a path is, if it is one.
fn template_of(path: &str) -> Option<&'static str> {
    let path = path.split('?').next().unwrap();
    let fits = |template: &str| {
        let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        template.len() == path.len()
            && template
                .iter()
                .zip(&path)
                .all(|(segment, asked)| segment == asked || segment.starts_with('{') && !asked.is_empty())
    };
    // One with more of the path spelled out wins.
    let templates = DESCRIPTION["paths"].as_object().unwrap().keys().filter(|template| fits(template));
    templates.min_by_key(|template| template.matches('{').count()).map(String::as_str)
}

fn resolved(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(place) => DESCRIPTION.pointer(place.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

/// Panics unless the answer is described. Paths that are none of the API are of no interest.
pub fn check(method: &str, path: &str, status: StatusCode, kind: Option<&HeaderValue>, body: &str) {
    let Some(template) = template_of(path) else { return };
    if status == StatusCode::PERMANENT_REDIRECT {
        // Decoded, and cut at a decoded `?`, it has slashes too many and is none of these paths.
        let is_bent = ["//", "%2F", "%3F"].iter().any(|bend| path.to_uppercase().contains(bend));
        assert!(is_bent, "{method} {path} is redirected");
        return;
    }
    let operation = &DESCRIPTION["paths"][template][method.to_lowercase()];
    if operation.is_null() {
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path} is not described");
        return;
    }
    let response = resolved(&operation["responses"][status.as_str()]);
    assert!(!response.is_null(), "{method} {template} may not answer {status}: {body}");
    let kind = kind.map_or("", |kind| kind.to_str().unwrap().split(';').next().unwrap());
    let Some(content) = response["content"].as_object() else {
        assert_eq!(body, "", "{method} {template} has no body with {status}");
        return;
    };
    let is_described = content.keys().any(|described| described.split(';').next() == Some(kind));
    assert!(is_described, "{method} {template} may not answer {status} as {kind:?}");
    match kind {
        "application/x-ndjson" => {
            for line in body.lines() {
                check_body(method, path, status.as_str(), kind, &serde_json::from_str(line).unwrap());
            }
        }
        kind if kind.ends_with("json") => {
            check_body(method, path, status.as_str(), kind, &serde_json::from_str(body).unwrap());
        }
        _ => {}
    }
}

/// Panics unless the body of an answer is as described.
pub fn check_body(method: &str, path: &str, status: &str, kind: &str, body: &Value) {
    let Some(template) = template_of(path) else { return };
    let response = resolved(&DESCRIPTION["paths"][template][method.to_lowercase()]["responses"][status]);
    let schema = &response["content"][kind]["schema"];
    assert!(!schema.is_null(), "{method} {template} may not answer {status} as {kind}");
    let validator = validator(schema);
    let faults: Vec<String> =
        validator.iter_errors(body).map(|fault| format!("{} at {}", fault, fault.instance_path())).collect();
    assert!(faults.is_empty(), "{method} {path} answers {status} as it is not described: {faults:#?}\n{body:#}");
}

/// Validators by schema: they take long to make.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

fn validator(schema: &Value) -> Arc<Validator> {
    let key = schema.to_string();
    let made = VALIDATORS.lock().unwrap().get(&key).cloned();
    made.unwrap_or_else(|| {
        let mut whole = schema.clone();
        whole["components"] = DESCRIPTION["components"].clone();
        let made = Arc::new(jsonschema::draft202012::options().should_validate_formats(true).build(&whole).unwrap());
        VALIDATORS.lock().unwrap().insert(key, made.clone());
        made
    })
}
