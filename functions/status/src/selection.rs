//! Which users a listing has, and which of their fields.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use shared::directory::{Directory, GroupId};
use shared::feed::{Reason, Status};
use shared::filter::UserOutcome;
use shared::http::{Listing, Params, Problem, ProblemKind};
use shared::store::UserFilter;
use utoipa::IntoParams;

use crate::position::Position;

/// The longest beginning of a name that is looked for, in bytes: the longest name that is indexed is shorter.
const MAX_BEGINNING_BYTES: usize = 320;

/// Which users, and what of them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) struct SelectionParams {
    /// Only these.
    status: Option<Status>,
    /// Only those who are inactive for this reason.
    reason: Option<Reason>,
    /// Only those directly in this group, by its object id.
    group: Option<GroupId>,
    /// Only those of whom a sign-in name, mail address, displayed name, or a word in that begins like this, without regard to case
    /// and marks: `novak` finds `Novák`.
    #[param(min_length = 1, max_length = 320, example = "kim")]
    q: Option<String>,
    /// Only the user with this object id, user principal name or mail address, in any case and encoding: one at most.
    #[param(min_length = 1, max_length = 320, example = "kim@contoso.example")]
    login: Option<String>,
    /// Only those who have changed since then, in the order of their changes: the `as_of` of an answer before, or a time at most
    /// 30 days ago.
    #[param(max_length = 1024, example = "2026-01-31T12:00:00Z")]
    changed_since: Option<String>,
    /// Names of fields between commas: only these are sent. Without `group`, what that takes is not read either.
    #[param(min_length = 1, example = "id,status")]
    fields: Option<String>,
}

/// Where the users of a listing come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// All there are.
    Everybody,
    /// Those directly in a group.
    Group(GroupId),
    /// Those of whom a name begins like this.
    Named(String),
    /// The one who signs in or gets mail by this name, or has this id.
    Login(String),
    /// Those who have changed since then.
    ChangedSince(Since),
}

/// Since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Since {
    /// Since an answer, by its `as_of`.
    Answer(Position),
    /// Since a time.
    Time(Timestamp),
}

impl Since {
    fn parse(directory: &Directory, text: &str) -> Result<Self, Problem> {
        if let Ok(time) = text.parse() {
            return Ok(Self::Time(time));
        }
        Position::parse(directory, text).map(Self::Answer).map_err(|problem| {
            if problem.kind() == ProblemKind::InvalidCursor {
                let expected = "the `as_of` of an answer before, or a time such as 2026-01-31T12:00:00Z";
                Problem::invalid_parameter("changed_since", expected, &text.chars().take(80).collect::<String>())
            } else {
                problem
            }
        })
    }
}

/// Which users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selection {
    pub(crate) source: Source,
    pub(crate) filter: UserFilter,
    /// What cursors are made for.
    pub(crate) listing: Listing,
}

impl Selection {
    /// Reads the parameters `status`, `reason`, `group`, `q`, `login` and `changed_since`.
    fn parse(
        directory: &Directory,
        [status, reason, group, q, login, changed_since]: [Option<String>; 6],
    ) -> Result<Self, Problem> {
        let filters = [&status, &reason, &group, &q, &login, &changed_since].map(Option::as_deref);
        let listing = Listing::new(directory.id, "users", &filters);
        let filter = filter(status.as_deref(), reason.as_deref())?;
        let sources = [("group", &group), ("q", &q), ("login", &login), ("changed_since", &changed_since)];
        let given: Vec<_> = sources.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))).collect();
        if let [_, (name, value), ..] = given.as_slice() {
            return Err(Problem::invalid_parameter(name, "only one of group, q, login and changed_since", value));
        }
        let source = match (group, q, login, changed_since) {
            (Some(group), ..) => Source::Group(
                group.parse().map_err(|_| Problem::invalid_parameter("group", "the object id of a group", &group))?,
            ),
            (_, Some(q), ..) => Source::Named(beginning(q)?),
            (.., Some(login), _) => Source::Login(login),
            (.., Some(since)) => Source::ChangedSince(Since::parse(directory, &since)?),
            (None, None, None, None) => Source::Everybody,
        };
        Ok(Self { source, filter, listing })
    }
}

fn beginning(q: String) -> Result<String, Problem> {
    if q.trim().is_empty() || q.len() > MAX_BEGINNING_BYTES {
        let expected = format!("1 to {MAX_BEGINNING_BYTES} bytes that a name begins with");
        return Err(Problem::invalid_parameter("q", expected, &q.chars().take(80).collect::<String>()));
    }
    Ok(q)
}

fn filter(status: Option<&str>, reason: Option<&str>) -> Result<UserFilter, Problem> {
    let outcome = match reason {
        None => None,
        Some("deleted") => Some(UserOutcome::Deleted),
        Some("disabled_in_office_365") => Some(UserOutcome::DisabledInOffice365),
        Some("member_of_ignored_group") => Some(UserOutcome::MemberOfIgnoredGroup),
        Some("not_in_allowed_group") => Some(UserOutcome::NotInAllowedGroup),
        Some("membership_unknown") => Some(UserOutcome::MembershipUnknown),
        Some(other) => {
            let expected = "deleted, disabled_in_office_365, member_of_ignored_group, not_in_allowed_group or \
                            membership_unknown";
            return Err(Problem::invalid_parameter("reason", expected, other));
        }
    };
    match (status, outcome) {
        (None | Some("inactive"), Some(outcome)) => Ok(UserFilter::With(outcome)),
        (Some("active"), Some(_)) => {
            Err(Problem::invalid_parameter("status", "inactive or nothing beside a reason", "active"))
        }
        (None, None) => Ok(UserFilter::All),
        (Some("active"), None) => Ok(UserFilter::Active),
        (Some("inactive"), None) => Ok(UserFilter::Inactive),
        (Some(other), _) => Err(Problem::invalid_parameter("status", "active or inactive", other)),
    }
}

/// Which fields of each object are wanted: all of them, or those that `fields` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fields(Option<BTreeSet<String>>);

impl Fields {
    /// Reads the parameter: names between commas, of which each must be one of `known`.
    pub(crate) fn parse(text: Option<String>, known: &[&str]) -> Result<Self, Problem> {
        let Some(text) = text else { return Ok(Self(None)) };
        let names: BTreeSet<String> = text.split(',').map(str::to_owned).collect();
        match names.iter().find(|name| !known.contains(&name.as_str())) {
            None => Ok(Self(Some(names))),
            Some(unknown) => {
                let expected = format!("names between commas, each one of {}", known.join(", "));
                Err(Problem::invalid_parameter("fields", expected, unknown))
            }
        }
    }

    /// Whether any of these is wanted: what only they need does not have to be read otherwise.
    pub(crate) fn want(&self, names: &[&str]) -> bool {
        self.0.as_ref().is_none_or(|wanted| names.iter().any(|name| wanted.contains(*name)))
    }

    /// What of an object is answered.
    pub(crate) fn of(&self, object: &impl Serialize) -> Value {
        let mut value = serde_json::to_value(object).unwrap_or_default();
        if let (Some(wanted), Value::Object(members)) = (&self.0, &mut value) {
            members.retain(|name, _| wanted.contains(name));
        }
        value
    }
}

/// The parameters of a listing of users.
pub(crate) fn parameters(
    directory: &Directory,
    params: &Params,
) -> Result<(Selection, Fields, [Option<String>; 2]), Problem> {
    let [status, reason, group, q, login, changed_since, fields, limit, cursor] =
        params.query(["status", "reason", "group", "q", "login", "changed_since", "fields", "limit", "cursor"])?;
    let selection = Selection::parse(directory, [status, reason, group, q, login, changed_since])?;
    Ok((selection, Fields::parse(fields, &crate::users::FIELDS)?, [limit, cursor]))
}
