//! What has been handed out: authorization codes, refresh tokens and access tokens.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::scope::Scopes;

/// How long a code lasts (identity platform, authorization code flow: about ten minutes).
pub(crate) const CODE_LIFETIME: SignedDuration = SignedDuration::from_mins(10);

/// How long a refresh token may stay unused (identity platform, refresh tokens: 90 days).
pub(crate) const REFRESH_INACTIVITY: SignedDuration = SignedDuration::from_hours(90 * 24);

/// All that has been handed out.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    pub(crate) codes: HashMap<String, Code>,
    pub(crate) refresh: HashMap<String, RefreshToken>,
    pub(crate) access: HashMap<String, AccessToken>,
}

/// Who is signed in, for what.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) user: Uuid,
    /// The tenant of the account; not ours for a stranger.
    pub(crate) tenant: Uuid,
    pub(crate) scopes: Scopes,
}

#[derive(Debug, Clone)]
pub(crate) struct Code {
    pub(crate) grant: Grant,
    /// The tenant part of the path it was asked for at.
    pub(crate) path_tenant: String,
    pub(crate) redirect_uri: String,
    pub(crate) challenge: Option<Challenge>,
    pub(crate) nonce: Option<String>,
    pub(crate) issued: Timestamp,
    pub(crate) redeemed: bool,
}

/// What the code's redeemer must prove.
#[derive(Debug, Clone)]
pub(crate) enum Challenge {
    /// The verifier itself.
    Plain(String),
    /// The SHA-256 of the verifier, in base64url.
    S256(String),
}

#[derive(Debug, Clone)]
pub(crate) struct RefreshToken {
    pub(crate) grant: Grant,
    pub(crate) issued: Timestamp,
    pub(crate) state: RefreshState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefreshState {
    Good,
    Revoked,
    Inactive,
}

#[derive(Debug, Clone)]
pub(crate) struct AccessToken {
    pub(crate) grant: Grant,
    pub(crate) expires: Timestamp,
    /// False when Graph is not going to accept it.
    pub(crate) accepted: bool,
}

impl Grants {
    /// Puts the refresh tokens of a user that are good into another state.
    pub(crate) fn end_refresh(&mut self, user: Uuid, state: RefreshState) {
        let good = |token: &&mut RefreshToken| token.grant.user == user && token.state == RefreshState::Good;
        self.refresh.values_mut().filter(good).for_each(|token| token.state = state);
    }

    /// Lets access tokens expire, of one user or of everybody.
    pub(crate) fn end_access(&mut self, user: Option<Uuid>, now: Timestamp) {
        let concerned = |token: &&mut AccessToken| user.is_none_or(|user| token.grant.user == user);
        self.access.values_mut().filter(concerned).for_each(|token| token.expires = token.expires.min(now));
    }

    /// Forgets codes and access tokens that are long over. A code is kept for a while to tell a second use from a wrong code.
    pub(crate) fn forget_old(&mut self, now: Timestamp) {
        let long_over = SignedDuration::from_hours(24);
        self.codes.retain(|_, code| now.duration_since(code.issued) < long_over);
        self.access.retain(|_, token| now.duration_since(token.expires) < long_over);
    }
}
