//! Access tokens that are good for more than the run they were fetched for.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::credential::Credential;
use super::exchange::Fresh;
use super::tokens::UsableToken;
use crate::directory::{DirectoryId, UserId};

/// Access tokens of all directories, in memory only, for as long as they last: a run every few minutes needs neither the login
/// nor the refresh token each time.
///
/// A token is given for the credential it came from as that was authorized, and not after Graph has refused it.
#[derive(Default)]
pub struct IssuedTokens(Mutex<HashMap<(DirectoryId, UserId), Kept>>);

struct Kept {
    token: UsableToken,
    stale_at: Timestamp,
    authorized_at: Timestamp,
}

impl fmt::Debug for IssuedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedTokens").finish_non_exhaustive()
    }
}

impl IssuedTokens {
    fn tokens(&self) -> MutexGuard<'_, HashMap<(DirectoryId, UserId), Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The credential's token, if one is left that lasts.
    pub(super) fn get(&self, credential: &Credential, now: Timestamp) -> Option<Fresh> {
        let tokens = self.tokens();
        let kept = tokens.get(&(credential.directory, credential.administrator.clone()))?;
        (kept.authorized_at == credential.authorized_at && now < kept.stale_at)
            .then(|| Fresh { token: kept.token.clone(), stale_at: kept.stale_at })
    }

    /// Keeps a token that was just given, and lets go of those that have run out.
    pub(super) fn keep(&self, credential: &Credential, fresh: &Fresh, now: Timestamp) {
        let kept =
            Kept { token: fresh.token.clone(), stale_at: fresh.stale_at, authorized_at: credential.authorized_at };
        let mut tokens = self.tokens();
        tokens.retain(|_, kept| now < kept.stale_at);
        tokens.insert((credential.directory, credential.administrator.clone()), kept);
    }

    /// Forgets a credential's token.
    pub(super) fn forget(&self, directory: DirectoryId, administrator: &UserId) {
        self.tokens().remove(&(directory, administrator.clone()));
    }
}
