//! `GET /oauth/authorize`: begins an authorization.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, header};
use shared::http::ClientAddress;
use shared::identity::InvalidSettings;
use shared::oauth::{BrowserSecret, Denial, PendingAuthorization, Purpose};
use url::{Url, form_urlencoded};

use crate::App;
use crate::cookie::Cookies;
use crate::denied::Denied;
use crate::page;

/// A longer hint is no sign-in name.
const MAX_HINT: usize = 320;

/// The most times in a minute that one address is sent to Microsoft's login.
const MAX_PER_MINUTE: u64 = 30;

pub(crate) async fn handle(
    State(app): State<Arc<App>>,
    address: Option<Extension<ClientAddress>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let browser = BrowserSecret::generate(&mut rand::rng());
    let hint = form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .find(|(name, value)| name == "login_hint" && !value.is_empty() && value.len() <= MAX_HINT)
        .map(|(_, value)| value.into_owned());
    let target = app.identity.authorize_url(&browser, &app.redirect_url(), hint.as_deref());
    match send_to_login(&app, address.as_deref(), &browser, target, Purpose::Authorize, &headers).await {
        Ok(response) => response,
        Err(denied) => page::refused(&app, &denied, &Purpose::Authorize),
    }
}

/// Remembers what for, gives the browser its cookie, and sends it to Microsoft's login.
pub(crate) async fn send_to_login(
    app: &App,
    address: Option<&ClientAddress>,
    browser: &BrowserSecret,
    target: Result<Url, InvalidSettings>,
    purpose: Purpose,
    headers: &HeaderMap,
) -> Result<Response, Denied> {
    let now = app.clock.now();
    let who = address.map_or_else(|| "unknown".to_owned(), ClientAddress::counted_as);
    let attempts = app.storage.count_attempt(&who, now.as_second().div_euclid(60)).await;
    if attempts.map_err(Denied::internal)? > MAX_PER_MINUTE {
        return Err(Denial::TooMany.into());
    }
    let target = target.map_err(Denied::internal)?;
    app.storage
        .begin_authorization(&browser.state().hash(), &PendingAuthorization::begin(purpose, now))
        .await
        .map_err(Denied::internal)?;

    let mut response = page::see_other(target.as_str());
    let cookies = Cookies::new(&app.authorization.base_url);
    for cookie in cookies.make_room(headers).into_iter().chain(cookies.give(browser, now)) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
