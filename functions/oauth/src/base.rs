//! Sends a browser that came under another host to the base URL, before anything begins.
//!
//! Cookies belong to a host, and Microsoft sends browsers back to the one address that is registered: an authorization
//! that began under another spelling of it (`localhost`, `127.0.0.1`) would end in "another browser".

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, header};
use url::{Url, form_urlencoded};

use crate::{App, page};

/// The parameter of a request that was sent on already. What stands before us may ask under a host of its own (a
/// distribution in front of the API does), and would otherwise send the browser round in a circle.
const SENT_ON: &str = "sent_on";

/// Sends the request on to the base URL if it came under another host.
pub(crate) async fn send_to_base(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let sent_on = form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == SENT_ON);
    if sent_on || is_host_of(&app.authorization.base_url, request.headers()) {
        return next.run(request).await;
    }
    let mut url = app.url(request.uri().path());
    url.set_query(Some(query).filter(|query| !query.is_empty()));
    url.query_pairs_mut().append_pair(SENT_ON, "1");
    page::see_other(url.as_str())
}

/// True unless the request names another host, or another port of it.
fn is_host_of(base: &Url, headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else { return true };
    let Ok(asked) = Url::parse(&format!("{}://{host}", base.scheme())) else { return true };
    asked.host() == base.host() && asked.port_or_known_default() == base.port_or_known_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_compared_with_their_ports() {
        for (base, host, same) in [
            ("http://localhost:8365", "localhost:8365", true),
            ("http://localhost:8365", "LOCALHOST:8365", true),
            ("http://localhost:8365", "127.0.0.1:8365", false),
            ("http://127.0.0.1:8365", "localhost:8365", false),
            ("http://127.0.0.1:8365", "[::1]:8365", false),
            ("http://127.0.0.1:8365", "127.0.0.1:8366", false),
            ("https://sync.example", "sync.example", true),
            ("https://sync.example", "sync.example:443", true),
            ("https://sync.example/stage", "api.example", false),
            ("https://sync.example", "a host that is none", true),
        ] {
            let headers = HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
            assert_eq!(is_host_of(&base.parse().unwrap(), &headers), same, "{base} {host}");
        }
        assert!(is_host_of(&"https://sync.example".parse().unwrap(), &HeaderMap::new()));
    }
}
