//! Requests that nobody means well: the API answers each clearly, and never with a fault of its own.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, to_bytes};
use gateway::Gateway;
use http::{Request, StatusCode};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use crate::harness::{World, everything, small};
use crate::openapi::described;
use crate::tokens;

/// The gateway of a world, and a token that may read.
async fn api(world: &World) -> (Gateway, String) {
    let token = tokens::reader(world).await;
    (world.stack.gateway.clone(), format!("Bearer {token}"))
}

/// Asks, and checks that the answer is one of those that callers are told of. `None` when it is no request at all.
async fn ask(api: &Gateway, token: &str, path: &str) -> Option<(StatusCode, String)> {
    let request = Request::builder().uri(path).header("authorization", token).body(Body::empty()).ok()?;
    let answer = api.ask(request).await;
    let (parts, body) = answer.into_parts();
    let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
    let status = parts.status;
    described::check("GET", path, status, parts.headers.get("content-type"), &body);
    assert!(status.as_u16() < 500, "{path}: {status} {body}");
    if status.is_client_error() {
        assert_eq!(parts.headers["content-type"], "application/problem+json", "{path}");
        let problem: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(problem["status"], status.as_u16(), "{path}: {body}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() < 1_000), "{path}: {body}");
    }
    Some((status, body))
}

/// Something to put where a value belongs.
fn nonsense() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,40}",
        "\\PC{0,20}",
        "[0-9]{1,40}",
        "-?[0-9]{1,20}",
        Just("../../../etc/passwd".to_owned()),
        Just("\u{0}".to_owned()),
        Just("9".repeat(2_000)),
        Just("\u{202e}a\u{301}".repeat(50)),
        Just("2026-01-01T00:00:00Z".to_owned()),
        Just("-9999-01-01T00:00:00Z".to_owned()),
        Just("deleted".to_owned()),
        Just("active".to_owned()),
        Just("csv".to_owned()),
    ]
}

/// A path below a directory, with a query, both more or less as they should be.
fn question() -> impl Strategy<Value = (String, Vec<(String, String)>)> {
    let segments = [
        "users",
        "groups",
        "runs",
        "changes",
        "exports/users",
        "exports/members",
        "users/KEY",
        "users/KEY/access",
        "access",
        "groups/KEY",
        "groups/KEY/members",
        "runs/KEY",
        "KEY",
        "",
    ];
    let names = [
        "limit",
        "cursor",
        "status",
        "reason",
        "group",
        "q",
        "changed_since",
        "fields",
        "since",
        "format",
        "answer",
        "user",
        "login",
        "x",
    ];
    let parameter = (prop::sample::select(names.to_vec()).prop_map(str::to_owned), nonsense());
    (prop::sample::select(segments.to_vec()), nonsense(), prop::collection::vec(parameter, 0..4)).prop_map(
        |(segment, key, query)| {
            let key: String = url::form_urlencoded::byte_serialize(key.as_bytes()).collect();
            (segment.replace("KEY", &key.replace('+', "%20")), query)
        },
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_asked_the_answer_is_clear() {
    let world = World::synced(&small(), everything()).await;
    let (api, token) = api(&world).await;
    let runtime = tokio::runtime::Handle::current();
    let base = world.path("");
    let answered = AtomicUsize::new(0);
    tokio::task::block_in_place(|| {
        let mut runner = TestRunner::new(Config { cases: 600, failure_persistence: None, ..Config::default() });
        let asked = runner.run(&question(), |(path, query)| {
            let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
            let answer = runtime.block_on(ask(&api, &token, &format!("{base}{path}?{query}")));
            answered.fetch_add(usize::from(answer.is_some()), Ordering::Relaxed);
            Ok(())
        });
        asked.unwrap();
    });
    assert!(answered.into_inner() > 500, "most of it is a request at all");
}

#[tokio::test]
async fn a_cursor_with_any_letter_changed_is_refused() {
    let world = World::synced(&small(), everything()).await;
    let (api, token) = api(&world).await;
    let page = world.get("users?limit=5").await;
    let cursor = page["next_cursor"].as_str().unwrap();
    for place in 0..cursor.len() {
        for letter in ['A', 'z', '-', '=', '~'] {
            let mut altered = cursor.to_owned();
            altered.replace_range(place..=place, &letter.to_string());
            let (status, body) =
                ask(&api, &token, &world.path(&format!("users?limit=5&cursor={altered}"))).await.unwrap();
            let expected = if altered == cursor { StatusCode::OK } else { StatusCode::BAD_REQUEST };
            assert_eq!(status, expected, "{altered}: {body}");
        }
    }
    // A cursor of one list is none of another.
    for list in ["groups", "runs", "users?status=active", "users?group=x"] {
        let separator = if list.contains('?') { '&' } else { '?' };
        let path = world.path(&format!("{list}{separator}cursor={cursor}"));
        let (status, body) = ask(&api, &token, &path).await.unwrap();
        assert!(status.is_client_error(), "{list}: {body}");
    }
}

#[tokio::test]
async fn very_many_headers_and_very_long_ones_do_no_harm() {
    let world = World::synced(&small(), everything()).await;
    let (api, token) = api(&world).await;
    let path = world.path("users?limit=1");
    let flood = |headers: usize| {
        let request = Request::builder().uri(&path).header("authorization", &token);
        let request =
            (0..headers).fold(request, |request, number| request.header(format!("x-{number}"), "x,".repeat(45)));
        request.header("if-none-match", format!("\"{}\"", "x,".repeat(100))).body(Body::empty()).unwrap()
    };
    assert_eq!(api.ask(flood(90)).await.status(), StatusCode::OK);
    assert_eq!(api.ask(flood(110)).await.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "by the gateway");
    let twice = Request::builder().uri(&path).header("authorization", &token).header("authorization", &token);
    let answer = api.ask(twice.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}
