//! From a function's answer to the response that the caller gets.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, SET_COOKIE};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

/// An answer in payload format 2.0.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    cookies: Vec<String>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// The response with a function's answer.
pub(crate) fn response(method: &Method, given: &[u8]) -> Result<Response, StatusCode> {
    read(method, given).ok_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn read(method: &Method, given: &[u8]) -> Option<Response> {
    let answer: Answer = serde_json::from_slice(given).ok()?;
    let body = answer.body.unwrap_or_default();
    let body = if answer.is_base64_encoded { STANDARD.decode(body).ok()? } else { body.into_bytes() };
    let is_head = method == Method::HEAD;
    let mut response = Response::new(if is_head { Body::empty() } else { Body::from(body) });
    *response.status_mut() = StatusCode::from_u16(answer.status_code).ok()?;
    for (name, value) in answer.headers {
        let name = HeaderName::try_from(name).ok()?;
        // Of a body that is sent the length is what it is. Without one, the function says how long it would be.
        if name != CONTENT_LENGTH || is_head {
            response.headers_mut().insert(name, HeaderValue::try_from(value).ok()?);
        }
    }
    for cookie in answer.cookies {
        response.headers_mut().append(SET_COOKIE, HeaderValue::try_from(cookie).ok()?);
    }
    Some(response)
}

/// The gateway's own answer where there is none of a function.
pub(crate) fn own(status: StatusCode) -> Response {
    let message = match status {
        StatusCode::NOT_FOUND => "Not Found",
        StatusCode::PAYLOAD_TOO_LARGE => "Request Entity Too Large",
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => "Request Header Fields Too Large",
        _ => "Internal Server Error",
    };
    let headers = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (status, headers, json!({ "message": message }).to_string()).into_response()
}
