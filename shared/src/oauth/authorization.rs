//! An authorization on its way through Microsoft's login.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// SHA-256 of a `state`, base64url. The table never holds the state itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateHash(String);

impl StateHash {
    /// The hash as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What must be remembered between sending a browser to Microsoft and taking it back. It holds no secret: the
/// PKCE verifier and the nonce are derived again from the browser's cookie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingAuthorization {
    /// When it was begun.
    pub begun_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Timestamp,
}
