//! The console function: settings, triggers and holds, for administrators.
//!
//! All routes need a bearer token of scope `admin`. Nothing is synced here: whoever wants a sync puts a message in the
//! queue.

mod access;
mod holds;
mod runs;
mod settings;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use shared::clock::Clock;
use shared::queue::RunQueue;
use shared::store::{CredentialStore, DirectoryStore, HoldStore, MirrorStore, RunStore, TokenStore};

/// What the handlers ask for.
#[derive(Clone)]
pub struct App {
    directories: Arc<dyn DirectoryStore>,
    mirror: Arc<dyn MirrorStore>,
    holds: Arc<dyn HoldStore>,
    runs: Arc<dyn RunStore>,
    credentials: Arc<dyn CredentialStore>,
    tokens: Arc<dyn TokenStore>,
    queue: Arc<dyn RunQueue>,
    clock: Arc<dyn Clock>,
}

impl App {
    /// An app on one store for everything.
    #[must_use]
    pub fn new<S>(store: Arc<S>, queue: Arc<dyn RunQueue>, clock: Arc<dyn Clock>) -> Self
    where
        S: DirectoryStore + MirrorStore + HoldStore + RunStore + CredentialStore + TokenStore + 'static,
    {
        Self {
            directories: store.clone(),
            mirror: store.clone(),
            holds: store.clone(),
            runs: store.clone(),
            credentials: store.clone(),
            tokens: store,
            queue,
            clock,
        }
    }
}

/// The routes alone, to be merged with those of other functions behind one address and then
/// [finished](shared::http::finish).
pub fn routes(app: App) -> Router {
    Router::new()
        .route("/api/v1/directories/{directory}/settings", get(settings::show).put(settings::replace))
        .route("/api/v1/directories/{directory}/runs", post(runs::request))
        .route("/api/v1/directories/{directory}/holds", get(holds::list))
        .route("/api/v1/directories/{directory}/holds/{hold}", get(holds::show))
        .route("/api/v1/directories/{directory}/holds/{hold}/apply", post(holds::apply))
        .route("/api/v1/directories/{directory}/holds/{hold}/discard", post(holds::discard))
        .with_state(app)
}

/// The whole function.
pub fn router(app: App) -> Router {
    shared::http::finish(routes(app))
}
