//! "Sync now".

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::LOCATION;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use shared::directory::DirectoryId;
use shared::http::{JsonBody, Problem, ProblemKind, RunView};
use shared::store::RequestedRun;
use shared::sync::{Run, RunId, Trigger, request_run};

use crate::App;
use crate::access::Administered;

/// The most manual runs of a directory in a minute.
const MAX_RUNS_PER_MINUTE: u64 = 30;

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
    Administered(directory): Administered,
    State(app): State<App>,
    order: Option<JsonBody<Map<String, Value>>>,
) -> Result<Response, Problem> {
    let now = app.clock.now();
    if order.is_some_and(|JsonBody(order)| !order.is_empty()) {
        return Err(Problem::new(
            ProblemKind::InvalidBody,
            "Expected no body, or an empty object: a run takes no orders.",
        ));
    }
    let credentials = app.credentials.credentials(directory.id).await?;
    if credentials.is_empty() {
        return Err(Problem::new(
            ProblemKind::NoCredential,
            "An administrator must authorize the directory before it can be synced.",
        ));
    }
    refuse_too_many(&app, directory.id, now).await?;

    let run = Run::requested(directory.id, Trigger::Manual, now);
    let requested = request_run(&*app.runs, &*app.queue, &run).await?;
    let (run, folded) = match requested {
        RequestedRun::Added => (run, false),
        RequestedRun::Folded(waiting) => (waiting_run(&app, waiting, run).await?, true),
    };
    let location = format!("/api/v1/directories/{}/runs/{}", directory.id, run.id);
    let view = RequestedView { run: RunView::new(run, &directory), folded };
    Ok((StatusCode::ACCEPTED, [(LOCATION, location)], Json(view)).into_response())
}

/// The run that a request was folded into. Should its record be gone, it is shown as if it had been asked for now.
async fn waiting_run(app: &App, id: RunId, asked: Run) -> Result<Run, Problem> {
    let waiting = app.runs.run(asked.directory, id).await?;
    Ok(waiting.unwrap_or(Run { id, ..asked }))
}

/// Counts this request, unless there were too many within the minute.
async fn refuse_too_many(app: &App, directory: DirectoryId, now: Timestamp) -> Result<(), Problem> {
    let minute = now.as_second().div_euclid(60);
    if app.runs.count_manual_run(directory, minute).await? <= MAX_RUNS_PER_MINUTE {
        return Ok(());
    }
    let seconds_left = 60 - now.as_second().rem_euclid(60);
    Err(Problem::new(
        ProblemKind::TooManyRequests,
        format!("At most {MAX_RUNS_PER_MINUTE} runs of a directory may be asked for in a minute."),
    )
    .retry_after(seconds_left.unsigned_abs()))
}
