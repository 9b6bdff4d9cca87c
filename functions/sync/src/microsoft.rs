//! Opens a tenant for a run: its credentials, and Graph behind them.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use shared::clock::Clock;
use shared::credentials::{
    CredentialChain, Exchange, IssuedTokens, ReadUsers, TokenEndpoint, TokenRefusal, UsableToken,
};
use shared::directory::DirectoryId;
use shared::graph::{GraphError, GraphOrigin, GraphTenant, probe_users};
use shared::secrets::SecretStore;
use shared::store::CredentialStore;
use shared::sync::{OpenTenant, Run, TenantSource, Trigger};
use shared::telemetry::chain;

/// What is needed to read any tenant that was authorized.
#[derive(Clone)]
pub struct Microsoft {
    /// For Graph; made by [`shared::http::client`].
    pub http: reqwest::Client,
    /// Where Graph is.
    pub graph: GraphOrigin,
    /// Where refresh tokens become access tokens.
    pub tokens: Arc<dyn TokenEndpoint>,
    /// What is known of the credentials.
    pub credentials: Arc<dyn CredentialStore>,
    /// Their refresh tokens.
    pub secrets: Arc<dyn SecretStore>,
    /// Access tokens that earlier runs of this process have left.
    pub issued: Arc<IssuedTokens>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Microsoft {
    /// The exchange of a directory's refresh tokens.
    pub(crate) fn exchange(&self, directory: DirectoryId) -> Exchange {
        Exchange {
            directory,
            endpoint: Arc::clone(&self.tokens),
            credentials: Arc::clone(&self.credentials),
            secrets: Arc::clone(&self.secrets),
            clock: Arc::clone(&self.clock),
        }
    }
}

#[async_trait]
impl ReadUsers for Microsoft {
    async fn read_users(&self, token: &UsableToken) -> Option<TokenRefusal> {
        match probe_users(&self.http, &self.graph, &token.secret, Arc::clone(&self.clock)).await {
            Ok(()) => None,
            Err(GraphError::Unauthorized(_)) => Some(TokenRefusal::Unauthorized),
            Err(GraphError::Forbidden(_)) => Some(TokenRefusal::Forbidden),
            Err(error) => {
                tracing::info!(error = chain(&error), "an exercised credential could not be tried on Graph");
                None
            }
        }
    }
}

impl OpenTenant for Microsoft {
    fn open(&self, run: &Run, stop_at: Timestamp) -> Box<dyn TenantSource> {
        let chain = CredentialChain::new(self.exchange(run.directory), Arc::clone(&self.issued));
        let mut chain = chain.stopping_at(stop_at);
        if run.trigger != Trigger::Schedule {
            // Somebody waits for this run, who may just have mended a credential.
            chain = chain.trying_all();
        }
        let tokens = Arc::new(chain);
        let tenant = GraphTenant::new(self.http.clone(), self.graph.clone(), tokens, Arc::clone(&self.clock));
        Box::new(tenant.stopping_at(stop_at))
    }
}
