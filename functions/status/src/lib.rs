//! The status function: answers who is active, who is in which group, and how every directory fares.
//!
//! It only reads, and shows only what has been published: groups that are skipped, users while user sync is off, and
//! what no run has published yet do not exist here. All routes that tell of directories need a bearer token of scope `read`.
//!
//! Begin with `described`. Each resource has a file: its handlers, and the JSON they answer with, which is kept apart from
//! the records it is made of.

mod access;
mod admission;
mod changes;
mod checks;
mod directories;
mod exports;
mod groups;
mod manual;
mod monitoring;
mod position;
mod published;
mod runs;
mod scim;
mod selection;
mod summary;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use shared::clock::Clock;
use shared::store::{AlertStore, ChangeStore, DirectoryStore, QueryStore, RunStore, TokenStore};
use url::Url;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

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
    /// The origin where all this is reached.
    base_url: String,
}

impl App {
    /// An app on one store for everything, reached at this origin.
    #[must_use]
    pub fn new<S>(store: Arc<S>, clock: Arc<dyn Clock>, base_url: &Url) -> Self
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
            base_url: base_url.as_str().trim_end_matches('/').to_owned(),
        }
    }
}

/// The routes alone, to be merged with those of other functions behind one address and then
/// [finished](shared::http::finish).
pub fn routes(app: App) -> Router {
    described().split_for_parts().0.merge(scim::routes()).with_state(app)
}

/// What the API's description says of these routes.
#[must_use]
pub fn description() -> OpenApi {
    described().split_for_parts().1
}

/// Each route of the JSON API with its description. SCIM describes itself.
fn described() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(summary::show))
        .routes(routes!(directories::list))
        .routes(routes!(directories::show))
        .routes(routes!(users::list))
        .routes(routes!(users::show))
        .routes(routes!(admission::by_name))
        .routes(routes!(admission::show))
        .routes(routes!(groups::list))
        .routes(routes!(groups::show))
        .routes(routes!(groups::members))
        .routes(routes!(changes::list))
        .routes(routes!(exports::users))
        .routes(routes!(exports::members))
        .routes(routes!(runs::list).map(|router| router.fallback(runs::method_not_allowed)))
        .routes(routes!(runs::show))
        .routes(routes!(manual::description))
        .layer(from_fn(shared::http::tag))
        .routes(routes!(manual::manual))
        .routes(routes!(monitoring::metrics))
        .routes(routes!(monitoring::healthz))
}

/// The whole function.
pub fn router(app: App) -> Router {
    shared::http::finish(routes(app))
}
