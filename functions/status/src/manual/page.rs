//! The description as a page.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;

use super::STYLE;

/// A description's parts are looked up so often that they have a short name.
trait Part {
    fn at(&self, pointer: &str) -> &Value;
    fn text(&self, pointer: &str) -> &str;
    fn list(&self, pointer: &str) -> &[Value];
    fn members(&self, pointer: &str) -> Vec<(&String, &Value)>;
}

impl Part for Value {
    fn at(&self, pointer: &str) -> &Value {
        self.pointer(pointer).unwrap_or(&Value::Null)
    }

    fn text(&self, pointer: &str) -> &str {
        self.at(pointer).as_str().unwrap_or_default()
    }

    fn list(&self, pointer: &str) -> &[Value] {
        self.at(pointer).as_array().map(Vec::as_slice).unwrap_or_default()
    }

    fn members(&self, pointer: &str) -> Vec<(&String, &Value)> {
        self.at(pointer).as_object().into_iter().flatten().collect()
    }
}

/// The page of a description.
pub(super) fn of(description: &Value) -> String {
    let operations = operations(description);
    let title = description.text("/info/title");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                meta name="color-scheme" content="light dark";
                title { "The API – " (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    p.product { (title) }
                    h1 { "The API" }
                    p { (prose(description.text("/info/description"))) }
                    p { (prose(description.text("/components/securitySchemes/token/description"))) }
                    p { "For programs: " a href="/api/v1/openapi.json" { "this page as OpenAPI 3.1" } "." }
                    pre { code {
                        "curl --header \"Authorization: Bearer $SYNC_TOKEN\" https://…/api/v1/status"
                    } }
                }
                nav aria-label="Requests" {
                    @for tag in description.list("/tags") {
                        h2 { (tag.text("/name")) }
                        p.quiet { (prose(tag.text("/description"))) }
                        ul {
                            @for operation in operations.iter().filter(|operation| operation.is_of(tag.text("/name"))) {
                                li { a href={ "#" (operation.id()) } { (operation.says.text("/summary").trim_end_matches('.')) } }
                            }
                        }
                    }
                }
                main {
                    @for operation in &operations { (section(description, operation)) }
                    h2 #schemas { "What answers are made of" }
                    @for (name, schema) in description.members("/components/schemas") { (schema_section(name, schema)) }
                }
            }
        }
    };
    page.into_string()
}

/// Something that can be asked.
struct Operation<'a> {
    method: &'a str,
    path: &'a str,
    says: &'a Value,
}

impl Operation<'_> {
    fn id(&self) -> &str {
        self.says.text("/operationId")
    }

    fn is_of(&self, tag: &str) -> bool {
        self.says.text("/tags/0") == tag
    }
}

/// All of them, in the order of their tags.
fn operations(description: &Value) -> Vec<Operation<'_>> {
    let mut all = Vec::new();
    for (path, methods) in description.members("/paths") {
        let methods = methods.members("");
        all.extend(methods.into_iter().map(|(method, says)| Operation { method, path, says }));
    }
    let place =
        |operation: &Operation<'_>| description.list("/tags").iter().position(|tag| operation.is_of(tag.text("/name")));
    all.sort_by_key(place);
    all
}

fn section(description: &Value, operation: &Operation<'_>) -> Markup {
    let says = operation.says;
    html! {
        section #(operation.id()) aria-labelledby={ (operation.id()) "-title" } {
            h3 id={ (operation.id()) "-title" } { (says.text("/summary").trim_end_matches('.')) }
            p.request { span.method { (operation.method.to_uppercase()) } " " code { (operation.path) } }
            @if !says.text("/description").is_empty() { p { (prose(says.text("/description"))) } }
            @if says.get("security").is_some() { p.quiet { "It needs no token." } }
            (parameters(says.list("/parameters")))
            @if let Some(body) = says.pointer("/requestBody") {
                p { "Body: " (prose(body.text("/description"))) " (" (kind(body.at("/content/application~1json/schema"))) ")" }
            }
            (answers(description, says))
        }
    }
}

fn parameters(parameters: &[Value]) -> Markup {
    html! {
        @if !parameters.is_empty() {
            table {
                thead { tr { th scope="col" { "Parameter" } th scope="col" { "In" } th scope="col" { "Type" } th scope="col" { "Meaning" } } }
                tbody {
                    @for parameter in parameters {
                        tr {
                            td { code { (parameter.text("/name")) } }
                            td { (parameter.text("/in")) }
                            td { (kind(parameter.at("/schema"))) }
                            td { (prose(parameter.text("/description"))) (bounds(parameter.at("/schema"))) }
                        }
                    }
                }
            }
        }
    }
}

fn answers(description: &Value, says: &Value) -> Markup {
    let answers: Vec<(&String, &Value)> = says
        .members("/responses")
        .into_iter()
        .map(|(status, answer)| (status, resolved(description, answer)))
        .collect();
    html! {
        table {
            thead { tr { th scope="col" { "Answer" } th scope="col" { "Type" } th scope="col" { "Meaning" } } }
            tbody {
                @for (status, answer) in &answers {
                    tr {
                        td { (status) }
                        td {
                            @for (media, content) in answer.members("/content") {
                                div { code { (media) } " " (kind(content.at("/schema"))) }
                            }
                        }
                        td { (prose(answer.text("/description"))) }
                    }
                }
            }
        }
        @for (status, answer) in answers.iter().filter(|(status, _)| status.starts_with('2')) {
            @if let Some(example) = answer.pointer("/content/application~1json/example") {
                details {
                    summary { "Example of " (status) }
                    pre tabindex="0" { code { (format!("{example:#}")) } }
                }
            }
        }
    }
}

fn schema_section(name: &str, schema: &Value) -> Markup {
    let parts = schema.list("/allOf");
    let parts = if parts.is_empty() { std::slice::from_ref(schema) } else { parts };
    html! {
        section #{ "schema-" (name) } {
            h3 { (name) }
            p { (prose(schema.text("/description"))) }
            @for part in parts {
                @if let Some(properties) = part.get("properties") {
                    table {
                        thead { tr { th scope="col" { "Member" } th scope="col" { "Type" } th scope="col" { "Meaning" } } }
                        tbody {
                            @for (member, property) in properties.members("") {
                                tr {
                                    td { code { (member) } }
                                    td { (kind(property)) }
                                    td { (prose(property.text("/description"))) (bounds(property)) }
                                }
                            }
                        }
                    }
                } @else {
                    p { (kind(part)) }
                }
            }
        }
    }
}

/// What a reference leads to.
fn resolved<'a>(description: &'a Value, value: &'a Value) -> &'a Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(place) => description.at(place.trim_start_matches('#')),
        None => value,
    }
}

/// A schema's type in a few words.
fn kind(schema: &Value) -> Markup {
    let among = |options: &[Value]| {
        html! { @for (place, option) in options.iter().enumerate() { @if place > 0 { " or " } (kind(option)) } }
    };
    html! {
        @if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|place| place.rsplit('/').next()) {
            a href={ "#schema-" (name) } { (name) }
        } @else if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            @for (place, value) in values.iter().enumerate() { @if place > 0 { ", " } code { (value.as_str().unwrap_or_default()) } }
        } @else if let Some(options) = schema.get("oneOf").and_then(Value::as_array) {
            (among(options))
        } @else if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
            (among(parts))
        } @else if schema.get("properties").is_some() {
            "object of "
            @for (place, (member, property)) in schema.members("/properties").into_iter().enumerate() {
                @if place > 0 { ", " } code { (member) } " (" (kind(property)) ")"
            }
        } @else {
            @match schema.get("type") {
                Some(Value::Array(kinds)) => {
                    @for (place, one) in kinds.iter().enumerate() { @if place > 0 { " or " } (one.as_str().unwrap_or_default()) }
                },
                Some(Value::String(one)) if one == "array" => { "list of " (kind(schema.at("/items"))) },
                Some(Value::String(one)) => (one),
                _ => "anything",
            }
            @if let Some(format) = schema.get("format").and_then(Value::as_str).filter(|format| !format.starts_with("int")) {
                " (" (format) ")"
            }
        }
    }
}

/// What a value keeps to.
fn bounds(schema: &Value) -> Markup {
    const BOUNDS: [(&str, &str, &str); 7] = [
        ("minimum", "at least ", ""),
        ("maximum", "at most ", ""),
        ("default", "at first ", ""),
        ("minLength", "at least ", " characters"),
        ("maxLength", "at most ", " characters"),
        ("maxItems", "at most ", " entries"),
        ("example", "such as ", ""),
    ];
    let said: Vec<String> = BOUNDS
        .iter()
        .filter_map(|(name, before, after)| {
            let value = schema.get(name).filter(|value| !value.is_null())?;
            Some(format!("{before}{value}{after}"))
        })
        .collect();
    html! { @if !said.is_empty() { span.quiet { " (" (said.join(", ")) ")" } } }
}

/// Prose with code between backticks and emphasis between asterisks, as descriptions have it.
fn prose(text: &str) -> Markup {
    html! {
        @for (place, part) in text.split('`').enumerate() {
            @if place % 2 == 1 { code { (part) } } @else {
                @for (place, part) in part.split('*').enumerate() { @if place % 2 == 1 { em { (part) } } @else { (part) } }
            }
        }
    }
}
