//! The JSON API for administrators' programs, which come with a bearer token of scope `admin`.

mod access;
mod holds;
mod previews;
mod runs;
mod settings;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;

/// Each route with its description.
pub(crate) fn described() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(settings::show, settings::replace))
        .routes(routes!(previews::show))
        .routes(routes!(runs::request))
        .routes(routes!(holds::list))
        .routes(routes!(holds::show))
        .routes(routes!(holds::apply))
        .routes(routes!(holds::discard))
}
