//! Exchanging one credential's refresh token, and writing down what came of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use super::cause::{Cause, RefusalKind};
use super::credential::{Credential, CredentialState};
use super::endpoint::{Grant, GrantError, TokenEndpoint};
use super::refusal::Refusal;
use super::tokens::{TokenError, UsableToken};
use crate::clock::Clock;
use crate::directory::{DirectoryId, UserId};
use crate::oauth::{HIDDEN_MEMBERS_SCOPE, has_scope, missing_scopes};
use crate::secrets::{SecretError, SecretStore};
use crate::store::CredentialStore;
use crate::telemetry;

/// A token is not given any more this long before it expires, so that it lasts for a request and its repetitions.
const LONGEST_MARGIN: SignedDuration = SignedDuration::from_mins(5);
/// How often the time of the last good use is written while nothing else changes.
const LAST_GOOD_GRAIN: SignedDuration = SignedDuration::from_hours(1);
/// The first wait before a failing credential is tried again.
const SHORTEST_RETRY: SignedDuration = SignedDuration::from_mins(15);
/// The longest wait before a failing credential is tried again.
const LONGEST_RETRY: SignedDuration = SignedDuration::from_hours(24);

/// How long after the first refusal of fresh tokens a further one is held against the credential: a run that was paused
/// and goes on does not count twice.
const REPEATED_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// What is needed to exchange the credentials of one directory.
#[derive(Clone)]
pub struct Exchange {
    /// Whose credentials.
    pub directory: DirectoryId,
    /// Where refresh tokens become access tokens.
    pub endpoint: Arc<dyn TokenEndpoint>,
    /// What is known of the credentials.
    pub credentials: Arc<dyn CredentialStore>,
    /// Their refresh tokens.
    pub secrets: Arc<dyn SecretStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// A token that was just given.
pub(super) struct Fresh {
    pub(super) token: UsableToken,
    /// From when on it should not be used for another request.
    pub(super) stale_at: Timestamp,
}

/// What came of trying one credential.
pub(super) enum Attempt {
    Token(Fresh),
    /// Not this one, for now.
    Passing(Refusal),
    /// Not this one, until its administrator has done something.
    Failing(Refusal),
}

impl Exchange {
    /// The directory's credentials.
    pub(super) async fn all(&self) -> Result<Vec<Credential>, TokenError> {
        self.credentials.credentials(self.directory).await.map_err(store_error)
    }

    /// Exchanges the credential's refresh token. Errors here concern every credential.
    ///
    /// Whatever Microsoft answers, the refresh token stays in the secret store: a cause may pass, and the same token
    /// then works again (Microsoft identity platform, "Refresh tokens").
    pub(super) async fn attempt(&self, credential: &Credential) -> Result<Attempt, TokenError> {
        let administrator = &credential.administrator;
        let refresh_token = match self.secrets.refresh_token(self.directory, administrator).await {
            Ok(Some(token)) => token,
            Ok(None) | Err(SecretError::Malformed { .. }) => {
                return Ok(Attempt::Failing(Cause::RefreshTokenMissing.into()));
            }
            Err(error @ SecretError::Unavailable(_)) => return Err(store_error(error)),
        };
        let grant = match self.endpoint.refresh(self.directory, &refresh_token).await {
            Ok(grant) => grant,
            Err(GrantError::Refused(refusal)) => {
                return match refusal.kind {
                    RefusalKind::Retry => Ok(Attempt::Passing(refusal)),
                    RefusalKind::NeedsAdministrator => Ok(Attempt::Failing(refusal)),
                    RefusalKind::ApplicationFault => Err(TokenError::ApplicationRefused(refusal)),
                };
            }
            Err(GrantError::ClockWrong(skew)) => return Err(TokenError::ClockWrong(skew)),
            Err(GrantError::Paused { wait }) => return Err(TokenError::Paused { wait }),
            Err(GrantError::Unavailable(source)) => return Err(TokenError::Unavailable(source)),
            Err(GrantError::Secrets(source)) => return Err(TokenError::Store(source)),
        };
        if !self.keep_rotated(administrator, &refresh_token, &grant).await? {
            return Ok(Attempt::Failing(Cause::RefreshTokenMissing.into()));
        }
        // Microsoft leaves scopes out of a grant when consent was withdrawn or a policy covers them.
        if !grant.scopes.is_empty() && !missing_scopes(&grant.scopes).is_empty() {
            return Ok(Attempt::Failing(Cause::ConsentMissing.into()));
        }
        Ok(Attempt::Token(Fresh {
            stale_at: stale_at(self.clock.now(), grant.expires_in),
            token: UsableToken {
                administrator: administrator.clone(),
                secret: grant.access_token,
                reads_hidden_members: has_scope(&grant.scopes, HIDDEN_MEMBERS_SCOPE),
            },
        }))
    }

    /// Stores a rotated refresh token. Until this has succeeded the access token is not used: a crash in between
    /// would otherwise lose the only refresh token that is certain to stay good.
    ///
    /// A run and an exercise may exchange the same refresh token at the same time. Microsoft does not revoke it by its
    /// use, so both get a good new one and either may stay. Only a token that came by another way since, from a new
    /// sign-in, must not be replaced by a descendant of the old one: whatever is stored by now stays. And one that was removed
    /// must not come back: false says that it was.
    async fn keep_rotated(&self, of: &UserId, old: &SecretString, grant: &Grant) -> Result<bool, TokenError> {
        let Some(new) = &grant.refresh_token else { return Ok(true) };
        if new.expose_secret() == old.expose_secret() {
            return Ok(true);
        }
        match self.secrets.refresh_token(self.directory, of).await {
            Ok(Some(stored)) if stored.expose_secret() != old.expose_secret() => return Ok(true),
            Ok(None) => return Ok(false),
            Ok(Some(_)) | Err(SecretError::Malformed { .. }) => {}
            Err(error) => return Err(store_error(error)),
        }
        if !self.secrets.rotate_refresh_token(self.directory, of, new).await.map_err(store_error)? {
            return Ok(false);
        }
        // Whoever removes a credential removes its record first, then its token, whichever that is by then.
        Ok(self.credentials.credential(self.directory, of).await.map_err(store_error)?.is_some())
    }

    /// Remembers that a credential works, unless that is known well enough.
    pub(super) async fn note_good(&self, credential: &mut Credential) {
        let now = self.clock.now();
        let recent = credential.last_good_at.is_some_and(|at| now.duration_since(at) < LAST_GOOD_GRAIN);
        if recent && credential.state == CredentialState::Working {
            return;
        }
        credential.last_good_at = Some(now);
        credential.state = CredentialState::Working;
        self.save(credential).await;
    }

    /// Remembers that Graph refuses fresh tokens of a credential. Marks it as failing only if that was so in an earlier
    /// run too, or if it has been failing `since` then: Graph was seen to refuse good tokens for a while. Returns
    /// whether it is marked.
    pub(super) async fn note_rejected(&self, mut credential: Credential, since: Option<Timestamp>) -> bool {
        let now = self.clock.now();
        let repeated = credential.rejected_since.is_some_and(|first| now.duration_since(first) >= REPEATED_AFTER);
        if since.is_some() || repeated {
            self.mark_failing(credential, since, &Cause::TokenRejected.into()).await;
            return true;
        }
        if credential.rejected_since.is_none() {
            tracing::warn!(
                directory.id = %self.directory, credential.administrator = %credential.administrator,
                "Graph refuses fresh tokens of a credential"
            );
            credential.rejected_since = Some(now);
            self.save(&mut credential).await;
        }
        false
    }

    /// Remembers that Graph accepts tokens of a credential.
    pub(super) async fn note_accepted(&self, credential: &mut Credential) {
        if credential.rejected_since.take().is_some() {
            self.save(credential).await;
        }
    }

    /// Marks a credential that has been failing `since` then, or from now on.
    pub(super) async fn mark_failing(&self, mut credential: Credential, since: Option<Timestamp>, refusal: &Refusal) {
        let now = self.clock.now();
        let since = since.unwrap_or(now);
        tracing::warn!(
            directory.id = %self.directory, credential.administrator = %credential.administrator,
            cause = ?refusal.cause, aadsts = refusal.aadsts,
            "a credential needs its administrator"
        );
        credential.state = CredentialState::Failing {
            cause: refusal.cause,
            aadsts: refusal.aadsts,
            since,
            retry_at: retry_at(since, now),
        };
        self.save(&mut credential).await;
    }

    /// Writes a credential's record, unless its administrator has authorized again since it was read, or it was removed; which one is
    /// preferred is up to administrators. A failure
    /// to do so is only logged: the record informs, and the work goes on.
    pub(super) async fn save(&self, credential: &mut Credential) {
        let directory = self.directory;
        match self.credentials.credential(directory, &credential.administrator).await {
            Ok(Some(stored)) if stored.authorized_at == credential.authorized_at => {
                credential.preferred_at = stored.preferred_at;
            }
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(directory.id = %directory, error = telemetry::chain(&error), "a credential was not read again");
            }
        }
        if let Err(error) = self.credentials.update_credential(credential).await {
            tracing::warn!(
                directory.id = %directory, error = telemetry::chain(&error),
                "a credential's state was not saved"
            );
        }
    }
}

/// When a token that lasts this long is not given any more: a fifth of its life before the end, at most five minutes.
fn stale_at(now: Timestamp, expires_in: Duration) -> Timestamp {
    let life = SignedDuration::try_from(expires_in).unwrap_or(SignedDuration::MAX);
    now.checked_add(life - (life / 5).min(LONGEST_MARGIN)).unwrap_or(Timestamp::MAX)
}

/// When a credential that has been failing since then is tried again.
pub(super) fn retry_at(since: Timestamp, now: Timestamp) -> Timestamp {
    let wait = now.duration_since(since).clamp(SHORTEST_RETRY, LONGEST_RETRY);
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

fn store_error(error: impl std::error::Error + Send + Sync + 'static) -> TokenError {
    TokenError::Store(Box::new(error))
}
