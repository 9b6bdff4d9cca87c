//! What can be asked here: the description of the API, for programs and for people.
//!
//! Both are for everybody, since there is nothing of any directory in them.

mod page;

use std::sync::LazyLock;

use axum::response::IntoResponse;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderName, HeaderValue};
use shared::http::style_policy;

/// The description of the whole API. `cargo run -- --openapi` makes it.
const DESCRIPTION: &str = include_str!("../../../../docs/openapi.json");

/// The one inline style of the page, which its policy knows by its hash.
const STYLE: &str = include_str!("style.css");

/// The page for people.
static PAGE: LazyLock<String> = LazyLock::new(|| page::of(&serde_json::from_str(DESCRIPTION).unwrap_or_default()));

/// Only our own style applies.
static POLICY: LazyLock<String> = LazyLock::new(|| style_policy(STYLE));

/// This document.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "Description",
    operation_id = "showDescription",
    security(()),
    responses((status = 200, description = "OpenAPI 3.1", body = Object)),
)]
pub(crate) async fn description() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DESCRIPTION)
}

/// This document, for people.
#[utoipa::path(
    get,
    path = "/api/v1/docs",
    tag = "Description",
    operation_id = "showManual",
    security(()),
    responses((status = 200, description = "A page", body = String, content_type = "text/html")),
)]
pub(crate) async fn manual() -> impl IntoResponse {
    // What a header cannot carry would be a fault of ours; the page is then without its style.
    let policy = HeaderValue::from_str(&POLICY).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    let headers: [(HeaderName, HeaderValue); 2] =
        [(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")), (CONTENT_SECURITY_POLICY, policy)];
    (headers, PAGE.as_str())
}
