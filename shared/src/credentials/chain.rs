//! Which credential to use, and what to do when it fails.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::cause::{Cause, RefusalKind};
use super::credential::{Credential, CredentialState};
use super::endpoint::{Grant, GrantError, TokenEndpoint};
use super::refusal::Refusal;
use super::tokens::{AccessTokens, TokenError, TokenRefusal, UsableToken};
use crate::clock::Clock;
use crate::directory::{DirectoryId, UserId};
use crate::oauth::missing_scopes;
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

/// The credentials of a directory in the order in which they are tried, for one run.
///
/// Working ones come first, the one that was good last at the front; then failing ones whose time to be tried again
/// has come. The wait of a failing one is as long as it has been failing, at least a quarter of an hour and at most a
/// day, so that it doubles from one attempt to the next.
///
/// What becomes of a credential:
///
/// * it gives a token: a rotated refresh token is stored before the access token is used;
/// * it needs its administrator: marked with its cause, and the next one is tried;
/// * the answer passes by itself: not marked, the next one is tried; when none works, [`TokenError::Unavailable`];
/// * Microsoft's login does not answer: [`TokenError::Unavailable`] at once, as it would not answer for the others;
/// * the application is at fault: [`TokenError::ApplicationRefused`] at once, none is marked.
///
/// The lock is held while a token is fetched, so that requests which run out of tokens together share one refresh.
pub struct CredentialChain {
    directory: DirectoryId,
    endpoint: Arc<dyn TokenEndpoint>,
    credentials: Arc<dyn CredentialStore>,
    secrets: Arc<dyn SecretStore>,
    clock: Arc<dyn Clock>,
    /// Whether failing credentials are tried before their time.
    eager: bool,
    state: Mutex<State>,
}

impl fmt::Debug for CredentialChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialChain").field("directory", &self.directory).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct State {
    /// The credentials still worth trying, the one in use at the front; `None` before they are read.
    candidates: Option<VecDeque<Candidate>>,
    /// The token of the credential at the front.
    issued: Option<Issued>,
    /// True when the token at the front is to replace one that Graph refused.
    replacing: bool,
    /// Not to bother Microsoft's login before.
    pause_until: Option<Timestamp>,
}

struct Candidate {
    credential: Credential,
    /// Since when it had been failing when it was read. Kept while it is tried again: that it gives a token does not
    /// prove yet that Graph accepts it.
    failing_since: Option<Timestamp>,
}

struct Issued {
    token: UsableToken,
    /// From when on it is not given any more.
    stale_at: Timestamp,
    /// True when it replaced one that Graph refused.
    replacement: bool,
}

/// What came of trying one credential.
enum Attempt {
    Token(Issued),
    /// Not this one, for now.
    Passing(Refusal),
    /// Not this one, until its administrator has done something.
    Failing(Refusal),
}

impl CredentialChain {
    /// The chain of a directory's credentials, read when the first token is asked for.
    #[must_use]
    pub fn new(
        directory: DirectoryId,
        endpoint: Arc<dyn TokenEndpoint>,
        credentials: Arc<dyn CredentialStore>,
        secrets: Arc<dyn SecretStore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { directory, endpoint, credentials, secrets, clock, eager: false, state: Mutex::default() }
    }

    /// Tries failing credentials even before their time, as somebody wants who has just mended one and asks for a run.
    #[must_use]
    pub fn trying_all(self) -> Self {
        Self { eager: true, ..self }
    }

    /// Reads the credentials and puts those worth trying in order.
    async fn load(&self) -> Result<VecDeque<Candidate>, TokenError> {
        let now = self.clock.now();
        let mut all = self.credentials.credentials(self.directory).await.map_err(store_error)?;
        all.retain(|credential| match &credential.state {
            CredentialState::Working => true,
            CredentialState::Failing { retry_at, .. } => self.eager || *retry_at <= now,
        });
        let mut candidates: Vec<Candidate> = all
            .into_iter()
            .map(|credential| Candidate {
                failing_since: match credential.state {
                    CredentialState::Working => None,
                    CredentialState::Failing { since, .. } => Some(since),
                },
                credential,
            })
            .collect();
        candidates.sort_by_key(|Candidate { credential, failing_since }| {
            let last_good = Reverse(credential.last_good_at.unwrap_or(credential.authorized_at));
            (failing_since.is_some(), last_good, credential.administrator.clone())
        });
        Ok(candidates.into())
    }

    /// Exchanges the credential's refresh token. Errors here concern every credential.
    async fn attempt(&self, credential: &Credential, replacement: bool) -> Result<Attempt, TokenError> {
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
            Err(GrantError::Unavailable(source)) => return Err(TokenError::Unavailable(source)),
            Err(GrantError::Secrets(source)) => return Err(TokenError::Store(source)),
        };
        self.keep_rotated(administrator, &refresh_token, &grant).await?;
        // Microsoft leaves scopes out of a grant when consent was withdrawn or a policy covers them.
        if !grant.scopes.is_empty() && !missing_scopes(&grant.scopes).is_empty() {
            return Ok(Attempt::Failing(Cause::ConsentMissing.into()));
        }
        Ok(Attempt::Token(Issued {
            stale_at: stale_at(self.clock.now(), grant.expires_in),
            token: UsableToken { administrator: administrator.clone(), secret: grant.access_token },
            replacement,
        }))
    }

    /// Stores a rotated refresh token. Until this has succeeded the access token is not used: a crash in between
    /// would otherwise lose the only refresh token that is certain to stay good.
    async fn keep_rotated(&self, of: &UserId, old: &SecretString, grant: &Grant) -> Result<(), TokenError> {
        match &grant.refresh_token {
            Some(new) if new.expose_secret() != old.expose_secret() => {
                self.secrets.put_refresh_token(self.directory, of, new).await.map_err(store_error)
            }
            _ => Ok(()),
        }
    }

    /// Remembers that a credential works, unless that is known well enough.
    async fn note_good(&self, credential: &mut Credential) {
        let now = self.clock.now();
        let recent = credential.last_good_at.is_some_and(|at| now.duration_since(at) < LAST_GOOD_GRAIN);
        if recent && credential.state == CredentialState::Working {
            return;
        }
        credential.last_good_at = Some(now);
        credential.state = CredentialState::Working;
        self.save(credential).await;
    }

    /// Marks a credential. It is left alone when its administrator has authorized again since it was read.
    async fn mark_failing(&self, candidate: Candidate, refusal: &Refusal) {
        let Candidate { mut credential, failing_since } = candidate;
        let now = self.clock.now();
        let since = failing_since.unwrap_or(now);
        tracing::warn!(
            directory.id = %self.directory, credential.administrator = %credential.administrator,
            cause = ?refusal.cause, aadsts = refusal.aadsts,
            "a credential needs its administrator"
        );
        match self.credentials.credential(self.directory, &credential.administrator).await {
            Ok(Some(stored)) if stored.authorized_at != credential.authorized_at => return,
            Ok(_) => {}
            Err(error) => tracing::warn!(error = telemetry::chain(&error), "a credential was not read again"),
        }
        credential.state = CredentialState::Failing {
            cause: refusal.cause,
            aadsts: refusal.aadsts,
            since,
            retry_at: retry_at(since, now),
        };
        self.save(&credential).await;
    }

    /// Writes a credential's record. A failure to do so is only logged: the record informs, and the run goes on.
    async fn save(&self, credential: &Credential) {
        if let Err(error) = self.credentials.put_credential(credential).await {
            tracing::warn!(
                directory.id = %self.directory, error = telemetry::chain(&error),
                "a credential's state was not saved"
            );
        }
    }

    /// Tries the candidates in turn until one gives a token, which comes to the front.
    async fn issue(&self, candidates: &mut VecDeque<Candidate>, replacing: &mut bool) -> Result<Issued, TokenError> {
        let mut index = 0;
        let mut passing = None;
        while let Some(candidate) = candidates.get(index) {
            match self.attempt(&candidate.credential, std::mem::take(replacing)).await? {
                Attempt::Token(issued) => {
                    if let Some(mut candidate) = candidates.remove(index) {
                        self.note_good(&mut candidate.credential).await;
                        candidates.push_front(candidate);
                    }
                    return Ok(issued);
                }
                Attempt::Passing(refusal) => {
                    // Of several, the one that asks for the longest pause speaks for all.
                    passing = [passing, Some(refusal)].into_iter().flatten().max_by_key(Refusal::pause);
                    index += 1;
                }
                Attempt::Failing(refusal) => {
                    if let Some(candidate) = candidates.remove(index) {
                        self.mark_failing(candidate, &refusal).await;
                    }
                }
            }
        }
        Err(passing.map_or(TokenError::NoWorkingCredential, |refusal| {
            TokenError::Unavailable(Box::new(GrantError::Refused(refusal)))
        }))
    }
}

#[async_trait]
impl AccessTokens for CredentialChain {
    async fn token(&self) -> Result<UsableToken, TokenError> {
        let mut state = self.state.lock().await;
        let now = self.clock.now();
        if let Some(issued) = &state.issued
            && now < issued.stale_at
        {
            return Ok(issued.token.clone());
        }
        if state.pause_until.is_some_and(|until| now < until) {
            return Err(TokenError::Unavailable("Microsoft's login asked for a pause".into()));
        }
        let mut candidates = match state.candidates.take() {
            Some(candidates) => candidates,
            None => self.load().await?,
        };
        let mut replacing = state.replacing;
        let issued = self.issue(&mut candidates, &mut replacing).await;
        state.candidates = Some(candidates);
        state.replacing = replacing;
        match issued {
            Ok(issued) => {
                let token = issued.token.clone();
                state.issued = Some(issued);
                Ok(token)
            }
            Err(error) => {
                state.issued = None;
                if let TokenError::Unavailable(source) = &error {
                    let pause = match source.downcast_ref() {
                        Some(GrantError::Refused(refusal)) => refusal.pause(),
                        _ => Refusal::from(Cause::Unavailable).pause(),
                    };
                    // The endpoint has waited and repeated already: do not make every request wait as long again.
                    state.pause_until = self.clock.now().checked_add(pause).ok();
                }
                Err(error)
            }
        }
    }

    async fn refused(&self, token: &UsableToken, how: TokenRefusal) {
        let mut state = self.state.lock().await;
        let current = state.issued.take_if(|issued| {
            issued.token.administrator == token.administrator
                && issued.token.secret.expose_secret() == token.secret.expose_secret()
        });
        let Some(current) = current else { return };
        let cause = match how {
            TokenRefusal::Forbidden => Cause::ReadRefused,
            TokenRefusal::Unauthorized if current.replacement => Cause::TokenRejected,
            TokenRefusal::Unauthorized => {
                state.replacing = true;
                return;
            }
        };
        if let Some(candidate) = state.candidates.as_mut().and_then(VecDeque::pop_front) {
            self.mark_failing(candidate, &cause.into()).await;
        }
    }
}

/// When a token that lasts this long is not given any more: a fifth of its life before the end, at most five minutes.
fn stale_at(now: Timestamp, expires_in: Duration) -> Timestamp {
    let life = SignedDuration::try_from(expires_in).unwrap_or(SignedDuration::MAX);
    now.checked_add(life - (life / 5).min(LONGEST_MARGIN)).unwrap_or(Timestamp::MAX)
}

/// When a credential that has been failing since then is tried again.
fn retry_at(since: Timestamp, now: Timestamp) -> Timestamp {
    let wait = now.duration_since(since).clamp(SHORTEST_RETRY, LONGEST_RETRY);
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

fn store_error(error: impl std::error::Error + Send + Sync + 'static) -> TokenError {
    TokenError::Store(Box::new(error))
}

#[cfg(test)]
mod tests;
