//! How much fits one answer: Lambda passes on at most 6 MB, and lists end before that.
//!
//! What counts is the JSON that wraps status, headers and body. In it a body is a string: quotes and backslashes take two
//! bytes, and of JSON in JSON those that escape others do so again. Bodies that are not text are base64, a third longer.
//!
//! Sources: AWS Lambda developer guide, "Lambda quotas"; the exact limit was measured in
//! <https://github.com/DataBiosphere/azul/issues/8258>.

use std::io::{self, Write};

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::response::{IntoResponse as _, Response};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde::Serialize;

use super::problem::{Problem, ProblemKind};

/// Longest answer that Lambda passes on, in bytes of wrapped JSON.
const MAX_ANSWER_BYTES: usize = 6_291_556;

/// Kept free for the headers and what wraps them, and for what stands around the entries of a list.
const RESERVED_BYTES: usize = 32 * 1024;

/// Most bytes that a byte of a text takes when it is wrapped: a control character as `\u0001`.
const LONGEST_ESCAPE: u64 = 6;

/// How the body of an answer is wrapped, which depends on its media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapping {
    /// As a JSON string: `text/*`, `application/json` and what ends with `+json`.
    Text,
    /// As base64 in a JSON string: everything else, such as `application/x-ndjson`.
    Base64,
}

impl Wrapping {
    /// How `lambda_http` wraps the body of an answer with these headers.
    fn of(headers: &HeaderMap) -> Self {
        const TEXT: [&str; 5] =
            ["text", "application/json", "application/javascript", "application/xml", "application/yaml"];
        let Some(kind) = headers.get(CONTENT_TYPE).map(|kind| kind.to_str().unwrap_or_default()) else {
            return Self::Text;
        };
        let essence = kind.split(';').next().unwrap_or_default().trim();
        let is_text = TEXT.iter().any(|text| kind.starts_with(text))
            || ["+json", "+xml", "+yaml"].iter().any(|suffix| essence.ends_with(suffix));
        if is_text { Self::Text } else { Self::Base64 }
    }
}

/// The bytes that are left in an answer for further entries.
#[derive(Debug)]
pub struct Budget {
    left: usize,
    wrapping: Wrapping,
}

impl Budget {
    /// The room in an answer with nothing in it yet.
    #[must_use]
    pub fn new(wrapping: Wrapping) -> Self {
        Self { left: MAX_ANSWER_BYTES - RESERVED_BYTES, wrapping }
    }

    /// Takes up the room of a JSON value and the comma or line break behind it. False, and nothing is taken up, when it does not
    /// fit.
    pub fn takes(&mut self, value: &impl Serialize) -> bool {
        let mut counter = Counter::default();
        // Counting does not fail; what cannot be serialized is reported where it is written.
        serde_json::to_writer(&mut counter, value).is_err() || self.take_up(&counter)
    }

    /// How many of these values fit, from the first one on.
    pub fn fitting(&mut self, values: &[impl Serialize]) -> usize {
        values.iter().take_while(|value| self.takes(*value)).count()
    }

    fn take_up(&mut self, counter: &Counter) -> bool {
        let with_separator = counter.wrapped(self.wrapping) + ",\n".len();
        let fits = with_separator <= self.left;
        if fits {
            self.left -= with_separator;
        }
        fits
    }
}

/// The size of a page that is read again with fewer entries while it does not fit one answer.
#[derive(Debug)]
pub struct PageSize {
    limit: usize,
    wrapping: Wrapping,
}

impl PageSize {
    /// At most this many entries.
    #[must_use]
    pub fn new(limit: usize, wrapping: Wrapping) -> Self {
        Self { limit, wrapping }
    }

    /// How many entries to read now.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// True for entries that fit one answer. Otherwise as many as do are to be read the next time, which are fewer.
    ///
    /// # Errors
    /// [`ProblemKind::TooMany`] when the first entry alone does not fit.
    pub fn fits(&mut self, entries: &[impl Serialize]) -> Result<bool, Problem> {
        let fitting = Budget::new(self.wrapping).fitting(entries);
        if fitting == entries.len() {
            return Ok(true);
        }
        // A page has no more entries than were asked for, so this comes to an end.
        self.limit = fitting;
        if fitting == 0 { Err(oversized()) } else { Ok(false) }
    }
}

/// The problem that one entry, or what is asked for as a whole, does not fit an answer.
pub(super) fn oversized() -> Problem {
    let detail = "The answer would exceed the 6 MB that are passed on. Ask for fewer entries or attributes at once.";
    Problem::new(ProblemKind::TooMany, detail)
}

/// Counts what is written, as it is and escaped.
#[derive(Default)]
struct Counter {
    bytes: usize,
    escaped: usize,
}

impl Counter {
    fn count(&mut self, written: &[u8]) {
        self.bytes += written.len();
        self.escaped += escaped_bytes(written);
    }

    fn wrapped(&self, wrapping: Wrapping) -> usize {
        match wrapping {
            Wrapping::Text => self.escaped,
            Wrapping::Base64 => self.bytes.div_ceil(3) * 4,
        }
    }
}

impl Write for Counter {
    fn write(&mut self, written: &[u8]) -> io::Result<usize> {
        self.count(written);
        Ok(written.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The length of text in a JSON string.
fn escaped_bytes(text: &[u8]) -> usize {
    let escaped = |byte: &u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0x00..=0x1f => 6,
        _ => 1,
    };
    text.iter().map(escaped).sum()
}

/// Replaces an answer that Lambda would not pass on by one that says so. Lists end earlier; this is for single things that are
/// larger than all that was thought of.
pub(super) async fn refuse_oversized(response: Response) -> Response {
    let may_exceed = |bytes: u64| bytes * LONGEST_ESCAPE > (MAX_ANSWER_BYTES - RESERVED_BYTES) as u64;
    if response.body().size_hint().exact().is_some_and(|bytes| !may_exceed(bytes)) {
        return response;
    }
    let (parts, body) = response.into_parts();
    // Handlers' bodies are in memory already.
    let bytes = match to_bytes(body, usize::MAX).await {
        Ok(bytes) => bytes,
        Err(error) => return Problem::internal(&error).into_response(),
    };
    let mut counter = Counter::default();
    counter.count(&bytes);
    if counter.wrapped(Wrapping::of(&parts.headers)) <= MAX_ANSWER_BYTES - RESERVED_BYTES {
        return Response::from_parts(parts, Body::from(bytes));
    }
    tracing::warn!(bytes = bytes.len(), "an answer was too large to be passed on");
    oversized().into_response()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// The length of a body in the JSON that wraps it.
    fn wrapped(body: &str) -> usize {
        serde_json::to_string(body).unwrap().len() - "\"\"".len()
    }

    proptest! {
        #[test]
        fn counts_are_those_of_the_wrapped_body(text in "\\PC{0,40}|[\u{0}-\u{1f}\"\\\\a]{0,40}") {
            prop_assert_eq!(escaped_bytes(text.as_bytes()), wrapped(&text));
            let mut counter = Counter::default();
            serde_json::to_writer(&mut counter, &json!({ "name": text })).unwrap();
            prop_assert_eq!(counter.escaped, wrapped(&json!({ "name": text }).to_string()));
        }
    }

    #[test]
    fn entries_are_taken_until_the_answer_is_full() {
        for (name, wrapping) in [
            ("ö".repeat(256), Wrapping::Text),
            ("\"\u{1}".repeat(128), Wrapping::Text),
            ("a".repeat(256), Wrapping::Base64),
        ] {
            let entry = json!({ "name": name });
            let mut budget = Budget::new(wrapping);
            let mut entries: Vec<Value> = Vec::new();
            while budget.takes(&entry) {
                entries.push(entry.clone());
            }
            let body = serde_json::to_string(&entries).unwrap();
            let bytes = match wrapping {
                Wrapping::Text => wrapped(&body),
                Wrapping::Base64 => body.len().div_ceil(3) * 4,
            };
            assert!(bytes <= MAX_ANSWER_BYTES - RESERVED_BYTES, "{bytes}");
            assert!(bytes > 5_500_000, "{bytes}: not much is given away");
        }
    }

    #[test]
    fn page_shrinks_until_it_fits() {
        let entries = vec!["\"".repeat(1_000); 5_000];
        let mut size = PageSize::new(5_000, Wrapping::Text);
        assert!(!size.fits(&entries).unwrap());
        let page = &entries[..size.limit()];
        assert!(size.fits(page).unwrap());
        let bytes = wrapped(&serde_json::to_string(page).unwrap());
        assert!(bytes < MAX_ANSWER_BYTES && bytes > MAX_ANSWER_BYTES - RESERVED_BYTES - 5_000, "{bytes}");
        assert!(PageSize::new(7, Wrapping::Text).fits(&entries[..7]).unwrap());
        let refused = PageSize::new(5, Wrapping::Text).fits(&["x".repeat(6_300_000)]).unwrap_err();
        assert_eq!(refused.kind(), ProblemKind::TooMany);
    }

    #[tokio::test]
    async fn an_answer_beyond_all_bounds_is_a_problem() {
        let (json, ndjson) = ("application/scim+json", "application/x-ndjson");
        for (kind, text, status) in [
            (json, "a".repeat(6_200_000), 200),
            (json, "ö".repeat(3_100_000), 200),
            (json, "a".repeat(6_300_000), 400),
            (json, "\"".repeat(3_100_000), 200),
            (json, "\"".repeat(3_200_000), 400),
            (ndjson, "\"".repeat(4_600_000), 200),
            (ndjson, "a".repeat(4_800_000), 400),
        ] {
            let answer = ([(CONTENT_TYPE, kind)], text).into_response();
            assert_eq!(refuse_oversized(answer).await.status(), status, "{kind}");
        }
    }
}
