//! Signing out. Signing in is the `oauth` function's.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::header::SET_COOKIE;
use maud::html;

use super::failure::Failure;
use super::layout::Page;
use super::visitor::read_form;
use crate::Site;

/// `POST /signout`: ends the session, so that a copy of its cookie is worth nothing either. Twice is the same as once.
pub(super) async fn sign_out(State(site): State<Site>, request: Request) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let session = site.sessions.open(&parts.headers).await.map_err(|error| Failure::of_session(&error))?;
    let mut response = Redirect::to("/signed-out").into_response();
    if let Some(session) = session {
        let read = read_form(&site.origin, &parts.headers, body, &session).await;
        read.map_err(|fault| fault.into_failure(&session))?;
        let cookie = site.sessions.end(&session).await.map_err(|error| Failure::of_session(&error))?;
        response.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
        tracing::info!(directory.id = %session.tenant, user.id = %session.user, "somebody signed out");
    }
    Ok(response)
}

/// `GET /signed-out`: for everybody.
pub(super) async fn signed_out() -> Response {
    Page::plain("You are signed out", None).show(&html! {
        h1 { "You are signed out" }
        p { "You are still signed in to Microsoft in this browser. On a computer that is not yours, sign out there too." }
        p { a href="/signin?choose=1" { "Sign in again" } }
    })
}
