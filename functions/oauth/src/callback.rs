//! `GET /oauth/callback`: takes the browser back from Microsoft.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, header};
use shared::oauth::{BrowserSecret, Callback, Outcome, State as OauthState, settle};

use crate::App;
use crate::connect::{Connected, connect};
use crate::cookie::Cookies;
use crate::denied::Denied;
use crate::page;

pub(crate) async fn handle(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    match Callback::parse(query.as_deref().unwrap_or_default()) {
        Callback::Stray => page::denied(&app, &Denied::Stray),
        Callback::AdminConsent(Ok(())) => page::consented(&app),
        Callback::AdminConsent(Err(refusal)) => page::denied(&app, &Denied::Refused(refusal)),
        Callback::Authorization { state, outcome } => {
            let cookies = Cookies::new(&app.authorization.base_url);
            let browser = cookies.find(&headers, &state.hash());
            let mut response = match conclude(&app, &state, browser.as_ref(), outcome).await {
                Ok(connected) => page::connected(&app, &connected),
                Err(denied) => page::denied(&app, &denied),
            };
            if browser.is_some()
                && let Some(cookie) = cookies.forget(&state.hash())
            {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            response
        }
    }
}

/// Uses the state up, whatever comes of it, and carries on when there is something to redeem.
async fn conclude(
    app: &App,
    state: &OauthState,
    browser: Option<&BrowserSecret>,
    outcome: Outcome,
) -> Result<Connected, Denied> {
    let now = app.clock.now();
    let consumed =
        app.storage.consume_authorization(&state.hash(), now).await.map_err(|error| Denied::Internal(error.into()))?;
    let redeemable = settle(consumed, state, browser, outcome, now)?;
    connect(app, &redeemable).await
}
