//! "Sync now".

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::LOCATION;
use serde::Serialize;
use serde_json::{Map, Value};
use shared::http::{Audience, JsonBody, Problem, ProblemKind, RunView};

use super::access::Administered;
use crate::App;
use crate::actions::{MAX_RUNS_PER_MINUTE, RunRefused, sync_now};

/// The run that will see to a request.
#[derive(Debug, Serialize)]
struct RequestedView {
    #[serde(flatten)]
    run: RunView,
    /// True when the run waited already.
    folded: bool,
}

/// `POST /directories/{directory}/runs`
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
