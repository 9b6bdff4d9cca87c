//! The description of the API: that it is of this code, that it is complete, and that answers are as it says.

pub mod described;

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use local::api::ApiError;
use serde_json::{Value, json};
use shared::access::Scope;
use tenant::SERVICE_ACCOUNTS;

use crate::harness::{World, everything, small};
use crate::pages::visit::ask;
use crate::queries::ignoring;
use crate::tokens::{expired, revoked, token_of};

#[test]
fn the_description_that_is_served_is_that_of_the_code() {
    let served: Value = serde_json::from_str(include_str!("../../../docs/openapi.json")).unwrap();
    assert_eq!(served, local::openapi::document(), "make it anew: cargo run -- --openapi > docs/openapi.json");
}

#[test]
fn one_name_stands_for_one_schema() {
    let schemas = [status::description(), console::description()].map(|part| part.components.unwrap().schemas);
    let [queries, administration] = schemas.map(|schemas| serde_json::to_value(schemas).unwrap());
    for (name, schema) in queries.as_object().unwrap() {
        assert_eq!(administration.get(name).unwrap_or(schema), schema, "{name}");
    }
}

#[test]
fn every_example_is_as_its_schema_says() {
    let mut checked = 0;
    for (method, path, operation) in described::operations() {
        for (status, response) in operation["responses"].as_object().unwrap() {
            for (kind, media) in response["content"].as_object().into_iter().flatten() {
                let is_json = kind.ends_with("json");
                assert_eq!(media.get("example").is_some(), is_json, "{method} {path} {status} {kind}");
                if is_json {
                    described::check_body(method, path, status, kind, &media["example"]);
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 20, "{checked}");
}

#[test]
fn operations_have_names_and_say_what_they_are_for() {
    let mut names = BTreeSet::new();
    for (method, path, operation) in described::operations() {
        let text = |member: &str| operation[member].as_str().unwrap_or_default();
        assert!(names.insert(text("operationId")), "{method} {path}");
        assert!(text("summary").ends_with(['.', '?']), "{method} {path}");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["description"].as_str().is_some_and(|text| !text.is_empty()), "{path}: {parameter}");
        }
    }
}

/// Values for each name in a path, those that lead somewhere first.
async fn values(world: &World, name: &str) -> Vec<String> {
    let real = match name {
        "directory" => world.directory.clone(),
        "key" => world.list("users").await[0]["id"].as_str().unwrap().to_owned(),
        "group" => world.tenant.group_named(SERVICE_ACCOUNTS).unwrap().to_string(),
        "run" => world.list("runs").await[0]["id"].as_str().unwrap().to_owned(),
        "hold" => "019a3c5e-7d1f-7c3a-9b1e-0242ac120002".to_owned(),
        "preview" => {
            let Err(ApiError::Refused { problem, .. }) = world.api.put(&world.path("settings"), &json!({})).await
            else {
                panic!("nobody needs to confirm that all users go")
            };
            problem["preview"]["link"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
        }
        other => panic!("what is {other}?"),
    };
    vec![real, "00000000-0000-4000-8000-000000000000".to_owned(), "%ff".to_owned()]
}

/// The paths that a described one stands for, the one that leads somewhere first, with the parameters that it needs.
pub async fn paths(world: &World, template: &str) -> Vec<String> {
    let mut paths = vec![String::new()];
    for segment in template.split('/').skip(1) {
        let segments = match segment.strip_prefix('{') {
            None => vec![segment.to_owned()],
            Some(name) => values(world, name.trim_end_matches('}')).await,
        };
        paths = paths.iter().flat_map(|path| segments.iter().map(move |next| format!("{path}/{next}"))).collect();
    }
    if template.ends_with("{directory}/access") {
        let user = values(world, "key").await.remove(0);
        paths = paths.iter().map(|path| format!("{path}?user={user}")).collect();
    }
    paths
}

#[tokio::test]
async fn every_route_is_there_and_answers_as_described_to_whoever_asks() {
    let world = World::synced(&small(), everything()).await;
    world.set(ignoring(&world)).await;
    let admin = token_of(&world, Scope::Admin, None).await;
    let reader = token_of(&world, Scope::Read, None).await;
    let stranger = token_of(&world, Scope::Admin, Some("00000000-0000-4000-8000-000000000001".parse().unwrap())).await;
    let (expired, revoked) = (expired(&world).await, revoked(&world).await);
    for (method, template, operation) in described::operations() {
        let method: Method = method.to_uppercase().parse().unwrap();
        let is_open = operation.get("security").is_some();
        let is_for_administrators = operation["responses"].get("403").is_some() && !template.ends_with("/access");
        let of_a_directory = template.contains("{directory}");
        let has_body = operation.get("requestBody").is_some();
        let paths = paths(&world, template).await;
        for (place, path) in paths.iter().enumerate() {
            for (who, token) in [
                ("nobody", ""),
                ("nobody", "garbage"),
                ("nobody", &expired),
                ("nobody", &revoked),
                ("stranger", &stranger),
                ("reader", &reader),
                ("admin", &admin),
            ] {
                let bearer = format!("Bearer {token}");
                let mut headers = vec![];
                if !token.is_empty() {
                    headers.push(("authorization", bearer.as_str()));
                }
                let body = if has_body && method == Method::PUT { everything().to_string() } else { String::new() };
                if !body.is_empty() {
                    headers.push(("content-type", "application/json"));
                }
                // The asking holds the answer against the description.
                let answer = ask(&world, method.clone(), path, &headers, body).await;
                let expected = match who {
                    _ if is_open => Some(StatusCode::OK),
                    "nobody" => Some(StatusCode::UNAUTHORIZED),
                    "stranger" if of_a_directory => Some(StatusCode::NOT_FOUND),
                    // Whether the directory exists is not for who may not do this.
                    "reader" if is_for_administrators => Some(StatusCode::FORBIDDEN),
                    _ if place == 0 && !template.contains("{hold}") => {
                        assert!(answer.status.is_success(), "{who}: {method} {path}: {}", answer.body);
                        None
                    }
                    _ if place > 0 && !template.contains("{key}/access") => Some(StatusCode::NOT_FOUND),
                    _ => None,
                };
                if let Some(expected) = expected {
                    assert_eq!(answer.status, expected, "{who}: {method} {path}: {}", answer.body);
                }
            }
        }
    }
}

#[tokio::test]
async fn every_parameter_is_known_and_no_other() {
    let world = World::synced(&small(), everything()).await;
    let token = token_of(&world, Scope::Admin, None).await;
    let bearer = format!("Bearer {token}");
    for (method, template, operation) in described::operations().filter(|(method, ..)| *method == "get") {
        let path = paths(&world, template).await.remove(0);
        let path = path.split('?').next().unwrap();
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let parameters: Vec<&Value> = parameters.filter(|parameter| parameter["in"] == "query").collect();
        for parameter in &parameters {
            let name = parameter["name"].as_str().unwrap();
            let answer = ask(
                &world,
                method.to_uppercase().parse().unwrap(),
                &format!("{path}?{name}=%00"),
                &[("authorization", &bearer)],
                String::new(),
            )
            .await;
            // Its value is not good, but it is known; of a name, anything may be the beginning, and no user may have it.
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            match answer.status {
                StatusCode::BAD_REQUEST => assert_ne!(body["errors"][0]["expected"], json!("no parameters"), "{name}"),
                StatusCode::NOT_FOUND => assert_eq!(name, "user", "{template}: {body}"),
                status => assert!(["q", "login"].contains(&name) && status == StatusCode::OK, "{template}: {body}"),
            }
        }
        let answer =
            ask(&world, Method::GET, &format!("{path}?no-such=1"), &[("authorization", &bearer)], String::new()).await;
        let minds = operation["responses"].get("400").is_some() && operation["responses"].get("403").is_none();
        if minds {
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{template}");
        }
    }
}

#[test]
fn an_answer_that_is_not_described_is_noticed() {
    let path = "/api/v1/directories/11111111-2222-3333-4444-555555555555/users/kim/access";
    let good =
        json!({ "user": "kim", "status": "active", "reason": null, "allowed": true, "group": null, "member": null });
    described::check_body("get", path, "200", "application/json", &good);
    let refuses = |change: fn(&mut Value)| {
        let mut bad = good.clone();
        change(&mut bad);
        std::panic::catch_unwind(|| described::check_body("get", path, "200", "application/json", &bad)).is_err()
    };
    assert!(refuses(|answer| answer["secret"] = json!(1)), "what is not named");
    assert!(refuses(|answer| answer["status"] = json!("sleeping")), "a value that is none");
    assert!(refuses(|answer| drop(answer.as_object_mut().unwrap().remove("reason"))), "what is always there");
}

#[tokio::test]
async fn the_page_has_every_operation_and_leads_nowhere_else() {
    let world = World::unauthorized(&small()).await;
    let answer = ask(&world, Method::GET, "/api/v1/docs", &[], String::new()).await;
    let policy = answer.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!answer.body.contains("<script"));
    let ids: BTreeSet<&str> = answer.body.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    for (_, path, operation) in described::operations() {
        assert!(ids.contains(operation["operationId"].as_str().unwrap()), "{path}");
    }
    let links: BTreeSet<&str> =
        answer.body.split(" href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    for link in links {
        match link.strip_prefix('#') {
            Some(id) => assert!(ids.contains(id), "{id}"),
            None => assert_eq!(link, "/api/v1/openapi.json"),
        }
    }
}
