//! `GET /oauth/callback`: takes the browser back from Microsoft.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, header};
use shared::oauth::{BrowserSecret, Callback, Outcome, Purpose, State as OauthState, settle};
use shared::store::Consumed;

use crate::App;
use crate::connect::connect;
use crate::cookie::Cookies;
use crate::denied::Denied;
use crate::page;
use crate::sign_in::let_in;

pub(crate) async fn handle(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    match Callback::parse(query.as_deref().unwrap_or_default()) {
        Callback::Stray => page::denied(&app, &Denied::Stray, &Purpose::Authorize),
        Callback::AdminConsent(Ok(())) => page::consented(&app),
        Callback::AdminConsent(Err(refusal)) => page::denied(&app, &Denied::Refused(refusal), &Purpose::Authorize),
        Callback::Authorization { state, outcome } => {
            let cookies = Cookies::new(&app.authorization.base_url);
            let browser = cookies.find(&headers, &state.hash());
            let mut response = conclude(&app, &state, browser.as_ref(), outcome).await;
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
async fn conclude(app: &App, state: &OauthState, browser: Option<&BrowserSecret>, outcome: Outcome) -> Response {
    let now = app.clock.now();
    let consumed = match app.storage.consume_authorization(&state.hash(), now).await {
        Ok(consumed) => consumed,
        Err(error) => return page::denied(app, &Denied::Internal(error.into()), &Purpose::Authorize),
    };
    let purpose = match &consumed {
        Consumed::Taken(pending) => pending.purpose.clone(),
        Consumed::AlreadyUsed | Consumed::Unknown => Purpose::Authorize,
    };
    let response = match settle(consumed, state, browser, outcome, now) {
        Err(error) => Err(error.into()),
        Ok(redeemable) => match &purpose {
            Purpose::Authorize => connect(app, &redeemable).await.map(|connected| page::connected(app, &connected)),
            Purpose::SignIn { return_to } => let_in(app, &redeemable, return_to).await,
        },
    };
    response.unwrap_or_else(|denied| page::denied(app, &denied, &purpose))
}
