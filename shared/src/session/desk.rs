//! Where sessions are begun, opened and ended.

use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp};

use super::{InvalidSessionKeys, Session, SessionCookie, SessionKeyStore, SessionKeys};
use crate::clock::Clock;
use crate::secrets::SecretError;
use crate::store::{EndedSessions, StoreError};

/// How long keys are kept in memory. A key that was exchanged is in use everywhere after that.
const KEYS_KEPT: SignedDuration = SignedDuration::from_mins(5);

/// Why it cannot be told who is signed in.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The keys could not be read.
    #[error("the session keys could not be read")]
    Secrets(#[from] SecretError),
    /// No keys have been stored: ours to mend.
    #[error("no session keys have been stored")]
    NoKeys,
    /// What was stored makes no keys: ours to mend.
    #[error("the stored session keys are not valid")]
    Keys(#[from] InvalidSessionKeys),
    /// It could not be looked up whether the session has ended.
    #[error("ended sessions could not be looked up")]
    Store(#[from] StoreError),
    /// The cookie could not be made: ours to mend.
    #[error("the session makes no cookie")]
    Cookie,
}

/// What a browser's cookie says.
#[derive(Debug)]
pub enum Presented {
    /// A session.
    Current(Session),
    /// A session that ended by time, not long ago. It lets nobody in; it only tells whose a form is.
    Ended(Session),
    /// Nothing that we made, or a session that was signed out.
    Nothing,
}

/// The sessions of a deployment.
pub struct SessionDesk {
    keys: Arc<dyn SessionKeyStore>,
    ended: Arc<dyn EndedSessions>,
    clock: Arc<dyn Clock>,
    cookie: SessionCookie,
    kept: Mutex<Option<(Timestamp, SessionKeys)>>,
}

impl std::fmt::Debug for SessionDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionDesk").field("cookie", &self.cookie).finish_non_exhaustive()
    }
}

impl SessionDesk {
    /// The sessions of a deployment that browsers reach over HTTPS (`secure`), or over HTTP on a loopback address.
    #[must_use]
    pub fn new(
        keys: Arc<dyn SessionKeyStore>,
        ended: Arc<dyn EndedSessions>,
        clock: Arc<dyn Clock>,
        secure: bool,
    ) -> Self {
        Self { keys, ended, clock, cookie: SessionCookie::new(secure), kept: Mutex::default() }
    }

    /// The session of the browser that sent these headers, unless it is over.
    ///
    /// # Errors
    /// When that cannot be told.
    pub async fn open(&self, headers: &HeaderMap) -> Result<Option<Session>, SessionError> {
        Ok(match self.presented(headers).await? {
            Presented::Current(session) => Some(session),
            Presented::Ended(_) | Presented::Nothing => None,
        })
    }

    /// The session of the browser that sent these headers, or the one that it had until lately.
    ///
    /// # Errors
    /// When that cannot be told.
    pub async fn presented(&self, headers: &HeaderMap) -> Result<Presented, SessionError> {
        if !headers.contains_key(http::header::COOKIE) {
            return Ok(Presented::Nothing);
        }
        let now = self.clock.now();
        let keys = self.keys(now).await?;
        let known = self.cookie.open(&keys, headers);
        let Some(session) = known.filter(|session| !session.is_over(now) || session.ended_lately(now)) else {
            return Ok(Presented::Nothing);
        };
        if self.ended.has_ended(&session.id.hash()).await? {
            return Ok(Presented::Nothing);
        }
        Ok(if session.is_over(now) { Presented::Ended(session) } else { Presented::Current(session) })
    }

    /// The header that gives the browser a session.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn give(&self, session: &Session) -> Result<HeaderValue, SessionError> {
        let keys = self.keys(self.clock.now()).await?;
        self.cookie.give(&keys, session).ok_or(SessionError::Cookie)
    }

    /// Ends a session, so that a copy of its cookie is worth nothing either, and returns the header that takes the cookie back.
    ///
    /// # Errors
    /// When it is not certain that it has ended.
    pub async fn end(&self, session: &Session) -> Result<Option<HeaderValue>, SessionError> {
        self.ended.end_session(&session.id.hash(), session.ends_at()).await?;
        Ok(self.cookie.take_back())
    }

    async fn keys(&self, now: Timestamp) -> Result<SessionKeys, SessionError> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, keys)) = kept.filter(|(since, _)| now.duration_since(*since) < KEYS_KEPT) {
            return Ok(keys);
        }
        let text = self.keys.session_keys().await?.ok_or(SessionError::NoKeys)?;
        let keys = SessionKeys::parse(&text)?;
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, keys.clone()));
        Ok(keys)
    }
}
