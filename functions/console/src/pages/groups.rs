//! Groups: which of the tenant's will be synced, and if not, why.

use axum::extract::{RawPathParams, State};
use axum::response::Response;
use http::Uri;
use maud::{Markup, html};
use shared::directory::{Directory, GroupId, GroupProfile, GroupRecord};
use shared::store::GroupFilter;

use super::failure::Failure;
use super::layout::{Page, Tab, path};
use super::paging::{Asked, links};
use super::users;
use super::visitor::Viewer;
use super::words::{group_decision, mark};
use crate::Site;

/// How many groups, or members, a page has.
const PER_PAGE: usize = 50;

/// `GET /directories/{directory}/groups`
pub(super) async fn list(viewer: Viewer, State(site): State<Site>, uri: Uri) -> Result<Response, Failure> {
    let asked = Asked::of(&uri);
    let directory = &viewer.directory;
    let show = asked.query.get("show").unwrap_or_default();
    let filter = if show == "synced" { GroupFilter::Synced } else { GroupFilter::All };
    let groups = site.queries.list_groups(directory.id, filter, PER_PAGE, asked.after.as_ref()).await?;
    let here = path(directory, "/groups");
    Ok(Page::of(&viewer, Tab::Groups, "Groups").show(&html! {
        h1 { "Groups" }
        p { "Every group of the tenant: will it be synced, and if not, why." }
        form.row method="get" action=(here) {
            label for="show" { "Show" }
            select #show name="show" {
                @for (value, label) in [("", "all groups"), ("synced", "synced groups")] {
                    option value=(value) selected[show == value] { (label) }
                }
            }
            button.second type="submit" { "Show" }
        }
        @if groups.items.is_empty() { p role="status" { "There are no such groups." } }
        @else { (table(directory, &groups.items)) }
        (links(&here, &[("show", show)], &asked, groups.next.as_ref()))
    }))
}

fn table(directory: &Directory, groups: &[GroupRecord]) -> Markup {
    html! {
        div.scroll { table {
            thead { tr {
                th scope="col" { "Group" } th scope="col" { "Mail" } th scope="col" { "Kind" } th scope="col" { "Sync" }
            } }
            tbody {
                @for group in groups {
                    tr {
                        th scope="row" { a href=(path(directory, &format!("/groups/{}", group.id))) { (name(group)) } }
                        td { (group.profile.mail.as_deref().unwrap_or("")) }
                        td { (kind(&group.profile)) @if hides_members(&group.profile) { ", hidden members" } }
                        td { (group_decision(group.decision)) " " (listed(directory, &group.id)) }
                    }
                }
            }
        } }
    }
}

fn name(group: &GroupRecord) -> &str {
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
fn kind(profile: &GroupProfile) -> &'static str {
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

fn hides_members(profile: &GroupProfile) -> bool {
    profile.visibility.as_deref().is_some_and(|visibility| visibility.eq_ignore_ascii_case("HiddenMembership"))
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
    let members = site.queries.list_members(directory.id, &group.id, PER_PAGE, asked.after.as_ref()).await?;
    let nested = site.queries.groups_by_id(directory.id, &group.children).await?;
    let here = path(directory, &format!("/groups/{}", group.id));
    let profile = &group.profile;
    Ok(Page::of(&viewer, Tab::Groups, name(&group)).show(&html! {
        h1 { (name(&group)) }
        p { (group_decision(group.decision)) " " (listed(directory, &group.id)) }
        @if !group.presence.is_present() { div.notice.warn { p { "The tenant does not have this group any more." } } }
        dl.facts {
            @if let Some(mail) = &profile.mail { dt { "Mail" } dd { (mail) } }
            @if let Some(description) = &profile.description { dt { "For" } dd { (description) } }
            dt { "Kind" } dd { (kind(profile)) }
            @if hides_members(profile) { dt { "Members" } dd { "hidden: only some administrators' accounts can read them" } }
            dt { "Object id" } dd { code { (group.id) } }
        }
        @if !nested.is_empty() {
            h2 { "Groups in it" }
            (table(directory, &nested))
        }
        h2 { "Direct members" }
        @if members.items.is_empty() { p { "No users." } } @else { (users::table(directory, &members.items)) }
        (links(&here, &[], &asked, members.next.as_ref()))
    }))
}

#[cfg(test)]
mod tests {
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
}
