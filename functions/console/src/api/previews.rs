//! Previews of settings that were not saved.

use axum::Json;
use axum::extract::{RawPathParams, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use shared::directory::{ObjectId, Text};
use shared::filter::Policy;
use shared::http::{DirectoryInPath, PreviewSummaryView, Problem};
use shared::settings::{Draft, DraftId, Line, Shift};
use shared::store::LINES_PER_PAGE;
use utoipa::ToSchema;

use super::access::Administered;
use crate::App;
use crate::actions::preview_of;

/// What settings would change, in numbers and with the beginning of each list.
#[derive(Debug, Serialize, ToSchema)]
struct PreviewView {
    #[serde(flatten)]
    summary: PreviewSummaryView,
    /// The settings that were not saved.
    settings: Policy,
    /// The version of the settings that they were to replace.
    from_version: u64,
    /// The first 100 users that would no longer be active, in the order of names.
    users_deactivated: Vec<LineView>,
    /// The first 100 users that would become active.
    users_activated: Vec<LineView>,
    /// The first 100 groups that consumers would no longer see.
    group_removals: Vec<LineView>,
    /// The first 100 groups that consumers would see from then on.
    group_additions: Vec<LineView>,
}

/// A user or a group.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewLine)]
struct LineView {
    #[schema(value_type = String, example = "87d349ed-44d7-43e1-9a83-5f2406dee5bd")]
    id: ObjectId,
    #[schema(value_type = Option<String>)]
    display_name: Option<Text>,
    /// A user's sign-in name, a group's mail address.
    #[schema(value_type = Option<String>)]
    address: Option<Text>,
}

impl From<Line> for LineView {
    fn from(line: Line) -> Self {
        Self { id: line.id, display_name: line.name, address: line.address }
    }
}

/// What settings would change that a `409` has not saved.
///
/// It is kept for a day, and compared again when a run has published something else since.
#[utoipa::path(
    get,
    path = "/api/v1/directories/{directory}/previews/{preview}",
    tag = "Settings",
    operation_id = "showPreview",
    params(DirectoryInPath, ("preview" = String, Path, format = Uuid, description = "The id of the preview, as `link` names it")),
    responses((status = 200, description = "What would change", body = PreviewView)),
)]
pub(crate) async fn show(
    Administered(directory, _): Administered,
    State(app): State<App>,
    params: RawPathParams,
) -> Result<Response, Problem> {
    let id = params.iter().find(|(name, _)| *name == "preview").and_then(|(_, id)| id.parse::<DraftId>().ok());
    let draft: Option<Draft> = match id {
        Some(id) => app.drafts.draft(directory.id, id).await?,
        None => None,
    };
    let draft = draft.ok_or_else(|| Problem::not_found("There is no such preview, or it is forgotten after a day."))?;
    let outline = preview_of(&app, &directory, &draft).await?;
    let list = async |shift: Shift| -> Result<Vec<LineView>, Problem> {
        if outline.size(shift) == 0 {
            return Ok(Vec::new());
        }
        let lines = app.drafts.lines(directory.id, draft.id, shift, 0).await?;
        debug_assert!(lines.len() <= LINES_PER_PAGE, "a page has no more");
        Ok(lines.into_iter().map(LineView::from).collect())
    };
    let (users_deactivated, users_activated, group_removals, group_additions) = futures::try_join!(
        list(Shift::Deactivated),
        list(Shift::Activated),
        list(Shift::GroupsRemoved),
        list(Shift::GroupsAdded)
    )?;
    let view = PreviewView {
        summary: PreviewSummaryView::new(&directory, draft.id, &outline),
        settings: draft.policy,
        from_version: draft.from_version,
        users_deactivated,
        users_activated,
        group_removals,
        group_additions,
    };
    Ok(Json(view).into_response())
}
