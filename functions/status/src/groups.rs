//! Groups that are synced, and who is in them.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use shared::directory::{Directory, GroupId, GroupProfile, GroupRecord, Text};
use shared::http::{Problem, publishes_users};
use shared::store::GroupFilter;

use crate::App;
use crate::access::Readable;
use crate::params::{List, Paging, Params};
use crate::published::{GroupRef, PublishedGroups, is_published};
use crate::users::{UserView, groups_in_reasons};

/// A group.
#[derive(Debug, Serialize)]
pub(crate) struct GroupView {
    id: GroupId,
    display_name: Option<Text>,
    description: Option<Text>,
    mail: Option<Text>,
    mail_enabled: Option<bool>,
    security_enabled: Option<bool>,
    group_types: Vec<Text>,
    visibility: Option<Text>,
}

/// A group with the groups nested in it.
#[derive(Debug, Serialize)]
pub(crate) struct GroupDetailView {
    #[serde(flatten)]
    group: GroupView,
    /// The published groups nested directly in it.
    groups: Vec<GroupRef>,
}

/// A member of a group.
#[derive(Debug, Serialize)]
pub(crate) struct MemberView {
    kind: &'static str,
    #[serde(flatten)]
    user: UserView,
}

impl From<GroupRecord> for GroupView {
    fn from(group: GroupRecord) -> Self {
        let GroupProfile { display_name, description, mail, mail_enabled, security_enabled, group_types, visibility } =
            group.profile;
        Self {
            id: group.id,
            display_name,
            description,
            mail,
            mail_enabled,
            security_enabled,
            group_types: group_types.unwrap_or_default(),
            visibility,
        }
    }
}

/// `GET /directories/{directory}/groups`
pub(crate) async fn list(
    Readable(directory, _): Readable,
    State(app): State<App>,
    params: Params,
) -> Result<Json<List<GroupView>>, Problem> {
    let [limit, cursor] = params.query(["limit", "cursor"])?;
    let paging = Paging::parse(limit, cursor)?;
    if directory.published.is_none() {
        return Ok(Json(List::empty()));
    }
    let page = app.queries.list_groups(directory.id, GroupFilter::SYNCED, paging.limit, paging.after.as_ref()).await?;
    Ok(Json(List::page(page, GroupView::from)))
}

/// `GET /directories/{directory}/groups/{group}`
pub(crate) async fn show(
    Readable(directory, _): Readable,
    State(app): State<App>,
    params: Params,
) -> Result<Json<GroupDetailView>, Problem> {
    let [] = params.query([])?;
    let group = find(&app, &directory, params.segment("group")).await?;
    let nested = PublishedGroups::among(&app, &directory, &group.children).await?;
    Ok(Json(GroupDetailView { groups: nested.only(&group.children), group: group.into() }))
}

/// `GET /directories/{directory}/groups/{group}/members`: the users directly in it who exist, active or not.
pub(crate) async fn members(
    Readable(directory, _): Readable,
    State(app): State<App>,
    params: Params,
) -> Result<Json<List<MemberView>>, Problem> {
    let [limit, cursor] = params.query(["limit", "cursor"])?;
    let paging = Paging::parse(limit, cursor)?;
    let group = find(&app, &directory, params.segment("group")).await?;
    if !publishes_users(&directory) {
        return Ok(Json(List::empty()));
    }
    let page = app.queries.list_members(directory.id, &group.id, paging.limit, paging.after.as_ref()).await?;
    let groups = groups_in_reasons(&app, &directory, &page.items).await?;
    Ok(Json(List::page(page, |user| MemberView { kind: "user", user: UserView::new(user, &groups) })))
}

/// A published group. One that is skipped does not exist here.
async fn find(app: &App, directory: &Directory, name: &str) -> Result<GroupRecord, Problem> {
    let group = match name.parse() {
        Ok(id) => app.queries.group(directory.id, &id).await?,
        Err(_) => None,
    };
    group
        .filter(|group| is_published(directory, group))
        .ok_or_else(|| Problem::not_found("There is no such group in this directory."))
}
