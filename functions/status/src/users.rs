//! Users: who is active, who is not, and why.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use shared::directory::{Directory, GroupId, ObjectId, Presence, Text, UserId, UserProfile, UserRecord};
use shared::feed::{ChangedObject, Reason, Status, groups_of, is_published, reason_of, view};
use shared::filter::{InactiveReason, UserDecision};
use shared::http::{
    Audience, DirectoryInPath, PROBLEM, PageParams, PageSize, Paging, Params, Problem, ProblemView, SomeOf, Wrapping,
};
use shared::store::StoreError;
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::access::Readable;
use crate::checks::{Checks, ChecksView};
use crate::groups::with_known_members;
use crate::position::Position;
use crate::published::{GroupRef, PublishedGroups};
use crate::selection::{Selection, SelectionParams, Since, Source, parameters};

/// The longest mail address or user principal name that is looked up, in bytes.
const MAX_NAME_BYTES: usize = 320;

/// The fields of a user in a listing.
pub(crate) const FIELDS: [&str; 17] = [
    "id",
    "status",
    "reason",
    "group",
    "display_name",
    "given_name",
    "surname",
    "user_principal_name",
    "mail",
    "proxy_addresses",
    "on_premises_sam_account_name",
    "employee_id",
    "job_title",
    "department",
    "company_name",
    "user_type",
    "deleted_since",
];

/// A user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserView {
    id: UserId,
    status: Status,
    #[schema(example = json!(null))]
    reason: Option<Reason>,
    /// The ignored group, when that is the reason and the group is published. Its name is the group's: when that changes, or the
    /// group comes to be published or not, the user has not changed.
    #[schema(example = json!(null))]
    group: Option<GroupRef>,
    #[schema(value_type = Option<String>, example = "Kim Example")]
    display_name: Option<Text>,
    #[schema(value_type = Option<String>, example = "Kim")]
    given_name: Option<Text>,
    #[schema(value_type = Option<String>, example = "Example")]
    surname: Option<Text>,
    #[schema(value_type = Option<String>, example = "kim@contoso.example")]
    user_principal_name: Option<Text>,
    #[schema(value_type = Option<String>, example = "kim@contoso.example")]
    mail: Option<Text>,
    #[schema(value_type = Vec<String>, example = json!(["SMTP:kim@contoso.example", "smtp:kim.example@contoso.example"]))]
    proxy_addresses: Vec<Text>,
    #[schema(value_type = Option<String>, example = "kim")]
    on_premises_sam_account_name: Option<Text>,
    #[schema(value_type = Option<String>, example = "4711")]
    employee_id: Option<Text>,
    #[schema(value_type = Option<String>, example = "Engineer")]
    job_title: Option<Text>,
    #[schema(value_type = Option<String>, example = "Operations")]
    department: Option<Text>,
    #[schema(value_type = Option<String>, example = "Contoso")]
    company_name: Option<Text>,
    #[schema(value_type = Option<String>, example = "Member")]
    user_type: Option<Text>,
    /// When it was deleted; `null` while it is in the tenant.
    #[schema(example = json!(null))]
    deleted_since: Option<Timestamp>,
}

/// A user, or those fields of one that are wanted.
type SomeOfUser = SomeOf<UserView>;

/// A user with everything that is published of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserDetailView {
    #[serde(flatten)]
    user: UserView,
    /// The published groups the user is directly in.
    groups: Vec<GroupRef>,
    #[serde(flatten)]
    checks: ChecksView,
}

impl UserView {
    pub(crate) fn new(user: UserRecord, groups: &PublishedGroups, audience: Audience) -> Self {
        let group = ignored_group(&user).and_then(|group| groups.named(group, audience));
        let (status, reason) = reason_of(&user.decision);
        let deleted_since = match user.presence {
            Presence::Deleted { since } => Some(since),
            Presence::Unseen | Presence::Present => None,
        };
        // Every property is named, so that a new one is published on purpose or not at all.
        let UserProfile {
            account_enabled: _,
            display_name,
            given_name,
            surname,
            user_principal_name,
            mail,
            proxy_addresses,
            on_premises_sam_account_name,
            employee_id,
            job_title,
            department,
            company_name,
            user_type,
        } = user.profile;
        Self {
            id: user.id,
            status,
            reason,
            group,
            display_name,
            given_name,
            surname,
            user_principal_name,
            mail,
            proxy_addresses: proxy_addresses.unwrap_or_default(),
            on_premises_sam_account_name,
            employee_id,
            job_title,
            department,
            company_name,
            user_type,
            deleted_since,
        }
    }
}

fn ignored_group(user: &UserRecord) -> Option<&GroupId> {
    match &user.decision {
        UserDecision::Inactive(InactiveReason::MemberOfIgnoredGroup { group }) => Some(group),
        UserDecision::Active | UserDecision::Inactive(_) => None,
    }
}

/// The groups that are reasons for these users, to be shown with them.
pub(crate) async fn groups_in_reasons(
    app: &App,
    directory: &Directory,
    users: &[UserRecord],
) -> Result<PublishedGroups, StoreError> {
    let ids: BTreeSet<_> = users.iter().filter_map(ignored_group).cloned().collect();
    PublishedGroups::among(app, directory, &ids).await
}

/// Somebody in a path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) struct UserInPath {
    /// The object id, the user principal name, or any mail address, in any case and encoding.
    #[param(max_length = 320, example = "kim@contoso.example")]
    key: String,
}

/// A part of a listing of users as it is answered.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserList<T> {
    items: Vec<T>,
    /// Where the next page begins; `null` at the end.
    #[schema(example = json!(null))]
    next_cursor: Option<String>,
    /// What to send as `changed_since` the next time, to be told all that has changed since this listing began. The first page of
    /// a listing has it; on the others it is `null`.
    #[schema(example = "NDcxMS4tLnEyYkY3ek4wWXg0.rkdCd1Jq0XnTzYsd2hB3Cg")]
    as_of: Option<String>,
}

/// Users with their decisions.
///
/// `group`, `q`, `login` and `changed_since` exclude each other. Beside them, `status` and `reason` may leave fewer users on a page than it has
/// room for, or none, without its being the last: `next_cursor` tells.
#[utoipa::path(
    get,
    path = "/api/v1/directories/{directory}/users",
    tag = "Users",
    operation_id = "listUsers",
    params(DirectoryInPath, SelectionParams, PageParams),
    responses((status = 200, description = "A page of users", body = UserList<SomeOfUser>), (status = 409, description = "With `group`: its members are unknown (`membership-unknown`); keep what you have of the group", body = ProblemView, content_type = PROBLEM), (status = 410, description = "No changes lead from then to now: they are no longer kept, or it was changed whether users are published. Read all users again", body = ProblemView, content_type = PROBLEM)),
)]
pub(crate) async fn list(
    Readable(directory, audience): Readable,
    State(app): State<App>,
    params: Params,
) -> Result<Json<UserList<Value>>, Problem> {
    let (selection, fields, [limit, cursor]) = parameters(&directory, &params)?;
    let paging = Paging::parse(limit, cursor)?;
    // Before anything else is read, so that it has all that this answer may have missed.
    let end = if paging.is_first() { Some(Position::end(&app, &directory).await?) } else { None };
    let as_of = end.map(|end| end.print(&directory));
    let mut size = PageSize::new(paging.limit, Wrapping::Text);
    loop {
        let (users, next_cursor) = select(&app, &directory, &selection, &paging, size.limit()).await?;
        let groups = if fields.want(&["group"]) {
            groups_in_reasons(&app, &directory, &users).await?
        } else {
            PublishedGroups::none()
        };
        let items: Vec<Value> =
            users.into_iter().map(|user| fields.of(&UserView::new(user, &groups, audience))).collect();
        if size.fits(&items)? {
            return Ok(Json(UserList { items, next_cursor, as_of }));
        }
    }
}

/// A page of the users that are wanted, and the cursor of the next one. Where they are filtered after they were read it may have
/// fewer than it has room for.
async fn select(
    app: &App,
    directory: &Directory,
    selection: &Selection,
    paging: &Paging,
    limit: usize,
) -> Result<(Vec<UserRecord>, Option<String>), Problem> {
    let (queries, listing) = (&app.queries, &selection.listing);
    if let Source::ChangedSince(since) = &selection.source {
        return changed_since(app, directory, selection, since, paging, limit).await;
    }
    if !directory.publishes_users() {
        return Ok((Vec::new(), None));
    }
    if let Source::Login(login) = &selection.source {
        if let Some(cursor) = paging.cursor() {
            return Err(Problem::invalid_parameter("cursor", "none beside login, which has one page", cursor));
        }
        let user = find(app, directory, login).await?.filter(|user| is_wanted(user, selection));
        return Ok((user.into_iter().collect(), None));
    }
    let after: Option<ObjectId> = paging.after(listing)?;
    if let Source::Named(prefix) = &selection.source {
        let found = queries.find_users(directory.id, prefix, selection.filter, limit, after.as_ref()).await?;
        return Ok((found.items, found.next.map(|id| listing.cursor(&id))));
    }
    let after = after.map(UserId::from);
    let mut page = match &selection.source {
        Source::Group(group) => {
            let group = queries.group(directory.id, group).await?.filter(|group| is_published(directory, group));
            let group = group.ok_or_else(|| Problem::not_found("There is no such group in this directory."))?;
            with_known_members(&group)?;
            queries.list_members(directory.id, &group.id, limit, after.as_ref()).await?
        }
        _ => queries.list_users(directory.id, selection.filter, limit, after.as_ref()).await?,
    };
    let next = page.end().map(|last| listing.cursor(&last.id));
    page.items.retain(|user| is_wanted(user, selection));
    Ok((page.items, next))
}

/// True for a user whom a listing with this filter has.
fn is_wanted(user: &UserRecord, selection: &Selection) -> bool {
    is_known(user) && selection.filter.takes(&user.decision)
}

/// Users in the order in which they have changed, as far as consumers can see it. One who changed several times may come on several
/// pages.
async fn changed_since(
    app: &App,
    directory: &Directory,
    selection: &Selection,
    since: &Since,
    paging: &Paging,
    limit: usize,
) -> Result<(Vec<UserRecord>, Option<String>), Problem> {
    let position = match (paging.after(&selection.listing)?, since) {
        (Some(position), _) => position,
        (None, Since::Answer(position)) => position.clone(),
        (None, Since::Time(time)) => Position::at_time(app, directory, *time).await?,
    };
    let (found, end, more) = position.next(app, directory, limit).await?;
    let next = more.then(|| selection.listing.cursor(&end));
    let groups = PublishedGroups::among(app, directory, &groups_of(directory, &found)).await?;
    let seen = found.into_iter().filter_map(|logged| view(directory, |group| groups.has(group), logged));
    let ids: BTreeSet<UserId> = seen
        .filter_map(|change| match change.changed {
            ChangedObject::User { user, .. } => Some(user),
            ChangedObject::Group { .. } => None,
        })
        .collect();
    let mut users = app.queries.users_by_id(directory.id, &ids).await?;
    users.retain(|user| is_wanted(user, selection));
    Ok((users, next))
}

/// One user, with groups, and why it is active or not, rule by rule.
///
/// Of several with that name the one who exists is meant, and before one with the mail address the one with the user principal name.
#[utoipa::path(
    get,
    path = "/api/v1/directories/{directory}/users/{key}",
    tag = "Users",
    operation_id = "showUser",
    params(DirectoryInPath, UserInPath),
    responses((status = 200, description = "The user", body = UserDetailView)),
)]
pub(crate) async fn show(
    Readable(directory, audience): Readable,
    State(app): State<App>,
    params: Params,
) -> Result<Json<UserDetailView>, Problem> {
    let [] = params.query([])?;
    if directory.published.is_none() {
        return Err(Problem::not_found("Nothing is published for this directory yet."));
    }
    if !directory.publishes_users() {
        return Err(Problem::not_found("Users are not published: user sync is off for this directory."));
    }
    let user = find(&app, &directory, params.segment("key")).await?;
    let user = user.ok_or_else(Problem::user_not_found)?;

    let checks = Checks::of(&app, &directory, &user).await?;
    // A deleted user is in no group any more, although a restoration would bring the memberships back.
    let memberships = if user.presence.is_deleted() { BTreeSet::new() } else { user.groups.clone() };
    let mentioned = checks.groups().chain(ignored_group(&user)).chain(&memberships).cloned().collect();
    let groups = PublishedGroups::among(&app, &directory, &mentioned).await?;
    Ok(Json(UserDetailView {
        groups: groups.only(&memberships),
        checks: checks.view(&groups, audience),
        user: UserView::new(user, &groups, audience),
    }))
}

/// Finds a user by object id, or else by user principal name or mail address. Of several with that name the one who exists
/// is meant, and before one with the mail address the one with the user principal name; of two whose names differ only in
/// case or encoding, the one whose name is written like this. Names with control characters, or with the
/// character that stands for broken text, find no user.
pub(crate) async fn find(app: &App, directory: &Directory, key: &str) -> Result<Option<UserRecord>, StoreError> {
    if let Ok(id) = key.parse()
        && let Some(user) = app.queries.user(directory.id, &id).await?
    {
        return Ok(Some(user).filter(is_known));
    }
    // A path that is not UTF-8 arrives with U+FFFD in place of what was sent, which must not be taken for a name.
    let is_no_name = |c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER;
    if key.is_empty() || key.len() > MAX_NAME_BYTES || key.contains(is_no_name) {
        return Ok(None);
    }
    let named = app.queries.users_named(directory.id, key).await?;
    Ok(named.into_iter().filter(is_known).min_by_key(|user| {
        let is_written_so = user.profile.names().any(|name| name == key);
        (!user.presence.is_present(), !user.profile.signs_in_as(key), !is_written_so, user.id.clone())
    }))
}

/// True for a user who was read, not only named as somebody's member.
pub(crate) fn is_known(user: &UserRecord) -> bool {
    !matches!(user.presence, Presence::Unseen)
}
