//! The feed of changes, for those who follow instead of asking for everything.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use shared::feed::{ChangeView, groups_of, view};
use shared::http::{DirectoryInPath, PROBLEM, PageSize, Paging, Params, Problem, ProblemView, Wrapping};
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::access::Readable;
use crate::position::Position;
use crate::published::PublishedGroups;

/// A part of the feed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FeedView {
    items: Vec<ChangeView>,
    /// Where to go on, now or later.
    #[schema(example = "NDcxMS4tLnEyYkY3ek4wWXg0.rkdCd1Jq0XnTzYsd2hB3Cg")]
    next_cursor: String,
    /// True when there is more by now.
    more: bool,
}

/// Where in the feed to begin.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it only describes")]
struct FeedParams {
    /// The `next_cursor` of an answer before. Without it, the answer has no changes, only a cursor of now.
    #[param(max_length = 1024)]
    since: Option<String>,
    /// The most changes that are looked at.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u16>,
}

/// What has changed since a cursor; without one, only a cursor of now.
///
/// Nothing is left out and nothing comes twice. Changes are kept for 30 days.
#[utoipa::path(
    get,
    path = "/api/v1/directories/{directory}/changes",
    tag = "Changes",
    operation_id = "listChanges",
    params(DirectoryInPath, FeedParams),
    responses((status = 200, description = "The changes in their order", body = FeedView), (status = 410, description = "What follows is not kept any more: take a new cursor and read everything again", body = ProblemView, content_type = PROBLEM)),
)]
pub(crate) async fn list(
    Readable(directory, _): Readable,
    State(app): State<App>,
    params: Params,
) -> Result<Json<FeedView>, Problem> {
    let [since, limit] = params.query(["since", "limit"])?;
    let limit = Paging::parse(limit, None)?.limit;
    let Some(since) = since else {
        let next_cursor = Position::end(&app, &directory).await?.print(&directory);
        return Ok(Json(FeedView { items: Vec::new(), next_cursor, more: false }));
    };
    let position = Position::parse(&directory, &since)?;
    let mut size = PageSize::new(limit, Wrapping::Text);
    loop {
        let (found, end, more) = position.next(&app, &directory, size.limit()).await?;
        let groups = PublishedGroups::among(&app, &directory, &groups_of(&directory, &found)).await?;
        let seen = found.into_iter().filter_map(|logged| view(&directory, |group| groups.has(group), logged));
        let items: Vec<ChangeView> = seen.collect();
        if size.fits(&items)? {
            return Ok(Json(FeedView { items, next_cursor: end.print(&directory), more }));
        }
    }
}
