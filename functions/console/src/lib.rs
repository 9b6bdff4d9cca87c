//! The console function: what administrators see and do, by pages ([`pages`](site_routes)) after signing in, or by programs
//! with a bearer token of scope `admin` ([`api`](routes)).
//!
//! Nothing is synced here: whoever wants a sync puts a message in the queue.

mod actions;
mod api;
mod pages;

use std::sync::Arc;

use axum::Router;
use shared::clock::Clock;
use shared::queue::RunQueue;
use shared::secrets::SecretStore;
use shared::session::SessionDesk;
use shared::store::{
    AlertStore, AuditStore, ChangeStore, CredentialStore, DirectoryStore, DraftStore, HoldStore, MirrorStore,
    ProgressStore, QueryStore, RunStore, StatisticsStore, TokenRegistry, TokenStore,
};
use url::Url;
use utoipa::openapi::OpenApi;

/// What administrators' actions need, however they come.
#[derive(Clone)]
pub struct App {
    directories: Arc<dyn DirectoryStore>,
    mirror: Arc<dyn MirrorStore>,
    holds: Arc<dyn HoldStore>,
    runs: Arc<dyn RunStore>,
    credentials: Arc<dyn CredentialStore>,
    tokens: Arc<dyn TokenStore>,
    audit: Arc<dyn AuditStore>,
    drafts: Arc<dyn DraftStore>,
    queue: Arc<dyn RunQueue>,
    clock: Arc<dyn Clock>,
}

impl App {
    /// An app on one store for everything.
    #[must_use]
    pub fn new<S>(store: Arc<S>, queue: Arc<dyn RunQueue>, clock: Arc<dyn Clock>) -> Self
    where
        S: DirectoryStore
            + MirrorStore
            + HoldStore
            + RunStore
            + CredentialStore
            + TokenStore
            + AuditStore
            + DraftStore
            + 'static,
    {
        Self {
            directories: store.clone(),
            mirror: store.clone(),
            holds: store.clone(),
            runs: store.clone(),
            credentials: store.clone(),
            tokens: store.clone(),
            audit: store.clone(),
            drafts: store,
            queue,
            clock,
        }
    }
}

/// What pages need beyond that.
#[derive(Clone)]
pub struct Site {
    app: App,
    queries: Arc<dyn QueryStore>,
    changes: Arc<dyn ChangeStore>,
    alerts: Arc<dyn AlertStore>,
    statistics: Arc<dyn StatisticsStore>,
    progress: Arc<dyn ProgressStore>,
    registry: Arc<dyn TokenRegistry>,
    secrets: Arc<dyn SecretStore>,
    sessions: Arc<SessionDesk>,
    /// Where browsers reach the pages.
    origin: String,
}

impl Site {
    /// The pages over one store for everything, reached at this address.
    #[must_use]
    pub fn new<S>(
        app: App,
        store: Arc<S>,
        secrets: Arc<dyn SecretStore>,
        sessions: Arc<SessionDesk>,
        base_url: &Url,
    ) -> Self
    where
        S: QueryStore + ChangeStore + AlertStore + StatisticsStore + ProgressStore + TokenRegistry + 'static,
    {
        Self {
            app,
            queries: store.clone(),
            changes: store.clone(),
            alerts: store.clone(),
            statistics: store.clone(),
            progress: store.clone(),
            registry: store,
            secrets,
            sessions,
            origin: base_url.origin().ascii_serialization(),
        }
    }
}

/// The routes of the JSON API alone, to be merged with those of other functions behind one address and then
/// [finished](shared::http::finish).
pub fn routes(app: App) -> Router {
    api::described().split_for_parts().0.with_state(app)
}

/// What the API's description says of these routes.
#[must_use]
pub fn description() -> OpenApi {
    api::described().split_for_parts().1
}

/// The routes of the pages alone, to be merged likewise.
pub fn site_routes(site: Site) -> Router {
    pages::routes(&site).with_state(site)
}

/// The whole function.
pub fn router(site: Site) -> Router {
    shared::http::finish(routes(site.app.clone()).merge(site_routes(site)))
}
