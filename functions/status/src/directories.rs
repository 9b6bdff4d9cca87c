//! Directories: how each fares, what it has, and who authorized it.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use serde::Serialize;
use shared::access::AccessToken;
use shared::alerts::Condition;
use shared::credentials::{Cause, Credential, CredentialState};
use shared::directory::{Directory, DirectoryId, GroupId, Published, UnknownCause, UserId};
use shared::health::{Health, Overview, Trouble, troubles, worst};
use shared::http::{
    Audience, CountsView, DirectoryInPath, List, Listing, PageParams, Paging, Params, Problem, RunView,
};
use shared::store::Page;
use shared::sync::{HoldSummary, RunId};
use utoipa::ToSchema;

use crate::App;
use crate::access::{Readable, Reader};

/// How many directories are looked at together.
const TOGETHER: usize = 16;

/// A directory.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DirectoryView {
    id: DirectoryId,
    name: String,
    created_at: Timestamp,
    status: Health,
    reasons: Vec<ReasonView>,
    next_sync_at: Timestamp,
    /// When the published state was made; `null` before anything was published, as are the counts.
    published_at: Option<Timestamp>,
    counts: Option<CountsView>,
    /// Groups that the settings name and the tenant does not have: for administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    vanished_groups: Option<Vec<GroupId>>,
    /// Groups whose members are unknown, if the decisions depend on them or they could not be read: for administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    unknown_groups: Option<Vec<UnknownGroupView>>,
    settings: SettingsView,
    credentials: Vec<CredentialView>,
    current_run: Option<RunView>,
    last_run: Option<RunView>,
    held_deactivations: Option<HeldView>,
    /// What people have been told of that is not over.
    open_alerts: BTreeSet<Condition>,
}

/// A group whose members are unknown.
#[derive(Debug, Serialize, ToSchema)]
struct UnknownGroupView {
    group: GroupId,
    cause: UnknownCause,
}

/// Why a directory does not fare well.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReasonView {
    code: Trouble,
    status: Health,
    explanation: &'static str,
}

/// Which settings are in force.
#[derive(Debug, Serialize, ToSchema)]
struct SettingsView {
    version: u64,
    published_version: Option<u64>,
    /// True when the next run will publish other settings than those in force.
    pending: bool,
}

/// An administrator's authorization, without its secret.
#[derive(Debug, Serialize, ToSchema)]
struct CredentialView {
    administrator: UserId,
    user_principal_name: String,
    display_name: String,
    #[serde(flatten)]
    state: CredentialState,
    /// What happened to a failing one.
    explanation: Option<&'static str>,
    /// What its administrator can do.
    advice: Option<&'static str>,
    missing_roles: Vec<String>,
    authorized_at: Timestamp,
    last_good_at: Option<Timestamp>,
    /// When it was last tried only to see whether it works.
    exercised_at: Option<Timestamp>,
}

/// Deactivations that wait for an administrator, and the run that stopped at them.
#[derive(Debug, Serialize, ToSchema)]
struct HeldView {
    run: RunId,
    #[serde(flatten)]
    hold: HoldSummary,
}

/// What is wrong, in words.
pub(crate) fn reasons(troubles: &[Trouble]) -> Vec<ReasonView> {
    let reason =
        |trouble: &Trouble| ReasonView { code: *trouble, status: trouble.health(), explanation: trouble.explanation() };
    troubles.iter().map(reason).collect()
}

impl From<Credential> for CredentialView {
    fn from(credential: Credential) -> Self {
        let cause = match credential.state {
            CredentialState::Working => None,
            CredentialState::Failing { cause, .. } => Some(cause),
        };
        Self {
            administrator: credential.administrator,
            user_principal_name: credential.user_principal_name,
            display_name: credential.display_name,
            explanation: cause.map(Cause::explanation),
            advice: cause.map(Cause::advice),
            state: credential.state,
            missing_roles: credential.missing_roles,
            authorized_at: credential.authorized_at,
            last_good_at: credential.last_good_at,
            exercised_at: credential.exercised_at,
        }
    }
}

impl DirectoryView {
    fn new(overview: Overview, now: Timestamp, audience: Audience) -> Self {
        let troubles = troubles(&overview, now);
        let Overview { directory, current_run, last_run, credentials, open_conditions } = overview;
        let published = directory.published.as_ref();
        let held = last_run.as_ref().and_then(|run| Some(HeldView { run: run.id, hold: run.hold.clone()? }));
        Self {
            id: directory.id,
            name: directory.name.clone(),
            created_at: directory.created_at,
            status: worst(troubles.iter().copied().map(Trouble::health)),
            reasons: reasons(&troubles),
            next_sync_at: directory.next_sync_at,
            published_at: published.map(|published| published.at),
            counts: published.map(|published| CountsView::new(&published.counts, published.users, audience)),
            vanished_groups: (audience == Audience::Administrators)
                .then(|| published.map(|published| published.vanished_groups.clone()).unwrap_or_default()),
            unknown_groups: (audience == Audience::Administrators).then(|| unknown_groups(published)),
            settings: SettingsView {
                version: directory.settings_version,
                published_version: published.map(|published| published.settings_version),
                pending: !directory.settings_are_published(),
            },
            credentials: credentials.into_iter().map(CredentialView::from).collect(),
            current_run: current_run.map(|run| RunView::new(run, &directory, audience)),
            last_run: last_run.map(|run| RunView::new(run, &directory, audience)),
            held_deactivations: held.filter(|_| directory.publishes_users()),
            open_alerts: open_conditions,
        }
    }
}

fn unknown_groups(published: Option<&Published>) -> Vec<UnknownGroupView> {
    let unknown = published.into_iter().flat_map(Published::unknown_groups);
    unknown.map(|(group, cause)| UnknownGroupView { group: group.clone(), cause }).collect()
}

/// How the directories fare that a token may read, in the order of their ids.
pub(crate) async fn readable_by(app: &App, token: &AccessToken) -> Result<Vec<Overview>, Problem> {
    let directories = directories_of(app, token).await?;
    overviews(app, directories).await
}

/// The directories that a token may read, in the order of their ids.
async fn directories_of(app: &App, token: &AccessToken) -> Result<Vec<Directory>, Problem> {
    // The store gives all in this order.
    Ok(match token.directory {
        Some(own) => app.directories.directory(own).await?.into_iter().collect(),
        None => app.directories.directories().await?,
    })
}

async fn overviews(app: &App, directories: Vec<Directory>) -> Result<Vec<Overview>, Problem> {
    let overviews =
        stream::iter(directories).map(|directory| Overview::of(&*app.runs, &*app.alerts, directory)).buffered(TOGETHER);
    Ok(overviews.try_collect().await?)
}

/// The directories that the bearer may read.
#[utoipa::path(
    get,
    path = "/api/v1/directories",
    tag = "Directories",
    operation_id = "listDirectories",
    params(PageParams),
    responses((status = 200, description = "A page of directories", body = List<DirectoryView>)),
)]
pub(crate) async fn list(
    Reader(token): Reader,
    State(app): State<App>,
    params: Params,
) -> Result<Json<List<DirectoryView>>, Problem> {
    let [limit, cursor] = params.query(["limit", "cursor"])?;
    let paging = Paging::parse(limit, cursor)?;
    let listing = Listing::of_directories();
    let after: Option<DirectoryId> = paging.after(&listing)?;
    let mut directories = directories_of(&app, &token).await?;
    directories.retain(|directory| after.is_none_or(|after| directory.id > after));
    let Page { items, more } = Page::of(directories, paging.limit);
    let page = Page { items: overviews(&app, items).await?, more };
    let now = app.clock.now();
    let view = |overview| DirectoryView::new(overview, now, token.scope.into());
    Ok(Json(List::page(page, &listing, |overview| overview.directory.id, view)?))
}

/// A directory: how it fares, what it has, and who authorized it.
#[utoipa::path(
    get,
    path = "/api/v1/directories/{directory}",
    tag = "Directories",
    operation_id = "showDirectory",
    params(DirectoryInPath),
    responses((status = 200, description = "The directory", body = DirectoryView)),
)]
pub(crate) async fn show(
    Readable(directory, audience): Readable,
    State(app): State<App>,
    params: Params,
) -> Result<Json<DirectoryView>, Problem> {
    let [] = params.query([])?;
    let overview = Overview::of(&*app.runs, &*app.alerts, directory).await?;
    Ok(Json(DirectoryView::new(overview, app.clock.now(), audience)))
}
