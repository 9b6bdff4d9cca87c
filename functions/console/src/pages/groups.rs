//! Groups: which of the tenant's will be synced, and if not, why.

use axum::extract::{RawPathParams, State};
use axum::response::Response;
use http::Uri;
use maud::{Markup, html};
use shared::directory::{
    Directory, GroupId, GroupProfile, GroupRecord, ObjectId, Searchable, UnknownCause, hidden_characters,
};
use shared::filter::{GroupDecision, SkipReason};
use shared::store::{Found, GroupFilter, QueryStore, StoreError};

use super::failure::Failure;
use super::layout::{Page, Tab, path};
use super::paging::{Asked, links, listing};
use super::users;
use super::visitor::Viewer;
use super::words::{MAX_ROWS, group_decision, left_out, mark, thousands};
use crate::Site;

/// How many groups, or members, a page has.
const PER_PAGE: usize = 50;

const fn skipped(reason: SkipReason) -> GroupFilter {
    GroupFilter::With(GroupDecision::Skipped { reason })
}

/// What may be shown: its word in the URL, its words on the page, and the filter.
const FILTERS: [(&str, &str, GroupFilter); 5] = [
    ("", "all", GroupFilter::All),
    ("synced", "synced", GroupFilter::SYNCED),
    ("no-email", "skipped: has no mail address", skipped(SkipReason::NoEmail)),
    ("prefix", "skipped: its name begins with no allowed prefix", skipped(SkipReason::PrefixNotAllowed)),
    ("off", "skipped: group sync is off", skipped(SkipReason::GroupSyncOff)),
];

/// A page of groups by the beginning of their name, a word in it or their mail address, or one by its id; sorted by name.
pub(super) async fn by_name(
    queries: &dyn QueryStore,
    directory: &Directory,
    name: &str,
    filter: GroupFilter,
    limit: usize,
    after: Option<&ObjectId>,
) -> Result<Found<GroupRecord>, StoreError> {
    if let Ok(id) = name.trim().parse::<GroupId>()
        && let Some(group) = queries.group(directory.id, &id).await?
        && group.presence.is_present()
    {
        let group = Some(group).filter(|group| filter.takes(group.decision));
        return Ok(Found { items: group.into_iter().collect(), next: None });
    }
    let mut found = queries.find_groups(directory.id, name, filter, limit, after).await?;
    found.items.sort_by_cached_key(|group| Searchable::of(group.profile.display_name.as_deref().unwrap_or_default()));
    Ok(found)
}

/// `GET /directories/{directory}/groups`
pub(super) async fn list(viewer: Viewer, State(site): State<Site>, uri: Uri) -> Result<Response, Failure> {
    let asked = Asked::of(&uri);
    let directory = &viewer.directory;
    let name = asked.query.get("q").unwrap_or_default();
    let show = asked.query.get("show").unwrap_or_default();
    let filter = FILTERS.iter().find(|(value, ..)| *value == show).map_or(GroupFilter::All, |(.., filter)| *filter);
    let listing = listing(directory, "groups", &format!("{show} {name}"));
    let after: Option<ObjectId> = asked.after(&listing)?;
    let (groups, next) = if name.is_empty() {
        let after = after.map(GroupId::from);
        let page = site.queries.list_groups(directory.id, filter, PER_PAGE, after.as_ref()).await?;
        let next = page.end().map(|group| group.id.object().clone());
        (page.items, next)
    } else {
        let found = by_name(&*site.queries, directory, name, filter, PER_PAGE, after.as_ref()).await?;
        (found.items, found.next)
    };
    let next = next.map(|id| listing.cursor(&id));
    let here = path(directory, "/groups");
    Ok(Page::of(&viewer, Tab::Groups, "Groups").show(&html! {
        h1 { "Groups" }
        p { "Every group of the tenant: will it be synced, and if not, why." }
        form.row method="get" action=(here) role="search" {
            label for="q" { "Name, word in it, mail address or object id" }
            input #q name="q" type="search" value=(name);
            label for="show" { "Sync" }
            select #show name="show" {
                @for (value, label, _) in &FILTERS { option value=(value) selected[show == *value] { (label) } }
            }
            button.second type="submit" { "Show" }
        }
        @if groups.is_empty() {
            @if next.is_some() { p role="status" { "None on this page. The next page continues the search." } }
            @else if asked.after.is_some() { p role="status" { "There are no more." } }
            @else if name.is_empty() { p role="status" { "There are no such groups." } }
            @else { p role="status" { "No group’s name or mail address, and no word of a name, begins with “" (name) "”" @if !show.is_empty() { ", of those shown" } "." } }
        } @else {
            (table(directory, &groups))
        }
        (links(&here, &[("q", name), ("show", show)], &asked, next.as_deref()))
    }))
}

fn table(directory: &Directory, groups: &[GroupRecord]) -> Markup {
    html! {
        div.scroll { table {
            thead { tr {
                th scope="col" { "Group" } th scope="col" { "Mail" } th scope="col" { "Kind" }
                th.number scope="col" { "Members" } th scope="col" { "Sync" }
            } }
            tbody {
                @for group in groups {
                    tr {
                        th scope="row" { a href=(path(directory, &format!("/groups/{}", group.id))) { (name(group)) } }
                        td { (group.profile.mail.as_deref().unwrap_or("")) }
                        td { (kind(&group.profile)) @if group.profile.hides_members() { ", hidden members" } }
                        td.number { (members(group)) }
                        td {
                            (group_decision(group.decision)) " " (listed(directory, &group.id))
                            @if hidden_characters(name(group)).next().is_some() { " " (mark("warn", "hidden characters in its name")) }
                        }
                    }
                }
            }
        } }
    }
}

/// The number of members, in digits, or that it is unknown.
pub(super) fn members(group: &GroupRecord) -> Markup {
    html! {
        @match group.known_members() {
            Some(number) => (thousands(usize::try_from(number).unwrap_or(usize::MAX))),
            None => (mark("warn", "unknown")),
        }
    }
}

/// Why the members of a group are unknown, and what makes them known.
fn unknown_members(cause: UnknownCause) -> Markup {
    html! {
        div.notice.warn {
            p { "The members of this group are unknown, because " (cause.explanation()) ". " (cause.advice()) }
            p { "No user’s decision changes because of it, and consumers are told that the members are unknown." }
        }
    }
}

pub(super) fn name(group: &GroupRecord) -> &str {
    group.profile.display_name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or("(no name)")
}

fn listed(directory: &Directory, group: &GroupId) -> Markup {
    let policy = &directory.policy;
    html! {
        @if policy.allowed_groups().contains(group) { (mark("good", "allowed group")) }
        @if policy.ignored_groups().contains(group) { (mark("warn", "ignored group")) }
    }
}

/// What Microsoft's admin centers call it.
///
/// Source: Microsoft Graph, "group resource type" (`groupTypes`, `mailEnabled`, `securityEnabled`).
pub(super) fn kind(profile: &GroupProfile) -> &'static str {
    let is = |kind: &str| profile.group_types.iter().flatten().any(|of| of == kind);
    let kind = match (is("Unified"), profile.mail_enabled, profile.security_enabled) {
        (true, ..) => "Microsoft 365",
        (false, Some(true), Some(true)) => "mail-enabled security",
        (false, Some(true), _) => "distribution",
        (false, _, Some(true)) => "security",
        _ => "unknown kind",
    };
    match (kind, is("DynamicMembership")) {
        ("Microsoft 365", true) => "Microsoft 365, dynamic",
        ("security", true) => "security, dynamic",
        (kind, _) => kind,
    }
}

/// Maximum number of hidden characters that are listed one by one.
const MAX_HIDDEN: usize = 10;

/// A notice of the characters in a name that readers do not see, since a prefix may not match because of them.
fn hidden(name: &str) -> Markup {
    let all: Vec<(usize, char)> = hidden_characters(name).collect();
    html! {
        @if !all.is_empty() {
            div.notice.warn {
                p {
                    "The name has characters that cannot be seen, or that look like an ordinary space. Prefixes ignore those at the \
                     beginning and compare the others."
                }
                ul {
                    @for (place, character) in all.iter().take(MAX_HIDDEN) {
                        li { (hidden_name(*character)) " (U+" (format!("{:04X}", u32::from(*character))) ") at position " (place) }
                    }
                    @if all.len() > MAX_HIDDEN { li { "and " (all.len() - MAX_HIDDEN) " more" } }
                }
            }
        }
    }
}

/// The name of a hidden character, for the usual ones.
fn hidden_name(character: char) -> &'static str {
    match character {
        ' ' => "space",
        '\t' => "tab",
        '\n' | '\r' => "line break",
        '\u{a0}' | '\u{202f}' => "no-break space",
        '\u{ad}' => "soft hyphen",
        '\u{200b}' => "zero-width space",
        '\u{feff}' => "byte order mark",
        '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => "directional mark",
        c if c.is_whitespace() => "white space",
        c if c.is_control() => "control character",
        _ => "invisible character",
    }
}

/// `GET /directories/{directory}/groups/{group}`: one group, and its members with what was decided of them.
pub(super) async fn show(
    viewer: Viewer,
    State(site): State<Site>,
    params: RawPathParams,
    uri: Uri,
) -> Result<Response, Failure> {
    let asked = Asked::of(&uri);
    let directory = &viewer.directory;
    let id = params.iter().find(|(name, _)| *name == "group").and_then(|(_, id)| id.parse::<GroupId>().ok());
    let group = match &id {
        Some(id) => site.queries.group(directory.id, id).await?,
        None => None,
    };
    let group = group.ok_or_else(|| Failure::not_found("group"))?;
    let listing = listing(directory, "members", &group.id.to_string());
    let after = asked.after(&listing)?;
    let listed_members = site.queries.list_members(directory.id, &group.id, PER_PAGE, after.as_ref()).await?;
    let next = listed_members.end().map(|user| listing.cursor(&user.id));
    let children = group.children.iter().take(MAX_ROWS).cloned().collect();
    let nested = site.queries.groups_by_id(directory.id, &children).await?;
    let here = path(directory, &format!("/groups/{}", group.id));
    let profile = &group.profile;
    Ok(Page::of(&viewer, Tab::Groups, name(&group)).show(&html! {
        h1 { (name(&group)) }
        p { (group_decision(group.decision)) " " (listed(directory, &group.id)) }
        (hidden(name(&group)))
        @if !group.presence.is_present() { div.notice.warn { p { "The tenant does not have this group any more." } } }
        @if let Some(cause) = group.membership.cause() { (unknown_members(cause)) }
        dl.facts {
            @if let Some(mail) = &profile.mail { dt { "Mail" } dd { (mail) } }
            @if let Some(description) = &profile.description { dt { "For" } dd { (description) } }
            dt { "Kind" } dd { (kind(profile)) }
            @if profile.hides_members() { dt { "Members" } dd { "hidden: only some administrators' accounts can read them" } }
            dt { "Object id" } dd { code { (group.id) } }
        }
        @if !nested.is_empty() {
            h2 { "Groups in it" }
            (table(directory, &nested))
            (left_out(group.children.len()))
        }
        @if group.membership.is_known() {
            h2 { "Direct members (" (members(&group)) ")" }
            @if listed_members.items.is_empty() { p { "No users." } }
        } @else {
            h2 { "Members last seen" }
            @if listed_members.items.is_empty() { p { "None. That does not mean that the group is empty." } }
        }
        @if !listed_members.items.is_empty() { (users::table(directory, &listed_members.items)) }
        (links(&here, &[], &asked, next.as_deref()))
    }))
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;

    use jiff::Timestamp;
    use shared::directory::{DirectoryId, Presence};

    use super::*;

    #[test]
    fn kinds_are_those_of_the_admin_centers() {
        let kind = |types: &[&str], mail: bool, security: bool| {
            kind(&GroupProfile {
                group_types: Some(types.iter().map(|kind| (*kind).into()).collect()),
                mail_enabled: Some(mail),
                security_enabled: Some(security),
                ..GroupProfile::default()
            })
        };
        assert_eq!(kind(&["Unified"], true, false), "Microsoft 365");
        assert_eq!(kind(&["Unified", "DynamicMembership"], true, false), "Microsoft 365, dynamic");
        assert_eq!(kind(&[], false, true), "security");
        assert_eq!(kind(&["DynamicMembership"], false, true), "security, dynamic");
        assert_eq!(kind(&[], true, true), "mail-enabled security");
        assert_eq!(kind(&[], true, false), "distribution");
        assert_eq!(kind(&[], false, false), "unknown kind");
    }

    /// A group whose names and id are as long as any.
    pub(in crate::pages) fn longest(number: usize, letter: char) -> GroupRecord {
        let name = || Some(letter.to_string().repeat(256).into());
        GroupRecord {
            id: format!("{number:0128}").parse().unwrap(),
            profile: GroupProfile { display_name: name(), mail: name(), ..GroupProfile::default() },
            presence: Presence::Present,
            children: BTreeSet::new(),
            decision: GroupDecision::Synced,
            members: u64::MAX,
            membership: UnknownCause::Hidden.into(),
        }
    }

    #[test]
    fn longest_table_fits_one_answer() {
        let directory =
            Directory::new(DirectoryId::new(uuid::Uuid::nil()), "contoso".to_owned(), Timestamp::UNIX_EPOCH);
        for letter in ['"', '\u{1}', '😀'] {
            let groups: Vec<GroupRecord> = (0..MAX_ROWS).map(|number| longest(number, letter)).collect();
            let body = table(&directory, &groups).into_string();
            let bytes = serde_json::to_string(&body).unwrap().len();
            // Half of what Lambda passes on: a page may have two such tables.
            assert!(bytes < 3_000_000, "{bytes} bytes of {letter:?}");
        }
    }
}
