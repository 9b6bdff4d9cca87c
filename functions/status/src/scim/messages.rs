//! Answers: their media type, lists, and errors.
//!
//! Source: RFC 7644, sections 3.1, 3.4.2 and 3.12; RFC 9865, section 2.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::Value;
use shared::http::{Problem, ProblemKind};

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

    pub(super) fn from_place(self, start_index: usize) -> Self {
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

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorView {
    schemas: [&'static str; 1],
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scim_type: Option<&'static str>,
    detail: String,
}

/// Says errors as SCIM does. Their headers stay.
pub(super) async fn errors_as_scim(mut response: Response) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let (scim_type, status) = match problem.kind() {
        ProblemKind::InvalidFilter => (Some("invalidFilter"), StatusCode::BAD_REQUEST),
        ProblemKind::TooMany => (Some("tooMany"), StatusCode::BAD_REQUEST),
        ProblemKind::InvalidParameter => (Some("invalidValue"), StatusCode::BAD_REQUEST),
        ProblemKind::InvalidCursor => (Some("invalidCursor"), StatusCode::BAD_REQUEST),
        ProblemKind::MalformedBody | ProblemKind::InvalidBody => (Some("invalidSyntax"), StatusCode::BAD_REQUEST),
        kind => (None, kind.status()),
    };
    let view = ErrorView {
        schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"],
        status: status.as_u16().to_string(),
        scim_type,
        detail: problem.detail().to_owned(),
    };
    let (mut parts, _) = response.into_parts();
    parts.status = status;
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_TYPE, MEDIA_TYPE);
    Response::from_parts(parts, Json(view).into_response().into_body())
}
