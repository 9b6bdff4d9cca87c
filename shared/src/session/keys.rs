//! The keys that sessions are sealed with.

use std::fmt;

use async_trait::async_trait;
use cookie::Key;
use secrecy::{ExposeSecret as _, SecretString};

use crate::secrets::SecretError;

/// The shortest text a key is made of, in bytes.
const MIN_BYTES: usize = 32;
/// So many keys may be in use at once: a new one, and those that open cookies from before.
const MAX_KEYS: usize = 4;

/// The secret's text makes no keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected one to {MAX_KEYS} lines of at least {MIN_BYTES} random characters each")]
pub struct InvalidSessionKeys;

/// Where the text is that keys are made of.
#[async_trait]
pub trait SessionKeyStore: Send + Sync {
    /// The text; `None` when none has been stored.
    async fn session_keys(&self) -> Result<Option<SecretString>, SecretError>;
}

/// At least one key. The first one seals, all of them open.
#[derive(Clone)]
pub struct SessionKeys {
    sealing: Key,
    earlier: Vec<Key>,
}

impl fmt::Debug for SessionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionKeys").finish_non_exhaustive()
    }
}

impl SessionKeys {
    /// Makes keys of a secret's text, one of each line. A key is exchanged by putting a new line first and taking the old one
    /// out when no session is left that was begun with it.
    ///
    /// # Errors
    /// When a line is too short to be a key, or there is none.
    pub fn parse(text: &SecretString) -> Result<Self, InvalidSessionKeys> {
        let mut keys = Vec::new();
        for line in text.expose_secret().lines().map(str::trim).filter(|line| !line.is_empty()) {
            if line.len() < MIN_BYTES || keys.len() == MAX_KEYS {
                return Err(InvalidSessionKeys);
            }
            keys.push(Key::derive_from(line.as_bytes()));
        }
        let mut keys = keys.into_iter();
        let sealing = keys.next().ok_or(InvalidSessionKeys)?;
        Ok(Self { sealing, earlier: keys.collect() })
    }

    pub(super) fn sealing(&self) -> &Key {
        &self.sealing
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.sealing).chain(&self.earlier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_lines_of_enough_characters() {
        let parse = |text: String| SessionKeys::parse(&SecretString::from(text)).map(|keys| keys.all().count());
        let line = "k".repeat(MIN_BYTES);
        assert_eq!(parse(line.clone()), Ok(1));
        assert_eq!(parse(format!("\n{line} \r\n{line}2\n")), Ok(2));
        for text in [String::new(), "short".to_owned(), format!("{line}\nshort"), [line.as_str(); 5].join("\n")] {
            assert_eq!(parse(text), Err(InvalidSessionKeys));
        }
    }
}
