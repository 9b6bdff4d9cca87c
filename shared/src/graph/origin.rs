//! Where Graph is, and which links lead there.

use std::fmt;

use url::Url;

use super::error::GraphError;
use crate::config::is_loopback;

/// The version of Graph that is spoken.
const VERSION: &str = "v1.0";

/// A URL that is not the origin of a Microsoft Graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an https origin of Microsoft Graph, such as https://graph.microsoft.com")]
pub struct InvalidOrigin;

/// Scheme, host and port of a Microsoft Graph: each national cloud has its own. Tokens go nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphOrigin(Url);

impl GraphOrigin {
    /// Takes the origin from a URL like `https://graph.microsoft.com`, with or without `/` or `/v1.0` at its end.
    ///
    /// # Errors
    /// When the URL has any other path, a query, a user name, or would send tokens over a network in the clear.
    pub fn parse(url: &Url) -> Result<Self, InvalidOrigin> {
        let secure = url.scheme() == "https" || is_loopback(url);
        let path = url.path().trim_matches('/');
        let bare = url.query().is_none() && url.fragment().is_none() && !has_credentials(url);
        if !secure || !bare || !(path.is_empty() || path == VERSION) {
            return Err(InvalidOrigin);
        }
        let mut origin = url.clone();
        origin.set_path("/");
        Ok(Self(origin))
    }

    /// The URL of a first request. Later ones of the same chain use the link they are given.
    pub(super) fn endpoint(&self, path: &str, query: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("/{VERSION}/{path}"));
        url.set_query(Some(query).filter(|query| !query.is_empty()));
        url
    }

    /// A link out of an answer, if it leads back to this origin. Links are opaque otherwise and used whole: a link
    /// to anywhere else would carry the token there.
    pub(super) fn link(&self, link: &str) -> Result<Url, GraphError> {
        match Url::parse(link) {
            Ok(url) if url.origin() == self.0.origin() && !has_credentials(&url) => Ok(url),
            _ => Err(GraphError::ForeignLink),
        }
    }
}

impl fmt::Display for GraphOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Result<GraphOrigin, InvalidOrigin> {
        GraphOrigin::parse(&text.parse().unwrap())
    }

    #[test]
    fn an_origin_may_end_in_a_slash_or_the_version() {
        for text in [
            "https://graph.microsoft.us",
            "https://graph.microsoft.us/",
            "https://graph.microsoft.us/v1.0",
            "https://graph.microsoft.us/v1.0/",
        ] {
            let origin = origin(text).unwrap();
            assert_eq!(origin.to_string(), "https://graph.microsoft.us");
            assert_eq!(origin.endpoint("users", "$top=1").as_str(), "https://graph.microsoft.us/v1.0/users?$top=1");
        }
        assert!(origin("http://127.0.0.1:8080").is_ok());
    }

    #[test]
    fn what_is_no_bare_secure_origin_is_refused() {
        for text in [
            "http://graph.microsoft.com",
            "https://graph.microsoft.com/beta",
            "https://graph.microsoft.com/?a=b",
            "https://graph.microsoft.com/#a",
            "https://someone@graph.microsoft.com",
            "ftp://graph.microsoft.com",
        ] {
            assert_eq!(origin(text), Err(InvalidOrigin), "{text}");
        }
    }

    #[test]
    fn only_links_to_the_same_scheme_host_and_port_are_followed() {
        let origin = origin("https://graph.microsoft.com").unwrap();
        for link in [
            "https://graph.microsoft.com/v1.0/users?$skiptoken=a%20b|c",
            "https://GRAPH.microsoft.com:443/v1.0/users/delta?$deltatoken=x",
        ] {
            assert!(origin.link(link).is_ok(), "{link}");
        }
        for link in [
            "http://graph.microsoft.com/v1.0/users",
            "https://graph.microsoft.com:8443/v1.0/users",
            "https://graph.microsoft.com.evil.example/v1.0/users",
            "https://graph.microsoft.com@evil.example/v1.0/users",
            "https://evil@graph.microsoft.com/v1.0/users",
            "//graph.microsoft.com/v1.0/users",
            "/v1.0/users",
            "",
        ] {
            assert!(matches!(origin.link(link), Err(GraphError::ForeignLink)), "{link}");
        }
    }
}
