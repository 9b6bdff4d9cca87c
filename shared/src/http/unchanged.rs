//! Answers that have not changed are not sent again.
//!
//! Source: RFC 9110, "HTTP Semantics", sections 8.8.3 (`ETag`) and 13.1.2 (`If-None-Match`).

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use sha2::{Digest as _, Sha256};

use super::problem::Problem;

/// So much of a hash is enough to tell answers to one question apart, in bytes.
const TAG_BYTES: usize = 16;
/// Callers may keep answers, if they ask whether those still hold. Nobody else may.
const KEPT: HeaderValue = HeaderValue::from_static("private, no-cache");

/// Tags good JSON answers to `GET` by what is in them, unless they say their version themselves, and answers 304 to who has the same already. Layered over handlers whose
/// whole answers fit in memory.
pub async fn tag(request: Request, next: Next) -> Response {
    let known = request.headers().get(IF_NONE_MATCH).cloned();
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let response = next.run(request).await;
    if !is_read || response.status() != StatusCode::OK || !is_json(response.headers()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // Handlers' bodies are in memory already.
    let bytes = match to_bytes(body, usize::MAX).await {
        Ok(bytes) => bytes,
        Err(error) => return Problem::internal(&error).into_response(),
    };
    let Some(tag) = parts.headers.get(ETAG).cloned().or_else(|| tag_of(&bytes)) else {
        return Response::from_parts(parts, Body::from(bytes));
    };
    let is_known = known.is_some_and(|known| names(&known, &tag));
    parts.headers.insert(ETAG, tag);
    parts.headers.insert(CACHE_CONTROL, KEPT);
    if is_known {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(CONTENT_TYPE);
        parts.headers.remove(CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    [&b"application/json"[..], b"application/scim+json"].into_iter().any(|json| kind.starts_with(json))
}

/// Text that stands for exactly this content.
#[must_use]
pub fn fingerprint(content: &[u8]) -> String {
    let hash = Sha256::digest(content);
    URL_SAFE_NO_PAD.encode(hash.get(..TAG_BYTES).unwrap_or_default())
}

fn tag_of(bytes: &[u8]) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("\"{}\"", fingerprint(bytes))).ok()
}

/// Whether an `If-None-Match` names this tag. A weak one (`W/"…"`) is as good here.
fn names(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(known), Ok(tag)) = (known.to_str(), tag.to_str()) else { return false };
    let strong = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    known.split(',').map(str::trim).any(|one| one == "*" || strong(one) == strong(tag))
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use axum::{Json, Router};
    use serde_json::json;
    use tower::ServiceExt as _;

    use super::*;

    async fn ask(path: &str, known: Option<&str>) -> (StatusCode, HeaderMap, Vec<u8>) {
        let router = Router::new()
            .route("/one", get(async || Json(json!({"one": 1}))))
            .route("/two", get(async || Json(json!({"two": 2}))))
            .route("/text", get(async || "text"))
            .route("/none", get(async || Problem::not_found("no")))
            .layer(axum::middleware::from_fn(tag));
        let mut request = Request::builder().uri(path);
        if let Some(known) = known {
            request = request.header(IF_NONE_MATCH, known);
        }
        let (parts, body) = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap().into_parts();
        (parts.status, parts.headers, to_bytes(body, usize::MAX).await.unwrap().to_vec())
    }

    #[tokio::test]
    async fn who_has_the_answer_already_gets_none() {
        let (status, headers, body) = ask("/one", None).await;
        assert_eq!((status, body.is_empty()), (StatusCode::OK, false));
        let tag = headers[ETAG].to_str().unwrap().to_owned();
        assert_eq!(headers[CACHE_CONTROL], "private, no-cache");
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let (status, headers, body) = ask("/one", Some(&known)).await;
            assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0), "{known}");
            assert_eq!(headers[ETAG].to_str().unwrap(), tag);
        }
        for known in ["\"other\"", "", &tag[1..]] {
            assert_eq!(ask("/one", Some(known)).await.0, StatusCode::OK, "{known}");
        }
        assert_eq!(ask("/two", Some(&tag)).await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn only_good_json_is_tagged() {
        for path in ["/text", "/none"] {
            assert!(!ask(path, Some("*")).await.1.contains_key(ETAG), "{path}");
        }
    }
}
