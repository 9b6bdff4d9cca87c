//! Which credential to use, and what to do when it fails.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use tokio::sync::Mutex;

use super::cause::Cause;
use super::credential::{Credential, CredentialState};
use super::endpoint::GrantError;
use super::exchange::{Attempt, Exchange, Fresh};
use super::issued::IssuedTokens;
use super::refusal::Refusal;
use super::tokens::{AccessTokens, TokenError, TokenRefusal, UsableToken};

/// The credentials of a directory in the order in which they are tried, for one run.
///
/// Working ones come first, in [their order](Credential::order); then failing ones whose time to be tried again has come. The wait of a failing one is as long as it has been failing, at least a quarter of an hour and at most a
/// day, so that it doubles from one attempt to the next.
///
/// What becomes of a credential:
///
/// * a token of an earlier run is left: it is used, unless somebody waits for this run;
/// * it gives a token: a rotated refresh token is stored before the access token is used;
/// * it needs its administrator: marked with its cause, and the next one is tried;
/// * the answer passes by itself: not marked, the next one is tried; when none works, [`TokenError::Unavailable`];
/// * Microsoft's login does not answer: [`TokenError::Unavailable`] at once, as it would not answer for the others;
/// * the application is at fault: [`TokenError::ApplicationRefused`] at once, none is marked.
///
/// The lock is held while a token is fetched, so that requests which run out of tokens together share one refresh.
pub struct CredentialChain {
    exchange: Exchange,
    /// Whether failing credentials are tried before their time, and tokens of earlier runs are left alone.
    eager: bool,
    issued: Arc<IssuedTokens>,
    state: Mutex<State>,
}

impl fmt::Debug for CredentialChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialChain").field("exchange", &self.exchange).finish_non_exhaustive()
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

impl CredentialChain {
    /// The chain of a directory's credentials, read when the first token is asked for.
    #[must_use]
    pub fn new(exchange: Exchange, issued: Arc<IssuedTokens>) -> Self {
        Self { exchange, eager: false, issued, state: Mutex::default() }
    }

    /// Tries failing credentials even before their time, and fetches new tokens, as somebody wants who has just mended
    /// something and asks for a run.
    #[must_use]
    pub fn trying_all(self) -> Self {
        Self { eager: true, ..self }
    }

    /// Reads the credentials and puts those worth trying in order.
    async fn load(&self) -> Result<VecDeque<Candidate>, TokenError> {
        let now = self.exchange.clock.now();
        let mut all = self.exchange.all().await?;
        all.retain(|credential| match &credential.state {
            CredentialState::Working => true,
            CredentialState::Failing { retry_at, .. } => self.eager || *retry_at <= now,
        });
        let mut candidates: Vec<Candidate> = all
            .into_iter()
            .map(|credential| Candidate { failing_since: credential.failing_since(), credential })
            .collect();
        candidates.sort_by_key(|candidate| candidate.credential.order());
        Ok(candidates.into())
    }

    async fn mark_failing(&self, candidate: Candidate, refusal: &Refusal) {
        self.exchange.mark_failing(candidate.credential, candidate.failing_since, refusal).await;
    }

    /// Tries the candidates in turn until one gives a token, which comes to the front.
    async fn issue(&self, candidates: &mut VecDeque<Candidate>, replacing: &mut bool) -> Result<Issued, TokenError> {
        let mut index = 0;
        let mut passing = None;
        while let Some(candidate) = candidates.get(index) {
            let replacement = std::mem::take(replacing);
            if !self.eager
                && candidate.failing_since.is_none()
                && let Some(Fresh { token, stale_at }) =
                    self.issued.get(&candidate.credential, self.exchange.clock.now())
            {
                if let Some(candidate) = candidates.remove(index) {
                    candidates.push_front(candidate);
                }
                return Ok(Issued { token, stale_at, replacement });
            }
            match self.exchange.attempt(&candidate.credential).await? {
                Attempt::Token(fresh) => {
                    if let Some(mut candidate) = candidates.remove(index) {
                        self.issued.keep(&candidate.credential, &fresh, self.exchange.clock.now());
                        self.exchange.note_good(&mut candidate.credential).await;
                        candidates.push_front(candidate);
                    }
                    return Ok(Issued { token: fresh.token, stale_at: fresh.stale_at, replacement });
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
        let now = self.exchange.clock.now();
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
                    state.pause_until = self.exchange.clock.now().checked_add(pause).ok();
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
        self.issued.forget(self.exchange.directory, &token.administrator);
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

#[cfg(test)]
mod tests;
