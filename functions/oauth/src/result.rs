//! `GET /oauth/result`: how an authorization or a sign-in ended, under an address that can be reloaded and kept.
//!
//! Nothing in the address is secret, and nothing hangs on it. `of` names an outcome that is kept, by the beginning of its
//! state's hash; it is shown to the browser that has its cookie. `because` names a page that is the same for everyone.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::HeaderMap;
use shared::credentials::{Cause, Refusal};
use shared::oauth::{AuthorizationError, Conclusion, Consent, Denial, LocalPath, Purpose, StateHash};
use shared::telemetry;
use url::form_urlencoded;

use crate::cookie::Cookies;
use crate::denied::Denied;
use crate::{App, RESULT, page};

/// The address of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// An outcome that is kept.
    Kept(StateHash),
    /// An answer to nothing that was begun here.
    Stray,
    /// Consent for the whole tenant.
    Consent(Consent),
    /// An authorization that came to nothing before anything was kept.
    Denied(Denial, Purpose),
}

impl From<Consent> for Address {
    fn from(consent: Consent) -> Self {
        Self::Consent(consent)
    }
}

/// The words of `because`.
const STRAY: &str = "stray";
const CONSENTED: &str = "consented";
const NOT_CONSENTED: &str = "not_consented";
const REFUSED: &str = "refused";
/// The denials that say all with their name.
const DENIALS: [(&str, Denial); 5] = [
    ("unknown", Denial::Unknown),
    ("expired", Denial::Expired),
    ("already_used", Denial::AlreadyUsed),
    ("other_browser", Denial::OtherBrowser),
    ("internal", Denial::Internal),
];

impl Address {
    /// The address of an authorization that ended without anything to redeem.
    pub(crate) fn of_error(error: &AuthorizationError, purpose: &Purpose) -> Self {
        Self::Denied(error.clone().into(), purpose.clone())
    }

    /// The address of a fault of our own, which is logged.
    pub(crate) fn internal(denied: &Denied) -> Self {
        tracing::error!(error = telemetry::chain(denied), "an authorization failed");
        Self::Denied(Denial::Internal, Purpose::Authorize)
    }

    /// Sends the browser there.
    pub(crate) fn send_on(&self, app: &App) -> Response {
        let mut url = app.url(RESULT);
        {
            let mut query = url.query_pairs_mut();
            match self {
                Self::Kept(state) => {
                    query.append_pair("of", state.short());
                }
                Self::Stray => {
                    query.append_pair("because", STRAY);
                }
                Self::Consent(Consent::Granted) => {
                    query.append_pair("because", CONSENTED);
                }
                Self::Consent(Consent::NotGranted) => {
                    query.append_pair("because", NOT_CONSENTED);
                }
                Self::Consent(Consent::Refused(refusal)) => {
                    query.append_pair("because", REFUSED).append_pair("cause", &refusal.cause.word());
                    if let Some(aadsts) = refusal.aadsts {
                        query.append_pair("aadsts", &aadsts.to_string());
                    }
                }
                Self::Denied(denial, purpose) => {
                    let word = DENIALS.iter().find(|(_, known)| known == denial).map_or(STRAY, |(word, _)| word);
                    query.append_pair("because", word);
                    if matches!(purpose, Purpose::SignIn { .. }) {
                        query.append_pair("for", "sign_in");
                    }
                }
            }
        }
        page::see_other(url.as_str())
    }
}

/// The query of a result.
#[derive(Debug, Default)]
struct Query {
    of: Option<String>,
    because: Option<String>,
    cause: Option<String>,
    aadsts: Option<u32>,
    sign_in: bool,
}

impl Query {
    fn parse(query: &str) -> Self {
        let mut parsed = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "of" => parsed.of = Some(value.into_owned()),
                "because" => parsed.because = Some(value.into_owned()),
                "cause" => parsed.cause = Some(value.into_owned()),
                "aadsts" => parsed.aadsts = value.parse().ok(),
                "for" => parsed.sign_in = value == "sign_in",
                _ => {}
            }
        }
        parsed
    }

    fn purpose(&self) -> Purpose {
        if self.sign_in { Purpose::SignIn { return_to: LocalPath::home() } } else { Purpose::Authorize }
    }

    /// The page that is the same for everyone.
    fn page(&self, app: &App) -> Response {
        let because = self.because.as_deref().unwrap_or(STRAY);
        let denial = match because {
            CONSENTED => return page::consented(app),
            NOT_CONSENTED => Denial::NotConsented,
            REFUSED => {
                let cause = Cause::of_word(self.cause.as_deref().unwrap_or_default());
                Refusal { aadsts: self.aadsts, ..Refusal::from(cause) }.into()
            }
            word => DENIALS.into_iter().find(|(known, _)| *known == word).map_or(Denial::Stray, |(_, denial)| denial),
        };
        page::denied(app, &denial, None, &self.purpose())
    }
}

pub(crate) async fn handle(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let query = Query::parse(query.as_deref().unwrap_or_default());
    let Some(of) = &query.of else { return query.page(&app) };
    let cookies = Cookies::new(&app.authorization.base_url);
    let Some(browser) = cookies.find_short(&headers, of) else {
        return page::denied(&app, &Denial::Forgotten, None, &query.purpose());
    };
    match app.storage.authorization(&browser.state().hash()).await {
        Ok(Some(known)) => {
            let conclusion = known.conclusion.unwrap_or(Conclusion::Denied {
                denial: if known.used { Denial::AlreadyUsed } else { Denial::Forgotten },
                clock_skew: None,
            });
            page::of(&app, &conclusion, &known.pending.purpose)
        }
        Ok(None) => page::denied(&app, &Denial::Forgotten, None, &query.purpose()),
        Err(error) => {
            let denied = Denied::internal(error);
            tracing::error!(error = telemetry::chain(&denied), "how an authorization ended could not be read");
            page::denied(&app, &denied.denial, None, &query.purpose())
        }
    }
}
