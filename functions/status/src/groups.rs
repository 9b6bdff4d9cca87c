//! Groups that are synced, and who is in them.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use shared::directory::{Directory, GroupId, GroupProfile, GroupRecord, Membership, Text};
use shared::feed::is_published;
use shared::http::{DirectoryInPath, List, Listing, PROBLEM, PageParams, Paging, Params, Problem, ProblemView};
use shared::store::GroupFilter;
use utoipa::ToSchema;

use crate::App;
use crate::access::Readable;
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
    /// Whether its members are known. Where they are not, no list of them is given.
    membership: MembershipView,
    /// The number of users directly in it; `null` when it is unknown, or users are not published.
    members: Option<u64>,
}

/// Whether a group's members are known.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Membership)]
pub(crate) enum MembershipView {
    /// All of them are known.
    Known,
    /// The tenant does not let them be read: the group may have any members, or none.
    Unknown,
}

impl From<Membership> for MembershipView {
    fn from(membership: Membership) -> Self {
        if membership.is_known() { Self::Known } else { Self::Unknown }
    }
}

/// A group with the groups nested in it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupDetailView {
    #[serde(flatten)]
    group: GroupView,
    /// The published groups nested directly in it; `null` when its members are unknown.
    groups: Option<Vec<GroupRef>>,
}

/// A member of a group.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MemberView {
    kind: &'static str,
    #[serde(flatten)]
    user: UserView,
}

impl GroupView {
    fn new(directory: &Directory, group: GroupRecord) -> Self {
        let members = group.known_members().filter(|_| directory.publishes_users());
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
            membership: group.membership.into(),
            members,
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
    let page = app.queries.list_groups(directory.id, GroupFilter::SYNCED, paging.limit, after.as_ref()).await?;
    Ok(Json(List::page(page, &listing, |group| group.id.clone(), |group| GroupView::new(&directory, group))?))
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
    let groups = group.membership.is_known().then(|| nested.only(&group.children));
    Ok(Json(GroupDetailView { groups, group: GroupView::new(&directory, group) }))
}

/// The users directly in a group who exist, active or not.
#[utoipa::path(
    get,
    path = "/api/v1/directories/{directory}/groups/{group}/members",
    tag = "Groups",
    operation_id = "listMembers",
    params(DirectoryInPath, ("group" = GroupId, Path, description = "The object id of the group"), PageParams),
    responses((status = 200, description = "A page of members", body = List<MemberView>), (status = 409, description = "The members are unknown (`membership-unknown`): keep what you have of the group", body = ProblemView, content_type = PROBLEM)),
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
    with_known_members(&group)?;
    let listing = Listing::new(directory.id, "members", &[Some(&group.id.to_string())]);
    let after = paging.after(&listing)?;
    let page = app.queries.list_members(directory.id, &group.id, paging.limit, after.as_ref()).await?;
    let groups = groups_in_reasons(&app, &directory, &page.items).await?;
    let view = |user| MemberView { kind: "user", user: UserView::new(user, &groups, audience) };
    Ok(Json(List::page(page, &listing, |user| user.id.clone(), view)?))
}

/// Refuses a group whose members are unknown.
pub(crate) fn with_known_members(group: &GroupRecord) -> Result<(), Problem> {
    group.membership.cause().map_or(Ok(()), |cause| Err(Problem::membership_unknown(&group.id, cause)))
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
