//! Requests that a browser makes before anyone has asked for the page.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};

/// Headers by which browsers mark such requests, with the words that they use: Chromium and Firefox by the standard,
/// older Chromium, older Firefox, and Safari.
///
/// Source: HTML, "Speculative loading", section "The Sec-Purpose HTTP request header"; MDN, "X-Moz", "Purpose".
const MARKS: [&str; 4] = ["sec-purpose", "purpose", "x-purpose", "x-moz"];
const WORDS: [&str; 4] = ["prefetch", "prerender", "preview", "instant"];

/// True for a request that prefetches or prerenders.
fn is_speculative(headers: &HeaderMap) -> bool {
    let values = MARKS.iter().flat_map(|name| headers.get_all(*name)).filter_map(|value| value.to_str().ok());
    let mut words = values.flat_map(|value| value.split([',', ';', ' ']));
    words.any(|word| WORDS.iter().any(|known| word.eq_ignore_ascii_case(known)))
}

/// Turns away requests that a browser makes on speculation, before they have any effect. The browser then asks again
/// when the page is really wanted, as it does after any answer that is an error.
///
/// A callback would use its code up, a sign-in would begin, and a session would be kept alive by pages that were never seen.
pub async fn refuse_speculation(request: Request, next: Next) -> Response {
    if !is_speculative(request.headers()) {
        return next.run(request).await;
    }
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        // Answers depend on these, should anything in between keep them all the same.
        (header::VARY, "Sec-Purpose, Purpose, X-Purpose, X-Moz"),
    ];
    (StatusCode::FORBIDDEN, headers, "This page is not made before it is asked for.").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speculative_requests_are_recognized() {
        for (name, value, speculative) in [
            ("sec-purpose", "prefetch", true),
            ("sec-purpose", "prefetch;prerender", true),
            ("sec-purpose", "prefetch; anonymous-client-ip", true),
            ("Sec-Purpose", "Prefetch", true),
            ("purpose", "prefetch", true),
            ("x-purpose", "preview", true),
            ("x-moz", "prefetch", true),
            ("sec-purpose", "", false),
            ("sec-purpose", "navigate", false),
            ("x-other", "prefetch", false),
        ] {
            let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
            assert_eq!(is_speculative(&headers), speculative, "{name}: {value}");
        }
        assert!(!is_speculative(&HeaderMap::new()));
    }
}
