//! What every router goes through last.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{from_fn, map_request, map_response};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};

use super::budget::refuse_oversized;
use super::lambda::without_empty_segments;
use super::problem::{Problem, ProblemKind};
use super::scim_error;

/// Headers that every answer has unless its handler knows better. Answers are about people: nothing between us and the
/// caller may keep them, and nothing in them is for a browser to run.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (STRICT_TRANSPORT_SECURITY, HTTPS_ONLY),
];

/// Tells browsers to come by HTTPS only, for a year. They take no notice of it where they came without
/// ([RFC 6797, section 8.1](https://www.rfc-editor.org/rfc/rfc6797#section-8.1)), as on a developer's machine.
pub const HTTPS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// The longest path and query read, in bytes. Everything in them is bounded closely: a name of 320 bytes and a cursor of 512
/// are the longest parts. API Gateway lets 10 KB through.
const MAX_URI_BYTES: usize = 4_096;

/// Completes a router: problems for unknown paths and methods, in the words of those who ask, and headers that keep answers private.
///
/// Routers are merged before, not after: a router can have only one answer to unknown paths.
pub fn finish(router: Router) -> Router {
    router
        .fallback(nothing_here)
        .method_not_allowed_fallback(async || {
            Problem::new(ProblemKind::MethodNotAllowed, "The `Allow` header lists the methods of this path.")
        })
        .layer(map_request(refuse_endless))
        .layer(map_response(refuse_oversized))
        .layer(from_fn(scim_error::translate))
        .layer(map_response(harden))
}

/// Redirects a path with slashes too many, as `//users` or `/users/`, to the one without. All else does not exist.
async fn nothing_here(request: Request) -> Response {
    let uri = request.uri();
    let path = without_empty_segments(uri.path());
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    match HeaderValue::try_from(format!("{path}{query}")) {
        // With the same method and body.
        Ok(location) if path != uri.path() => (StatusCode::PERMANENT_REDIRECT, [(LOCATION, location)]).into_response(),
        _ => Problem::not_found("There is nothing at this path.").into_response(),
    }
}

async fn refuse_endless(request: Request) -> Result<Request, Problem> {
    let length = request.uri().path_and_query().map_or(0, |uri| uri.as_str().len());
    if length > MAX_URI_BYTES {
        let detail = format!("Expected at most {MAX_URI_BYTES} bytes of path and query; there are {length}.");
        return Err(Problem::new(ProblemKind::UriTooLong, detail));
    }
    Ok(request)
}

async fn harden(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use http::Request;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn on_the_paths_of_scim_problems_are_said_as_scim_does() {
        for path in ["/scim/v2/nowhere".to_owned(), format!("/scim/{}", "x".repeat(MAX_URI_BYTES))] {
            let response = ask("GET", &path).await;
            assert_eq!(response.headers()["content-type"], "application/scim+json");
            let status = response.status().as_u16().to_string();
            let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
            let error: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(error["status"], status);
            assert_eq!(error["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error");
        }
    }

    async fn ask(method: &str, path: &str) -> Response {
        let router = Router::new()
            .route("/page", get(async || "hello"))
            .route("/public", get(async || ([(CACHE_CONTROL, "public")], "hello")));
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        finish(router).oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn every_answer_is_private_unless_its_handler_knows_better() {
        for path in ["/page", "/nowhere"] {
            let response = ask("GET", path).await;
            assert_eq!(response.headers()[CACHE_CONTROL], "private, no-store");
            assert_eq!(response.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert_eq!(response.headers()[STRICT_TRANSPORT_SECURITY], "max-age=31536000");
        }
        assert_eq!(ask("GET", "/public").await.headers()[CACHE_CONTROL], "public");
    }

    #[tokio::test]
    async fn an_unknown_path_is_a_problem() {
        let response = ask("GET", "/nowhere").await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }

    #[tokio::test]
    async fn slashes_too_many_are_redirected_within_this_site() {
        for (path, location) in [
            ("/page/", "/page"),
            ("//page?q=a%2Fb", "/page?q=a%2Fb"),
            ("//evil.example/", "/evil.example"),
            ("/%5Cevil.example//", "/%5Cevil.example"),
        ] {
            for method in ["GET", "HEAD", "POST"] {
                let response = ask(method, path).await;
                assert_eq!(response.status(), StatusCode::PERMANENT_REDIRECT, "{method} {path}");
                assert_eq!(response.headers()[LOCATION], location);
            }
        }
        assert_eq!(ask("GET", "/").await.status(), StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn an_address_without_end_is_a_problem() {
        for (length, status) in [(MAX_URI_BYTES, StatusCode::OK), (MAX_URI_BYTES + 1, StatusCode::URI_TOO_LONG)] {
            let path = format!("/page?{}", "x".repeat(length - "/page?".len()));
            let response = ask("GET", &path).await;
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()[CACHE_CONTROL], "private, no-store");
        }
    }

    #[tokio::test]
    async fn a_wrong_method_is_a_problem_that_names_the_right_ones() {
        let response = ask("DELETE", "/page").await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["allow"], "GET,HEAD");
    }

    #[tokio::test]
    async fn routers_that_share_a_path_are_merged_and_then_finished() {
        let router = Router::new()
            .route("/runs", get(async || "runs"))
            .merge(Router::new().route("/runs", axum::routing::post(async || "run")));
        let request = Request::builder().method("DELETE").uri("/runs").body(Body::empty()).unwrap();
        let response = finish(router).oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()["allow"], "GET,HEAD,POST");
    }
}
