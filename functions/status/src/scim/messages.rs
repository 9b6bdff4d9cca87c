//! Good answers: their media type, and lists.
//!
//! Sources: RFC 7644, sections 3.1 and 3.4.2; RFC 9865, section 2.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use serde_json::Value;

const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/scim+json");

/// A part of a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListResponse {
    schemas: [&'static str; 1],
    total_results: u64,
    items_per_page: usize,
    /// The place of the first one, when places are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    start_index: Option<usize>,
    /// Where to go on, when that is how pages are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    #[serde(rename = "Resources")]
    resources: Vec<Value>,
}

impl ListResponse {
    pub(super) fn new(resources: Vec<Value>, total_results: u64) -> Self {
        Self {
            schemas: ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            total_results,
            items_per_page: resources.len(),
            start_index: None,
            next_cursor: None,
            resources,
        }
    }

    pub(super) fn at_place(self, start_index: usize) -> Self {
        Self { start_index: Some(start_index), ..self }
    }

    pub(super) fn on_at(self, next_cursor: Option<String>) -> Self {
        Self { next_cursor, ..self }
    }
}

/// A good answer.
pub(super) fn answer(body: impl Serialize) -> Response {
    let mut response = Json(body).into_response();
    response.headers_mut().insert(CONTENT_TYPE, MEDIA_TYPE);
    response
}
