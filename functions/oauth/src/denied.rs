//! Why an authorization did not succeed, with what only the log should know. Nothing is stored then.

use shared::credentials::{Cause, GrantError};
use shared::identity::IdTokenError;
use shared::oauth::{AuthorizationError, Denial, ProbeError};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why an authorization did not succeed.
#[derive(Debug, thiserror::Error)]
#[error("{denial}")]
pub(crate) struct Denied {
    /// The reason for the page.
    pub(crate) denial: Denial,
    #[source]
    source: Option<Source>,
}

impl Denied {
    /// A fault of our own.
    pub(crate) fn internal(source: impl Into<Source>) -> Self {
        Self { denial: Denial::Internal, source: Some(source.into()) }
    }

    /// A grant that lacks something.
    pub(crate) fn lacking(what: &str) -> Self {
        Denial::GrantIncomplete { lacks: what.to_owned() }.into()
    }
}

impl From<Denial> for Denied {
    fn from(denial: Denial) -> Self {
        Self { denial, source: None }
    }
}

impl From<AuthorizationError> for Denied {
    fn from(error: AuthorizationError) -> Self {
        Denial::from(error).into()
    }
}

impl From<GrantError> for Denied {
    fn from(error: GrantError) -> Self {
        let denial = match error {
            GrantError::Refused(refusal) => return Denial::from(refusal).into(),
            GrantError::ClockWrong(_) => Denial::ClockWrong,
            GrantError::Paused { .. } | GrantError::Unavailable(_) => Cause::Unavailable.into(),
            GrantError::Secrets(source) => return Self::internal(source),
        };
        Self { denial, source: Some(error.into()) }
    }
}

impl From<IdTokenError> for Denied {
    fn from(error: IdTokenError) -> Self {
        let denial = match error {
            IdTokenError::PersonalAccount => Cause::PersonalAccount.into(),
            IdTokenError::Keys(_) => Cause::Unavailable.into(),
            IdTokenError::ClockWrong(_) => Denial::ClockWrong,
            _ => Denial::NotProven,
        };
        Self { denial, source: Some(error.into()) }
    }
}

impl From<ProbeError> for Denied {
    fn from(error: ProbeError) -> Self {
        let denial = match error {
            ProbeError::ReadRefused => Cause::ReadRefused.into(),
            ProbeError::TokenRefused => Cause::TokenRejected.into(),
            ProbeError::Unavailable(_) => Cause::GraphUnavailable.into(),
            ProbeError::Unexpected(source) => return Self::internal(source),
        };
        Self { denial, source: Some(error.into()) }
    }
}
