//! Everything, part by part: for those who load it somewhere else.
//!
//! Each part is a whole document of its kind, and says in its `Link` header where the next one is: API Gateway and Lambda pass on
//! whole answers only, of at most 6 MB (AWS Lambda, "Lambda quotas"). A part that would be longer ends earlier.

use std::fmt;
use std::str::FromStr;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{CONTENT_TYPE, LINK};
use serde::Serialize;
use serde_json::Value;
use shared::directory::{Directory, GroupId, GroupRecord, InvalidId, Text, UserId};
use shared::feed::{Status, is_published, reason_of};
use shared::http::{
    DirectoryInPath, Listing, PROBLEM, PageParams, PageSize, Paging, Params, Problem, ProblemView, Wrapping,
};
use shared::store::{GroupFilter, StoreError, UserFilter};
use url::form_urlencoded;
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::access::Readable;
use crate::groups::with_known_members;
use crate::users::{FIELDS, UserView, groups_in_reasons};

/// How many groups are looked into for one part, so that many small ones do not make it slow.
const MAX_GROUPS: usize = 50;
/// What a spreadsheet would take for a formula begins with one of these (OWASP, "CSV Injection").
const FORMULAS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "lowercase")]
enum Format {
    /// One JSON object a line.
    Ndjson,
    /// RFC 4180, with a line of names first.
    Csv,
}

impl Format {
    fn parse(text: Option<&str>) -> Result<Self, Problem> {
        match text {
            None | Some("ndjson") => Ok(Self::Ndjson),
            Some("csv") => Ok(Self::Csv),
            Some(other) => Err(Problem::invalid_parameter("format", "ndjson or csv", other)),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
        }
    }

    /// How an answer in this format is wrapped. A row of CSV is never longer than the object that it is made of.
    fn wrapping(self) -> Wrapping {
        match self {
            Self::Ndjson => Wrapping::Base64,
            Self::Csv => Wrapping::Text,
        }
    }

    fn media_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        })
    }

    /// The rows as text. A row is an object with these fields.
    fn write(self, fields: &[&str], rows: &[Value]) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
        match self {
            Self::Ndjson => {
                let mut text = Vec::new();
                for row in rows {
                    serde_json::to_writer(&mut text, row)?;
                    text.push(b'\n');
                }
                Ok(text)
            }
            Self::Csv => {
                let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
                writer.write_record(fields)?;
                for row in rows {
                    writer.write_record(fields.iter().map(|field| cell(row.get(*field).unwrap_or(&Value::Null))))?;
                }
                writer.into_inner().map_err(|error| error.to_string().into())
            }
        }
    }
}

/// A value as a cell: lists with spaces between their elements, and nothing that a spreadsheet would take for a formula.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        // A group is named by its id.
        Value::Object(members) => members.get("id").and_then(Value::as_str).unwrap_or_default().to_owned(),
        other => other.to_string(),
    };
    if text.starts_with(FORMULAS) { format!("'{text}") } else { text }
}

/// A part, and the way to the next one.
fn part(
    directory: &Directory,
    what: &str,
    format: Format,
    paging: &Paging,
    fields: &[&str],
    rows: &[Value],
    next: Option<&str>,
) -> Result<Response, Problem> {
    let body = format.write(fields, rows).map_err(|error| Problem::internal(error.as_ref()))?;
    let mut response = Body::from(body).into_response();
    response.headers_mut().insert(CONTENT_TYPE, format.media_type());
    if let Some(next) = next {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("format", format.word())
            .append_pair("limit", &paging.limit.to_string())
            .append_pair("cursor", next)
            .finish();
        let link = format!("</api/v1/directories/{}/exports/{what}?{query}>; rel=\"next\"", directory.id);
        let link = HeaderValue::from_str(&link).map_err(|error| Problem::internal(&error))?;
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}

/// How, and which part.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it only describes")]
struct ExportParams {
    /// `ndjson` has one JSON object a line, `csv` a line of names and then one line each.
    #[param(inline)]
    format: Option<Format>,
}

/// All users, part by part.
///
/// The `Link` header says where the next part is (`rel="next"`); without one it was the last.
#[utoipa::path(
    get,
    path = "/api/v1/directories/{directory}/exports/users",
    tag = "Exports",
    operation_id = "exportUsers",
    params(DirectoryInPath, ExportParams, PageParams),
    responses((status = 200, description = "A part", content((UserView = "application/x-ndjson"), (String = "text/csv")), headers(("Link" = String, description = "The next part")))),
)]
pub(crate) async fn users(
    Readable(directory, audience): Readable,
    State(app): State<App>,
    params: Params,
) -> Result<Response, Problem> {
    let [format, limit, cursor] = params.query(["format", "limit", "cursor"])?;
    let (format, paging) = (Format::parse(format.as_deref())?, Paging::parse(limit, cursor)?);
    if !directory.publishes_users() {
        return part(&directory, "users", format, &paging, &FIELDS, &[], None);
    }
    let listing = Listing::new(directory.id, "exported users", &[]);
    let after = paging.after(&listing)?;
    let mut size = PageSize::new(paging.limit, format.wrapping());
    loop {
        let page = app.queries.list_users(directory.id, UserFilter::All, size.limit(), after.as_ref()).await?;
        let next = page.end().map(|user| listing.cursor(&user.id));
        let groups = groups_in_reasons(&app, &directory, &page.items).await?;
        let row = |user| serde_json::to_value(UserView::new(user, &groups, audience)).unwrap_or_default();
        let rows: Vec<Value> = page.items.into_iter().map(row).collect();
        if size.fits(&rows)? {
            return part(&directory, "users", format, &paging, &FIELDS, &rows, next.as_deref());
        }
    }
}

/// One membership.
#[derive(Debug, Serialize, ToSchema)]
struct MembershipView {
    group: GroupId,
    #[schema(value_type = Option<String>, example = "VPN-Berlin")]
    group_display_name: Option<Text>,
    user: UserId,
    #[schema(value_type = Option<String>, example = "kim@contoso.example")]
    user_principal_name: Option<Text>,
    status: Status,
}

const MEMBERSHIP_FIELDS: [&str; 5] = ["group", "group_display_name", "user", "user_principal_name", "status"];

/// Where an export of members goes on. Groups are walked by id, and so are the users in each: a group that appears or disappears in
/// between moves none of the others.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Position {
    /// In a group, behind a user.
    Within(GroupId, UserId),
    /// Behind a group.
    Behind(GroupId),
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Within(group, user) => write!(f, "{group}~{user}"),
            Self::Behind(group) => write!(f, "{group}~"),
        }
    }
}

impl FromStr for Position {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (group, user) = text.split_once('~').ok_or(InvalidId::Malformed)?;
        let group = group.parse()?;
        Ok(if user.is_empty() { Self::Behind(group) } else { Self::Within(group, user.parse()?) })
    }
}

/// The group that an export of members goes on with, if there is one, and the user behind whom it does.
async fn next_group(
    app: &App,
    directory: &Directory,
    position: Option<Position>,
) -> Result<Option<(GroupRecord, Option<UserId>)>, StoreError> {
    let behind = match position {
        None => None,
        Some(Position::Behind(group)) => Some(group),
        Some(Position::Within(id, user)) => {
            let group = app.queries.group(directory.id, &id).await?.filter(|group| is_published(directory, group));
            if let Some(group) = group {
                return Ok(Some((group, Some(user))));
            }
            Some(id)
        }
    };
    let found = app.queries.list_groups(directory.id, GroupFilter::SYNCED, 1, behind.as_ref()).await?;
    Ok(found.items.into_iter().next().map(|group| (group, None)))
}

/// Who is directly in which group, part by part.
///
/// The `Link` header says where the next part is (`rel="next"`); without one it was the last.
#[utoipa::path(
    get,
    path = "/api/v1/directories/{directory}/exports/members",
    tag = "Exports",
    operation_id = "exportMembers",
    params(DirectoryInPath, ExportParams, PageParams),
    responses((status = 200, description = "A part", content((MembershipView = "application/x-ndjson"), (String = "text/csv")), headers(("Link" = String, description = "The next part"))), (status = 409, description = "The members of a group are unknown (`membership-unknown`), and `detail` names it: no part that would leave them out is given", body = ProblemView, content_type = PROBLEM)),
)]
pub(crate) async fn members(
    Readable(directory, _): Readable,
    State(app): State<App>,
    params: Params,
) -> Result<Response, Problem> {
    let [format, limit, cursor] = params.query(["format", "limit", "cursor"])?;
    let (format, paging) = (Format::parse(format.as_deref())?, Paging::parse(limit, cursor)?);
    let listing = Listing::new(directory.id, "exported members", &[]);
    let after: Option<Position> = paging.after(&listing)?;
    let mut size = PageSize::new(paging.limit, format.wrapping());
    loop {
        let (rows, position) = memberships(&app, &directory, after.clone(), size.limit()).await?;
        if size.fits(&rows)? {
            let next = position.map(|position| listing.cursor(&position));
            return part(&directory, "members", format, &paging, &MEMBERSHIP_FIELDS, &rows, next.as_deref());
        }
    }
}

/// The memberships behind a position, and the position behind them unless they are the last ones.
async fn memberships(
    app: &App,
    directory: &Directory,
    mut position: Option<Position>,
    limit: usize,
) -> Result<(Vec<Value>, Option<Position>), Problem> {
    let mut rows: Vec<Value> = Vec::new();
    if !directory.publishes_users() {
        return Ok((rows, None));
    }
    for _ in 0..MAX_GROUPS {
        if rows.len() >= limit {
            break;
        }
        let Some((group, after)) = next_group(app, directory, position.take()).await? else {
            return Ok((rows, None));
        };
        // In a list of memberships nothing could stand for members that are unknown.
        with_known_members(&group)?;
        let room = limit - rows.len();
        let members = app.queries.list_members(directory.id, &group.id, room, after.as_ref()).await?;
        position = Some(match members.end() {
            Some(user) => Position::Within(group.id.clone(), user.id.clone()),
            None => Position::Behind(group.id.clone()),
        });
        rows.extend(members.items.into_iter().map(|user| {
            let row = MembershipView {
                group: group.id.clone(),
                group_display_name: group.profile.display_name.clone(),
                status: reason_of(&user.decision).0,
                user_principal_name: user.profile.user_principal_name,
                user: user.id,
            };
            serde_json::to_value(row).unwrap_or_default()
        }));
    }
    Ok((rows, position))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_are_quoted_and_no_formulas() {
        let rows = [json!({"a": "x, \"y\"\nz", "b": ["SMTP:a@b", "smtp:c@d"]}), json!({"a": "=1+1", "b": null})];
        let text = Format::Csv.write(&["a", "b"], &rows).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), "a,b\r\n\"x, \"\"y\"\"\nz\",SMTP:a@b smtp:c@d\r\n'=1+1,\r\n");
    }

    #[test]
    fn position_reads_as_it_was_written() {
        let (group, user): (GroupId, UserId) = ("g".parse().unwrap(), "u.1".parse().unwrap());
        for position in [Position::Within(group.clone(), user), Position::Behind(group)] {
            assert_eq!(position.to_string().parse(), Ok(position));
        }
        for text in ["", "abc", "~", "~x", "g h~x", "g~x y", "g~u~v"] {
            assert!(text.parse::<Position>().is_err(), "{text}");
        }
    }
}
