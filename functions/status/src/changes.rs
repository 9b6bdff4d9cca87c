//! The feed of changes, for those who follow instead of asking for everything.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use shared::directory::ChangeId;
use shared::feed::{ChangeView, groups_of, view};
use shared::http::{DirectoryInPath, PROBLEM, Problem, ProblemKind, ProblemView};
use shared::store::Changes;
use shared::sync::RunId;
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::access::Readable;
use crate::params::{Paging, Params};
use crate::published::PublishedGroups;

/// What stands in a cursor for users who have never been published.
const NEVER: &str = "-";

/// A part of the feed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FeedView {
    items: Vec<ChangeView>,
    /// Where to go on, now or later.
    #[schema(example = "4711.-.q2bF7zN0Yx4")]
    next_cursor: String,
    /// True when there is more by now.
    more: bool,
}

/// A place in the feed of a directory as long as users are, or are not, published in it.
struct Place {
    after: Option<ChangeId>,
    users_since: Option<RunId>,
    /// The log whose numbers these are ([`shared::store::ChangeStore::log_name`]).
    log: String,
}

impl Place {
    fn print(&self) -> String {
        let after = self.after.map_or(0, ChangeId::number);
        let since = self.users_since.map_or_else(|| NEVER.to_owned(), |run| run.to_string());
        format!("{after}.{since}.{}", self.log)
    }

    /// Reads what [`Self::print`] has written, and nothing else.
    fn parse(text: &str) -> Result<Self, Problem> {
        let place = text.split_once('.').and_then(|(after, rest)| {
            let (since, log) = rest.split_once('.')?;
            let users_since = if since == NEVER { None } else { Some(since.parse().ok()?) };
            Some(Self { after: ChangeId::new(after.parse().ok()?), users_since, log: log.to_owned() })
        });
        let malformed = || {
            let detail = "Take the cursor from the `next_cursor` of this feed, or begin again without one.";
            Problem::new(ProblemKind::InvalidCursor, detail)
        };
        place.filter(|place| place.print() == text).ok_or_else(malformed)
    }
}

/// Where in the feed to begin.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it only describes")]
struct FeedParams {
    /// The `next_cursor` of an answer before. Without it, the answer has no changes, only a cursor of now.
    #[param(max_length = 128)]
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
    let users_since = directory.published.as_ref().and_then(|published| published.users_since);
    let log = app.changes.log_name();
    let Some(since) = since else {
        let after = app.changes.last_change(directory.id).await?;
        return Ok(Json(FeedView {
            items: Vec::new(),
            next_cursor: Place { after, users_since, log }.print(),
            more: false,
        }));
    };
    let place = Place::parse(&since)?;
    if place.log != log {
        return Err(start_over("Since then what is known here was restored from a backup."));
    }
    if place.users_since != users_since {
        return Err(start_over(
            "Since then it was changed whether users are published at all, which no single change tells.",
        ));
    }
    let Changes::Next(found) = app.changes.changes(directory.id, place.after, limit).await? else {
        return Err(start_over("The next change is not kept any more: they are for 30 days."));
    };
    let more = found.len() == limit;
    let after = found.last().map(|last| last.id).or(place.after);
    let groups = PublishedGroups::among(&app, &directory, &groups_of(&directory, &found)).await?;
    let items = found.into_iter().filter_map(|logged| view(&directory, |group| groups.has(group), logged)).collect();
    Ok(Json(FeedView { items, next_cursor: Place { after, users_since, log }.print(), more }))
}

pub(crate) fn start_over(why: &str) -> Problem {
    let how =
        "Ask without `since` for a new cursor, then read users, groups and members anew, and go on from that cursor.";
    Problem::new(ProblemKind::CursorTooOld, format!("{why} {how}"))
}
