//! Who is let in.

use axum::body::Body;
use http::{Request, StatusCode};
use shared::sync::HoldState;

use crate::world::{ELSEWHERE, HERE, World, path};

const ROUTES: [(&str, &str, &str); 7] = [
    ("GET", "/settings", ""),
    ("PUT", "/settings", "{}"),
    ("POST", "/runs", "{}"),
    ("GET", "/holds", ""),
    ("GET", "/holds/019b795e-0f80-7000-8000-000000000001", ""),
    ("POST", "/holds/019b795e-0f80-7000-8000-000000000001/apply", ""),
    ("POST", "/holds/019b795e-0f80-7000-8000-000000000001/discard", ""),
];

fn request(method: &str, path: &str, body: &'static str, authorization: Option<&str>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    request.body(Body::from(body)).unwrap()
}

#[tokio::test]
async fn every_route_is_open_to_administrators() {
    for (method, rest, body) in ROUTES {
        for token in ["Bearer admin", "Bearer admin-here"] {
            let answer = World::new().send(request(method, &path(rest), body, Some(token))).await;
            assert!(answer.status.is_success(), "{method} {rest} with {token}: {}", answer.body);
            assert_eq!(answer.headers["cache-control"], "private, no-store");
        }
    }
}

#[tokio::test]
async fn nobody_else_is_let_in_and_nothing_happens() {
    for (method, rest, body) in ROUTES {
        for (authorization, status, error) in [
            (None, StatusCode::UNAUTHORIZED, ""),
            (Some("Bearer garbage"), StatusCode::UNAUTHORIZED, "invalid_token"),
            (Some("Bearer expired"), StatusCode::UNAUTHORIZED, "invalid_token"),
            (Some("Bearer reader"), StatusCode::FORBIDDEN, "insufficient_scope"),
        ] {
            let world = World::new();
            let answer = world.send(request(method, &path(rest), body, authorization)).await;
            assert_eq!(answer.status, status, "{method} {rest} with {authorization:?}");
            assert!(answer.headers["www-authenticate"].to_str().unwrap().contains(error));
            assert_eq!(answer.headers["content-type"], "application/problem+json");
            assert_eq!(world.sent(), []);
            assert_eq!(world.memory.directory().settings_version, 3);
            assert_eq!(world.memory.holds.lock().unwrap()[0].state, HoldState::Open);
        }
    }
}

#[tokio::test]
async fn another_directory_cannot_be_told_from_one_that_does_not_exist() {
    for (method, rest, body) in ROUTES {
        let token = Some("Bearer admin-elsewhere");
        let other = World::new().send(request(method, &path(rest), body, token)).await;
        assert_eq!(other.status, StatusCode::NOT_FOUND, "{method} {rest}");
        for id in [ELSEWHERE, "33333333-3333-4333-8333-333333333333", "no-guid", "%ff"] {
            let none = World::new().send(request(method, &path(rest).replace(HERE, id), body, token)).await;
            assert_eq!((other.status, &other.body), (none.status, &none.body), "{method} {rest} of {id}");
        }
    }
}

#[tokio::test]
async fn wrong_methods_are_problems() {
    let answer = World::new().send(request("DELETE", &path("/settings"), "", Some("Bearer admin"))).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.headers["allow"], "GET,HEAD,PUT");
}
