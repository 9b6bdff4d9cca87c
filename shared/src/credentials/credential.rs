//! One administrator's authorization.

use std::cmp::Reverse;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::cause::Cause;
use crate::directory::{DirectoryId, UserId};

/// What is known of a credential. Its refresh token is in the secret store, never here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// The directory it reads.
    pub directory: DirectoryId,
    /// The administrator, by object id.
    pub administrator: UserId,
    /// The administrator's sign-in name when they authorized.
    pub user_principal_name: String,
    /// The administrator's name when they authorized.
    pub display_name: String,
    /// The scopes Microsoft granted.
    pub scopes: Vec<String>,
    /// Directory roles that would make more visible and are missing, in words. Empty when all is well or unknown.
    pub missing_roles: Vec<String>,
    /// When the administrator authorized last.
    pub authorized_at: Timestamp,
    /// When it last gave an access token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_good_at: Option<Timestamp>,
    /// When it was last tried without need, to see whether it works, whatever came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exercised_at: Option<Timestamp>,
    /// Since when Graph refuses its fresh access tokens. Absent while it accepts them. That alone is not held
    /// against the credential; that it repeats in a later run is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected_since: Option<Timestamp>,
    /// When an administrator last asked for it to be tried before the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred_at: Option<Timestamp>,
    /// Whether it works.
    pub state: CredentialState,
}

/// Whether a credential works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum CredentialState {
    /// It worked when last tried.
    Working,
    /// It needs its administrator. It is tried again now and then, since some causes pass.
    Failing {
        /// Why.
        cause: Cause,
        /// The AADSTS number Microsoft gave, for its documentation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        aadsts: Option<u32>,
        /// Since when.
        since: Timestamp,
        /// Not to be tried again before.
        retry_at: Timestamp,
    },
}

impl Credential {
    /// Whether it worked when last tried.
    #[must_use]
    pub fn is_working(&self) -> bool {
        self.state == CredentialState::Working
    }

    /// Since when it has been failing; `None` while it works.
    #[must_use]
    pub fn failing_since(&self) -> Option<Timestamp> {
        match self.state {
            CredentialState::Working => None,
            CredentialState::Failing { since, .. } => Some(since),
        }
    }

    /// By what credentials are put in the order in which they are tried: working ones first; of those the one that was preferred
    /// last, then those with all the roles they should have, then the one that was good last.
    #[must_use]
    pub fn order(&self) -> impl Ord + use<> {
        let last_good = self.last_good_at.unwrap_or(self.authorized_at);
        let may_see_less = !self.missing_roles.is_empty();
        (!self.is_working(), Reverse(self.preferred_at), may_see_less, Reverse(last_good), self.administrator.clone())
    }

    /// When it last proved that it works, at the latest when it was authorized.
    #[must_use]
    pub fn last_used_at(&self) -> Timestamp {
        self.last_good_at.unwrap_or(self.authorized_at).max(self.authorized_at)
    }
}
