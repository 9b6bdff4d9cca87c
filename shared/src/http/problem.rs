//! Errors as callers see them: problem details.
//!
//! Source: RFC 9457, "Problem Details for HTTP APIs".

use std::error::Error;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::cursor::InvalidCursor;
use super::preview::PreviewSummaryView;
use crate::directory::{GroupId, UnknownCause};
use crate::filter::{FieldError, InvalidPolicy};
use crate::queue::QueueError;
use crate::store::StoreError;
use crate::sync::RequestRunError;
use crate::telemetry::chain;

/// The media type of [`Problem`]s.
pub const PROBLEM: &str = "application/problem+json";

/// Seconds after which a caller may try again when storage or queue did not answer.
const UNAVAILABLE_RETRY_SECONDS: u64 = 5;

/// What went wrong, in a form that programs can rely on: each kind has one status and one `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// A query parameter is unknown, repeated or malformed.
    InvalidParameter,
    /// A SCIM filter is malformed, or cannot be answered.
    InvalidFilter,
    /// A SCIM filter takes, or an answer would have, more than is looked at.
    TooMany,
    /// What was asked for cannot be filtered.
    FilterNotAllowed,
    /// A page cursor was not made for this listing.
    InvalidCursor,
    /// What follows a cursor is not kept any more, or means something else now: the caller has to start over.
    CursorTooOld,
    /// The body is no JSON.
    MalformedBody,
    /// There is no bearer token.
    MissingToken,
    /// The bearer token is unknown or has expired.
    InvalidToken,
    /// The bearer token does not allow this.
    InsufficientScope,
    /// Who was asked about may not come in.
    NotAllowedIn,
    /// It does not exist, or not for this caller.
    NotFound,
    /// There is no such user: whoever was asked about may not come in.
    UserNotFound,
    /// The path exists, but not with this method.
    MethodNotAllowed,
    /// This is not done here.
    NotImplemented,
    /// Somebody else changed it first.
    Conflict,
    /// The settings would deactivate more users than may go without a confirmation of their number.
    DeactivationsNotConfirmed,
    /// The hold does not wait for a decision any more.
    HoldNotOpen,
    /// No administrator has authorized the directory.
    NoCredential,
    /// The version named in `If-Match` is not the current one.
    PreconditionFailed,
    /// The members of a group cannot be read in the tenant, so they are unknown.
    MembershipUnknown,
    /// The body is longer than anything meaningful.
    BodyTooLarge,
    /// The address is longer than anything meaningful.
    UriTooLong,
    /// The body is not declared as JSON.
    UnsupportedMediaType,
    /// The body is JSON, but not what is expected here.
    InvalidBody,
    /// The settings are not valid; `errors` names each fault.
    InvalidSettings,
    /// Too many requests of this kind.
    TooManyRequests,
    /// Ours to fix.
    Internal,
    /// Storage or queue did not answer.
    Unavailable,
}

impl ProblemKind {
    /// The status of the answer.
    #[must_use]
    pub fn status(self) -> StatusCode {
        self.describe().0
    }

    fn describe(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::InvalidParameter => (S::BAD_REQUEST, "invalid-parameter", "A query parameter is not valid"),
            Self::InvalidFilter => (S::BAD_REQUEST, "invalid-filter", "The filter is not valid"),
            Self::TooMany => (S::BAD_REQUEST, "too-many", "Too many results"),
            Self::FilterNotAllowed => (S::FORBIDDEN, "filter-not-allowed", "There is nothing to filter here"),
            Self::NotImplemented => (S::NOT_IMPLEMENTED, "not-implemented", "Not done here"),
            Self::InvalidCursor => (S::BAD_REQUEST, "invalid-cursor", "The cursor is not valid"),
            Self::CursorTooOld => (S::GONE, "cursor-too-old", "Start over"),
            Self::MalformedBody => (S::BAD_REQUEST, "malformed-body", "The body is not JSON"),
            Self::MissingToken => (S::UNAUTHORIZED, "missing-token", "An access token is required"),
            Self::InvalidToken => (S::UNAUTHORIZED, "invalid-token", "The access token is not valid"),
            Self::InsufficientScope => (S::FORBIDDEN, "insufficient-scope", "The access token does not allow this"),
            Self::NotAllowedIn => (S::FORBIDDEN, "not-allowed-in", "Not allowed in"),
            Self::NotFound => (S::NOT_FOUND, "not-found", "Not found"),
            Self::UserNotFound => (S::NOT_FOUND, "user-not-found", "No such user"),
            Self::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed"),
            Self::Conflict => (S::CONFLICT, "conflict", "Somebody else changed it meanwhile"),
            Self::DeactivationsNotConfirmed => {
                (S::CONFLICT, "deactivations-not-confirmed", "The number of deactivations is not confirmed")
            }
            Self::HoldNotOpen => (S::CONFLICT, "hold-not-open", "The hold does not wait for a decision any more"),
            Self::NoCredential => (S::CONFLICT, "no-credential", "No administrator has authorized the directory"),
            Self::PreconditionFailed => (S::PRECONDITION_FAILED, "precondition-failed", "The version has changed"),
            Self::MembershipUnknown => (S::CONFLICT, "membership-unknown", "The members are unknown"),
            Self::BodyTooLarge => (S::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large"),
            Self::UriTooLong => (S::URI_TOO_LONG, "uri-too-long", "The address is too long"),
            Self::UnsupportedMediaType => {
                (S::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "The body must be JSON")
            }
            Self::InvalidBody => (S::UNPROCESSABLE_ENTITY, "invalid-body", "The body is not valid"),
            Self::InvalidSettings => (S::UNPROCESSABLE_ENTITY, "invalid-settings", "The settings are not valid"),
            Self::TooManyRequests => (S::TOO_MANY_REQUESTS, "too-many-requests", "Too many requests"),
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side"),
            Self::Unavailable => (S::SERVICE_UNAVAILABLE, "unavailable", "Not available for now"),
        }
    }
}

/// An error, as RFC 9457 has it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemView {
    /// For programs: which kind of error it is.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "urn:office365-sync:problem:invalid-parameter")]
    kind: String,
    /// What kind of error it is, in words.
    #[schema(example = "A query parameter is not valid")]
    title: &'static str,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599, example = 400)]
    status: u16,
    /// What to do about this one.
    #[schema(example = "limit: expected a whole number from 1 to 1000")]
    detail: String,
    /// Each fault that was found in what was sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// Of `deactivations-not-confirmed`: the number that the request is to be repeated with, if it is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = usize, required = false)]
    confirm_deactivations: Option<usize>,
    /// Of `deactivations-not-confirmed`: what the settings would change.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = PreviewSummaryView, required = false)]
    preview: Option<PreviewSummaryView>,
}

/// An error on its way to a caller.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    kind: ProblemKind,
    detail: String,
    errors: Vec<FieldError>,
    unconfirmed: Option<Box<(usize, PreviewSummaryView)>>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem with an explanation for the person who reads it.
    #[must_use]
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: Vec::new(), unconfirmed: None, headers: Vec::new() }
    }

    /// Something that does not exist, or not for this caller.
    #[must_use]
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::NotFound, detail)
    }

    /// A user who does not exist.
    #[must_use]
    pub fn user_not_found() -> Self {
        Self::new(ProblemKind::UserNotFound, "There is no such user in this directory.")
    }

    /// A query parameter that is unknown, repeated or malformed.
    #[must_use]
    pub fn invalid_parameter(name: &str, expected: impl Into<String>, found: &str) -> Self {
        let fault = FieldError { field: name.to_owned(), expected: expected.into(), found: found.to_owned() };
        Self::new(ProblemKind::InvalidParameter, format!("{name}: expected {}", fault.expected)).faults([fault])
    }

    /// Settings that would deactivate this many users, which was not confirmed.
    #[must_use]
    pub fn not_confirmed(deactivations: usize, preview: PreviewSummaryView) -> Self {
        let kind = ProblemKind::DeactivationsNotConfirmed;
        let detail = format!(
            "Nothing was changed. With these settings, {deactivations} users would no longer be active; `preview` links to \
             who and why. To save them all the same, send them again with \"confirm_deactivations\": {deactivations}."
        );
        Self { unconfirmed: Some(Box::new((deactivations, preview))), ..Self::new(kind, detail) }
    }

    /// A group whose members are unknown: no list of them may be given, since an empty or short one would be taken for all.
    #[must_use]
    pub fn membership_unknown(group: &GroupId, cause: UnknownCause) -> Self {
        let because = cause.explanation();
        let detail = format!(
            "The members of group {group} are unknown, because {because}. Keep what you have of this group. An \
             administrator of the directory sees what to do on the Sync page."
        );
        Self::new(ProblemKind::MembershipUnknown, detail)
    }

    /// Something that is ours to fix. Its chain of causes goes to the log, not to the caller.
    #[must_use]
    pub fn internal(error: &dyn Error) -> Self {
        tracing::error!(error = chain(error), "a request failed, and it is ours to fix");
        Self::new(ProblemKind::Internal, "The request could not be answered. The log says why.")
    }

    /// Something we depend on did not answer. Its chain of causes goes to the log, not to the caller.
    #[must_use]
    pub fn unavailable(error: &dyn Error) -> Self {
        tracing::error!(error = chain(error), "a request failed, because something we depend on did not answer");
        Self::new(ProblemKind::Unavailable, "The request could not be answered now. Try again later.")
            .retry_after(UNAVAILABLE_RETRY_SECONDS)
    }

    /// Names what is wrong with what was sent.
    #[must_use]
    fn faults(mut self, faults: impl IntoIterator<Item = FieldError>) -> Self {
        self.errors.extend(faults);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Says after how many seconds to try again.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The explanation for the person who reads it.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ProblemKind {
        self.kind
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let told = self.clone();
        let (confirm_deactivations, preview) = self.unconfirmed.map(|unconfirmed| *unconfirmed).unzip();
        let (status, name, title) = self.kind.describe();
        let body = ProblemView {
            kind: format!("urn:office365-sync:problem:{name}"),
            title,
            status: status.as_u16(),
            detail: self.detail,
            errors: self.errors,
            confirm_deactivations,
            preview,
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM));
        headers.extend(self.headers);
        // For those who say it in other words.
        response.extensions_mut().insert(told);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => {
                Self::new(ProblemKind::Conflict, "Read it again, and repeat the change if it is still meant.")
            }
            StoreError::Unavailable(_) => Self::unavailable(&error),
            StoreError::LeaseLost | StoreError::Corrupt { .. } => Self::internal(&error),
        }
    }
}

impl From<InvalidCursor> for Problem {
    fn from(_: InvalidCursor) -> Self {
        Self::new(
            ProblemKind::InvalidCursor,
            "Take the cursor from the answer before, of the same listing with the same filters, or begin again without one.",
        )
    }
}

impl From<QueueError> for Problem {
    fn from(error: QueueError) -> Self {
        Self::unavailable(&error)
    }
}

impl From<RequestRunError> for Problem {
    fn from(error: RequestRunError) -> Self {
        match error {
            RequestRunError::Record(error) => error.into(),
            RequestRunError::Send(error) => error.into(),
        }
    }
}

impl From<InvalidPolicy> for Problem {
    fn from(invalid: InvalidPolicy) -> Self {
        let first = invalid.faults.first().map(|fault| format!(" {}: expected {}.", fault.field, fault.expected));
        let more = match invalid.faults.len() {
            0 | 1 => String::new(),
            number => format!(" `errors` has all {number} faults."),
        };
        let detail = format!("Nothing was changed.{}{more}", first.unwrap_or_default());
        Self::new(ProblemKind::InvalidSettings, detail).faults(invalid.faults)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    async fn answer(problem: Problem) -> (StatusCode, http::HeaderMap, Value) {
        let (parts, body) = problem.into_response().into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        (parts.status, parts.headers, serde_json::from_slice(&bytes).unwrap())
    }

    #[tokio::test]
    async fn a_problem_is_sent_as_rfc_9457_wants_it() {
        let (status, headers, body) = answer(Problem::invalid_parameter("limit", "1 to 1000", "0")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(headers[CONTENT_TYPE], "application/problem+json");
        insta::assert_json_snapshot!(body, @r#"
        {
          "detail": "limit: expected 1 to 1000",
          "errors": [
            {
              "expected": "1 to 1000",
              "field": "limit",
              "found": "0"
            }
          ],
          "status": 400,
          "title": "A query parameter is not valid",
          "type": "urn:office365-sync:problem:invalid-parameter"
        }
        "#);
    }

    #[tokio::test]
    async fn storage_that_does_not_answer_is_a_503_that_says_when_to_come_back() {
        let (status, headers, body) = answer(StoreError::Unavailable("the table melted".into()).into()).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(headers[RETRY_AFTER], "5");
        assert!(!body.to_string().contains("melted"), "{body}");
    }

    #[tokio::test]
    async fn a_corrupt_item_is_a_500_without_particulars() {
        let corrupt = StoreError::Corrupt { key: "USER#42".into(), reason: "no version".into() };
        let (status, _, body) = answer(corrupt.into()).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!body.to_string().contains("USER#42"), "{body}");
    }

    #[test]
    fn the_callers_faults_are_told_apart() {
        assert_eq!(Problem::from(StoreError::Conflict).kind().status(), StatusCode::CONFLICT);
        assert_eq!(Problem::from(InvalidCursor).kind().status(), StatusCode::BAD_REQUEST);
    }
}
