//! Who looks at a page, and who sends a form: extractors that a handler names to be reachable only by those who may.

use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{LOCATION, ORIGIN, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use maud::html;
use shared::audit::Actor;
use shared::directory::{Directory, DirectoryId};
use shared::oauth::LocalPath;
use shared::session::{Presented, Role, Session};
use url::form_urlencoded;

use super::failure::Failure;
use super::layout::Page;
use super::unsent;
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

    /// Fields that were kept.
    pub(super) fn of(fields: Vec<(String, String)>) -> Self {
        Self(fields)
    }

    /// All fields, as they were sent.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The first value of a field as it was sent, with all its white space.
    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        self.fields().find(|(field, _)| *field == name).map(|(_, value)| value)
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
        match presented(parts, site).await? {
            Presented::Current(session) => Ok(Self { session }),
            Presented::Ended(_) | Presented::Nothing => Err(sign_in(parts)),
        }
    }
}

async fn presented(parts: &Parts, site: &Site) -> Result<Presented, Response> {
    let presented = site.sessions.presented(&parts.headers).await;
    let presented = presented.map_err(|error| Failure::of_session(&error).into_response())?;
    if let (Presented::Current(session), Some(seen)) = (&presented, parts.extensions.get::<Seen>()) {
        seen.0.get_or_init(|| session.clone());
    }
    Ok(presented)
}

/// Sends somebody to the sign-in, and back to this page after it.
fn sign_in(parts: &Parts) -> Response {
    let asked = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let return_to = LocalPath::parse(asked).filter(|_| parts.method == Method::GET).unwrap_or_else(LocalPath::home);
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("return_to", return_to.as_str()).finish();
    let place = format!("/signin?{query}");
    if may_be_a_form(&parts.headers) {
        return Page::plain("Sign in", None).forward_to(&place).show(&html! {
            h1 { "Your session has ended" }
            p { a href=(place) { "Sign in again" } }
        });
    }
    let Ok(location) = HeaderValue::from_str(&place) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
}

/// True for what one of our own pages leads to: a link, or a form that searches. The browser does not follow a form's redirect to
/// Microsoft's address, since `form-action` does not name it; a page that leads there, it does.
fn may_be_a_form(headers: &HeaderMap) -> bool {
    let says = |name: &str, value: &str| headers.get(name).is_some_and(|said| said == value);
    says("sec-fetch-site", "same-origin") && says("sec-fetch-mode", "navigate")
}

impl FromRequestParts<Site> for Viewer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Response> {
        let Visitor { session } = Visitor::from_request_parts(parts, site).await?;
        Self::of(session, directory_in(parts, site).await, site).await
    }
}

/// The directory that a path names. One that is no text names none.
async fn directory_in(parts: &mut Parts, site: &Site) -> Option<DirectoryId> {
    let params = RawPathParams::from_request_parts(parts, site).await.ok();
    params.iter().flatten().find(|(name, _)| *name == "directory").and_then(|(_, id)| id.parse().ok())
}

impl Viewer {
    async fn of(session: Session, directory: Option<DirectoryId>, site: &Site) -> Result<Self, Response> {
        // To those who may not see it, it does not exist.
        let Some(id) = directory.filter(|id| session.may_see(*id)) else {
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
        let directory = directory_in(&mut parts, site).await;
        let session = match presented(&parts, site).await? {
            Presented::Current(session) => session,
            Presented::Ended(session) => {
                return Err(unsent::ended(site, &parts, directory, body, Some(session)).await);
            }
            Presented::Nothing => return Err(unsent::ended(site, &parts, directory, body, None).await),
        };
        let viewer = Viewer::of(session, directory, site).await?;
        let read = read_form(&site.origin, &parts.headers, body, &viewer.session).await;
        if let Err(FormFault::Failed(failure)) = read {
            return Err(failure.into_response());
        }
        if viewer.session.role < Role::Administrator {
            return Err(Failure::may_only_look(&viewer.session).into_response());
        }
        match read {
            Ok(form) => Ok(Self { session: viewer.session, directory: viewer.directory, form }),
            Err(FormFault::OtherSession(form)) => {
                let again = unsent::again(site, &viewer, parts.uri.path(), &form, StatusCode::FORBIDDEN).await;
                Err(again.into_response())
            }
            Err(FormFault::Failed(failure)) => Err(failure.into_response()),
        }
    }
}

/// Why a form is not acted on.
pub(super) enum FormFault {
    /// One of our own pages sent it, but in another session: its author has signed in again since.
    OtherSession(Form),
    /// It is not to be looked at.
    Failed(Failure),
}

impl FormFault {
    pub(super) fn into_failure(self, session: &Session) -> Failure {
        match self {
            Self::OtherSession(_) => Failure::foreign_form(Some(session)),
            Self::Failed(failure) => failure,
        }
    }
}

/// Reads a form of this session: from our own origin, with the session's form token, and not without end.
pub(super) async fn read_form(
    origin: &str,
    headers: &HeaderMap,
    body: Body,
    session: &Session,
) -> Result<Form, FormFault> {
    if !is_our_own(headers, origin) {
        return Err(FormFault::Failed(Failure::foreign_form(Some(session))));
    }
    let form = read_body(body, Some(session)).await.map_err(FormFault::Failed)?;
    if form.get(FORM_TOKEN).is_some_and(|token| session.accepts(token)) {
        Ok(form)
    } else if headers.contains_key(ORIGIN) || headers.contains_key("sec-fetch-site") {
        Err(FormFault::OtherSession(form))
    } else {
        // The browser does not say that it is ours.
        Err(FormFault::Failed(Failure::foreign_form(Some(session))))
    }
}

/// Reads the fields of a form, whoever sent it.
pub(super) async fn read_body(body: Body, session: Option<&Session>) -> Result<Form, Failure> {
    let bytes = axum::body::to_bytes(body, MAX_FORM_BYTES).await.map_err(|_| Failure::form_too_long(session))?;
    Ok(Form::parse(&bytes))
}

/// False when the browser says that another site sent it. Ours is the one that was asked, or `origin`: what stands before us may ask
/// under another name.
///
/// Source: Fetch Metadata Request Headers, section 2.3; RFC 6454, section 7. The form token would do alone; browsers that send
/// neither header are not kept out.
pub(super) fn is_our_own(headers: &HeaderMap, origin: &str) -> bool {
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
