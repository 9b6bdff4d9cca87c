//! Runs: what the last ones did, and how they ended.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::header;
use shared::http::{DirectoryInPath, List, Listing, PageParams, Paging, Params, Problem, ProblemKind, RunView};
use shared::sync::RunId;

use crate::App;
use crate::access::Readable;

/// The runs of a directory, the latest first.
#[utoipa::path(
    get,
    path = "/api/v1/directories/{directory}/runs",
    tag = "Runs",
    operation_id = "listRuns",
    params(DirectoryInPath, PageParams),
    responses((status = 200, description = "A page of runs", body = List<RunView>)),
)]
pub(crate) async fn list(
    Readable(directory, audience): Readable,
    State(app): State<App>,
    params: Params,
) -> Result<Json<List<RunView>>, Problem> {
    let [limit, cursor] = params.query(["limit", "cursor"])?;
    let paging = Paging::parse(limit, cursor)?;
    let listing = Listing::new(directory.id, "runs", &[]);
    let page = app.runs.runs(directory.id, paging.limit, paging.after(&listing)?).await?;
    Ok(Json(List::page(page, &listing, |run| run.id, |run| RunView::new(run, &directory, audience))?))
}

/// Rejects other methods. `POST` belongs to the console function, and is a method of this path all the same.
pub(crate) async fn method_not_allowed() -> impl IntoResponse {
    let detail = "The `Allow` header lists the methods of this path.";
    ([(header::ALLOW, "GET,HEAD,POST")], Problem::new(ProblemKind::MethodNotAllowed, detail))
}

/// A run: what it did, what it cost, how it ended.
///
/// Runs are kept for 90 days.
#[utoipa::path(
    get,
    path = "/api/v1/directories/{directory}/runs/{run}",
    tag = "Runs",
    operation_id = "showRun",
    params(DirectoryInPath, ("run" = RunId, Path, description = "The id of the run")),
    responses((status = 200, description = "The run", body = RunView)),
)]
pub(crate) async fn show(
    Readable(directory, audience): Readable,
    State(app): State<App>,
    params: Params,
) -> Result<Json<RunView>, Problem> {
    let [] = params.query([])?;
    let run = match params.segment("run").parse() {
        Ok(id) => app.runs.run(directory.id, id).await?,
        Err(_) => None,
    };
    let run = run.ok_or_else(|| Problem::not_found("There is no such run, or it is forgotten after 90 days."))?;
    Ok(Json(RunView::new(run, &directory, audience)))
}
