//! What an answer that is not 200 means.

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::Value;

use super::error::{GraphError, Refused};
use crate::http::retry_after;

/// The longest code or request id kept.
const MAX_WORD_BYTES: usize = 128;

/// Codes that mean more than the status does. They come with 400 or 410 or another status, in several spellings.
///
/// Sources: Microsoft Graph, "Use delta query to track changes" and "Microsoft Graph error responses and resource
/// types"; "Paging Microsoft Graph data in your app" for `DirectoryPageTokenNotFoundException`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Resync,
    PageToken,
}

impl Meaning {
    fn of(code: &str) -> Option<Self> {
        const CODES: [(&str, Meaning); 4] = [
            ("resyncRequired", Meaning::Resync),
            ("syncStateNotFound", Meaning::Resync),
            ("Directory_ExpiredPageToken", Meaning::PageToken),
            ("DirectoryPageTokenNotFoundException", Meaning::PageToken),
        ];
        CODES.iter().find(|(known, _)| known.eq_ignore_ascii_case(code)).map(|(_, meaning)| *meaning)
    }
}

/// Sorts an answer that is not 200 by what a caller can do about it.
pub(super) fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8], now: Timestamp) -> GraphError {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let errors = nested_errors(&body);
    let codes: Vec<&str> = errors.iter().filter_map(|error| word(error.get("code")?.as_str()?)).collect();
    let known = codes.iter().rev().find_map(|code| Some((*code, Meaning::of(code)?)));
    let code = known.map(|(code, _)| code).or(codes.first().copied());
    let request_id =
        request_id(headers).or_else(|| word(errors.iter().find_map(|error| error.get("request-id")?.as_str())?));
    let refused =
        Refused { status: status.as_u16(), code: code.map(str::to_owned), request_id: request_id.map(str::to_owned) };

    let retry_after = retry_after(headers, now);
    match (status.as_u16(), known.map(|(_, meaning)| meaning)) {
        (429 | 509, _) => GraphError::Throttled { retry_after, refused },
        // A service that does not say when it is back may be failing for this request alone: others need not rest.
        (503 | 504, _) if retry_after.is_some() => GraphError::Throttled { retry_after, refused },
        (408 | 500 | 502..=504, _) => GraphError::Failing(refused),
        (401, _) => GraphError::Unauthorized(refused),
        (403, _) => GraphError::Forbidden(refused),
        (_, Some(Meaning::PageToken)) => GraphError::PageTokenExpired(refused),
        (410, _) | (_, Some(Meaning::Resync)) => GraphError::ResyncRequired(refused),
        // Graph's word for a fault of its own, seen on links it had just given.
        (404, None) if code == Some("UnknownError") => GraphError::Failing(refused),
        (404, None) => GraphError::NotFound(refused),
        _ => GraphError::Unexpected(refused),
    }
}

/// Graph's id of the request.
pub(super) fn request_id(headers: &HeaderMap) -> Option<&str> {
    word(headers.get("request-id")?.to_str().ok()?)
}

/// `error`, its inner error, and so on inwards. Documents spell it both `innerError` and `innererror`.
fn nested_errors(body: &Value) -> Vec<&serde_json::Map<String, Value>> {
    let mut errors = Vec::new();
    let mut next = body.get("error");
    while let Some(error) = next.and_then(Value::as_object) {
        errors.push(error);
        next = error.iter().find(|(name, _)| name.eq_ignore_ascii_case("innererror")).map(|(_, inner)| inner);
    }
    errors
}

/// A code or an id as it came, if it is one: what else stands in its place could be anything.
fn word(text: &str) -> Option<&str> {
    let is_word = !text.is_empty()
        && text.len() <= MAX_WORD_BYTES
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    is_word.then_some(text)
}

#[cfg(test)]
mod tests {
    use http::header::RETRY_AFTER;
    use serde_json::json;

    use super::*;

    fn answer(status: u16, body: &Value) -> GraphError {
        let status = StatusCode::from_u16(status).unwrap();
        refusal(status, &HeaderMap::new(), body.to_string().as_bytes(), Timestamp::UNIX_EPOCH)
    }

    fn coded(status: u16, code: &str) -> GraphError {
        answer(status, &json!({ "error": { "code": code, "message": "not kept" } }))
    }

    #[test]
    fn a_reset_is_known_by_its_status_or_its_code_in_any_spelling() {
        for error in [
            coded(410, ""),
            coded(410, "anything"),
            answer(410, &json!(null)),
            coded(400, "syncStateNotFound"),
            coded(400, "SyncStateNotFound"),
            coded(410, "SYNCSTATENOTFOUND"),
            coded(404, "syncStateNotFound"),
            coded(400, "resyncRequired"),
            coded(400, "ResyncRequired"),
            answer(400, &json!({ "error": { "code": "BadRequest", "innerError": { "code": "SyncStateNotFound" } } })),
            answer(400, &json!({ "error": { "code": "BadRequest", "innererror": { "code": "resyncRequired" } } })),
            answer(
                400,
                &json!({ "error": { "code": "", "innerError": { "code": "x", "innererror": {
                    "code": "syncStateNotFound", "innerError": { "code": "400" } } } } }),
            ),
        ] {
            assert!(matches!(error, GraphError::ResyncRequired(_)), "{error:?}");
        }
    }

    #[test]
    fn an_expired_page_token_is_known_by_its_code_whatever_the_status() {
        for status in [400, 404, 410] {
            for code in
                ["Directory_ExpiredPageToken", "directory_expiredpagetoken", "DirectoryPageTokenNotFoundException"]
            {
                let error = coded(status, code);
                assert!(matches!(error, GraphError::PageTokenExpired(_)), "{error:?}");
            }
        }
    }

    #[test]
    fn every_other_answer_is_sorted_by_its_status() {
        assert!(matches!(coded(401, "InvalidAuthenticationToken"), GraphError::Unauthorized(_)));
        assert!(matches!(coded(403, "Authorization_RequestDenied"), GraphError::Forbidden(_)));
        assert!(matches!(coded(404, "Request_ResourceNotFound"), GraphError::NotFound(_)));
        assert!(matches!(coded(404, "UnknownError"), GraphError::Failing(_)));
        for status in [429, 509] {
            assert!(matches!(coded(status, ""), GraphError::Throttled { retry_after: None, .. }));
        }
        for status in [408, 500, 502, 503, 504] {
            assert!(matches!(coded(status, ""), GraphError::Failing(_)));
        }
        for status in [302, 400, 405, 409, 501] {
            assert!(matches!(coded(status, "Request_BadRequest"), GraphError::Unexpected(_)), "{status}");
        }
    }

    #[test]
    fn a_service_that_says_when_it_is_back_asks_everybody_to_wait() {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, "5".parse().unwrap())]);
        for status in [StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT] {
            let error = refusal(status, &headers, b"", Timestamp::UNIX_EPOCH);
            assert!(matches!(error, GraphError::Throttled { retry_after: Some(_), .. }), "{error:?}");
        }
    }

    #[test]
    fn only_code_and_request_id_are_kept_of_an_answer() {
        let body = json!({ "error": {
            "code": "Request_UnsupportedQuery",
            "message": "adele@contoso.example is not supported",
            "innerError": { "code": "400", "request-id": "8f1a", "client-request-id": "mine", "date": "2026-08-01T00:00:00" },
        } });
        let error = answer(400, &body);
        assert_eq!(
            error.to_string(),
            "Microsoft Graph refuses the request (status 400, code Request_UnsupportedQuery, request id 8f1a)"
        );
        assert_eq!(coded(400, "a b").to_string(), "Microsoft Graph refuses the request (status 400)");
        assert!(matches!(coded(400, &"x".repeat(200)), GraphError::Unexpected(Refused { code: None, .. })));
    }
}
