//! "Sync now".

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::LOCATION;
use serde::Serialize;
use serde_json::{Map, Value};
use shared::http::{Audience, DirectoryInPath, JsonBody, PROBLEM, Problem, ProblemKind, ProblemView, RunView};
use utoipa::ToSchema;

use super::access::Administered;
use crate::App;
use crate::actions::{MAX_RUNS_PER_MINUTE, RunRefused, sync_now};

/// A run takes no orders.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct NoOrder {}

/// The run that will see to a request.
#[derive(Debug, Serialize, ToSchema)]
struct RequestedView {
    #[serde(flatten)]
    run: RunView,
    /// True when the run waited already.
    folded: bool,
}

/// Asks for a run. One that waits already is not asked for again.
#[utoipa::path(
    post,
    path = "/api/v1/directories/{directory}/runs",
    tag = "Runs",
    operation_id = "requestRun",
    params(DirectoryInPath),
    request_body(content = Option<NoOrder>, description = "Nothing, or an empty object"),
    responses((status = 202, description = "The run that will see to it", body = RequestedView, headers(("Location" = String, description = "The run"))), (status = 409, description = "No administrator has authorized the directory", body = ProblemView, content_type = PROBLEM), (status = 429, description = "Too many runs were asked for; `Retry-After` says when to come back", body = ProblemView, content_type = PROBLEM)),
)]
pub(crate) async fn request(
    Administered(directory, by): Administered,
    State(app): State<App>,
    order: Option<JsonBody<Map<String, Value>>>,
) -> Result<Response, Problem> {
    if order.is_some_and(|JsonBody(order)| !order.is_empty()) {
        return Err(Problem::new(
            ProblemKind::InvalidBody,
            "Expected no body, or an empty object: a run takes no orders.",
        ));
    }
    let (run, folded) = sync_now(&app, &directory, by).await?;
    let location = format!("/api/v1/directories/{}/runs/{}", directory.id, run.id);
    let view = RequestedView { run: RunView::new(run, &directory, Audience::Administrators), folded };
    Ok((StatusCode::ACCEPTED, [(LOCATION, location)], Json(view)).into_response())
}

impl From<RunRefused> for Problem {
    fn from(refused: RunRefused) -> Self {
        match refused {
            RunRefused::NoCredential => Self::new(
                ProblemKind::NoCredential,
                "An administrator must authorize the directory before it can be synced.",
            ),
            RunRefused::TooMany { seconds_left } => Self::new(
                ProblemKind::TooManyRequests,
                format!("At most {MAX_RUNS_PER_MINUTE} runs of a directory may be asked for in a minute."),
            )
            .retry_after(seconds_left),
            RunRefused::Store(error) => error.into(),
            RunRefused::Request(error) => error.into(),
        }
    }
}
