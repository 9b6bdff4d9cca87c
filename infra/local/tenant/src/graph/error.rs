//! Errors as Graph words them (Microsoft Graph error responses).

use http::StatusCode;
use serde_json::{Value, json};

/// An error with Graph's code for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GraphError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) retry_after: Option<i64>,
    /// Where to start over, for a delta that was reset.
    pub(crate) location: Option<String>,
}

impl GraphError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None, location: None }
    }

    pub(crate) fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", message)
    }

    pub(crate) fn forbidden() -> Self {
        let message = "Insufficient privileges to complete the operation.";
        Self::new(StatusCode::FORBIDDEN, "Authorization_RequestDenied", message)
    }

    pub(crate) fn not_found(id: &str) -> Self {
        let message =
            format!("Resource '{id}' does not exist or one of its queried reference-property objects are not present.");
        Self::new(StatusCode::NOT_FOUND, "Request_ResourceNotFound", message)
    }

    pub(crate) fn no_such_segment(path: &str) -> Self {
        let message = format!("Resource not found for the segment '{path}'.");
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Request_BadRequest", message)
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Request_UnsupportedQuery", message)
    }

    /// The code is known from issue reports; its status is not documented.
    pub(crate) fn expired_page_token() -> Self {
        let message = "The specified page token value has expired and can no longer be included in your request.";
        Self::new(StatusCode::BAD_REQUEST, "Directory_ExpiredPageToken", message)
    }

    pub(crate) fn throttled(seconds: i64) -> Self {
        let message = "Too many requests.";
        Self { retry_after: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message) }
    }

    /// The usual error of a status that a fault asks for.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let (code, message) = match status.as_u16() {
            400 => ("Request_BadRequest", "The request was not understood."),
            401 => ("InvalidAuthenticationToken", "Access token has expired or is not yet valid."),
            403 => ("Authorization_RequestDenied", "Insufficient privileges to complete the operation."),
            404 => ("Request_ResourceNotFound", "The resource does not exist."),
            409 => ("Directory_ConcurrencyViolation", "The request conflicts with another one. Try again."),
            429 => ("TooManyRequests", "Too many requests."),
            501 => ("NotImplemented", "This is not implemented."),
            503 => ("serviceNotAvailable", "The service is temporarily unavailable."),
            _ => ("UnknownError", ""),
        };
        Self::new(status, code, message)
    }

    /// The body. Microsoft's documents write both `innerError` and `innererror`; `date` carries no zone.
    pub(crate) fn body(&self, request_id: &str, client_request_id: &str, date: &str) -> Value {
        let mut inner = json!({ "date": date, "request-id": request_id, "client-request-id": client_request_id });
        if let (429, Some(inner)) = (self.status.as_u16(), inner.as_object_mut()) {
            // The sample in the throttling guidance repeats the status here, as text.
            let repeated = [("code", "429"), ("status", "429"), ("message", "Please retry after")];
            inner.extend(repeated.map(|(name, text)| (name.to_owned(), json!(text))));
        }
        json!({ "error": { "code": self.code, "message": self.message, "innerError": inner } })
    }
}
