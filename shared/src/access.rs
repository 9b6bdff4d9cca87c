//! Access tokens of programs: what a bearer may do, and for how long.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
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
    /// About when it was used last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
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

    /// A hash as it is stored.
    #[must_use]
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The hash as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What people and pages call the token by: it tells nothing of the hash.
    #[must_use]
    pub fn public_id(&self) -> String {
        let mut id = URL_SAFE_NO_PAD.encode(Sha256::digest(format!("office365-sync token {}", self.0)));
        id.truncate(16);
        id
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

/// How often it is noted that a token is used, at most.
const NOTED_EVERY: SignedDuration = SignedDuration::from_hours(1);

impl AccessToken {
    /// True when it is time to note that the token is used.
    #[must_use]
    pub fn is_use_to_be_noted(&self, now: Timestamp) -> bool {
        self.last_used_at.is_none_or(|last| now.duration_since(last) >= NOTED_EVERY)
    }
}

/// The longest token looked at, in bytes. Ours have 52.
const MAX_TOKEN_BYTES: usize = 512;

/// The bearer token of an `Authorization` header's value.
#[must_use]
pub fn bearer(header: &str) -> Option<SecretString> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.len() <= MAX_TOKEN_BYTES)
        .then(|| SecretString::from(token.to_owned()))
}

/// The hash of a secret just made or just received.
#[must_use]
pub fn hash(secret: &SecretString) -> TokenHash {
    TokenHash::of(secret.expose_secret())
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    fn directory(number: u128) -> DirectoryId {
        DirectoryId::new(uuid::Uuid::from_u128(number))
    }

    fn token(scope: Scope, directory: Option<DirectoryId>) -> AccessToken {
        AccessToken {
            name: "gateway".into(),
            scope,
            directory,
            created_at: Timestamp::UNIX_EPOCH,
            expires_at: Timestamp::from_second(60).unwrap(),
            last_used_at: None,
        }
    }

    #[test]
    fn a_token_without_end_is_none() {
        let header = |length| format!("Bearer {}", "t".repeat(length));
        assert!(bearer(&header(MAX_TOKEN_BYTES)).is_some());
        assert!(bearer(&header(MAX_TOKEN_BYTES + 1)).is_none());
    }

    #[test]
    fn a_token_permits_what_its_scope_includes() {
        let permit = |scope, needed| token(scope, None).permit(needed, Some(directory(1)), Timestamp::UNIX_EPOCH);
        assert_eq!(permit(Scope::Read, Scope::Read), Ok(()));
        assert_eq!(permit(Scope::Admin, Scope::Read), Ok(()));
        assert_eq!(permit(Scope::Admin, Scope::Admin), Ok(()));
        assert_eq!(permit(Scope::Read, Scope::Admin), Err(Refused::ScopeTooSmall));
    }

    #[test]
    fn a_token_is_refused_from_the_moment_it_expires() {
        let token = token(Scope::Read, None);
        let just_before = token.expires_at - jiff::SignedDuration::from_nanos(1);
        assert_eq!(token.permit(Scope::Read, None, just_before), Ok(()));
        assert_eq!(token.permit(Scope::Read, None, token.expires_at), Err(Refused::Expired));
    }

    #[test]
    fn a_directorys_token_permits_nothing_on_another_and_does_not_tell_of_its_scope() {
        let token = token(Scope::Read, Some(directory(1)));
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(token.permit(Scope::Read, Some(directory(1)), now), Ok(()));
        assert_eq!(token.permit(Scope::Read, None, now), Ok(()));
        assert_eq!(token.permit(Scope::Read, Some(directory(2)), now), Err(Refused::OtherDirectory));
        assert_eq!(token.permit(Scope::Admin, Some(directory(2)), now), Err(Refused::OtherDirectory));
    }

    #[test]
    fn a_bearer_header_is_read_with_its_scheme_in_any_case() {
        for (header, token) in [
            ("Bearer abc", Some("abc")),
            ("bearer abc", Some("abc")),
            ("BEARER   abc  ", Some("abc")),
            ("Bearer", None),
            ("Bearer  ", None),
            ("Basic abc", None),
            ("abc", None),
            ("", None),
        ] {
            let read = bearer(header);
            assert_eq!(read.as_ref().map(ExposeSecret::expose_secret), token, "{header:?}");
        }
    }

    #[test]
    fn a_new_token_is_recognizable_random_and_not_printed() {
        let mut rng = StdRng::seed_from_u64(1);
        let (one, other) = (new_token_secret(&mut rng), new_token_secret(&mut rng));
        assert_ne!(one.expose_secret(), other.expose_secret());
        assert_eq!(one.expose_secret().len(), "o365sync_".len() + 43);
        assert!(one.expose_secret().starts_with("o365sync_"));
        assert!(!format!("{one:?}").contains("o365sync_"));
    }

    #[test]
    fn a_hash_is_the_same_each_time_and_tells_nothing_of_the_token() {
        // SHA-256 of "abc", FIPS 180-4's own example, in base64url.
        assert_eq!(TokenHash::of("abc").as_str(), "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
        assert_eq!(hash(&SecretString::from("abc")), TokenHash::of("abc"));
        assert_ne!(TokenHash::of("abc"), TokenHash::of("abd"));
    }
}
