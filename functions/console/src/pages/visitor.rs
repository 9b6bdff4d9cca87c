//! Who looks at a page, and who sends a form: extractors that a handler names to be reachable only by those who may.

use std::sync::{Arc, OnceLock};

use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{LOCATION, ORIGIN, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use shared::audit::Actor;
use shared::directory::Directory;
use shared::oauth::LocalPath;
use shared::session::{Role, Session};
use url::form_urlencoded;

use super::failure::Failure;
use crate::Site;

/// The longest form that is read, in bytes: settings with every list full fit.
const MAX_FORM_BYTES: usize = 512 * 1024;
/// The field that carries the session's form token.
pub(super) const FORM_TOKEN: &str = "form_token";

/// Somebody who is signed in, whatever the directory.
pub(super) struct Visitor {
    pub(super) session: Session,
}

/// Somebody who may look at the directory named in the path.
pub(super) struct Viewer {
    pub(super) session: Session,
    pub(super) directory: Directory,
}

/// A form, sent from one of our own pages by somebody who may change the directory named in the path.
pub(super) struct Submission {
    pub(super) session: Session,
    pub(super) directory: Directory,
    pub(super) form: Form,
}

impl Viewer {
    /// True when the person may change things.
    pub(super) fn may_change(&self) -> bool {
        self.session.role >= Role::Administrator
    }
}

impl Submission {
    /// Who it is, for the audit trail.
    pub(super) fn actor(&self) -> Actor {
        Actor::from(&self.session)
    }
}

/// The fields of a form, in the order they were sent.
#[derive(Debug, Default)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// The fields of a query or a body.
    pub(super) fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    /// The first value of a field, without white space around it.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.iter().filter(|(field, _)| field == name).map(|(_, value)| value.trim());
        value.into_iter().find(|value| !value.is_empty())
    }

    /// All values of a field that are not empty.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(field, _)| field == name);
        named.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// True when a field has this value.
    pub(super) fn has(&self, name: &str, value: &str) -> bool {
        self.all(name).any(|sent| sent == value)
    }
}

impl FromRequestParts<Site> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Response> {
        match site.sessions.open(&parts.headers).await {
            Ok(Some(session)) => {
                if let Some(seen) = parts.extensions.get::<Seen>() {
                    seen.0.get_or_init(|| session.clone());
                }
                Ok(Self { session })
            }
            Ok(None) => Err(sign_in(parts)),
            Err(error) => Err(Failure::of_session(&error).into_response()),
        }
    }
}

/// Sends somebody to the sign-in, and back to this page after it. What a form would have done is not done.
fn sign_in(parts: &Parts) -> Response {
    let asked = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let return_to = LocalPath::parse(asked).filter(|_| parts.method == Method::GET).unwrap_or_else(LocalPath::home);
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("return_to", return_to.as_str()).finish();
    let Ok(location) = HeaderValue::from_str(&format!("/signin?{query}")) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
}

impl FromRequestParts<Site> for Viewer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Response> {
        let Visitor { session } = Visitor::from_request_parts(parts, site).await?;
        // A path that is no text names no directory.
        let params = RawPathParams::from_request_parts(parts, site).await.ok();
        let id = params.iter().flatten().find(|(name, _)| *name == "directory").and_then(|(_, id)| id.parse().ok());
        // To those who may not see it, it does not exist.
        let Some(id) = id.filter(|id| session.may_see(*id)) else {
            return Err(Failure::no_such_directory(&session).into_response());
        };
        match site.app.directories.directory(id).await {
            Ok(Some(directory)) => Ok(Self { session, directory }),
            Ok(None) if session.tenant == id => Err(super::welcome::page(&session).into_response()),
            Ok(None) => Err(Failure::no_such_directory(&session).into_response()),
            Err(error) => Err(Failure::from(error).into_response()),
        }
    }
}

impl FromRequest<Site> for Submission {
    type Rejection = Response;

    async fn from_request(request: Request, site: &Site) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let Viewer { session, directory } = Viewer::from_request_parts(&mut parts, site).await?;
        let form =
            read_form(&site.origin, &parts.headers, body, &session).await.map_err(IntoResponse::into_response)?;
        if session.role < Role::Administrator {
            return Err(Failure::may_only_look(&session).into_response());
        }
        Ok(Self { session, directory, form })
    }
}

/// Reads a form of this session: from our own origin, with the session's form token, and not without end.
pub(super) async fn read_form(
    origin: &str,
    headers: &HeaderMap,
    body: axum::body::Body,
    session: &Session,
) -> Result<Form, Failure> {
    if !is_our_own(headers, origin) {
        return Err(Failure::foreign_form(session));
    }
    let bytes = axum::body::to_bytes(body, MAX_FORM_BYTES).await.map_err(|_| Failure::form_too_long(session))?;
    let form = Form::parse(&bytes);
    if form.get(FORM_TOKEN).is_some_and(|token| session.accepts(token)) {
        Ok(form)
    } else {
        Err(Failure::foreign_form(session))
    }
}

/// False when the browser says that another site sent it. Ours is the one that was asked, or `origin`: what stands before us may ask
/// under another name.
///
/// Source: Fetch Metadata Request Headers, section 2.3; RFC 6454, section 7. The form token would do alone; browsers that send
/// neither header are not kept out.
fn is_our_own(headers: &HeaderMap, origin: &str) -> bool {
    let fetch_site = headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none");
    let from = headers.get(ORIGIN).map(|from| from.to_str().unwrap_or_default());
    let host = headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
    let is_asked = |from: &str| host.is_none_or(|host| from.split_once("://").is_some_and(|(_, of)| of == host));
    fetch_site && from.is_none_or(|from| from == origin || is_asked(from))
}

/// The session that a request turned out to have, for whoever renews its cookie.
#[derive(Clone, Default)]
pub(super) struct Seen(Arc<OnceLock<Session>>);

/// Renews the cookie of a session that is used, when that is due.
pub(super) async fn renew(State(site): State<Site>, mut request: Request, next: Next) -> Response {
    let seen = Seen::default();
    request.extensions_mut().insert(seen.clone());
    let mut response = next.run(request).await;
    if let Some(used) = seen.0.get().and_then(|session| session.used(site.app.clock.now()))
        // Whoever has just signed out gets no new cookie.
        && !response.headers().contains_key(SET_COOKIE)
        && let Ok(cookie) = site.sessions.give(&used).await
    {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_come_from_our_own_origin() {
        let ours = |pairs: &[(&'static str, &'static str)]| {
            let headers = pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
            is_our_own(&headers.collect(), "https://front.example")
        };
        assert!(ours(&[]));
        assert!(ours(&[
            ("host", "sync.example"),
            ("origin", "https://sync.example"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(!ours(&[("host", "sync.example"), ("origin", "https://evil.example")]));
        assert!(!ours(&[("host", "sync.example"), ("origin", "null")]));
        assert!(ours(&[("host", "api.example"), ("origin", "https://front.example")]), "behind something else");
        assert!(!ours(&[("host", "api.example"), ("origin", "http://front.example")]));
        assert!(!ours(&[("sec-fetch-site", "cross-site")]));
        assert!(!ours(&[("sec-fetch-site", "same-site")]));
    }

    #[test]
    fn a_field_may_come_several_times_and_what_is_empty_is_nothing() {
        let form = Form::parse(b"group=a&group=+b+&group=&name=%C3%A9");
        assert_eq!(form.all("group").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((form.get("name"), form.get("other")), (Some("é"), None));
        assert!(form.has("group", "b") && !form.has("group", "c"));
    }
}
