//! The pages that an administrator sees, complete without scripts or further requests.

mod connected;
mod denied;

pub(crate) use connected::consented;
pub(crate) use denied::{conclude, denied, refused};

use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use shared::clock_skew::ClockSkew;
use shared::http::style_policy;
use shared::oauth::{Conclusion, Purpose};

use crate::App;

/// The one inline style, which the Content-Security-Policy knows by its hash.
const STYLE: &str = include_str!("style.css");

/// Only our own style applies.
static POLICY: LazyLock<String> = LazyLock::new(|| style_policy(STYLE));

/// How a page looks at first glance.
#[derive(Clone, Copy)]
enum Tone {
    Good,
    Bad,
    Plain,
}

/// The page of how an authorization ended.
pub(crate) fn of(app: &App, conclusion: &Conclusion, purpose: &Purpose) -> Response {
    match conclusion {
        Conclusion::Connected(connected) => connected::connected(app, connected),
        Conclusion::SignedIn { return_to } => see_other(return_to.as_str()),
        Conclusion::Denied { denial, clock_skew } => denied(app, denial, clock_skew.map(ClockSkew::from_secs), purpose),
    }
}

/// Sends the browser on. A location that is not a valid header value is a bug; the browser then stays where it is.
pub(crate) fn see_other(location: &str) -> Response {
    let mut response = match HeaderValue::from_str(location) {
        Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    protect(response.headers_mut());
    response
}

/// A complete page.
fn respond(status: StatusCode, tone: Tone, heading: &str, body: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                meta name="color-scheme" content="light dark";
                title { (heading) " – Office 365 Sync" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    p.product { "Office 365 Sync" }
                    h1 { (sign(tone)) (heading) }
                    (body)
                }
            }
        }
    };
    let mut response = (status, page).into_response();
    protect(response.headers_mut());
    response
}

/// The mark beside the heading. The heading says the same in words, so it is hidden from screen readers.
fn sign(tone: Tone) -> Markup {
    match tone {
        Tone::Good => html! {
            svg.good viewBox="0 0 24 24" width="32" height="32" aria-hidden="true" {
                circle cx="12" cy="12" r="11" fill="currentColor" {}
                path d="M6.5 12.5l4 4 7-8" fill="none" stroke="#fff" stroke-width="2.5" stroke-linecap="round"
                    stroke-linejoin="round" {}
            }
        },
        Tone::Bad => html! {
            svg.bad viewBox="0 0 24 24" width="32" height="32" aria-hidden="true" {
                circle cx="12" cy="12" r="11" fill="currentColor" {}
                path d="M12 6.5v7M12 17.3v.2" fill="none" stroke="#fff" stroke-width="2.5" stroke-linecap="round" {}
            }
        },
        Tone::Plain => html! {},
    }
}

/// Headers for every answer of this function: what it says is for one browser, once.
pub(crate) fn protect(headers: &mut HeaderMap) {
    const FIXED: [(HeaderName, &str); 5] = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::STRICT_TRANSPORT_SECURITY, shared::http::HTTPS_ONLY);
    if let Ok(policy) = HeaderValue::from_str(&POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}
