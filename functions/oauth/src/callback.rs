//! `GET /oauth/callback`: takes the browser back from Microsoft, and sends it on to an address that holds no code.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use shared::oauth::{
    BrowserSecret, Callback, Conclusion, Outcome, Purpose, Redeemable, State as OauthState, look_at, settle,
};
use shared::store::Consumed;
use shared::telemetry;

use crate::App;
use crate::connect::connect;
use crate::cookie::Cookies;
use crate::denied::Denied;
use crate::page;
use crate::result::Address;
use crate::sign_in::let_in;

pub(crate) async fn handle(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    match Callback::parse(query.as_deref().unwrap_or_default()) {
        Callback::Stray => Address::Stray.send_on(&app),
        Callback::AdminConsent(consent) => Address::from(consent).send_on(&app),
        Callback::Authorization { state, outcome } => {
            match Cookies::new(&app.authorization.base_url).find(&headers, &state.hash()) {
                Some(browser) => conclude(&app, &state, &browser, outcome).await,
                None => turn_away(&app, &state).await,
            }
        }
    }
}

/// Answers a callback without the cookie of the browser that began. The authorization is left as it is for that browser.
async fn turn_away(app: &App, state: &OauthState) -> Response {
    match app.storage.authorization(&state.hash()).await {
        Ok(known) => {
            let error = look_at(known.as_ref(), app.clock.now());
            let purpose = known.map_or(Purpose::Authorize, |known| known.pending.purpose);
            tracing::info!(error = telemetry::chain(&error), "a callback came without its cookie");
            Address::of_error(&error, &purpose).send_on(app)
        }
        Err(error) => Address::internal(&Denied::internal(error)).send_on(app),
    }
}

/// Uses the state up, whatever comes of it, carries on when there is something to redeem, and remembers how it ended.
async fn conclude(app: &App, state: &OauthState, browser: &BrowserSecret, outcome: Outcome) -> Response {
    let now = app.clock.now();
    let hash = state.hash();
    let consumed = match app.storage.consume_authorization(&hash, now).await {
        Ok(consumed) => consumed,
        Err(error) => return Address::internal(&Denied::internal(error)).send_on(app),
    };
    let purpose = match &consumed {
        Consumed::Taken(pending) => pending.purpose.clone(),
        // How it ended is shown once more, to the same browser.
        Consumed::AlreadyUsed => return Address::Kept(hash).send_on(app),
        Consumed::Unknown => Purpose::Authorize,
    };
    let settled = settle(consumed, state, Some(browser), outcome, now);
    let ended = match settled {
        Err(error) => Err(error.into()),
        Ok(redeemable) => act(app, &redeemable).await,
    };
    let (conclusion, session) = ended.unwrap_or_else(|denied| (page::conclude(app, &denied), None));
    let kept = app.storage.conclude_authorization(&hash, &conclusion).await;
    if let Err(error) = &kept {
        tracing::warn!(error = telemetry::chain(error), "how an authorization ended was not kept");
    }
    let cookies = Cookies::new(&app.authorization.base_url);
    let (mut response, cookie) = match &conclusion {
        Conclusion::SignedIn { return_to } => (page::see_other(return_to.as_str()), cookies.forget(&hash)),
        // The cookie stays for a while: it shows whose page it is.
        _ if kept.is_ok() => (Address::Kept(hash).send_on(app), cookies.give(browser, now)),
        // Better this page under this address than none.
        _ => (page::of(app, &conclusion, &purpose), cookies.forget(&hash)),
    };
    response.headers_mut().extend(session.into_iter().chain(cookie).map(|cookie| (header::SET_COOKIE, cookie)));
    response
}

/// Does what the authorization was begun for. A session comes as the header that gives it.
async fn act(app: &App, redeemable: &Redeemable) -> Result<(Conclusion, Option<HeaderValue>), Denied> {
    match &redeemable.purpose {
        Purpose::Authorize => Ok((Conclusion::Connected(Box::new(connect(app, redeemable).await?)), None)),
        Purpose::SignIn { return_to } => {
            let session = let_in(app, redeemable).await?;
            Ok((Conclusion::SignedIn { return_to: return_to.clone() }, Some(session)))
        }
    }
}

/// Refuses a `HEAD`, which would otherwise run the handler of `GET`.
pub(crate) async fn refuse_head() -> Response {
    StatusCode::METHOD_NOT_ALLOWED.into_response()
}
