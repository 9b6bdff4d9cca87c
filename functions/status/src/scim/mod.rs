//! SCIM 2.0, to read: users and groups for software that speaks it.
//!
//! Everything is published state, the same as that of the JSON API. `active` is our decision, ids are object ids. Nothing can be
//! written: the tenant is where that is done.
//!
//! Sources: RFC 7643 (schema), RFC 7644 (protocol), RFC 9865 (paging by cursor).

mod attributes;
mod discovery;
mod filter;
mod gather;
mod group;
mod messages;
mod projection;
mod query;
mod resource;
mod search;
mod user;

use axum::Router;
use axum::extract::State;
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::{MethodRouter, any, get, post};
use shared::http::{JsonBody, Params, Problem, ProblemKind};

use self::attributes::ResourceType;
use self::query::{Query, SearchRequest};
use crate::App;
use crate::access::Readable;

/// The routes. Their errors are said as SCIM has them when all routers are [finished](shared::http::finish).
pub(crate) fn routes() -> Router<App> {
    let directory = Router::new()
        .route("/", get(search_everything))
        .route("/.search", post(search_everything_by_body))
        .route("/ServiceProviderConfig", get(discovery::service_provider_config))
        .route("/ResourceTypes", get(discovery::resource_types))
        .route("/ResourceTypes/{name}", get(discovery::resource_type))
        .route("/Schemas", get(discovery::schemas))
        .route("/Schemas/{id}", get(discovery::schema))
        .route("/Users", of_all(ResourceType::User))
        .route("/Users/.search", searched(ResourceType::User))
        .route("/Users/{id}", of_one(ResourceType::User))
        .route("/Groups", of_all(ResourceType::Group))
        .route("/Groups/.search", searched(ResourceType::Group))
        .route("/Groups/{id}", of_one(ResourceType::Group))
        .route("/Me", any(not_implemented))
        .route("/Bulk", any(not_implemented))
        .route("/{*rest}", any(nothing_there));
    Router::new()
        .nest("/scim/v2/{directory}", directory)
        .route("/scim/v2/{directory}/", get(search_everything))
        .layer(from_fn(shared::http::tag))
}

fn of_all(kind: ResourceType) -> MethodRouter<App> {
    get(async move |readable: Readable, state: State<App>, params: Params| {
        let query = Query::of_params(&params)?;
        search::answer(readable, state, &[kind], &query).await
    })
    .post(not_implemented)
}

fn searched(kind: ResourceType) -> MethodRouter<App> {
    post(async move |readable: Readable, state: State<App>, JsonBody(request): JsonBody<SearchRequest>| {
        search::answer(readable, state, &[kind], &Query::of_body(request)?).await
    })
}

fn of_one(kind: ResourceType) -> MethodRouter<App> {
    get(async move |Readable(directory, _): Readable, State(app): State<App>, params: Params| {
        resource::answer(&app, &directory, kind, &params).await
    })
    .put(not_implemented)
    .patch(not_implemented)
    .delete(not_implemented)
}

/// `GET /` and, with the same in a body, `POST /.search`: users and groups together.
async fn search_everything(readable: Readable, state: State<App>, params: Params) -> Result<Response, Problem> {
    search::answer(readable, state, &ResourceType::ALL, &Query::of_params(&params)?).await
}

async fn search_everything_by_body(
    readable: Readable,
    state: State<App>,
    JsonBody(request): JsonBody<SearchRequest>,
) -> Result<Response, Problem> {
    search::answer(readable, state, &ResourceType::ALL, &Query::of_body(request)?).await
}

/// RFC 7644 wants 501 for what a service provider does not do (section 3.12, and 3.11 for `/Me`).
async fn not_implemented(_: Readable) -> Problem {
    Problem::new(
        ProblemKind::NotImplemented,
        "This is for reading only. Change users and groups in Microsoft 365, and the next sync will bring them here.",
    )
}

async fn nothing_there(_: Readable) -> Problem {
    Problem::not_found("There is nothing at this path.")
}
