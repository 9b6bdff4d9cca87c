//! The health of all directories in one answer, for monitors.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use shared::directory::DirectoryId;
use shared::health::{Health, Overview, Trouble, troubles, worst};
use shared::http::{Params, Problem};
use utoipa::ToSchema;

use crate::App;
use crate::access::Reader;
use crate::directories::{ReasonView, readable_by, reasons};

/// How everything fares.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatusView {
    status: Health,
    checked_at: Timestamp,
    directories: Vec<DirectoryStatus>,
}

#[derive(Debug, Serialize, ToSchema)]
struct DirectoryStatus {
    id: DirectoryId,
    name: String,
    status: Health,
    reasons: Vec<ReasonView>,
    published_at: Option<Timestamp>,
    next_sync_at: Timestamp,
}

impl DirectoryStatus {
    fn new(overview: &Overview, now: Timestamp) -> Self {
        let troubles = troubles(overview, now);
        let directory = &overview.directory;
        Self {
            id: directory.id,
            name: directory.name.clone(),
            status: worst(troubles.iter().copied().map(Trouble::health)),
            reasons: reasons(&troubles),
            published_at: directory.published.as_ref().map(|published| published.at),
            next_sync_at: directory.next_sync_at,
        }
    }
}

/// How the directories fare that the bearer may read, for monitors.
#[utoipa::path(
    get,
    path = "/api/v1/status",
    tag = "Monitoring",
    operation_id = "showStatus",
    responses((status = 200, description = "The worst of them, and each", body = StatusView)),
)]
pub(crate) async fn show(
    Reader(token): Reader,
    State(app): State<App>,
    params: Params,
) -> Result<Json<StatusView>, Problem> {
    let [] = params.query([])?;
    let now = app.clock.now();
    let overviews = readable_by(&app, &token).await?;
    let directories: Vec<_> = overviews.iter().map(|overview| DirectoryStatus::new(overview, now)).collect();
    let status = worst(directories.iter().map(|directory| directory.status));
    Ok(Json(StatusView { status, checked_at: now, directories }))
}
