//! Errors as SCIM has them, for callers who speak it.
//!
//! Source: RFC 7644, section 3.12; RFC 9865, section 2.1.

use axum::Json;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use super::problem::{Problem, ProblemKind};

/// Below this path, SCIM is spoken.
pub(super) const PREFIX: &str = "/scim/";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ScimError {
    schemas: [&'static str; 1],
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scim_type: Option<&'static str>,
    detail: String,
}

/// Says [`Problem`]s on the paths of SCIM as SCIM does. Their headers stay.
pub(super) async fn translate(request: Request, next: Next) -> Response {
    let is_scim = request.uri().path().starts_with(PREFIX);
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<Problem>() {
        Some(problem) if is_scim => translated(&problem, response),
        _ => response,
    }
}

fn translated(problem: &Problem, response: Response) -> Response {
    use ProblemKind as P;
    let (scim_type, status) = match problem.kind() {
        P::InvalidFilter => (Some("invalidFilter"), StatusCode::BAD_REQUEST),
        P::TooMany => (Some("tooMany"), StatusCode::BAD_REQUEST),
        P::InvalidParameter => (Some("invalidValue"), StatusCode::BAD_REQUEST),
        P::InvalidCursor => (Some("invalidCursor"), StatusCode::BAD_REQUEST),
        P::MalformedBody | P::InvalidBody => (Some("invalidSyntax"), StatusCode::BAD_REQUEST),
        kind => (None, kind.status()),
    };
    let error = ScimError {
        schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"],
        status: status.as_u16().to_string(),
        scim_type,
        detail: problem.detail().to_owned(),
    };
    let (mut parts, _) = response.into_parts();
    parts.status = status;
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/scim+json"));
    Response::from_parts(parts, Json(error).into_response().into_body())
}
