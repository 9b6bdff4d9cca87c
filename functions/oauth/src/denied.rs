//! Why an authorization did not succeed. Nothing is stored then.

use http::StatusCode;
use shared::credentials::{Cause, GrantError, Refusal, RefusalKind};
use shared::directory::DirectoryId;
use shared::identity::{IdTokenError, SignedIn};
use shared::oauth::{AuthorizationError, ProbeError};

/// Why an authorization did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Denied {
    #[error("the callback belongs to no authorization")]
    Stray,
    #[error("the state is not known")]
    UnknownState,
    #[error("the authorization has expired")]
    Expired,
    #[error("the authorization was used already")]
    AlreadyUsed,
    #[error("the authorization was begun in another browser")]
    OtherBrowser,
    #[error("the callback makes no sense")]
    Malformed,
    #[error("Microsoft refused: {0}")]
    Refused(Refusal),
    #[error("the id_token was not accepted")]
    NotProven(#[source] IdTokenError),
    #[error("too many attempts from one address")]
    TooMany,
    #[error("the account has no role of the application")]
    NoRole(Box<SignedIn>),
    #[error("the tenant {0} is not on the allow-list")]
    TenantNotAllowed(DirectoryId),
    #[error("the scopes {0:?} were not granted")]
    ScopesMissing(Vec<&'static str>),
    #[error("the grant came without {0}")]
    GrantIncomplete(&'static str),
    #[error("something of our own did not work")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Denied {
    /// The status of its page.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Stray | Self::UnknownState | Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Expired => StatusCode::GONE,
            Self::AlreadyUsed => StatusCode::CONFLICT,
            Self::OtherBrowser | Self::TenantNotAllowed(_) | Self::ScopesMissing(_) | Self::NoRole(_) => {
                StatusCode::FORBIDDEN
            }
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Refused(refusal) => match refusal.kind {
                RefusalKind::Retry => StatusCode::SERVICE_UNAVAILABLE,
                RefusalKind::NeedsAdministrator => StatusCode::FORBIDDEN,
                RefusalKind::ApplicationFault => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::NotProven(_) | Self::GrantIncomplete(_) => StatusCode::BAD_GATEWAY,
            Self::Internal(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl From<AuthorizationError> for Denied {
    fn from(error: AuthorizationError) -> Self {
        match error {
            AuthorizationError::Unknown => Self::UnknownState,
            AuthorizationError::Expired => Self::Expired,
            AuthorizationError::AlreadyUsed => Self::AlreadyUsed,
            AuthorizationError::OtherBrowser => Self::OtherBrowser,
            AuthorizationError::Refused(refusal) => Self::Refused(refusal),
            AuthorizationError::Malformed => Self::Malformed,
        }
    }
}

impl From<GrantError> for Denied {
    fn from(error: GrantError) -> Self {
        match error {
            GrantError::Refused(refusal) => Self::Refused(refusal),
            GrantError::Unavailable(_) => Self::Refused(Cause::Unavailable.into()),
            GrantError::Secrets(source) => Self::Internal(source),
        }
    }
}

impl From<IdTokenError> for Denied {
    fn from(error: IdTokenError) -> Self {
        match error {
            IdTokenError::PersonalAccount => Self::Refused(Cause::PersonalAccount.into()),
            IdTokenError::Keys(_) => Self::Refused(Cause::Unavailable.into()),
            other => Self::NotProven(other),
        }
    }
}

impl From<ProbeError> for Denied {
    fn from(error: ProbeError) -> Self {
        match error {
            ProbeError::ReadRefused => Self::Refused(Cause::ReadRefused.into()),
            ProbeError::TokenRefused => Self::Refused(Cause::TokenRejected.into()),
            ProbeError::Unavailable(_) => Self::Refused(Cause::Unavailable.into()),
            ProbeError::Unexpected(source) => Self::Internal(source),
        }
    }
}
