//! The status function: answers who is active, who is in which group, and how every directory fares.
//!
//! It only reads, and shows only what has been published: groups that are skipped, users while user sync is off, and
//! what no run has published yet do not exist here. All routes but `/healthz` need a bearer token of scope `read`.
//!
//! Begin with [`routes`]. Each resource has a file: its handlers, and the JSON they answer with, which is kept apart from
//! the records it is made of.

mod access;
mod admission;
mod changes;
mod checks;
mod directories;
mod exports;
mod groups;
mod monitoring;
mod params;
mod published;
mod runs;
mod selection;
mod summary;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::get;
use shared::clock::Clock;
use shared::store::{AlertStore, ChangeStore, DirectoryStore, QueryStore, RunStore, TokenStore};

/// What the handlers ask for.
#[derive(Clone)]
pub struct App {
    directories: Arc<dyn DirectoryStore>,
    runs: Arc<dyn RunStore>,
    queries: Arc<dyn QueryStore>,
    changes: Arc<dyn ChangeStore>,
    tokens: Arc<dyn TokenStore>,
    alerts: Arc<dyn AlertStore>,
    clock: Arc<dyn Clock>,
}

impl App {
    /// An app on one store for everything.
    #[must_use]
    pub fn new<S>(store: Arc<S>, clock: Arc<dyn Clock>) -> Self
    where
        S: DirectoryStore + RunStore + QueryStore + ChangeStore + TokenStore + AlertStore + 'static,
    {
        Self {
            directories: store.clone(),
            runs: store.clone(),
            queries: store.clone(),
            changes: store.clone(),
            tokens: store.clone(),
            alerts: store,
            clock,
        }
    }
}

/// The routes alone, to be merged with those of other functions behind one address and then
/// [finished](shared::http::finish).
pub fn routes(app: App) -> Router {
    let directory = Router::new()
        .route("/", get(directories::show))
        .route("/runs", get(runs::list))
        .route("/runs/{run}", get(runs::show))
        .route("/users", get(users::list))
        .route("/users/{key}", get(users::show))
        .route("/users/{key}/access", get(admission::show))
        .route("/changes", get(changes::list))
        .route("/exports/users", get(exports::users))
        .route("/exports/members", get(exports::members))
        .route("/groups", get(groups::list))
        .route("/groups/{group}", get(groups::show))
        .route("/groups/{group}/members", get(groups::members));
    Router::new()
        .route("/api/v1/status", get(summary::show))
        .route("/api/v1/directories", get(directories::list))
        .nest("/api/v1/directories/{directory}", directory)
        .layer(from_fn(shared::http::tag))
        .route("/metrics", get(monitoring::metrics))
        .route("/healthz", get(monitoring::healthz))
        .with_state(app)
}

/// The whole function.
pub fn router(app: App) -> Router {
    shared::http::finish(routes(app))
}
