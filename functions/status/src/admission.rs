//! May they come in? One answer for gatekeepers, from as few reads as there can be.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Serialize;
use shared::directory::{Directory, GroupId, UserId};
use shared::feed::{Reason, Status, is_published, reason_of};
use shared::http::{DirectoryInPath, PROBLEM, Params, Problem, ProblemKind, ProblemView};
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::access::Readable;
use crate::groups::with_known_members;
use crate::users::{UserInPath, find};

/// Whether somebody is active, and in a group.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AdmissionView {
    user: UserId,
    status: Status,
    reason: Option<Reason>,
    /// Whether the user may come in: active, and in the group if one was asked about.
    allowed: bool,
    /// The group that was asked about.
    group: Option<GroupId>,
    /// Whether the user is directly in that group; `null` when none was asked about.
    member: Option<bool>,
}

/// Expected of the parameter that names a user.
pub(crate) const EXPECTED_USER: &str = "an object id, a user principal name, or a mail address";

/// The user in a query.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it only describes")]
struct UserInQuery {
    /// The object id, the user principal name, or any mail address, in any case and encoding.
    #[param(max_length = 320, example = "kim@contoso.example")]
    user: String,
}

/// What is asked about somebody's admission.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it only describes")]
struct AdmissionParams {
    /// A group that the user has to be in as well. One that is not published does not exist here, and nobody is in it.
    group: Option<GroupId>,
    /// With `status` the status of the answer says it all, as gates such as nginx's `auth_request` want it: 204 to let in, 403 to
    /// keep out, whatever the reason.
    #[param(inline)]
    answer: Option<AnswerKind>,
}

/// How the answer is given.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "it only describes")]
enum AnswerKind {
    Json,
    Status,
}

/// May they come in?
///
/// The name stands in the query, where no proxy or gateway on the way changes it: the form to use for names from elsewhere.
#[utoipa::path(
    get,
    path = "/api/v1/directories/{directory}/access",
    tag = "Users",
    operation_id = "checkAccessByName",
    params(DirectoryInPath, UserInQuery, AdmissionParams),
    responses((status = 200, description = "Whether the user is active, and in the group", body = AdmissionView), (status = 204, description = "With `answer=status`: let in"), (status = 403, description = "With `answer=status`: keep out", body = ProblemView, content_type = PROBLEM), (status = 409, description = "Whether the user is in the group is unknown (`membership-unknown`); with `answer=status` that is 403", body = ProblemView, content_type = PROBLEM)),
)]
pub(crate) async fn by_name(
    Readable(directory, _): Readable,
    State(app): State<App>,
    params: Params,
) -> Result<Response, Problem> {
    let [user, group, answer] = params.query(["user", "group", "answer"])?;
    let user = user.ok_or_else(|| Problem::invalid_parameter("user", EXPECTED_USER, ""))?;
    answered(&app, &directory, &user, group, answer).await
}

/// May they come in?
///
/// One answer for gatekeepers, from the user and, if one is named, the group. In a path, names with `/` or `?` do not arrive: ask
/// by `access?user=` for those.
#[utoipa::path(
    get,
    path = "/api/v1/directories/{directory}/users/{key}/access",
    tag = "Users",
    operation_id = "checkAccess",
    params(DirectoryInPath, UserInPath, AdmissionParams),
    responses((status = 200, description = "Whether the user is active, and in the group", body = AdmissionView), (status = 204, description = "With `answer=status`: let in"), (status = 403, description = "With `answer=status`: keep out", body = ProblemView, content_type = PROBLEM), (status = 409, description = "Whether the user is in the group is unknown (`membership-unknown`); with `answer=status` that is 403", body = ProblemView, content_type = PROBLEM)),
)]
pub(crate) async fn show(
    Readable(directory, _): Readable,
    State(app): State<App>,
    params: Params,
) -> Result<Response, Problem> {
    let [group, answer] = params.query(["group", "answer"])?;
    answered(&app, &directory, params.segment("key"), group, answer).await
}

/// The answer in the form that is asked for.
async fn answered(
    app: &App,
    directory: &Directory,
    user: &str,
    group: Option<String>,
    answer: Option<String>,
) -> Result<Response, Problem> {
    let by_status = match answer.as_deref() {
        None | Some("json") => false,
        Some("status") => true,
        Some(other) => return Err(Problem::invalid_parameter("answer", "json or status", other)),
    };
    match (admission(app, directory, user, group).await, by_status) {
        (Ok(view), true) if view.allowed => Ok(StatusCode::NO_CONTENT.into_response()),
        (Ok(_), true) => Err(kept_out()),
        // A gate lets in only who is known to be in the group.
        (Err(problem), true)
            if matches!(
                problem.kind(),
                ProblemKind::NotFound | ProblemKind::UserNotFound | ProblemKind::MembershipUnknown
            ) =>
        {
            Err(kept_out())
        }
        (Ok(view), false) => Ok(Json(view).into_response()),
        (Err(problem), _) => Err(problem),
    }
}

fn kept_out() -> Problem {
    Problem::new(ProblemKind::NotAllowedIn, "The user is not active, or not in the group, or there is no such user.")
}

async fn admission(
    app: &App,
    directory: &Directory,
    user: &str,
    group: Option<String>,
) -> Result<AdmissionView, Problem> {
    let group: Option<GroupId> = group
        .map(|group| group.parse().map_err(|_| Problem::invalid_parameter("group", "the object id of a group", &group)))
        .transpose()?;
    if !directory.publishes_users() {
        return Err(Problem::not_found("Users are not published for this directory."));
    }
    let user = find(app, directory, user).await?;
    let user = user.ok_or_else(Problem::user_not_found)?;
    let member = match &group {
        None => None,
        // Read whether the user is in it or not: how long it takes must not tell that.
        Some(id) => {
            let group = app.queries.group(directory.id, id).await?.filter(|group| is_published(directory, group));
            if let Some(group) = &group {
                with_known_members(group)?;
            }
            Some(group.is_some() && user.groups.contains(id) && user.presence.is_present())
        }
    };
    let (status, reason) = reason_of(&user.decision);
    let allowed = user.decision.is_active() && member.unwrap_or(true);
    Ok(AdmissionView { user: user.id, status, reason, allowed, group, member })
}
