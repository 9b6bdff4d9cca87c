//! Holds: what waits for an administrator, and the two answers to it.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::LOCATION;
use jiff::Timestamp;
use serde::Serialize;
use shared::directory::{Directory, GroupId, Text, UserId, UserRecord};
use shared::http::{
    Audience, DirectoryInPath, List, Listing, PROBLEM, PageParams, Paging, Params, Problem, ProblemKind, ProblemView,
    RunView,
};
use shared::store::Page;
use shared::sync::{HeldChange, Hold, HoldId, HoldState};
use utoipa::ToSchema;

use super::access::Administered;
use crate::App;
use crate::actions::{Decided, decide_hold, why_not_open};

/// A hold.
#[derive(Debug, Serialize, ToSchema)]
struct HoldView {
    #[serde(flatten)]
    hold: Hold,
    /// True while it can be applied or discarded.
    can_be_decided: bool,
}

/// A hold with a part of what it would change.
#[derive(Debug, Serialize, ToSchema)]
struct HoldDetailView {
    #[serde(flatten)]
    hold: HoldView,
    changes: Vec<ChangeView>,
    /// Where the next page begins; `null` at the end.
    #[schema(example = json!(null))]
    next_cursor: Option<String>,
}

/// One change, with the names of those it is about as far as they are known.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HeldChangeView)]
struct ChangeView {
    #[serde(flatten)]
    change: HeldChange,
    #[schema(value_type = Option<String>)]
    user_principal_name: Option<Text>,
    #[schema(value_type = Option<String>)]
    display_name: Option<Text>,
    #[schema(value_type = Option<String>)]
    group_name: Option<Text>,
}

/// A decision about a hold, and the run that will see to it.
#[derive(Debug, Serialize, ToSchema)]
struct DecidedView {
    hold: HoldView,
    run: RunView,
}

impl HoldView {
    fn new(hold: Hold, now: Timestamp) -> Self {
        Self { can_be_decided: hold.can_be_decided(now), hold }
    }
}

/// The holds of a directory, the latest first.
#[utoipa::path(
    get,
    path = "/api/v1/directories/{directory}/holds",
    tag = "Holds",
    operation_id = "listHolds",
    params(DirectoryInPath, PageParams),
    responses((status = 200, description = "A page of holds, which are kept for 90 days", body = List<HoldView>)),
)]
pub(crate) async fn list(
    Administered(directory, _): Administered,
    State(app): State<App>,
    params: Params,
) -> Result<Response, Problem> {
    let [limit, cursor] = params.query(["limit", "cursor"])?;
    let paging = Paging::parse(limit, cursor)?;
    let listing = Listing::new(directory.id, "holds", &[]);
    let before: Option<HoldId> = paging.after(&listing)?;
    let mut holds = app.holds.holds(directory.id).await?;
    holds.retain(|hold| before.is_none_or(|before| hold.id < before));
    let now = app.clock.now();
    let page = Page::of(holds, paging.limit);
    Ok(Json(List::page(page, &listing, |hold| hold.id, |hold| HoldView::new(hold, now))?).into_response())
}

/// A hold, with who would be affected, and why.
///
/// Its changes come by pages. They stay what they were when the hold was opened, and in their order.
#[utoipa::path(
    get,
    path = "/api/v1/directories/{directory}/holds/{hold}",
    tag = "Holds",
    operation_id = "showHold",
    params(DirectoryInPath, ("hold" = HoldId, Path, description = "The id of the hold"), PageParams),
    responses((status = 200, description = "The hold, with a page of its changes", body = HoldDetailView)),
)]
pub(crate) async fn show(
    Administered(directory, _): Administered,
    State(app): State<App>,
    params: Params,
) -> Result<Response, Problem> {
    let [limit, cursor] = params.query(["limit", "cursor"])?;
    let paging = Paging::parse(limit, cursor)?;
    let listing = Listing::new(directory.id, "held changes", &[Some(params.segment("hold"))]);
    // What is held is stored once and never changed, so that the number of a change is its place for good.
    let before: usize = paging.after(&listing)?.unwrap_or_default();
    let hold = find(&app, &directory, &params).await?;
    let changes = app.holds.held_changes(directory.id, hold.id).await?.to_list();
    let Page { items, more } = Page::of((1..).zip(changes).skip(before).collect(), paging.limit);
    let (numbers, changes): (Vec<usize>, Vec<HeldChange>) = items.into_iter().unzip();
    let items = numbers.into_iter().zip(named(&app, &directory, changes).await?).collect();
    let page = List::page(Page { items, more }, &listing, |(number, _)| *number, |(_, change)| change)?;
    let hold = HoldView::new(hold, app.clock.now());
    Ok(Json(HoldDetailView { hold, changes: page.items, next_cursor: page.next_cursor }).into_response())
}

/// Applies a hold: the next run makes exactly these changes, as far as they are still true.
///
/// Asking twice is the same as once.
#[utoipa::path(
    post,
    path = "/api/v1/directories/{directory}/holds/{hold}/apply",
    tag = "Holds",
    operation_id = "applyHold",
    params(DirectoryInPath, ("hold" = HoldId, Path, description = "The id of the hold")),
    responses((status = 202, description = "The decision, and the run that will see to it", body = DecidedView, headers(("Location" = String, description = "The run"))), (status = 409, description = "The hold does not wait for a decision any more", body = ProblemView, content_type = PROBLEM)),
)]
pub(crate) async fn apply(administered: Administered, state: State<App>, params: Params) -> Result<Response, Problem> {
    decide(administered, state, params, HoldState::Approved).await
}

/// Discards a hold: the next run does not believe what was read, and reads everything anew.
#[utoipa::path(
    post,
    path = "/api/v1/directories/{directory}/holds/{hold}/discard",
    tag = "Holds",
    operation_id = "discardHold",
    params(DirectoryInPath, ("hold" = HoldId, Path, description = "The id of the hold")),
    responses((status = 202, description = "The decision, and the run that will see to it", body = DecidedView, headers(("Location" = String, description = "The run"))), (status = 409, description = "The hold does not wait for a decision any more", body = ProblemView, content_type = PROBLEM)),
)]
pub(crate) async fn discard(
    administered: Administered,
    state: State<App>,
    params: Params,
) -> Result<Response, Problem> {
    decide(administered, state, params, HoldState::Discarded).await
}

async fn decide(
    Administered(directory, by): Administered,
    State(app): State<App>,
    params: Params,
    decision: HoldState,
) -> Result<Response, Problem> {
    let mut hold = find(&app, &directory, &params).await?;
    let decided = decide_hold(&app, &directory, &mut hold, decision, by).await?;
    let now = app.clock.now();
    let Decided::Done(run) = decided else {
        return Err(Problem::new(ProblemKind::HoldNotOpen, why_not_open(&hold, now)));
    };
    let location = format!("/api/v1/directories/{}/runs/{}", directory.id, run.id);
    let view =
        DecidedView { hold: HoldView::new(hold, now), run: RunView::new(*run, &directory, Audience::Administrators) };
    Ok((StatusCode::ACCEPTED, [(LOCATION, location)], Json(view)).into_response())
}

async fn find(app: &App, directory: &Directory, params: &Params) -> Result<Hold, Problem> {
    let hold = match params.segment("hold").parse() {
        Ok(id) => app.holds.hold(directory.id, id).await?,
        Err(_) => None,
    };
    hold.ok_or_else(|| Problem::not_found("There is no such hold, or it is forgotten after 90 days."))
}

/// The changes with names.
async fn named(app: &App, directory: &Directory, changes: Vec<HeldChange>) -> Result<Vec<ChangeView>, Problem> {
    let users: BTreeSet<UserId> = changes.iter().filter_map(|change| change.user().cloned()).collect();
    let groups: BTreeSet<GroupId> = changes.iter().filter_map(|change| change.group().cloned()).collect();
    let users = app.mirror.users(directory.id, &users).await?;
    let users: BTreeMap<UserId, UserRecord> = users.into_iter().map(|user| (user.id.clone(), user)).collect();
    let groups = app.mirror.groups(directory.id, &groups).await?;
    let groups: BTreeMap<GroupId, Text> =
        groups.into_iter().filter_map(|group| Some((group.id, group.profile.display_name?))).collect();
    let view = |change: HeldChange| {
        let user = change.user().and_then(|user| users.get(user));
        let group = change.group().and_then(|group| groups.get(group));
        ChangeView {
            user_principal_name: user.and_then(|user| user.profile.user_principal_name.clone()),
            display_name: user.and_then(|user| user.profile.display_name.clone()),
            group_name: group.cloned(),
            change,
        }
    };
    Ok(changes.into_iter().map(view).collect())
}
