//! Microsoft Graph behind the port that validates accounts.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use shared::clock::Clock;
use shared::graph::{AccountRoles, DirectoryRole, GraphError, GraphOrigin, probe_account};
use shared::oauth::{AccountProbe, HeldRoles, ProbeError};

/// Validates accounts by reading from Microsoft Graph.
pub struct GraphProbe {
    http: reqwest::Client,
    origin: GraphOrigin,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for GraphProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphProbe").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl GraphProbe {
    /// Reads from the Graph at this origin.
    #[must_use]
    pub fn new(http: reqwest::Client, origin: GraphOrigin, clock: Arc<dyn Clock>) -> Self {
        Self { http, origin, clock }
    }
}

#[async_trait]
impl AccountProbe for GraphProbe {
    async fn probe(&self, token: &SecretString) -> Result<Option<HeldRoles>, ProbeError> {
        let account =
            probe_account(&self.http, &self.origin, token, Arc::clone(&self.clock)).await.map_err(sort_error)?;
        if !account.sees_users {
            return Err(ProbeError::ReadRefused);
        }
        Ok(match account.roles {
            AccountRoles::Unknown => None,
            AccountRoles::Known(roles) => Some(HeldRoles {
                global_administrator: roles.contains(&DirectoryRole::GlobalAdministrator),
                cloud_application_administrator: roles.contains(&DirectoryRole::CloudApplicationAdministrator),
                user_administrator: roles.contains(&DirectoryRole::UserAdministrator),
            }),
        })
    }
}

fn sort_error(error: GraphError) -> ProbeError {
    match error {
        GraphError::Forbidden(_) => ProbeError::ReadRefused,
        GraphError::Unauthorized(_) => ProbeError::TokenRefused,
        GraphError::Throttled { .. } | GraphError::Failing(_) | GraphError::Transport(_) => {
            ProbeError::Unavailable(error.into())
        }
        other => ProbeError::Unexpected(other.into()),
    }
}
