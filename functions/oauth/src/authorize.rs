//! `GET /oauth/authorize`: begins an authorization.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use shared::oauth::{BrowserSecret, PendingAuthorization};
use url::form_urlencoded;

use crate::App;
use crate::cookie::Cookies;
use crate::denied::Denied;
use crate::page;

/// A longer hint is no sign-in name.
const MAX_HINT: usize = 320;

pub(crate) async fn handle(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    match begin(&app, query.as_deref().unwrap_or_default(), &headers).await {
        Ok(response) => response,
        Err(denied) => page::denied(&app, &denied),
    }
}

async fn begin(app: &App, query: &str, headers: &HeaderMap) -> Result<Response, Denied> {
    let browser = BrowserSecret::generate(&mut rand::rng());
    let hint = form_urlencoded::parse(query.as_bytes())
        .find(|(name, value)| name == "login_hint" && !value.is_empty() && value.len() <= MAX_HINT)
        .map(|(_, value)| value.into_owned());
    let target = app
        .identity
        .authorize_url(&browser, &app.redirect_url(), hint.as_deref())
        .map_err(|error| Denied::Internal(error.into()))?;
    let target = HeaderValue::from_str(target.as_str()).map_err(|error| Denied::Internal(error.into()))?;
    app.storage
        .begin_authorization(&browser.state().hash(), &PendingAuthorization::begin(app.clock.now()))
        .await
        .map_err(|error| Denied::Internal(error.into()))?;

    let mut response = StatusCode::SEE_OTHER.into_response();
    let cookies = Cookies::new(&app.authorization.base_url);
    for cookie in cookies.tidy(headers).into_iter().chain(cookies.give(&browser)) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response.headers_mut().insert(header::LOCATION, target);
    page::protect(response.headers_mut());
    Ok(response)
}
