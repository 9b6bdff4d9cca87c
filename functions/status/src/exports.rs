//! Everything, part by part: for those who load it somewhere else.
//!
//! Each part is a whole document of its kind, and says in its `Link` header where the next one is: API Gateway and Lambda pass on
//! whole answers only, of at most 6 MB (AWS Lambda, "Lambda quotas").

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{CONTENT_TYPE, LINK};
use serde::Serialize;
use serde_json::Value;
use shared::directory::{Directory, GroupId, Text, UserId};
use shared::feed::{Status, reason_of};
use shared::http::{DirectoryInPath, Problem};
use shared::store::{Cursor, GroupFilter, StoreError, UserFilter};
use url::form_urlencoded;
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::access::Readable;
use crate::params::{PageParams, Paging, Params};
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
    next: Option<&Cursor>,
) -> Result<Response, Problem> {
    let body = format.write(fields, rows).map_err(|error| Problem::internal(error.as_ref()))?;
    let mut response = Body::from(body).into_response();
    response.headers_mut().insert(CONTENT_TYPE, format.media_type());
    if let Some(next) = next {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("format", format.word())
            .append_pair("limit", &paging.limit.to_string())
            .append_pair("cursor", next.as_str())
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
    let page = app.queries.list_users(directory.id, UserFilter::All, paging.limit, paging.after.as_ref()).await?;
    let groups = groups_in_reasons(&app, &directory, &page.items).await?;
    let row = |user| serde_json::to_value(UserView::new(user, &groups, audience)).unwrap_or_default();
    let rows: Vec<Value> = page.items.into_iter().map(row).collect();
    part(&directory, "users", format, &paging, &FIELDS, &rows, page.next.as_ref())
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

/// Where an export of members goes on: the cursor before a group, the group, and the cursor within it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Place {
    before: Option<Cursor>,
    within: Option<(GroupId, Cursor)>,
}

impl Place {
    fn print(&self) -> Cursor {
        let before = self.before.as_ref().map_or("", Cursor::as_str);
        let within = self.within.as_ref().map(|(group, cursor)| format!("{group}~{}", cursor.as_str()));
        Cursor::new(format!("{before}~{}", within.unwrap_or_default()))
    }

    /// Reads what [`Self::print`] has written, and nothing else. The cursors in it are checked where they are used.
    fn parse(cursor: Option<&Cursor>) -> Result<Self, StoreError> {
        let Some(cursor) = cursor else { return Ok(Self::default()) };
        let (before, within) = cursor.as_str().split_once('~').ok_or(StoreError::BadCursor)?;
        let given = |text: &str| (!text.is_empty()).then(|| Cursor::new(text.to_owned()));
        let within = match within.split_once('~') {
            None => None,
            Some((group, cursor)) => {
                let group = group.parse().map_err(|_| StoreError::BadCursor)?;
                Some((group, given(cursor).ok_or(StoreError::BadCursor)?))
            }
        };
        let place = Self { before: given(before), within };
        if place.print() == *cursor { Ok(place) } else { Err(StoreError::BadCursor) }
    }
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
    responses((status = 200, description = "A part", content((MembershipView = "application/x-ndjson"), (String = "text/csv")), headers(("Link" = String, description = "The next part")))),
)]
pub(crate) async fn members(
    Readable(directory, _): Readable,
    State(app): State<App>,
    params: Params,
) -> Result<Response, Problem> {
    let [format, limit, cursor] = params.query(["format", "limit", "cursor"])?;
    let (format, paging) = (Format::parse(format.as_deref())?, Paging::parse(limit, cursor)?);
    let mut next = Some(Place::parse(paging.after.as_ref())?);
    let mut rows: Vec<Value> = Vec::new();
    if !directory.publishes_users() {
        next = None;
    }
    for _ in 0..MAX_GROUPS {
        let Some(place) = next.take_if(|_| rows.len() < paging.limit) else { break };
        let groups = app.queries.list_groups(directory.id, GroupFilter::SYNCED, 1, place.before.as_ref()).await?;
        let Some(group) = groups.items.first() else { break };
        let within = place.within.filter(|(id, _)| *id == group.id).map(|(_, cursor)| cursor);
        let room = paging.limit - rows.len();
        let members = app.queries.list_members(directory.id, &group.id, room, within.as_ref()).await?;
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
        next = match members.next {
            Some(cursor) => Some(Place { before: place.before, within: Some((group.id.clone(), cursor)) }),
            None => groups.next.map(|before| Place { before: Some(before), within: None }),
        };
    }
    let next = next.map(|place| place.print());
    part(&directory, "members", format, &paging, &MEMBERSHIP_FIELDS, &rows, next.as_ref())
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
    fn a_place_is_read_as_it_was_written_and_nothing_else_is() {
        let cursor = |text: &str| Cursor::new(text.to_owned());
        for place in [
            Place::default(),
            Place { before: Some(cursor("abc")), within: None },
            Place { before: None, within: Some(("g".parse().unwrap(), cursor("def"))) },
            Place { before: Some(cursor("abc")), within: Some(("g".parse().unwrap(), cursor("def"))) },
        ] {
            assert_eq!(Place::parse(Some(&place.print())).unwrap(), place);
        }
        for text in ["", "abc", "~g~", "~~x", "~g h~x", "~g"] {
            assert!(matches!(Place::parse(Some(&cursor(text))), Err(StoreError::BadCursor)), "{text}");
        }
    }
}
