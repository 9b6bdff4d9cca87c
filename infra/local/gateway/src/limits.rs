//! How much passes through, in each direction.
//!
//! Sources: Amazon API Gateway developer guide, "Quotas for configuring and running an HTTP API"; AWS Lambda developer guide,
//! "Lambda quotas".

use http::request::Parts;

/// Longest request line with all headers, in bytes.
pub const MAX_HEAD_BYTES: usize = 10_240;

/// Longest body of a request, in bytes.
pub const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// Longest event that a function is invoked with, in bytes of JSON.
pub const MAX_EVENT_BYTES: usize = 6 * 1024 * 1024;

/// Longest answer of a function that is passed on, in bytes of the JSON that wraps status, headers and body.
pub const MAX_ANSWER_BYTES: usize = 6_291_556;

/// Bytes of the request line and the headers as they are sent.
pub(crate) fn head_bytes(parts: &Parts) -> usize {
    let target = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
    let line = parts.method.as_str().len() + target + "  HTTP/1.1\r\n".len();
    let headers = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    line + headers.sum::<usize>()
}
