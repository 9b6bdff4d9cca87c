//! How an authorization or a sign-in ended, as far as its page has to say.

use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::authorization::{AuthorizationError, LocalPath};
use super::roles::RoleAssessment;
use crate::credentials::{Cause, Refusal, RefusalKind};
use crate::directory::DirectoryId;

/// How an authorization or a sign-in ended. It is kept for a while, so that the browser can be sent on to an address
/// without a code and shown the same page again; so it holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Conclusion {
    /// The authorization is stored.
    Connected(Box<Connected>),
    /// A session was given.
    SignedIn {
        /// Where the person wanted to go.
        return_to: LocalPath,
    },
    /// Nothing came of it.
    Denied {
        /// Why.
        #[serde(flatten)]
        denial: Denial,
        /// By how many seconds our clock was ahead of Microsoft's at that time, if it was wrong.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clock_skew: Option<i64>,
    },
}

/// An authorization that was stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connected {
    /// The tenant.
    pub tenant: DirectoryId,
    /// The sign-in name of the account.
    pub user_principal_name: String,
    /// The name of the account.
    pub display_name: String,
    /// The name of the directory.
    pub directory_name: String,
    /// What the account's roles are worth.
    pub roles: RoleAssessment,
    /// What the authorization is among those of its directory.
    pub position: Position,
    /// What happens next.
    pub next: NextSync,
}

/// What an authorization is among those of its directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "position", rename_all = "snake_case")]
pub enum Position {
    /// The only one.
    First,
    /// In addition to this many others.
    Backup {
        /// How many.
        others: usize,
    },
    /// In place of an earlier one of the same administrator.
    Renewed,
}

/// What happens after an authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NextSync {
    /// A run was requested, or waits already.
    Soon,
    /// The queue did not take the request; the schedule comes around.
    OnSchedule,
}

/// Why nothing came of an authorization or a sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Denial {
    /// The callback belongs to no authorization.
    #[error("the callback belongs to no authorization")]
    Stray,
    /// The state was never made here, or is long forgotten.
    #[error("the state is not known")]
    Unknown,
    /// It took too long.
    #[error("the authorization has expired")]
    Expired,
    /// The state was used before, and how that ended is not known (yet).
    #[error("the authorization was used already")]
    AlreadyUsed,
    /// The browser that came back is not the one that began, or no longer has its cookie. The state is still good.
    #[error("the authorization was begun in another browser")]
    OtherBrowser,
    /// The page of how it ended is no longer kept, or was never this browser's.
    #[error("the outcome is no longer kept")]
    Forgotten,
    /// The callback has neither a code nor an error, or has one of them twice.
    #[error("the callback makes no sense")]
    Malformed,
    /// Microsoft refused.
    #[error("Microsoft refused: {cause:?} (AADSTS {aadsts:?})")]
    Refused {
        /// Why.
        cause: Cause,
        /// The AADSTS number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        aadsts: Option<u32>,
    },
    /// Consent was not given, and Microsoft does not say why.
    #[error("consent was not granted")]
    NotConsented,
    /// The `id_token` was not accepted.
    #[error("the id_token was not accepted")]
    NotProven,
    /// Our clock is wrong, so that nothing with a time in it is accepted, by us or by Microsoft.
    #[error("the clock is wrong")]
    ClockWrong,
    /// Too many attempts from one address.
    #[error("too many attempts from one address")]
    TooMany,
    /// The account has no role of the application.
    #[error("the account has no role of the application")]
    NoRole {
        /// The account.
        user_principal_name: String,
    },
    /// The tenant is not on the allow-list.
    #[error("the tenant {tenant} is not on the allow-list")]
    TenantNotAllowed {
        /// The tenant.
        tenant: DirectoryId,
    },
    /// Scopes were not granted.
    #[error("the scopes {scopes:?} were not granted")]
    ScopesMissing {
        /// Which.
        scopes: Vec<String>,
    },
    /// The grant lacks something.
    #[error("the grant came without {lacks}")]
    GrantIncomplete {
        /// What, with its article.
        lacks: String,
    },
    /// Something of our own did not work.
    #[error("something of our own did not work")]
    Internal,
}

impl Denial {
    /// The status of its page.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Stray | Self::Unknown | Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Expired | Self::Forgotten => StatusCode::GONE,
            Self::AlreadyUsed => StatusCode::CONFLICT,
            Self::OtherBrowser
            | Self::NotConsented
            | Self::TenantNotAllowed { .. }
            | Self::ScopesMissing { .. }
            | Self::NoRole { .. } => StatusCode::FORBIDDEN,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Refused { cause, .. } => match cause.kind() {
                RefusalKind::Retry => StatusCode::SERVICE_UNAVAILABLE,
                RefusalKind::NeedsAdministrator => StatusCode::FORBIDDEN,
                RefusalKind::ApplicationFault => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::NotProven | Self::GrantIncomplete { .. } => StatusCode::BAD_GATEWAY,
            Self::ClockWrong => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Internal => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl From<Cause> for Denial {
    fn from(cause: Cause) -> Self {
        Self::Refused { cause, aadsts: None }
    }
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        Self::Refused { cause: refusal.cause, aadsts: refusal.aadsts }
    }
}

impl From<AuthorizationError> for Denial {
    fn from(error: AuthorizationError) -> Self {
        match error {
            AuthorizationError::Unknown => Self::Unknown,
            AuthorizationError::Expired => Self::Expired,
            AuthorizationError::AlreadyUsed => Self::AlreadyUsed,
            AuthorizationError::OtherBrowser => Self::OtherBrowser,
            AuthorizationError::Refused(refusal) => refusal.into(),
            AuthorizationError::Malformed => Self::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conclusions_survive_storage() {
        let denied = |denial| Conclusion::Denied { denial, clock_skew: Some(-420) };
        for conclusion in [
            denied(Denial::Refused { cause: Cause::Disabled, aadsts: Some(50057) }),
            denied(Denial::ScopesMissing { scopes: vec!["User.Read.All".to_owned()] }),
            denied(Denial::OtherBrowser),
            Conclusion::SignedIn { return_to: LocalPath::home() },
            Conclusion::Connected(Box::new(Connected {
                tenant: "22222222-2222-2222-2222-222222222222".parse().unwrap(),
                user_principal_name: "ann@contoso.example".to_owned(),
                display_name: "Ann".to_owned(),
                directory_name: "contoso.example".to_owned(),
                roles: RoleAssessment::Unknown,
                position: Position::Backup { others: 2 },
                next: NextSync::Soon,
            })),
        ] {
            let stored = serde_json::to_string(&conclusion).unwrap();
            assert_eq!(serde_json::from_str::<Conclusion>(&stored).unwrap(), conclusion, "{stored}");
        }
    }
}
