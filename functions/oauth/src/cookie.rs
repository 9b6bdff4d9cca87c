//! The cookie that binds an authorization to the browser that began it, and later shows whose outcome it is.
//!
//! Its name carries a beginning of the state's hash, so that authorizations in several tabs do not overwrite each
//! other's; its value ends with the time at which it was given. Over HTTPS it has the `__Host-` prefix: browsers then
//! accept it from this host only. A loopback address served over plain HTTP gets a plain cookie, since neither that
//! prefix nor `Secure` works there.

use http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use shared::oauth::{AUTHORIZATION_LIFETIME, BrowserSecret, StateHash};
use url::Url;

/// Maximum number of pending authorizations per browser: as many tabs as a browser may restore at once. The oldest ones
/// give way to new ones, so that abandoned ones never fill the headers of a request, which API Gateway limits to 10,240
/// bytes: twenty take 2,200.
pub(crate) const MAX_PENDING: usize = 20;

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

    /// A header that gives the browser its secret, for as long as an authorization lasts.
    pub(crate) fn give(self, browser: &BrowserSecret, now: Timestamp) -> Option<HeaderValue> {
        let secret: SecretString = browser.to_cookie();
        let value = format!("{}.{}", secret.expose_secret(), now.as_second());
        self.set(&self.name(&browser.state().hash()), &value, AUTHORIZATION_LIFETIME.as_secs())
    }

    /// A header that takes the secret of this authorization back.
    pub(crate) fn forget(self, state: &StateHash) -> Option<HeaderValue> {
        self.set(&self.name(state), "", 0)
    }

    /// Headers that take back the oldest authorizations, so that there is room for one more.
    pub(crate) fn make_room(self, headers: &HeaderMap) -> Vec<HeaderValue> {
        let mut pending: Vec<(i64, &str)> = pairs(headers)
            .filter(|(name, _)| name.starts_with(self.prefix()))
            .map(|(name, value)| (given_at(value), name))
            .collect();
        // Stable, so that of the same second the one the browser names first goes: browsers begin with the oldest.
        pending.sort_by_key(|(given_at, _)| *given_at);
        let surplus = (pending.len() + 1).saturating_sub(MAX_PENDING);
        pending.into_iter().take(surplus).filter_map(|(_, name)| self.set(name, "", 0)).collect()
    }

    /// The secret of this authorization, if the browser sent it.
    pub(crate) fn find(self, headers: &HeaderMap, state: &StateHash) -> Option<BrowserSecret> {
        self.find_short(headers, state.short()).filter(|browser| browser.state().hash() == *state)
    }

    /// The secret of the authorization whose state has a hash that begins so, if the browser sent it.
    pub(crate) fn find_short(self, headers: &HeaderMap, short: &str) -> Option<BrowserSecret> {
        let value =
            pairs(headers).find(|(name, _)| name.strip_prefix(self.prefix()) == Some(short)).map(|(_, value)| value)?;
        BrowserSecret::from_cookie(value.split_once('.').map_or(value, |(secret, _)| secret))
    }

    fn set(self, name: &str, value: &str, max_age: i64) -> Option<HeaderValue> {
        let secure = if self.secure { "; Secure" } else { "" };
        let text = format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}");
        let mut header = HeaderValue::from_str(&text).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

/// When a cookie was given, in seconds; one that does not say is the oldest.
fn given_at(value: &str) -> i64 {
    value.split_once('.').and_then(|(_, seconds)| seconds.parse().ok()).unwrap_or(i64::MIN)
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='))
}
