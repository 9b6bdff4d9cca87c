//! The JSON API for administrators' programs, which come with a bearer token of scope `admin`.

mod access;
mod holds;
mod runs;
mod settings;

use axum::Router;
use axum::routing::{get, post};

use crate::App;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/directories/{directory}/settings", get(settings::show).put(settings::replace))
        .route("/api/v1/directories/{directory}/runs", post(runs::request))
        .route("/api/v1/directories/{directory}/holds", get(holds::list))
        .route("/api/v1/directories/{directory}/holds/{hold}", get(holds::show))
        .route("/api/v1/directories/{directory}/holds/{hold}/apply", post(holds::apply))
        .route("/api/v1/directories/{directory}/holds/{hold}/discard", post(holds::discard))
}
