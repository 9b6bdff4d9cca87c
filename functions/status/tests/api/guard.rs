//! Who is let in.

use http::StatusCode;

use crate::world::{ADA, ELSEWHERE, HERE, SALES, World, path};

/// All routes of a directory, as they are for one that exists.
fn directory_routes() -> Vec<String> {
    let run = World::new().0.runs.remove(0).id;
    [
        String::new(),
        "/runs".into(),
        format!("/runs/{run}"),
        "/users".into(),
        format!("/users/{ADA}"),
        "/users/ada@contoso.example".into(),
        format!("/users/{ADA}/access"),
        "/changes".into(),
        "/groups".into(),
        format!("/groups/{SALES}"),
        format!("/groups/{SALES}/members"),
    ]
    .map(|rest| path(&rest))
    .into()
}

fn all_routes() -> Vec<String> {
    let mut routes = directory_routes();
    routes.extend(["/api/v1/status".into(), "/api/v1/directories".into()]);
    routes
}

#[tokio::test]
async fn every_route_is_open_to_readers_and_administrators() {
    for route in all_routes() {
        // The id of the run is made with each world; any other route is the same in all.
        if route.contains("/runs/") {
            continue;
        }
        for token in ["Bearer reader", "Bearer admin", "Bearer reader-here"] {
            let answer = World::new().send("GET", &route, Some(token)).await;
            assert_eq!(answer.status, StatusCode::OK, "{route} with {token}: {}", answer.body);
            assert_eq!(answer.headers["content-type"], "application/json");
            assert_eq!(answer.headers["cache-control"], "private, no-cache");
            assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        }
    }
}

#[tokio::test]
async fn no_route_is_open_without_a_good_token() {
    for route in all_routes() {
        for (authorization, challenge) in [
            (None, r#"Bearer realm="office365-sync""#),
            (Some("reader"), r#"Bearer realm="office365-sync""#),
            (Some("Basic cmVhZGVyOg=="), r#"Bearer realm="office365-sync""#),
            (Some("Bearer garbage"), r#"Bearer realm="office365-sync", error="invalid_token""#),
            (Some("Bearer expired"), r#"Bearer realm="office365-sync", error="invalid_token""#),
        ] {
            let answer = World::new().send("GET", &route, authorization).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{route} with {authorization:?}");
            assert_eq!(answer.headers["www-authenticate"], challenge);
            assert_eq!(answer.headers["content-type"], "application/problem+json");
        }
    }
}

#[tokio::test]
async fn another_directory_cannot_be_told_from_one_that_does_not_exist() {
    let nowhere = "33333333-3333-4333-8333-333333333333";
    for route in directory_routes() {
        let other = World::new().send("GET", &route, Some("Bearer reader-elsewhere")).await;
        assert_eq!(other.status, StatusCode::NOT_FOUND, "{route}");
        for id in [nowhere, "no-guid", "%ff"] {
            let none = World::new().send("GET", &route.replace(HERE, id), Some("Bearer reader-elsewhere")).await;
            assert_eq!((other.status, &other.body), (none.status, &none.body), "{route} of {id}");
            let none = World::new().send("GET", &route.replace(HERE, id), Some("Bearer reader")).await;
            assert_eq!((other.status, &other.body), (none.status, &none.body), "{route} of {id}");
        }
    }
}

#[tokio::test]
async fn a_directorys_token_sees_only_that_directory_in_listings() {
    let answer = World::new().send("GET", "/api/v1/directories", Some("Bearer reader-elsewhere")).await;
    assert_eq!(answer.each("id"), [ELSEWHERE]);
    let answer = World::new().send("GET", "/api/v1/status", Some("Bearer reader-here")).await;
    assert_eq!(answer.body["directories"].as_array().unwrap().len(), 1);
    assert_eq!(answer.body["directories"][0]["id"], HERE);
}

#[tokio::test]
async fn unknown_query_parameters_are_named() {
    for route in all_routes().iter().filter(|route| !route.contains("/runs/")) {
        let answer = World::new().get(&format!("{route}?statos=active")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{route}");
        assert_eq!(answer.body["errors"][0]["field"], "statos");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let answer = World::new().get("/api/v1/nothing").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.body["type"], "urn:office365-sync:problem:not-found");
    let answer = World::new().get(&path("/users/a/b/c")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let answer = World::new().send("DELETE", &path("/users"), Some("Bearer admin")).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.headers["allow"], "GET,HEAD");
    assert_eq!(answer.body["type"], "urn:office365-sync:problem:method-not-allowed");
}
