//! Which credential to use, and what to do when it fails.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

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

/// The waits before Graph is shown a further token of a credential whose last one it refused. The first refusal may be of
/// a token that was revoked, which a fresh one puts right at once; Graph was seen to refuse fresh ones too, for some seconds
/// after they were issued. After the last wait the next credential is used.
const SETTLING: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(15)];

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
/// * Graph refuses its fresh tokens: after a few waits not marked, unless an earlier run met the same, and the next one is
///   tried; when none works, [`TokenError::TokensRejected`];
/// * the answer passes by itself: not marked, the next one is tried; when none works, [`TokenError::Unavailable`];
/// * Microsoft's login asks to wait: [`TokenError::Paused`] at once, and until the wait is over;
/// * Microsoft's login does not answer: [`TokenError::Unavailable`] at once, as it would not answer for the others;
/// * the application is at fault: [`TokenError::ApplicationRefused`] at once, none is marked.
///
/// The lock is held while a token is fetched, so that requests which run out of tokens together share one refresh.
pub struct CredentialChain {
    exchange: Exchange,
    /// Whether failing credentials are tried before their time, and tokens of earlier runs are left alone.
    eager: bool,
    issued: Arc<IssuedTokens>,
    /// No wait goes on beyond.
    stop_at: Timestamp,
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
    /// How many tokens of the credential at the front Graph has refused since it last accepted one.
    refusals: usize,
    /// The wait before the next token is issued, which gives Graph time to accept it.
    settle: Duration,
    /// True when a credential was passed over because Graph refuses its fresh tokens.
    passed_over: bool,
    /// Earliest time of the next token request, and whether Microsoft asked for it.
    pause: Option<Pause>,
}

#[derive(Clone, Copy)]
struct Pause {
    until: Timestamp,
    requested: bool,
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
}

impl CredentialChain {
    /// The chain of a directory's credentials, read when the first token is asked for.
    #[must_use]
    pub fn new(exchange: Exchange, issued: Arc<IssuedTokens>) -> Self {
        Self { exchange, eager: false, issued, stop_at: Timestamp::MAX, state: Mutex::default() }
    }

    /// Tries failing credentials even before their time, and fetches new tokens, as somebody wants who has just mended
    /// something and asks for a run.
    #[must_use]
    pub fn trying_all(self) -> Self {
        Self { eager: true, ..self }
    }

    /// The same chain, for a run that stops at a time: no wait begins that would end later.
    #[must_use]
    pub fn stopping_at(self, stop_at: Timestamp) -> Self {
        Self { stop_at, ..self }
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

    /// Waits as long as Graph needs to accept the next token, if there is time for that.
    async fn settle(&self, wait: &mut Duration) -> Result<(), TokenError> {
        if wait.is_zero() {
            return Ok(());
        }
        let left = Duration::try_from(self.stop_at.duration_since(self.exchange.clock.now())).unwrap_or_default();
        if left <= *wait {
            return Err(TokenError::Paused { wait: *wait });
        }
        self.exchange.clock.sleep(*wait).await;
        *wait = Duration::ZERO;
        Ok(())
    }

    /// Tries the candidates in turn until one gives a token, which comes to the front.
    async fn issue(&self, candidates: &mut VecDeque<Candidate>) -> Result<Issued, TokenError> {
        let mut index = 0;
        let mut passing = None;
        while let Some(candidate) = candidates.get(index) {
            if !self.eager
                && candidate.failing_since.is_none()
                && let Some(Fresh { token, stale_at }) =
                    self.issued.get(&candidate.credential, self.exchange.clock.now())
            {
                if let Some(candidate) = candidates.remove(index) {
                    candidates.push_front(candidate);
                }
                return Ok(Issued { token, stale_at });
            }
            match self.exchange.attempt(&candidate.credential).await? {
                Attempt::Token(fresh) => {
                    if let Some(mut candidate) = candidates.remove(index) {
                        self.issued.keep(&candidate.credential, &fresh, self.exchange.clock.now());
                        self.exchange.note_good(&mut candidate.credential).await;
                        candidates.push_front(candidate);
                    }
                    return Ok(Issued { token: fresh.token, stale_at: fresh.stale_at });
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

    /// Returns the pause that an error asks for. The endpoint has waited and repeated already: requests of the same run
    /// must not each wait as long again.
    fn pause_after(&self, error: &TokenError) -> Option<Pause> {
        let (wait, requested) = match error {
            TokenError::Paused { wait } => (*wait, true),
            TokenError::Unavailable(source) => match source.downcast_ref() {
                Some(GrantError::Refused(refusal)) => (refusal.pause(), false),
                _ => (Refusal::from(Cause::Unavailable).pause(), false),
            },
            _ => return None,
        };
        Some(Pause { until: self.exchange.clock.now().checked_add(wait).ok()?, requested })
    }
}

impl Pause {
    /// The error of a token request that comes too early, if it does.
    fn error(self, now: Timestamp) -> Option<TokenError> {
        let wait = Duration::try_from(self.until.duration_since(now)).ok().filter(|wait| !wait.is_zero())?;
        Some(if self.requested {
            TokenError::Paused { wait }
        } else {
            TokenError::Unavailable("Microsoft's login is left alone for a while".into())
        })
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
        if let Some(error) = state.pause.and_then(|pause| pause.error(now)) {
            return Err(error);
        }
        self.settle(&mut state.settle).await?;
        let mut candidates = match state.candidates.take() {
            Some(candidates) => candidates,
            None => self.load().await?,
        };
        let issued = self.issue(&mut candidates).await;
        state.candidates = Some(candidates);
        match issued {
            Ok(issued) => {
                let token = issued.token.clone();
                state.issued = Some(issued);
                Ok(token)
            }
            Err(error) => {
                state.issued = None;
                state.pause = self.pause_after(&error);
                Err(match error {
                    TokenError::NoWorkingCredential if state.passed_over => TokenError::TokensRejected,
                    error => error,
                })
            }
        }
    }

    async fn refused(&self, token: &UsableToken, how: TokenRefusal) {
        let mut state = self.state.lock().await;
        if state.issued.take_if(|issued| issued.is(token)).is_none() {
            return;
        }
        self.issued.forget(self.exchange.directory, &token.administrator);
        if how == TokenRefusal::Unauthorized
            && let Some(wait) = SETTLING.get(state.refusals)
        {
            state.refusals += 1;
            state.settle = *wait;
            return;
        }
        state.refusals = 0;
        let Some(candidate) = state.candidates.as_mut().and_then(VecDeque::pop_front) else { return };
        match how {
            TokenRefusal::Forbidden => self.mark_failing(candidate, &Cause::ReadRefused.into()).await,
            TokenRefusal::Unauthorized => {
                let marked = self.exchange.note_rejected(candidate.credential, candidate.failing_since).await;
                state.passed_over |= !marked;
            }
        }
    }

    async fn accepted(&self, token: &UsableToken) {
        let mut state = self.state.lock().await;
        if !state.issued.as_ref().is_some_and(|issued| issued.is(token)) {
            return;
        }
        state.refusals = 0;
        if let Some(candidate) = state.candidates.as_mut().and_then(VecDeque::front_mut) {
            self.exchange.note_accepted(&mut candidate.credential).await;
        }
    }
}

impl Issued {
    fn is(&self, token: &UsableToken) -> bool {
        self.token.administrator == token.administrator
            && self.token.secret.expose_secret() == token.secret.expose_secret()
    }
}

#[cfg(test)]
mod tests;
