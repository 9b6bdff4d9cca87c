//! Only requests that were meant for this program: a page of another origin whose name leads to this machine (DNS rebinding) asks
//! under that name.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use url::Url;

/// The names that this program is asked by, each with its port.
#[derive(Debug, Clone)]
pub(crate) struct OwnNames(Arc<[String]>);

impl OwnNames {
    /// Those of this machine, and where browsers are sent to.
    pub(crate) fn of(base_url: &Url, port: u16) -> Self {
        let here = ["127.0.0.1", "localhost"].map(|name| format!("{name}:{port}"));
        let elsewhere = base_url.host_str().map(|name| match base_url.port() {
            Some(port) => format!("{name}:{port}"),
            None => name.to_owned(),
        });
        let elsewhere = elsewhere.filter(|name| !here.contains(name));
        Self(here.iter().cloned().chain(elsewhere).collect())
    }

    fn has(&self, host: &[u8]) -> bool {
        self.0.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(host))
    }
}

/// Rejects requests that ask for another host, whoever makes them.
pub(crate) async fn own_names_only(State(names): State<OwnNames>, request: Request, next: Next) -> Response {
    let hosts: Vec<&[u8]> = request.headers().get_all(HOST).iter().map(|host| host.as_bytes()).collect();
    match hosts.as_slice() {
        [host] if names.has(host) => next.run(request).await,
        _ => {
            let names = names.0.join(", ");
            (StatusCode::MISDIRECTED_REQUEST, format!("This program answers under these names only: {names}\n"))
                .into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine_and_of_the_base_url_are_own() {
        let names = OwnNames::of(&Url::parse("https://sync.contoso.example").unwrap(), 8365);
        for (host, is_own) in [
            ("127.0.0.1:8365", true),
            ("LocalHost:8365", true),
            ("sync.contoso.example", true),
            ("localhost", false),
            ("localhost:8366", false),
            ("sync.contoso.example.evil.example", false),
            ("evil.example:8365", false),
            ("", false),
        ] {
            assert_eq!(names.has(host.as_bytes()), is_own, "{host}");
        }
    }
}
