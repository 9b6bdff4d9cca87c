//! The description of the whole API as an OpenAPI document: what each function says of its routes, and what all have in common.
//!
//! `docs/openapi.json` is this document, as the status function serves it. A test holds the two against each other.
//!
//! Source: OpenAPI Specification 3.1.

mod example;
mod schema;

use serde_json::{Map, Value, json};

/// Whose routes they are, which is who may ask.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    Readers,
    Administrators,
}

/// Status of the one answer that comes from API Gateway, before any function is invoked.
const HEADERS_TOO_LARGE: &str = "431";

/// Answers that operations have in common.
const COMMON: [(&str, &str); 11] = [
    ("400", "What was sent is not valid"),
    ("401", "There is no access token, or it is not valid"),
    ("403", "The access token is not of scope `admin`"),
    ("404", "There is no such thing, or not for this bearer"),
    ("413", "The body is too large"),
    ("414", "The address is too long"),
    ("415", "The body must be JSON"),
    ("422", "The body is not what is expected here"),
    (HEADERS_TOO_LARGE, "API Gateway's own: address and headers are longer than 10,240 bytes"),
    ("500", "Ours to fix"),
    ("503", "Not available for now; `Retry-After` says when to come back"),
];

/// The document.
#[must_use]
pub fn document() -> Value {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for (description, audience) in
        [(status::description(), For::Readers), (console::description(), For::Administrators)]
    {
        let mut part = serde_json::to_value(description).unwrap_or_default();
        for (path, mut operations) in take(&mut part, "/paths") {
            for (method, operation) in operations.as_object_mut().into_iter().flatten() {
                complete(operation, method, audience);
            }
            let known = paths.entry(path).or_insert_with(|| json!({}));
            known.as_object_mut().into_iter().for_each(|known| known.extend(object(operations.clone())));
        }
        schemas.extend(take(&mut part, "/components/schemas"));
    }
    let responses: Map<String, Value> = COMMON
        .into_iter()
        .map(|(status, description)| {
            let content = if status == HEADERS_TOO_LARGE {
                let message = json!({ "type": "string", "example": "Request Header Fields Too Large" });
                let schema = json!({ "type": "object", "properties": { "message": message }, "required": ["message"] });
                json!({ "application/json": { "schema": schema } })
            } else {
                let schema = json!({ "$ref": "#/components/schemas/ProblemView" });
                json!({ "application/problem+json": { "schema": schema } })
            };
            (status.to_owned(), json!({ "description": description, "content": content }))
        })
        .collect();
    schema::say_what_is_always_there(&mut schemas);
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Office 365 Sync",
            "version": "1",
            "description": "Who is active in a Microsoft 365 directory, and who is in which group. Only what is published is here: groups \
                that are skipped, users while user sync is off, and what no run has published yet do not appear in any list, count, \
                membership or error. The same directory can be asked by SCIM 2.0, below `/scim/v2/{directory}`.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": [
            { "name": "Users", "description": "Who is active, who is not, and why" },
            { "name": "Groups", "description": "Groups that are synced, and who is in them" },
            { "name": "Changes", "description": "For those who follow instead of asking for everything" },
            { "name": "Exports", "description": "Everything, part by part" },
            { "name": "Directories", "description": "How each fares, what it has, and who authorized it" },
            { "name": "Runs", "description": "What each did, what it cost, how it ended" },
            { "name": "Monitoring", "description": "For machines that watch" },
            { "name": "Description", "description": "Of all this" },
            { "name": "Settings", "description": "What is synced (scope `admin`)" },
            { "name": "Holds", "description": "Plans that wait for an administrator (scope `admin`)" },
        ],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": responses,
            "securitySchemes": { "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "An access token, made on the Sync page under *API tokens*. One of scope `admin` may do what one of scope \
                    `read` may. A token may be for one directory only, and to its bearer others do not exist.",
            } },
        },
        "security": [{ "token": [] }],
    });
    example::add(&mut document);
    document
}

/// The members of an object within.
fn take(value: &mut Value, pointer: &str) -> Map<String, Value> {
    object(value.pointer_mut(pointer).map(Value::take).unwrap_or_default())
}

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(members) = value { members } else { Map::new() }
}

/// Adds the answers that an operation has in common with others.
fn complete(operation: &mut Value, method: &str, audience: For) {
    let is_open = operation.get("security").is_some();
    let parameters = operation.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
    let is_in = |place| parameters.iter().any(|parameter| parameter.get("in").and_then(Value::as_str) == Some(place));
    let has_body = operation.get("requestBody").is_some();
    let is_kept = operation.pointer("/responses/200/content/application~1json").is_some() && method == "get";

    let mut common = vec!["414", HEADERS_TOO_LARGE, "500"];
    if !is_open {
        common.extend(["400", "401", "503"]);
    }
    if is_in("path") {
        common.push("404");
    }
    if audience == For::Administrators {
        common.push("403");
    }
    if has_body {
        common.extend(["413", "415", "422"]);
    }
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for status in common {
        responses.entry(status).or_insert_with(|| json!({ "$ref": format!("#/components/responses/{status}") }));
    }
    if is_kept && audience == For::Readers {
        responses.insert("304".to_owned(), json!({ "description": "The same as what `If-None-Match` names" }));
        let tag = json!({ "description": "Changes with the answer", "schema": { "type": "string" } });
        if let Some(ok) = responses.get_mut("200").and_then(Value::as_object_mut) {
            ok.insert("headers".to_owned(), json!({ "ETag": tag }));
        }
        let known = json!({
            "name": "If-None-Match",
            "in": "header",
            "required": false,
            "description": "The `ETag` of an answer that the caller has",
            "schema": { "type": "string" },
        });
        let parameters = object(operation.clone()).remove("parameters").unwrap_or_else(|| json!([]));
        if let (Value::Array(mut parameters), Some(operation)) = (parameters, operation.as_object_mut()) {
            parameters.push(known);
            operation.insert("parameters".to_owned(), parameters.into());
        }
    }
}
