//! What the schemas leave open.

use serde_json::{Map, Value};

/// Names the members that answers always have. Ours are either always there and may be `null`, or sometimes there and then never
/// are; what no schema requires anything of may leave out everything.
pub(super) fn say_what_is_always_there(schemas: &mut Map<String, Value>) {
    schemas.values_mut().for_each(visit);
}

fn visit(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            require_nullable(members);
            members.values_mut().for_each(visit);
        }
        Value::Array(values) => values.iter_mut().for_each(visit),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn require_nullable(schema: &mut Map<String, Value>) {
    let (Some(properties), Some(Value::Array(required))) = (schema.get("properties"), schema.get("required")) else {
        return;
    };
    let mut required = required.clone();
    for (name, property) in properties.as_object().into_iter().flatten() {
        let name = Value::from(name.as_str());
        if may_be_null(property) && !required.contains(&name) {
            required.push(name);
        }
    }
    schema.insert("required".to_owned(), required.into());
}

fn may_be_null(schema: &Value) -> bool {
    let is_null = |kind: &Value| kind.as_str() == Some("null");
    match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(is_null),
        Some(kind) => is_null(kind),
        None => schema.get("oneOf").and_then(Value::as_array).is_some_and(|options| options.iter().any(may_be_null)),
    }
}
