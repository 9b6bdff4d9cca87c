//! The authorization of a directory by an administrator, as a state machine that knows no HTTP.
//!
//! ```text
//! BrowserSecret ──state, nonce, challenge──▶ Microsoft ──Callback──▶ settle ──▶ Redeemable ──▶ token endpoint
//!       └────────── cookie ───────────────────────────────────────────┘
//! ```
//!
//! One random value of 256 bits carries an authorization. It lives in a cookie of the browser that began it and
//! nowhere else: the `state`, the `nonce` and the PKCE verifier are digests of it under different labels. So the
//! table holds no secret (only the digest of a `state` and two times), the URL holds nothing from which the verifier
//! could be computed, and an answer is bound to its browser by recomputing the `state`.

mod authorization;
mod callback;
mod conclusion;
mod probe;
mod roles;
mod scopes;

pub use authorization::{
    AUTHORIZATION_LIFETIME, AuthorizationError, BrowserSecret, LocalPath, PendingAuthorization, Purpose, Redeemable,
    State, StateHash, look_at, settle,
};
pub use callback::{Callback, Consent, Outcome};
pub use conclusion::{Conclusion, Connected, Denial, NextSync, Position};
pub use probe::{AccountProbe, ProbeError};
pub use roles::{HeldRoles, Role, RoleAssessment};
pub use scopes::{GRAPH_SCOPES, HIDDEN_MEMBERS_SCOPE, OPENID_SCOPES, has_scope, missing_scopes};
