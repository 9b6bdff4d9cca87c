//! Access tokens of programs: what a bearer may do, and for how long.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use rand::RngCore;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::directory::DirectoryId;

/// What a token lets its bearer do. Each scope includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Ask about directories.
    Read,
    /// Change settings and start runs.
    Admin,
}

/// A token without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessToken {
    /// What people call it.
    pub name: String,
    /// What it allows.
    pub scope: Scope,
    /// The only directory it is for; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<DirectoryId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Timestamp,
}

/// SHA-256 of a token, which is all that is stored of its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenHash(String);

impl TokenHash {
    /// The hash of a token as its bearer sends it. The token has 256 random bits, so a plain digest cannot be
    /// searched backwards.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes())))
    }

    /// The hash as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes a token's secret: a recognizable prefix, so that leak scanners can find it, and 256 random bits.
#[must_use]
pub fn new_token_secret(rng: &mut dyn RngCore) -> SecretString {
    let mut bytes = [0_u8; 32];
    rng.fill_bytes(&mut bytes);
    SecretString::from(format!("o365sync_{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// Why a request was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such token.
    #[error("the access token is not known")]
    Unknown,
    /// The token's time is over.
    #[error("the access token has expired")]
    Expired,
    /// The token does not allow this.
    #[error("the access token does not allow this")]
    ScopeTooSmall,
    /// The token is for another directory. To its bearer this one does not exist.
    #[error("there is no such directory")]
    OtherDirectory,
}

impl AccessToken {
    /// Checks that the token allows something of this scope on this directory (or on none in particular) now.
    ///
    /// # Errors
    /// Says why not.
    pub fn permit(&self, needed: Scope, directory: Option<DirectoryId>, now: Timestamp) -> Result<(), Refused> {
        if now >= self.expires_at {
            return Err(Refused::Expired);
        }
        if let (Some(own), Some(asked)) = (self.directory, directory)
            && own != asked
        {
            return Err(Refused::OtherDirectory);
        }
        if self.scope < needed { Err(Refused::ScopeTooSmall) } else { Ok(()) }
    }
}

/// The bearer token of an `Authorization` header's value.
#[must_use]
pub fn bearer(header: &str) -> Option<SecretString> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| SecretString::from(token.to_owned()))
}

/// The hash of a secret just made or just received.
#[must_use]
pub fn hash(secret: &SecretString) -> TokenHash {
    TokenHash::of(secret.expose_secret())
}
