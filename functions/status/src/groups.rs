//! Groups that are synced, and who is in them.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use shared::directory::{Directory, GroupId, GroupProfile, GroupRecord, Text};
use shared::feed::is_published;
use shared::http::{DirectoryInPath, Listing, PageSize, Problem, Wrapping};
use shared::store::GroupFilter;
use utoipa::ToSchema;

use crate::App;
use crate::access::Readable;
use crate::params::{List, PageParams, Paging, Params};
use crate::published::{GroupRef, PublishedGroups};
use crate::users::{UserView, groups_in_reasons};

/// A group.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupView {
    id: GroupId,
    #[schema(value_type = Option<String>, example = "VPN-Berlin")]
    display_name: Option<Text>,
    #[schema(value_type = Option<String>, example = "May dial in from Berlin")]
    description: Option<Text>,
    #[schema(value_type = Option<String>, example = "vpn-berlin@contoso.example")]
    mail: Option<Text>,
    mail_enabled: Option<bool>,
    security_enabled: Option<bool>,
    #[schema(value_type = Vec<String>, example = json!(["Unified"]))]
    group_types: Vec<Text>,
    #[schema(value_type = Option<String>, example = "Private")]
    visibility: Option<Text>,
}

/// A group with the groups nested in it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupDetailView {
    #[serde(flatten)]
    group: GroupView,
    /// The published groups nested directly in it.
    groups: Vec<GroupRef>,
}

/// A member of a group.
#[derive(Debug, Serialize, ToSchema)]
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

/// The groups that are synced.
#[utoipa::path(
    get,
    path = "/api/v1/directories/{directory}/groups",
    tag = "Groups",
    operation_id = "listGroups",
    params(DirectoryInPath, PageParams),
    responses((status = 200, description = "A page of groups", body = List<GroupView>)),
)]
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
    let listing = Listing::new(directory.id, "groups", &[]);
    let after = paging.after(&listing)?;
    let mut size = PageSize::new(paging.limit, Wrapping::Text);
    loop {
        let page = app.queries.list_groups(directory.id, GroupFilter::SYNCED, size.limit(), after.as_ref()).await?;
        let list = List::page(page, &listing, |group| &group.id, GroupView::from);
        if size.fits(&list.items)? {
            return Ok(Json(list));
        }
    }
}

/// A group, with the groups nested in it.
#[utoipa::path(
    get,
    path = "/api/v1/directories/{directory}/groups/{group}",
    tag = "Groups",
    operation_id = "showGroup",
    params(DirectoryInPath, ("group" = GroupId, Path, description = "The object id of the group")),
    responses((status = 200, description = "The group", body = GroupDetailView)),
)]
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

/// The users directly in a group who exist, active or not.
#[utoipa::path(
    get,
    path = "/api/v1/directories/{directory}/groups/{group}/members",
    tag = "Groups",
    operation_id = "listMembers",
    params(DirectoryInPath, ("group" = GroupId, Path, description = "The object id of the group"), PageParams),
    responses((status = 200, description = "A page of members", body = List<MemberView>)),
)]
pub(crate) async fn members(
    Readable(directory, audience): Readable,
    State(app): State<App>,
    params: Params,
) -> Result<Json<List<MemberView>>, Problem> {
    let [limit, cursor] = params.query(["limit", "cursor"])?;
    let paging = Paging::parse(limit, cursor)?;
    let group = find(&app, &directory, params.segment("group")).await?;
    if !directory.publishes_users() {
        return Ok(Json(List::empty()));
    }
    let listing = Listing::new(directory.id, "members", &[Some(&group.id.to_string())]);
    let after = paging.after(&listing)?;
    let mut size = PageSize::new(paging.limit, Wrapping::Text);
    loop {
        let page = app.queries.list_members(directory.id, &group.id, size.limit(), after.as_ref()).await?;
        let groups = groups_in_reasons(&app, &directory, &page.items).await?;
        let view = |user| MemberView { kind: "user", user: UserView::new(user, &groups, audience) };
        let list = List::page(page, &listing, |user| &user.id, view);
        if size.fits(&list.items)? {
            return Ok(Json(list));
        }
    }
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
