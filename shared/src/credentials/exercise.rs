//! Using every credential now and then, so that a dead backup is known before it is needed, and none runs out unused.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::cause::Cause;
use super::credential::{Credential, CredentialState};
use super::exchange::{Attempt, Exchange};
use super::tokens::{TokenError, TokenRefusal, UsableToken};

/// How long a working credential may go unused.
const EVERY: SignedDuration = SignedDuration::from_hours(24);
/// How soon the same credential is tried again at the earliest, whatever came of it.
const SOONEST: SignedDuration = SignedDuration::from_mins(15);

/// Reads a tenant's users with a token, just to see whether it may.
#[async_trait]
pub trait ReadUsers: Send + Sync {
    /// Reads one page of users. `Some` tells that Graph refuses the token, and how; an answer that says nothing of
    /// the credential, such as a fault of Graph's own, is `None`.
    async fn read_users(&self, token: &UsableToken) -> Option<TokenRefusal>;
}

impl Credential {
    /// Whether the credential should be tried now: it was not used for a day, Graph refused its fresh tokens, or it
    /// fails and its time to be tried again has come. A run uses failing credentials only when it has no other.
    #[must_use]
    pub fn is_exercise_due(&self, now: Timestamp) -> bool {
        let rested = self.exercised_at.is_none_or(|at| now.duration_since(at) >= SOONEST);
        rested
            && match self.state {
                CredentialState::Working => {
                    self.rejected_since.is_some() || now.duration_since(self.last_used_at()) >= EVERY
                }
                CredentialState::Failing { retry_at, .. } => retry_at <= now,
            }
    }
}

/// Tries each credential of the directory that is due: exchanges its refresh token, stores a rotated one, and reads a page
/// of users. Returns how many were tried.
///
/// Doing it twice at once is harmless (see `keep_rotated` in `exchange`), and rare, since each is noted down before
/// it is tried.
///
/// # Errors
/// When Microsoft's login does not answer, refuses the application, or our own stores do not answer. That is no
/// credential's fault and none is marked.
pub async fn exercise(exchange: &Exchange, users: &dyn ReadUsers) -> Result<usize, TokenError> {
    let now = exchange.clock.now();
    let mut due = exchange.all().await?;
    due.retain(|credential| credential.is_exercise_due(now));
    let tried = due.len();
    for credential in due {
        one(exchange, users, Credential { exercised_at: Some(now), ..credential }).await?;
    }
    Ok(tried)
}

async fn one(exchange: &Exchange, users: &dyn ReadUsers, mut credential: Credential) -> Result<(), TokenError> {
    exchange.save(&mut credential).await;
    let since = credential.failing_since();
    let refusal = match exchange.attempt(&credential).await? {
        Attempt::Token(fresh) => match users.read_users(&fresh.token).await {
            None => {
                exchange.note_accepted(&mut credential).await;
                exchange.note_good(&mut credential).await;
                return Ok(());
            }
            Some(TokenRefusal::Unauthorized) => {
                exchange.note_rejected(credential, since).await;
                return Ok(());
            }
            Some(TokenRefusal::Forbidden) => Cause::ReadRefused.into(),
        },
        Attempt::Passing(_) => return Ok(()),
        Attempt::Failing(refusal) => refusal,
    };
    exchange.mark_failing(credential, since, &refusal).await;
    Ok(())
}
