//! Examples: each answer as its schema has it, from the examples of its members.

use serde_json::{Map, Value, json};

/// The deepest nesting that is shown.
const MAX_DEPTH: usize = 24;

/// Gives each answer in JSON an example.
pub(super) fn add(document: &mut Value) {
    let schemas = document.pointer("/components/schemas").cloned().unwrap_or_default();
    if let Some(responses) = document.pointer_mut("/components/responses") {
        show(responses, &schemas);
    }
    for (_, operations) in members(document.get_mut("paths")) {
        for (_, operation) in members(Some(operations)) {
            if let Some(responses) = operation.get_mut("responses") {
                show(responses, &schemas);
            }
        }
    }
}

fn members(value: Option<&mut Value>) -> impl Iterator<Item = (&String, &mut Value)> {
    value.and_then(Value::as_object_mut).into_iter().flatten()
}

fn show(responses: &mut Value, schemas: &Value) {
    for (status, response) in members(Some(responses)) {
        for (kind, media) in members(response.get_mut("content")).filter(|(kind, _)| kind.ends_with("json")) {
            let shown = media.get("schema").and_then(|schema| of(schema, schemas, 0));
            if let (Some(mut shown), Some(media)) = (shown, media.as_object_mut()) {
                if kind == "application/problem+json" {
                    be(&mut shown, status, response_of(status));
                }
                media.insert("example".to_owned(), shown);
            }
        }
    }
}

/// The kind of problem that an example of this status shows, and its title.
fn response_of(status: &str) -> (&'static str, &'static str) {
    match status {
        "401" => ("missing-token", "An access token is required"),
        "403" => ("insufficient-scope", "The access token does not allow this"),
        "404" => ("not-found", "Not found"),
        "409" => ("conflict", "Somebody else changed it meanwhile"),
        "410" => ("cursor-too-old", "Start over"),
        "412" => ("precondition-failed", "The version has changed"),
        "413" => ("body-too-large", "The body is too large"),
        "414" => ("uri-too-long", "The address is too long"),
        "415" => ("unsupported-media-type", "The body must be JSON"),
        "422" => ("invalid-body", "The body is not valid"),
        "429" => ("too-many-requests", "Too many requests"),
        "500" => ("internal", "Something went wrong on our side"),
        "503" => ("unavailable", "Not available for now"),
        _ => ("invalid-parameter", "A query parameter is not valid"),
    }
}

fn be(problem: &mut Value, status: &str, (kind, title): (&str, &str)) {
    let Some(members) = problem.as_object_mut() else { return };
    members.insert("type".to_owned(), format!("urn:office365-sync:problem:{kind}").into());
    members.insert("title".to_owned(), title.into());
    members.insert("status".to_owned(), status.parse::<u16>().unwrap_or(400).into());
    // Of one kind only, and that one's answers are described in words.
    members.remove("confirm_deactivations");
    members.remove("preview");
    if status != "400" {
        members.remove("errors");
        members.insert("detail".to_owned(), "What to do about this one.".into());
    }
}

/// A value that a schema allows.
fn of(schema: &Value, schemas: &Value, depth: usize) -> Option<Value> {
    if depth > MAX_DEPTH {
        return None;
    }
    let next = |schema: &Value| of(schema, schemas, depth + 1);
    if let Some(example) = schema.get("example") {
        return Some(example.clone());
    }
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        return next(schemas.get(name.rsplit('/').next()?)?);
    }
    if let Some(first) = schema.get("enum").and_then(Value::as_array).and_then(|values| values.first()) {
        return Some(first.clone());
    }
    if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
        let mut whole = Map::new();
        for part in parts {
            whole.extend(next(part)?.as_object()?.clone());
        }
        return Some(whole.into());
    }
    if let Some(options) = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array) {
        return options.iter().find(|option| option.get("type") != Some(&json!("null"))).and_then(next);
    }
    let kinds = match schema.get("type")? {
        Value::Array(kinds) => kinds.clone(),
        kind => vec![kind.clone()],
    };
    let kind = kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null")?;
    Some(match kind {
        "object" => {
            let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
            properties
                .filter_map(|(name, property)| Some((name.clone(), next(property)?)))
                .collect::<Map<_, _>>()
                .into()
        }
        "array" => schema.get("items").and_then(next).into_iter().collect::<Vec<_>>().into(),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or_else(|| 0.into()),
        "boolean" => true.into(),
        "string" => match schema.get("format").and_then(Value::as_str) {
            Some("date-time") => "2026-01-31T12:00:00Z".into(),
            Some("uuid") => "87d349ed-44d7-43e1-9a83-5f2406dee5bd".into(),
            _ => "text".into(),
        },
        _ => Value::Null,
    })
}
