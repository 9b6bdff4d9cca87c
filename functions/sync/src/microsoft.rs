//! Opens a tenant for a run: its credentials, and Graph behind them.

use std::sync::Arc;

use jiff::Timestamp;
use shared::clock::Clock;
use shared::credentials::{CredentialChain, TokenEndpoint};
use shared::graph::{GraphOrigin, GraphTenant};
use shared::secrets::SecretStore;
use shared::store::CredentialStore;
use shared::sync::{OpenTenant, Run, TenantSource, Trigger};

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
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl OpenTenant for Microsoft {
    fn open(&self, run: &Run, stop_at: Timestamp) -> Box<dyn TenantSource> {
        let mut chain = CredentialChain::new(
            run.directory,
            Arc::clone(&self.tokens),
            Arc::clone(&self.credentials),
            Arc::clone(&self.secrets),
            Arc::clone(&self.clock),
        );
        if run.trigger != Trigger::Schedule {
            // Somebody waits for this run, who may just have mended a credential.
            chain = chain.trying_all();
        }
        let tokens = Arc::new(chain);
        let tenant = GraphTenant::new(self.http.clone(), self.graph.clone(), tokens, Arc::clone(&self.clock));
        Box::new(tenant.stopping_at(stop_at))
    }
}
