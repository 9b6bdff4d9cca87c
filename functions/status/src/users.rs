//! Users: who is active, who is not, and why.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use shared::directory::{Directory, GroupId, Presence, Text, UserId, UserProfile, UserRecord};
use shared::filter::{InactiveReason, UserDecision};
use shared::http::{Problem, publishes_users};
use shared::store::{StoreError, UserFilter};

use crate::App;
use crate::access::Readable;
use crate::checks::{Checks, ChecksView};
use crate::params::{List, Paging, Params};
use crate::published::{GroupRef, PublishedGroups};

/// The longest mail address or user principal name that is looked up, in bytes.
const MAX_NAME_BYTES: usize = 320;

/// A user.
#[derive(Debug, Serialize)]
pub(crate) struct UserView {
    id: UserId,
    status: Status,
    reason: Option<Reason>,
    /// The ignored group, when that is the reason.
    group: Option<GroupRef>,
    display_name: Option<Text>,
    given_name: Option<Text>,
    surname: Option<Text>,
    user_principal_name: Option<Text>,
    mail: Option<Text>,
    proxy_addresses: Vec<Text>,
    on_premises_sam_account_name: Option<Text>,
    employee_id: Option<Text>,
    job_title: Option<Text>,
    department: Option<Text>,
    company_name: Option<Text>,
    user_type: Option<Text>,
    deleted_since: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Active,
    Inactive,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    Deleted,
    #[serde(rename = "disabled_in_office_365")]
    DisabledInOffice365,
    MemberOfIgnoredGroup,
    NotInAllowedGroup,
}

/// A user with everything that is published of it.
#[derive(Debug, Serialize)]
pub(crate) struct UserDetailView {
    #[serde(flatten)]
    user: UserView,
    /// The published groups the user is directly in.
    groups: Vec<GroupRef>,
    #[serde(flatten)]
    checks: ChecksView,
}

impl UserView {
    pub(crate) fn new(user: UserRecord, groups: &PublishedGroups) -> Self {
        let group = ignored_group(&user).map(|group| groups.named(group));
        let (status, reason) = match &user.decision {
            UserDecision::Active => (Status::Active, None),
            UserDecision::Inactive(reason) => (Status::Inactive, Some(Reason::from(reason))),
        };
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

impl From<&InactiveReason> for Reason {
    fn from(reason: &InactiveReason) -> Self {
        match reason {
            InactiveReason::Deleted => Self::Deleted,
            InactiveReason::DisabledInOffice365 => Self::DisabledInOffice365,
            InactiveReason::MemberOfIgnoredGroup { .. } => Self::MemberOfIgnoredGroup,
            InactiveReason::NotInAllowedGroup => Self::NotInAllowedGroup,
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

/// `GET /directories/{directory}/users`
pub(crate) async fn list(
    Readable(directory): Readable,
    State(app): State<App>,
    params: Params,
) -> Result<Json<List<UserView>>, Problem> {
    let [status, limit, cursor] = params.query(["status", "limit", "cursor"])?;
    let filter = match status.as_deref() {
        None => UserFilter::All,
        Some("active") => UserFilter::Active,
        Some("inactive") => UserFilter::Inactive,
        Some(other) => return Err(Problem::invalid_parameter("status", "active or inactive", other)),
    };
    let paging = Paging::parse(limit, cursor)?;
    if !publishes_users(&directory) {
        return Ok(Json(List::empty()));
    }
    let page = app.queries.list_users(directory.id, filter, paging.limit, paging.after.as_ref()).await?;
    let groups = groups_in_reasons(&app, &directory, &page.items).await?;
    Ok(Json(List::page(page, |user| UserView::new(user, &groups))))
}

/// `GET /directories/{directory}/users/{key}`
pub(crate) async fn show(
    Readable(directory): Readable,
    State(app): State<App>,
    params: Params,
) -> Result<Json<UserDetailView>, Problem> {
    let [] = params.query([])?;
    if directory.published.is_none() {
        return Err(Problem::not_found("Nothing is published for this directory yet."));
    }
    if !publishes_users(&directory) {
        return Err(Problem::not_found("Users are not published: user sync is off for this directory."));
    }
    let user = find(&app, &directory, params.segment("key")).await?;
    let user = user.ok_or_else(|| Problem::not_found("There is no such user in this directory."))?;

    let checks = Checks::of(&app, &directory, &user).await?;
    // A deleted user is in no group any more, although a restoration would bring the memberships back.
    let memberships = if user.presence.is_deleted() { BTreeSet::new() } else { user.groups.clone() };
    let mentioned = checks.groups().chain(ignored_group(&user)).chain(&memberships).cloned().collect();
    let groups = PublishedGroups::among(&app, &directory, &mentioned).await?;
    Ok(Json(UserDetailView {
        groups: groups.only(&memberships),
        checks: checks.view(&groups),
        user: UserView::new(user, &groups),
    }))
}

/// Finds a user by object id, or else by user principal name or mail address. Of several with that name the one who exists
/// is meant, and before one with the mail address the one with the user principal name.
async fn find(app: &App, directory: &Directory, key: &str) -> Result<Option<UserRecord>, StoreError> {
    if let Ok(id) = key.parse()
        && let Some(user) = app.queries.user(directory.id, &id).await?
    {
        return Ok(Some(user).filter(is_known));
    }
    if key.is_empty() || key.len() > MAX_NAME_BYTES {
        return Ok(None);
    }
    let named = app.queries.users_named(directory.id, key).await?;
    Ok(named.into_iter().filter(is_known).min_by_key(|user| {
        let principal = user.profile.user_principal_name.as_deref().unwrap_or_default();
        (!user.presence.is_present(), principal.to_lowercase() != key.to_lowercase(), user.id.clone())
    }))
}

/// True for a user who was read, not only named as somebody's member.
fn is_known(user: &UserRecord) -> bool {
    !matches!(user.presence, Presence::Unseen)
}
