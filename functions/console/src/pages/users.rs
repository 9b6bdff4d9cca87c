//! Users: who is active, who is not, and why.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{RawPathParams, State};
use axum::response::Response;
use http::Uri;
use maud::{Markup, html};
use shared::directory::{Directory, GroupId, GroupRecord, ObjectId, Searchable, UserId, UserRecord};
use shared::filter::{Check, UserDecision, UserFacts, UserOutcome, decide_user, explain_user};
use shared::store::{Found, StoreError, UserFilter, reach};

use super::changes::Story;
use super::failure::Failure;
use super::layout::{Page, Tab, path};
use super::paging::{Asked, links, listing};
use super::visitor::Viewer;
use super::words::{MAX_ROWS, decision, group_decision, left_out, mark, name_of, presence, reason, time};
use crate::Site;

/// How many users a page has.
const PER_PAGE: usize = 50;

/// What may be shown: its word in the URL, its words on the page, and the filter.
const FILTERS: [(&str, &str, UserFilter); 8] = [
    ("", "all", UserFilter::All),
    ("active", "active", UserFilter::Active),
    ("inactive", "inactive", UserFilter::Inactive),
    ("deleted", "inactive: deleted in the tenant", UserFilter::With(UserOutcome::Deleted)),
    ("disabled", "inactive: disabled in Office 365", UserFilter::With(UserOutcome::DisabledInOffice365)),
    ("ignored", "inactive: member of an ignored group", UserFilter::With(UserOutcome::MemberOfIgnoredGroup)),
    ("not-allowed", "inactive: in no allowed group", UserFilter::With(UserOutcome::NotInAllowedGroup)),
    ("unknown", "inactive: membership unknown", UserFilter::With(UserOutcome::MembershipUnknown)),
];

/// `GET /directories/{directory}/users`: listed by decision, or found by the beginning of a name or mail address.
pub(super) async fn list(viewer: Viewer, State(site): State<Site>, uri: Uri) -> Result<Response, Failure> {
    let asked = Asked::of(&uri);
    let directory = &viewer.directory;
    let name = asked.query.get("q").unwrap_or_default();
    let status = asked.query.get("status").unwrap_or_default();
    let filter = FILTERS.iter().find(|(value, ..)| *value == status).map_or(UserFilter::All, |(.., filter)| *filter);
    let listing = listing(directory, "users", &format!("{status} {name}"));
    let after: Option<ObjectId> = asked.after(&listing)?;
    let (users, next) = if name.is_empty() {
        let after = after.map(UserId::from);
        let page = site.queries.list_users(directory.id, filter, PER_PAGE, after.as_ref()).await?;
        let next = page.end().map(|user| user.id.object().clone());
        (page.items, next)
    } else {
        let found = by_name(&site, directory, name, filter, PER_PAGE, after.as_ref()).await?;
        (found.items, found.next)
    };
    let next = next.map(|id| listing.cursor(&id));
    let here = path(directory, "/users");
    Ok(Page::of(&viewer, Tab::Users, "Users").show(&html! {
        h1 { "Users" }
        (not_published(directory))
        form.row method="get" action=(here) role="search" {
            label for="q" { "Name, mail address or object id" }
            input #q name="q" type="search" value=(name);
            label for="status" { "Decision" }
            select #status name="status" {
                @for (value, label, _) in &FILTERS { option value=(value) selected[status == *value] { (label) } }
            }
            button.second type="submit" { "Show" }
        }
        @if users.is_empty() {
            @if next.is_some() { p role="status" { "None on this page. The next page continues the search." } }
            @else if asked.after.is_some() { p role="status" { "There are no more." } }
            @else if name.is_empty() { p role="status" { "There are no such users." } }
            @else { p role="status" { "Nobody’s name or mail address begins with “" (name) "”" @if !status.is_empty() { ", of those shown" } "." } }
        } @else {
            (table(directory, &users))
        }
        (links(&here, &[("q", name), ("status", status)], &asked, next.as_deref()))
    }))
}

/// A page of users by the beginning of a name, or one by its id, sorted by their displayed names.
pub(super) async fn by_name(
    site: &Site,
    directory: &Directory,
    name: &str,
    filter: UserFilter,
    limit: usize,
    after: Option<&ObjectId>,
) -> Result<Found<UserRecord>, StoreError> {
    if let Ok(id) = name.trim().parse::<UserId>()
        && let Some(user) = site.queries.user(directory.id, &id).await?
    {
        let user = Some(user).filter(|user| filter.takes(&user.decision));
        return Ok(Found { items: user.into_iter().collect(), next: None });
    }
    let mut found = site.queries.find_users(directory.id, name, filter, limit, after).await?;
    found.items.sort_by_cached_key(|user| Searchable::of(user.profile.display_name.as_deref().unwrap_or_default()));
    Ok(found)
}

pub(super) fn table(directory: &Directory, users: &[UserRecord]) -> Markup {
    html! {
        div.scroll { table {
            thead { tr {
                th scope="col" { "Name" } th scope="col" { "Sign-in name" } th scope="col" { "Decision" } th scope="col" { "Why" }
            } }
            tbody {
                @for user in users {
                    tr {
                        th scope="row" { a href=(path(directory, &format!("/users/{}", user.id))) { (name_of(user)) } }
                        td { (user.profile.user_principal_name.as_deref().unwrap_or("")) }
                        td { (decision(&user.decision)) }
                        td { (reason(&user.decision)) }
                    }
                }
            }
        } }
    }
}

/// Said where decisions are shown that consumers do not see.
fn not_published(directory: &Directory) -> Markup {
    html! {
        @if !directory.published.as_ref().is_some_and(|published| published.users) {
            div.notice.warn { p { "User sync is off, so consumers see nobody. This is what is known, and what would be decided." } }
        }
    }
}

/// `GET /directories/{directory}/users/{user}`: everything about one user, and the rules one by one.
pub(super) async fn show(viewer: Viewer, State(site): State<Site>, params: RawPathParams) -> Result<Response, Failure> {
    let directory = &viewer.directory;
    let id = params.iter().find(|(name, _)| *name == "user").and_then(|(_, id)| id.parse::<UserId>().ok());
    let user = match &id {
        Some(id) => site.queries.user(directory.id, id).await?,
        None => None,
    };
    let user = user.ok_or_else(|| Failure::not_found("user"))?;
    let policy = &directory.policy;
    let reach = reach(&*site.queries, directory.id, policy).await?;
    let facts = UserFacts::of(&user, true);
    let checks = explain_user(policy, &reach, facts);
    let is_current = decide_user(policy, &reach, facts) == user.decision;
    let named: BTreeSet<GroupId> = user
        .groups
        .iter()
        .take(MAX_ROWS)
        .chain(checks.iter().filter_map(|check| check.group.as_ref()))
        .cloned()
        .collect();
    let groups = site.queries.groups_by_id(directory.id, &named).await?;
    let groups: BTreeMap<GroupId, GroupRecord> = groups.into_iter().map(|group| (group.id.clone(), group)).collect();
    let story = Story::of_user(&site, directory, &user).await?;
    Ok(Page::of(&viewer, Tab::Users, name_of(&user)).show(&html! {
        h1 { (name_of(&user)) " " (decision(&user.decision)) }
        (not_published(directory))
        section {
            h2 { "Why" }
            p { (verdict(&user.decision)) }
            @if !directory.settings_are_published() {
                div.notice.warn { p { "The settings have changed since this was decided. The rules below are those of the new settings; the next sync decides by them." } }
            } @else if !is_current {
                div.notice.warn { p { "The rules below come out otherwise than what was decided: a sync is at work, or a deactivation waits for an answer." } }
            }
            ol.rules { @for check in &checks { (rule(directory, check, &groups)) } }
            @if let Some(published) = &directory.published { p.quiet { "As read by the sync of " (time(published.at)) "." } }
        }
        section {
            h2 { "Profile" }
            (profile(&user))
        }
        section {
            h2 { "Groups" }
            @if user.groups.is_empty() { p { "In no group whose members Microsoft shows." } }
            @else { (memberships(directory, &user, &groups)) }
        }
        section {
            h2 { "History" }
            (story.as_history(directory))
        }
    }))
}

fn verdict(decision: &UserDecision) -> String {
    match decision {
        UserDecision::Active => "Active: no rule stands in the way.".to_owned(),
        UserDecision::Inactive(_) => format!("Inactive: {}.", reason(decision)),
    }
}

fn rule(directory: &Directory, check: &Check, groups: &BTreeMap<GroupId, GroupRecord>) -> Markup {
    html! {
        li {
            @if check.passed { (mark("good", "passed")) } @else { (mark("bad", "stopped here")) }
            " " (check.explanation)
            @if let Some(id) = &check.group { " Group: " (group_link(directory, id, groups.get(id))) "." }
        }
    }
}

fn group_link(directory: &Directory, id: &GroupId, group: Option<&GroupRecord>) -> Markup {
    let name = group.and_then(|group| group.profile.display_name.as_deref());
    html! { a href=(path(directory, &format!("/groups/{id}"))) { (name.unwrap_or("(no name)")) } }
}

fn profile(user: &UserRecord) -> Markup {
    let profile = &user.profile;
    let texts = [
        ("Sign-in name", &profile.user_principal_name),
        ("Mail", &profile.mail),
        ("First name", &profile.given_name),
        ("Last name", &profile.surname),
        ("On-premises account", &profile.on_premises_sam_account_name),
        ("Employee id", &profile.employee_id),
        ("Job title", &profile.job_title),
        ("Department", &profile.department),
        ("Company", &profile.company_name),
        ("Kind", &profile.user_type),
    ];
    html! {
        dl.facts {
            @for (label, text) in texts { @if let Some(text) = text { dt { (label) } dd { (text) } } }
            @if let Some(addresses) = &profile.proxy_addresses {
                dt { "Mail addresses" } dd { ul.plain { @for address in addresses { li { (address) } } } }
            }
            dt { "Account" }
            dd {
                (presence(user.presence))
                @match profile.account_enabled { Some(true) => ", may sign in", Some(false) => ", may not sign in", None => "" }
            }
            dt { "Object id" } dd { code { (user.id) } }
        }
    }
}

fn memberships(directory: &Directory, user: &UserRecord, groups: &BTreeMap<GroupId, GroupRecord>) -> Markup {
    html! {
        div.scroll { table {
            thead { tr { th scope="col" { "Group" } th scope="col" { "Mail" } th scope="col" { "Sync" } } }
            tbody {
                @for id in user.groups.iter().take(MAX_ROWS) {
                    @let group = groups.get(id);
                    tr {
                        th scope="row" { (group_link(directory, id, group)) }
                        td { (group.and_then(|group| group.profile.mail.as_deref()).unwrap_or("")) }
                        td { @if let Some(group) = group { (group_decision(group.decision)) } }
                    }
                }
            }
        } }
        (left_out(user.groups.len()))
    }
}
