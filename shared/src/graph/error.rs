//! What can go wrong with a read, by what a caller can do about it.

use std::fmt;
use std::time::Duration;

use super::gate::TooLong;
use super::page::Malformed;
use super::retry::Trouble;
use crate::clock::TimedOut;
use crate::credentials::TokenError;
use crate::sync::SourceError;

/// How Graph refused a request: all that is kept of such an answer, and what Microsoft's support asks for. Messages
/// and bodies are left behind, since they may quote personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// Graph's word for the error, such as `Authorization_RequestDenied`.
    pub code: Option<String>,
    /// Graph's id of the request.
    pub request_id: Option<String>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}", self.status)?;
        if let Some(code) = &self.code {
            write!(f, ", code {code}")?;
        }
        if let Some(request_id) = &self.request_id {
            write!(f, ", request id {request_id}")?;
        }
        Ok(())
    }
}

/// Why a read failed, after all repetitions.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// The token is expired or revoked: get another one.
    #[error("Microsoft Graph does not accept the token ({0})")]
    Unauthorized(Refused),
    /// The token's administrator may not read this: try another one's.
    #[error("Microsoft Graph does not let this administrator read it ({0})")]
    Forbidden(Refused),
    /// The token's administrator may not read this one object, though others.
    #[error("Microsoft Graph withholds this object from the administrator ({0})")]
    Withheld(Refused),
    /// The object is not there.
    #[error("Microsoft Graph has no such object ({0})")]
    NotFound(Refused),
    /// Too many requests: come back later.
    #[error("Microsoft Graph asks to wait ({refused})")]
    Throttled {
        /// How long Graph asked to wait at least.
        retry_after: Option<Duration>,
        /// The answer.
        refused: Refused,
    },
    /// There is no time for the wait before the next request: come back after it.
    #[error("there is no time to wait {} seconds for Microsoft", wait.as_secs())]
    Paused {
        /// How long to wait at least.
        wait: Duration,
        /// The last answer to this request, if it got any.
        #[source]
        cause: Option<Box<GraphError>>,
    },
    /// Graph has an inner fault: come back later.
    #[error("Microsoft Graph is failing ({0})")]
    Failing(Refused),
    /// The delta link is too old or was reset: read everything.
    #[error("Microsoft Graph no longer accepts the delta link ({0})")]
    ResyncRequired(Refused),
    /// A next link is too old: read the list from its first page.
    #[error("Microsoft Graph no longer accepts the link to the next page ({0})")]
    PageTokenExpired(Refused),
    /// Any other answer that is not 200: ours to fix.
    #[error("Microsoft Graph refuses the request ({0})")]
    Unexpected(Refused),
    /// The answer was 200 but is not what was asked for.
    #[error("an answer of Microsoft Graph cannot be understood")]
    Malformed(#[from] Malformed),
    /// The answer is larger than any page is.
    #[error("an answer of Microsoft Graph is too large")]
    TooLarge,
    /// A next link came a second time.
    #[error("the pages of Microsoft Graph go round in a circle")]
    NextLinkLoop,
    /// A list has fewer objects than it says itself.
    #[error("a list of Microsoft Graph has fewer objects than its count")]
    FewerThanCounted,
    /// The list does not end.
    #[error("Microsoft Graph has more pages than any list")]
    TooManyPages,
    /// A link leads elsewhere: it was not followed.
    #[error("a link does not lead to the configured Microsoft Graph")]
    ForeignLink,
    /// No answer came, or not all of it.
    #[error("the connection to Microsoft Graph failed")]
    Transport(#[source] reqwest::Error),
    /// No whole answer came in time.
    #[error("Microsoft Graph did not answer in time")]
    TimedOut(#[from] TimedOut),
    /// There is no token to ask with.
    #[error("there is no access token")]
    Token(#[source] TokenError),
}

impl GraphError {
    /// Keeps what a broken connection was, without its URL, whose token is nobody's business.
    pub(super) fn transport(error: reqwest::Error) -> Self {
        Self::Transport(error.without_url())
    }

    /// What may pass when the request is repeated; `None` when a repetition would be answered the same.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Throttled { retry_after, .. } => Some(Trouble::Throttled(*retry_after)),
            Self::Failing(_) | Self::TimedOut(_) => Some(Trouble::Broken),
            Self::Transport(error) if !error.is_builder() => Some(Trouble::Broken),
            Self::Malformed(_) => Some(Trouble::Malformed),
            _ => None,
        }
    }

    /// True when Graph understood the request and does not do it: asking again is no use, doing without may be.
    pub(super) fn is_refusal(&self) -> bool {
        match self {
            Self::Forbidden(_) | Self::NotFound(_) | Self::Unexpected(_) => true,
            // A server that has never heard of the path.
            Self::Failing(refused) => refused.status < 500,
            _ => false,
        }
    }
}

impl From<TokenError> for GraphError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Paused { wait } => Self::Paused { wait, cause: None },
            error => Self::Token(error),
        }
    }
}

impl From<TooLong> for GraphError {
    fn from(TooLong(wait): TooLong) -> Self {
        Self::Paused { wait, cause: None }
    }
}

impl From<GraphError> for SourceError {
    fn from(error: GraphError) -> Self {
        match error {
            GraphError::Token(error) => match error {
                TokenError::NoWorkingCredential => Self::NoWorkingCredential,
                TokenError::ApplicationRefused(refusal) => Self::ApplicationRefused(refusal),
                TokenError::ClockWrong(skew) => Self::ClockWrong(skew),
                TokenError::TokensRejected => Self::TokensRejected,
                TokenError::Paused { wait } => Self::Paused { wait },
                TokenError::Unavailable(source) => Self::LoginUnavailable(source),
                TokenError::Store(source) => Self::CredentialStore(source),
            },
            // Only when the source of tokens never runs dry, though none of them is accepted.
            GraphError::Unauthorized(_) | GraphError::Forbidden(_) => Self::NoWorkingCredential,
            GraphError::NotFound(_) => Self::NotFound,
            GraphError::ResyncRequired(_) => Self::ResyncRequired,
            GraphError::Withheld(_) => Self::Withheld,
            GraphError::Paused { wait, .. } => Self::Paused { wait },
            // Only what has passed through all repetitions, and throttling does not end there.
            GraphError::Throttled { retry_after, .. } => Self::Paused { wait: retry_after.unwrap_or_default() },
            GraphError::Failing(_) | GraphError::Transport(_) | GraphError::TimedOut(_) => {
                Self::Unavailable(Box::new(error))
            }
            GraphError::PageTokenExpired(_)
            | GraphError::Malformed(_)
            | GraphError::TooLarge
            | GraphError::NextLinkLoop
            | GraphError::FewerThanCounted
            | GraphError::TooManyPages
            | GraphError::ForeignLink => Self::Incomplete(Box::new(error)),
            GraphError::Unexpected(_) => Self::Rejected(Box::new(error)),
        }
    }
}
