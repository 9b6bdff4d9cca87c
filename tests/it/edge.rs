//! What API Gateway makes of requests: decoded paths, methods, slashes, sizes. Asked as a client could, byte by byte.

use std::collections::BTreeMap;

use axum::body::{Body, to_bytes};
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::Value;
use shared::access::Scope;
use shared::session::Role;
use tenant::{Action, NewUser};
use url::form_urlencoded::byte_serialize;
use uuid::Uuid;

use crate::harness::{World, everything, small};
use crate::openapi::{described, paths};
use crate::pages::visit::Visitor;
use crate::tokens;

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{} {}", self.status, self.body))
    }
}

/// Somebody with a token, at the gateway.
struct Caller<'a> {
    world: &'a World,
    authorization: String,
}

impl<'a> Caller<'a> {
    async fn new(world: &'a World, scope: Scope) -> Self {
        let token = tokens::token_of(world, scope, None).await;
        Self { world, authorization: format!("Bearer {token}") }
    }

    async fn send(&self, method: Method, target: &str, body: impl Into<Body>) -> Answer {
        let request = Request::builder().method(method).uri(target).header("authorization", &self.authorization);
        let request = request.header("content-type", "application/json").body(body.into()).unwrap();
        let (parts, body) = self.world.stack.gateway.ask(request).await.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body).unwrap() }
    }

    /// Asks below the directory.
    async fn get(&self, rest: &str) -> Answer {
        self.send(Method::GET, &self.world.path(rest), Body::empty()).await
    }
}

/// A name as one segment of a path, or as a value in a query.
fn encoded(name: &str) -> String {
    byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20")
}

/// A world with users of these sign-in names.
async fn world_of(names: &[&str]) -> (World, BTreeMap<String, Uuid>) {
    let world = World::synced(&small(), everything()).await;
    let mut users = BTreeMap::new();
    for name in names {
        let user = NewUser { user_principal_name: Some((*name).to_owned()), ..NewUser::named("Somebody") };
        users.insert((*name).to_owned(), world.apply(Action::CreateUser(user)).unwrap());
    }
    world.sync().await;
    (world, users)
}

const NAMES: [&str; 11] = [
    "kim_x#EXT#@c.example",
    "o'brien@c.example",
    "100%@c.example",
    "%2F@c.example",
    "a+b@c.example",
    "\"a b\"@c.example",
    "back\\slash@c.example",
    "jörg@c.example",
    "山田@c.example",
    "..@c.example",
    "<&;=$,:^~|{}[]!*()`>@c.example",
];

#[tokio::test]
async fn names_are_decoded_exactly_once() {
    let (world, users) = world_of(&NAMES).await;
    let caller = Caller::new(&world, Scope::Read).await;
    for (name, id) in &users {
        let name = encoded(name);
        for rest in [format!("users/{name}/access"), format!("access?user={name}")] {
            let answer = caller.get(&rest).await;
            assert_eq!(
                (answer.status, &answer.json()["user"]),
                (StatusCode::OK, &Value::from(id.to_string())),
                "{rest}"
            );
            let separator = if rest.contains('?') { '&' } else { '?' };
            let status = caller.get(&format!("{rest}{separator}answer=status")).await.status;
            assert_eq!(status, StatusCode::NO_CONTENT, "{rest}");
        }
        assert_eq!(caller.get(&format!("users/{name}")).await.json()["id"], id.to_string(), "{name}");
        let listed = caller.get(&format!("users?login={name}&fields=id")).await.json();
        assert_eq!(listed["items"], serde_json::json!([{ "id": id.to_string() }]), "{name}");
        // Encoded once more, each is a name that no user has.
        let twice = encoded(&name);
        for rest in [format!("users/{twice}/access"), format!("access?user={twice}")] {
            assert_eq!(caller.get(&rest).await.status, StatusCode::NOT_FOUND, "{rest}");
            let separator = if rest.contains('?') { '&' } else { '?' };
            let status = caller.get(&format!("{rest}{separator}answer=status")).await.status;
            assert_eq!(status, StatusCode::FORBIDDEN, "{rest}");
        }
        assert_eq!(caller.get(&format!("users?login={twice}")).await.json()["items"], serde_json::json!([]));
    }
}

#[tokio::test]
async fn slashes_and_question_marks_in_names_arrive_by_query_only() {
    let (world, users) = world_of(&["a/b@c.example", "who?@c.example", "a@c.example", "who"]).await;
    let caller = Caller::new(&world, Scope::Read).await;
    for name in ["a/b@c.example", "who?@c.example"] {
        let answer = caller.get(&format!("access?user={}", encoded(name))).await;
        assert_eq!(answer.json()["user"], users[name].to_string());
        let answer = caller.get(&format!("users/{}/access?answer=status", encoded(name))).await;
        assert!(!answer.status.is_success(), "{name}: {}", answer.body);
    }
}

#[tokio::test]
async fn encoded_dots_and_slashes_reach_no_other_route() {
    let world = World::synced(&small(), everything()).await;
    let caller = Caller::new(&world, Scope::Admin).await;
    for rest in [
        "users/..%2fgroups",
        "users/%2e%2e%2fgroups",
        "users/%2e%2e/groups",
        "users/../groups",
        "users/..%5cgroups",
        "users/.%2fx/access",
        "groups/x/..%2f..%2fusers",
        "users/%2e%2e",
        "users/..%2f..%2f..%2f..%2fhealthz",
        "..%2f..%2fstatus",
        "./users",
        "users/..;/groups",
    ] {
        let answer = caller.get(rest).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{rest}: {}", answer.body);
    }
    // Of a doubly encoded slash one layer is left, which is a part of the name.
    assert_eq!(caller.get("users/..%252fgroups").await.status, StatusCode::NOT_FOUND);
    for target in ["/api/v1/x/../status", "/api/v1/%2e%2e/v1/status", "/scim/v2/../../api/v1/status"] {
        assert_eq!(caller.send(Method::GET, target, Body::empty()).await.status, StatusCode::NOT_FOUND, "{target}");
    }
}

#[tokio::test]
async fn nul_and_broken_text_name_no_user() {
    let (world, _) = world_of(&["\u{fffd}@c.example"]).await;
    let caller = Caller::new(&world, Scope::Read).await;
    for name in
        ["%00", "%FF@c.example", "%C3@c.example", "%ED%A0%80", "%EF%BF%BD@c.example", "a%0D%0Ab", "%C0%AE%C0%AE"]
    {
        let status = caller.get(&format!("users/{name}/access")).await.status;
        assert_eq!(status, StatusCode::NOT_FOUND, "{name}");
        let status = caller.get(&format!("users/{name}/access?answer=status")).await.status;
        assert_eq!(status, StatusCode::FORBIDDEN, "{name}");
    }
    for name in ["%00", "%EF%BF%BD@c.example"] {
        assert_eq!(caller.get(&format!("access?user={name}")).await.status, StatusCode::NOT_FOUND, "{name}");
    }
    for query in ["access?user=%FF", "access?user=%C3", "users?login=%ED%A0%80", "users?q=%FF", "users?%FF=1"] {
        let answer = caller.get(query).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}: {}", answer.body);
        assert!(answer.body.contains("UTF-8"), "{}", answer.body);
    }
    let scim = format!("/scim/v2/{}/Users?filter=userName%20eq%20%22%FF%22", world.directory);
    assert_eq!(caller.send(Method::GET, &scim, Body::empty()).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn access_by_query_needs_a_user() {
    let world = World::synced(&small(), everything()).await;
    let caller = Caller::new(&world, Scope::Read).await;
    assert_eq!(caller.get("access").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(caller.get("access?answer=status").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(caller.get("access?user=&answer=status").await.status, StatusCode::FORBIDDEN);
    assert_eq!(caller.get("access?user=a&user=b").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(caller.get("access?user=a&groups=b").await.status, StatusCode::BAD_REQUEST, "misspelt");
}

#[tokio::test]
async fn head_answers_as_get_without_a_body() {
    let world = World::synced(&small(), everything()).await;
    let caller = Caller::new(&world, Scope::Admin).await;
    let mut targets = vec![
        format!("/scim/v2/{}/Users", world.directory),
        format!("/scim/v2/{}/ServiceProviderConfig", world.directory),
        format!("/scim/v2/{}/Users/no-one", world.directory),
        "/nowhere".to_owned(),
    ];
    for (method, template, _) in described::operations() {
        if method == "get" {
            targets.extend(paths(&world, template).await);
        }
    }
    for target in &targets {
        let (get, head) = (
            caller.send(Method::GET, target, Body::empty()).await,
            caller.send(Method::HEAD, target, Body::empty()).await,
        );
        assert_eq!((head.status, head.body.as_str()), (get.status, ""), "{target}");
        for name in ["content-type", "etag", "cache-control", "link", "www-authenticate"] {
            // The status of all directories says when it was looked at.
            if name == "etag" && target == "/api/v1/status" {
                continue;
            }
            assert_eq!(head.headers.get(name), get.headers.get(name), "{name} of {target}");
        }
    }
    assert!(targets.len() > 30);
    let visitor = Visitor::new(&world, Role::Administrator).await;
    let page = Request::head(format!("/directories/{}", world.directory)).header("cookie", &visitor.cookie);
    let answer = world.stack.gateway.ask(page.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn unknown_methods_are_told_which_there_are() {
    let world = World::synced(&small(), everything()).await;
    let caller = Caller::new(&world, Scope::Admin).await;
    for target in ["/healthz".to_owned(), "/metrics".to_owned(), world.path("users"), world.path("access?user=a")] {
        let answer = caller.send(Method::POST, &target, "{}").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{target}");
        assert_eq!(answer.headers["allow"], "GET,HEAD", "{target}");
    }
    let answer = caller.send(Method::DELETE, &world.path("runs"), Body::empty()).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.headers["allow"], "GET,HEAD,POST", "though another function answers POST");
    let answer = caller.send(Method::DELETE, &world.path("settings"), Body::empty()).await;
    assert_eq!(
        (answer.status, answer.headers["allow"].to_str().unwrap()),
        (StatusCode::METHOD_NOT_ALLOWED, "GET,HEAD,PUT")
    );
}

#[tokio::test]
async fn slashes_too_many_work_for_scim_and_redirect_elsewhere() {
    let world = World::synced(&small(), everything()).await;
    let caller = Caller::new(&world, Scope::Read).await;
    let scim = format!("/scim/v2/{}", world.directory);
    let filter = "filter=active%20eq%20true&count=2";
    let right = caller.send(Method::GET, &format!("{scim}/Users?{filter}"), Body::empty()).await;
    for rest in ["//Users", "/Users/", "//Users//"] {
        let answer = caller.send(Method::GET, &format!("{scim}{rest}?{filter}"), Body::empty()).await;
        assert_eq!((answer.status, answer.body), (StatusCode::OK, right.body.clone()), "{rest}");
    }
    let root = caller.send(Method::GET, &format!("{scim}/"), Body::empty()).await;
    assert_eq!(root.status, StatusCode::OK);
    for (target, location) in [
        (world.path("/users?limit=1"), world.path("users?limit=1")),
        (world.path("users/?limit=1"), world.path("users?limit=1")),
        (format!("/{}", world.path("users")), world.path("users")),
        (world.path("/access?user=x"), world.path("access?user=x")),
        ("/healthz/".to_owned(), "/healthz".to_owned()),
        (format!("/{scim}/Users"), format!("{scim}/Users")),
        ("//evil.example/%5C/".to_owned(), "/evil.example/%5C".to_owned()),
    ] {
        let answer = caller.send(Method::GET, &target, Body::empty()).await;
        assert_eq!(answer.status, StatusCode::PERMANENT_REDIRECT, "{target}: {}", answer.body);
        assert_eq!(answer.headers["location"], location.as_str(), "{target}");
    }
    // An empty name is a name, which no user has.
    assert_eq!(
        caller.send(Method::GET, &world.path("users//access"), Body::empty()).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn headers_outside_of_ascii_do_no_harm() {
    let world = World::synced(&small(), everything()).await;
    let caller = Caller::new(&world, Scope::Read).await;
    let request = Request::get(world.path("users?limit=1")).header("authorization", &caller.authorization);
    let request = request.header("x-user", "Jörg".as_bytes()).header("x-bytes", &b"\xff\xfe"[..]);
    let answer = world.stack.gateway.ask(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn requests_beyond_the_limits_end_at_the_gateway() {
    let world = World::synced(&small(), everything()).await;
    let caller = Caller::new(&world, Scope::Admin).await;
    let put = async |bytes: usize| {
        let answer = caller.send(Method::PUT, &world.path("settings"), vec![b' '; bytes]).await;
        (answer.status, answer.json()["message"].as_str() == Some("Request Entity Too Large"))
    };
    assert_eq!(put(gateway::limits::MAX_BODY_BYTES + 1).await, (StatusCode::PAYLOAD_TOO_LARGE, true));
    assert_eq!(
        put(gateway::limits::MAX_EVENT_BYTES).await,
        (StatusCode::PAYLOAD_TOO_LARGE, true),
        "with what wraps it"
    );
    assert_eq!(put(2 * 1024 * 1024).await, (StatusCode::PAYLOAD_TOO_LARGE, false), "by the function");
    let answer = caller.get(&format!("users?q={}", "x".repeat(gateway::limits::MAX_HEAD_BYTES))).await;
    assert_eq!(answer.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(caller.get(&format!("users?q={}", "x".repeat(5_000))).await.status, StatusCode::URI_TOO_LONG);
}
