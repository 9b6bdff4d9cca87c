//! The pages: what an administrator opens to set the sync up, and later whenever somebody asks why they cannot log in.
//!
//! Complete without scripts. Every page names who may open it by its extractor ([`visitor`]); every change is a form that
//! only our own pages can send.

mod assets;
mod audit;
mod changes;
mod charts;
mod directories;
mod failure;
mod groups;
mod holds;
mod layout;
mod paging;
mod quoted;
mod runs;
mod settings;
mod signing;
mod sync;
mod tokens;
mod unsent;
mod users;
mod visitor;
mod welcome;
mod words;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

use crate::Site;

pub(crate) fn routes(site: &Site) -> Router<Site> {
    Router::new()
        .route("/", get(directories::show))
        .route("/signout", post(signing::sign_out))
        .route("/signed-out", get(signing::signed_out))
        .route("/directories/{directory}", get(sync::show))
        .route("/directories/{directory}/state", get(sync::state))
        .route("/directories/{directory}/sync", post(sync::start))
        .route(
            "/directories/{directory}/credentials/{administrator}/remove",
            get(sync::credentials::ask).post(sync::credentials::remove),
        )
        .route("/directories/{directory}/credentials/{administrator}/prefer", post(sync::credentials::prefer))
        .route("/directories/{directory}/settings", post(settings::submit))
        .route("/directories/{directory}/drafts/{draft}", get(settings::preview))
        .route("/directories/{directory}/drafts/{draft}/save", post(settings::save))
        .route("/directories/{directory}/unsent/{unsent}", get(unsent::show))
        .route("/directories/{directory}/users", get(users::list))
        .route("/directories/{directory}/users/{user}", get(users::show))
        .route("/directories/{directory}/groups", get(groups::list))
        .route("/directories/{directory}/groups/{group}", get(groups::show))
        .route("/directories/{directory}/runs", get(runs::list))
        .route("/directories/{directory}/runs/{run}", get(runs::show))
        .route("/directories/{directory}/holds", get(holds::list))
        .route("/directories/{directory}/holds/{hold}", get(holds::show))
        .route("/directories/{directory}/holds/{hold}/apply", post(holds::apply))
        .route("/directories/{directory}/holds/{hold}/discard", post(holds::discard))
        .route("/directories/{directory}/audit", get(audit::list))
        .route("/directories/{directory}/tokens", get(tokens::list).post(tokens::create))
        .route("/directories/{directory}/tokens/{token}/revoke", post(tokens::revoke))
        .layer(from_fn_with_state(site.clone(), visitor::renew))
        // Outside of what renews a session: a page that is only prefetched does not keep it alive.
        .layer(from_fn(shared::http::refuse_speculation))
        .route("/assets/{name}", get(assets::serve))
}
