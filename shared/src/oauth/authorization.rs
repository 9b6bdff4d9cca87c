//! An authorization on its way through Microsoft's login.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use rand::RngCore;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::callback::Outcome;
use crate::credentials::Refusal;
use crate::store::{Consumed, KnownAuthorization};

/// How long the administrator has for Microsoft's pages.
pub const AUTHORIZATION_LIFETIME: SignedDuration = SignedDuration::from_mins(10);

/// The characters of 256 bits in base64url.
const ENCODED_LENGTH: usize = 43;

/// The `state` of an authorize URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State(String);

impl State {
    /// A state as a callback brings it. Anything that could not be one is `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        decode(text).map(|_| Self(text.to_owned()))
    }

    /// The text for the URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the table knows it by.
    #[must_use]
    pub fn hash(&self) -> StateHash {
        StateHash(encode(Sha256::digest(self.0.as_bytes())))
    }
}

/// SHA-256 of a `state`, base64url. The table never holds the state itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateHash(String);

impl StateHash {
    /// The hash as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A beginning of the hash: enough to tell the authorizations of one browser apart.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

/// The random value an authorization hangs on. It is kept in the browser's cookie and nowhere else.
#[derive(Clone)]
pub struct BrowserSecret([u8; 32]);

impl fmt::Debug for BrowserSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrowserSecret")
    }
}

impl BrowserSecret {
    /// A new one.
    #[must_use]
    pub fn generate(rng: &mut dyn RngCore) -> Self {
        let mut bytes = [0_u8; 32];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The one a cookie carries. Anything that could not be one is `None`.
    #[must_use]
    pub fn from_cookie(value: &str) -> Option<Self> {
        decode(value).map(Self)
    }

    /// The cookie's value.
    #[must_use]
    pub fn to_cookie(&self) -> SecretString {
        SecretString::from(encode(self.0))
    }

    /// The `state` of the authorization.
    #[must_use]
    pub fn state(&self) -> State {
        State(self.derive("state"))
    }

    /// The `nonce` that the `id_token` must carry.
    #[must_use]
    pub fn nonce(&self) -> String {
        self.derive("nonce")
    }

    /// The PKCE code verifier.
    #[must_use]
    pub fn verifier(&self) -> SecretString {
        SecretString::from(self.derive("verifier"))
    }

    /// A digest under a label. The secret has a fixed length and full entropy, so a plain labelled SHA-256 suffices:
    /// one derived value tells nothing of the secret or of another one.
    fn derive(&self, label: &str) -> String {
        let mut digest = Sha256::new();
        digest.update(b"office365-sync authorization ");
        digest.update(label.as_bytes());
        digest.update([0]);
        digest.update(self.0);
        encode(digest.finalize())
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &str) -> Option<[u8; 32]> {
    if text.len() != ENCODED_LENGTH {
        return None;
    }
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// What must be remembered between sending a browser to Microsoft and taking it back. It holds no secret: the
/// PKCE verifier and the nonce are derived again from the browser's cookie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingAuthorization {
    /// What for.
    #[serde(default)]
    pub purpose: Purpose,
    /// When it was begun.
    pub begun_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Timestamp,
}

/// What somebody is sent to Microsoft's login for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum Purpose {
    /// To let the sync read the tenant.
    #[default]
    Authorize,
    /// To sign in to the Sync page.
    SignIn {
        /// Where to go then.
        return_to: LocalPath,
    },
}

/// The longest path somebody is sent back to, in bytes.
const MAX_PATH_BYTES: usize = 1_024;

/// A path of our own pages, with or without a query: nothing that leads to another site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LocalPath(String);

impl LocalPath {
    /// The path, unless the text could lead elsewhere: browsers take `//` and `/\` for the beginning of a host.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_local = text.starts_with('/') && !text.starts_with("//") && text.len() <= MAX_PATH_BYTES;
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>'));
        (is_local && is_plain).then(|| Self(text.to_owned()))
    }

    /// The first page.
    #[must_use]
    pub fn home() -> Self {
        Self("/".to_owned())
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for LocalPath {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("expected a path of this site")
    }
}

impl From<LocalPath> for String {
    fn from(path: LocalPath) -> Self {
        path.0
    }
}

impl PendingAuthorization {
    /// An authorization that begins now.
    #[must_use]
    pub fn begin(purpose: Purpose, now: Timestamp) -> Self {
        Self {
            purpose,
            begun_at: now,
            expires_at: now.saturating_add(AUTHORIZATION_LIFETIME).unwrap_or(Timestamp::MAX),
        }
    }
}

/// Why an authorization ends without anything to redeem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizationError {
    /// The state was never made here, or is long forgotten, or there is none.
    #[error("the authorization is not known")]
    Unknown,
    /// It took too long.
    #[error("the authorization has expired")]
    Expired,
    /// The state has been used before.
    #[error("the authorization has been used already")]
    AlreadyUsed,
    /// The answer came through another browser than the one that began, or its cookie is gone.
    #[error("the authorization was begun in another browser")]
    OtherBrowser,
    /// Microsoft answered with an error.
    #[error("Microsoft refused the authorization")]
    Refused(Refusal),
    /// The answer has neither a code nor an error, or has one of them twice.
    #[error("the answer makes no sense")]
    Malformed,
}

/// An authorization that has come back well: what the token endpoint and the `id_token`'s check need.
#[derive(Debug)]
pub struct Redeemable {
    /// What for.
    pub purpose: Purpose,
    /// The one-time code.
    pub code: SecretString,
    /// The PKCE code verifier.
    pub verifier: SecretString,
    /// The nonce the `id_token` must carry.
    pub nonce: String,
}

/// Decides why an answer that came without its browser's cookie is of no use. The authorization stays as it is, so that its
/// own browser can still come back: what fetched the answer may have been a link scanner or a mail program.
#[must_use]
pub fn look_at(known: Option<&KnownAuthorization>, now: Timestamp) -> AuthorizationError {
    match known {
        None => AuthorizationError::Unknown,
        Some(known) if known.used => AuthorizationError::AlreadyUsed,
        Some(known) if now >= known.pending.expires_at => AuthorizationError::Expired,
        Some(_) => AuthorizationError::OtherBrowser,
    }
}

/// Decides what becomes of an authorization that came back.
///
/// `consumed` is the outcome of using up its `state`, which comes before everything but the cookie; `browser` is the
/// secret of this authorization's cookie.
///
/// # Errors
/// When there is nothing to redeem, and why.
pub fn settle(
    consumed: Consumed,
    state: &State,
    browser: Option<&BrowserSecret>,
    outcome: Outcome,
    now: Timestamp,
) -> Result<Redeemable, AuthorizationError> {
    let pending = match consumed {
        Consumed::Taken(pending) => pending,
        Consumed::AlreadyUsed => return Err(AuthorizationError::AlreadyUsed),
        Consumed::Unknown => return Err(AuthorizationError::Unknown),
    };
    if now >= pending.expires_at {
        return Err(AuthorizationError::Expired);
    }
    let browser = browser.filter(|secret| secret.state() == *state).ok_or(AuthorizationError::OtherBrowser)?;
    match outcome {
        Outcome::Code(code) if !code.expose_secret().is_empty() => {
            Ok(Redeemable { purpose: pending.purpose, code, verifier: browser.verifier(), nonce: browser.nonce() })
        }
        Outcome::Error(refusal) => Err(AuthorizationError::Refused(refusal)),
        Outcome::Code(_) | Outcome::Nothing => Err(AuthorizationError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::credentials::Cause;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn secret(seed: u8) -> BrowserSecret {
        BrowserSecret([seed; 32])
    }

    fn taken() -> Consumed {
        Consumed::Taken(PendingAuthorization::begin(Purpose::Authorize, NOW))
    }

    fn code() -> Outcome {
        Outcome::Code(SecretString::from("code"))
    }

    #[test]
    fn what_comes_back_to_the_same_browser_in_time_can_be_redeemed() {
        let browser = secret(1);
        let redeemable = settle(taken(), &browser.state(), Some(&browser), code(), NOW).unwrap();
        assert_eq!(redeemable.nonce, browser.nonce());
        assert_eq!(redeemable.verifier.expose_secret(), browser.verifier().expose_secret());
    }

    #[test]
    fn it_ends_ten_minutes_after_it_began() {
        let browser = secret(1);
        let at = |seconds| NOW.saturating_add(SignedDuration::from_secs(seconds)).unwrap();
        assert!(settle(taken(), &browser.state(), Some(&browser), code(), at(599)).is_ok());
        let late = settle(taken(), &browser.state(), Some(&browser), code(), at(600));
        assert_eq!(late.unwrap_err(), AuthorizationError::Expired);
    }

    #[test]
    fn a_state_is_good_once_and_only_if_it_was_made_here() {
        let browser = secret(1);
        for (consumed, error) in
            [(Consumed::AlreadyUsed, AuthorizationError::AlreadyUsed), (Consumed::Unknown, AuthorizationError::Unknown)]
        {
            assert_eq!(settle(consumed, &browser.state(), Some(&browser), code(), NOW).unwrap_err(), error);
        }
    }

    #[test]
    fn another_browser_gets_nothing_not_even_the_error() {
        let state = secret(1).state();
        for outcome in [code(), Outcome::Error(Refusal::from(Cause::Cancelled)), Outcome::Nothing] {
            let foreign = settle(taken(), &state, Some(&secret(2)), outcome, NOW);
            assert_eq!(foreign.unwrap_err(), AuthorizationError::OtherBrowser);
        }
        assert_eq!(settle(taken(), &state, None, code(), NOW).unwrap_err(), AuthorizationError::OtherBrowser);
    }

    #[test]
    fn an_error_a_missing_code_and_an_empty_code_are_told_apart() {
        let browser = secret(1);
        let settle = |outcome| settle(taken(), &browser.state(), Some(&browser), outcome, NOW).unwrap_err();
        let refusal = Refusal::from(Cause::Cancelled);
        assert_eq!(settle(Outcome::Error(refusal.clone())), AuthorizationError::Refused(refusal));
        assert_eq!(settle(Outcome::Nothing), AuthorizationError::Malformed);
        assert_eq!(settle(Outcome::Code(SecretString::from(""))), AuthorizationError::Malformed);
    }

    #[test]
    fn a_local_path_leads_nowhere_else() {
        for path in ["/", "/directories/1?tab=users&q=a%20b", "/a//b"] {
            assert_eq!(LocalPath::parse(path).unwrap().as_str(), path);
        }
        let long = format!("/{}", "x".repeat(MAX_PATH_BYTES));
        for path in
            ["", "users", "//evil.example", "/\\evil.example", "https://evil.example", "/a b", "/a\nb", "/é", &long]
        {
            assert_eq!(LocalPath::parse(path), None, "{path:?}");
        }
    }

    #[test]
    fn what_is_stored_holds_no_secret() {
        let stored = serde_json::to_value(PendingAuthorization::begin(Purpose::Authorize, NOW)).unwrap();
        let names: Vec<_> = stored.as_object().unwrap().keys().cloned().collect();
        assert_eq!(names, ["begun_at", "expires_at", "purpose"]);
        assert_eq!(format!("{:?}", secret(1)), "BrowserSecret");
    }

    proptest! {
        #[test]
        fn all_that_is_derived_differs_and_fits_its_place(bytes: [u8; 32]) {
            let secret = BrowserSecret(bytes);
            let cookie = secret.to_cookie();
            let derived = [
                cookie.expose_secret().to_owned(), secret.state().as_str().to_owned(), secret.nonce(),
                secret.verifier().expose_secret().to_owned(), secret.state().hash().as_str().to_owned(),
            ];
            for (index, one) in derived.iter().enumerate() {
                prop_assert!(!derived[..index].contains(one));
                // RFC 7636 wants 43 to 128 characters of this alphabet.
                prop_assert_eq!(one.len(), 43);
                prop_assert!(one.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'));
            }
        }

        #[test]
        fn a_cookie_gives_the_secret_back(bytes: [u8; 32]) {
            let back = BrowserSecret::from_cookie(BrowserSecret(bytes).to_cookie().expose_secret()).unwrap();
            prop_assert_eq!(back.state(), BrowserSecret(bytes).state());
        }

        #[test]
        fn any_other_text_is_no_secret_and_no_state(text in ".{0,60}") {
            if text.len() != 43 {
                prop_assert!(BrowserSecret::from_cookie(&text).is_none());
                prop_assert!(State::parse(&text).is_none());
            }
        }

        #[test]
        fn only_the_browser_that_began_can_redeem(one: [u8; 32], other: [u8; 32]) {
            let (one, other) = (BrowserSecret(one), BrowserSecret(other));
            let same = one.state() == other.state();
            prop_assert_eq!(settle(taken(), &one.state(), Some(&other), code(), NOW).is_ok(), same);
        }
    }
}
