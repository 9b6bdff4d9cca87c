//! The cookie that binds an authorization to the browser that began it.
//!
//! Its name carries a beginning of the state's hash, so that authorizations in several tabs do not overwrite each
//! other's. Over HTTPS it has the `__Host-` prefix: browsers then accept it from this host only. A loopback address
//! served over plain HTTP gets a plain cookie, since neither that prefix nor `Secure` works there.

use http::{HeaderMap, HeaderValue, header};
use secrecy::{ExposeSecret, SecretString};
use shared::oauth::{AUTHORIZATION_LIFETIME, BrowserSecret, StateHash};
use url::Url;

/// So many authorizations may be on their way in one browser. Beginning one more forgets them, so that abandoned
/// ones never fill the request's headers.
const MAX_PENDING: usize = 5;

/// The cookies of a deployment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cookies {
    secure: bool,
}

impl Cookies {
    pub(crate) fn new(base_url: &Url) -> Self {
        Self { secure: base_url.scheme() == "https" }
    }

    fn prefix(self) -> &'static str {
        if self.secure { "__Host-authorization-" } else { "authorization-" }
    }

    fn name(self, state: &StateHash) -> String {
        format!("{}{}", self.prefix(), state.short())
    }

    /// A header that gives the browser its secret, for as long as the authorization lasts.
    pub(crate) fn give(self, browser: &BrowserSecret) -> Option<HeaderValue> {
        let value: SecretString = browser.to_cookie();
        self.set(&self.name(&browser.state().hash()), value.expose_secret(), AUTHORIZATION_LIFETIME.as_secs())
    }

    /// A header that takes the secret of this authorization back.
    pub(crate) fn forget(self, state: &StateHash) -> Option<HeaderValue> {
        self.set(&self.name(state), "", 0)
    }

    /// Headers that take back what earlier authorizations left behind, when that is too much.
    pub(crate) fn tidy(self, headers: &HeaderMap) -> Vec<HeaderValue> {
        let left: Vec<&str> =
            pairs(headers).map(|(name, _)| name).filter(|name| name.starts_with(self.prefix())).collect();
        if left.len() < MAX_PENDING {
            return Vec::new();
        }
        left.into_iter().filter_map(|name| self.set(name, "", 0)).collect()
    }

    /// The secret of this authorization, if the browser sent it.
    pub(crate) fn find(self, headers: &HeaderMap, state: &StateHash) -> Option<BrowserSecret> {
        let wanted = self.name(state);
        pairs(headers).find(|(name, _)| *name == wanted).and_then(|(_, value)| BrowserSecret::from_cookie(value))
    }

    fn set(self, name: &str, value: &str, max_age: i64) -> Option<HeaderValue> {
        let secure = if self.secure { "; Secure" } else { "" };
        let text = format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}");
        let mut header = HeaderValue::from_str(&text).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='))
}
