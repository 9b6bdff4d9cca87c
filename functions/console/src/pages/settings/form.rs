//! The form.

use std::collections::{BTreeMap, BTreeSet};

use axum::response::Response;
use http::StatusCode;
use maud::{Markup, html};
use shared::directory::{Directory, GroupId, GroupRecord};
use shared::filter::FieldError;

use super::fields::Fields;
use super::picker::Found;
use crate::Site;
use crate::pages::failure::Failure;
use crate::pages::groups::{kind, members};
use crate::pages::layout::{Page, Tab, form_token, path};
use crate::pages::visitor::Viewer;
use crate::pages::words::{mark, short, time};

/// What a form shows.
pub(in crate::pages) struct Rendering {
    pub(in crate::pages) fields: Fields,
    pub(in crate::pages) found: Option<Found>,
    pub(in crate::pages) faults: Vec<FieldError>,
    /// What is to be said of the form as a whole.
    pub(in crate::pages) notice: Option<String>,
}

impl Rendering {
    /// The settings as they are.
    pub(in crate::pages) fn of(viewer: &Viewer) -> Self {
        Self { fields: Fields::of(&viewer.directory), found: None, faults: Vec::new(), notice: None }
    }
}

/// The form on a page of its own, when it is shown again.
pub(super) async fn page(
    site: &Site,
    viewer: &Viewer,
    rendering: Rendering,
    status: StatusCode,
) -> Result<Response, Failure> {
    let form = render(site, viewer, rendering).await?;
    let page = Page::of(viewer, Tab::Sync, "Settings");
    Ok(page.status(status).show(&html! {
        h1 { "Settings" }
        (form)
        p { a href=(path(&viewer.directory, "")) { "Back without saving" } }
    }))
}

/// The form. For who may only look, its fields cannot be changed.
pub(in crate::pages) async fn render(site: &Site, viewer: &Viewer, rendering: Rendering) -> Result<Markup, Failure> {
    let Rendering { fields, found, faults, notice } = rendering;
    let listed: BTreeSet<GroupId> = fields.allowed_groups.union(&fields.ignored_groups).cloned().collect();
    let groups = site.queries.groups_by_id(viewer.directory.id, &listed).await?;
    let groups: BTreeMap<GroupId, GroupRecord> = groups.into_iter().map(|group| (group.id.clone(), group)).collect();
    let locked = !viewer.may_change();
    Ok(html! {
        @if let Some(notice) = &notice { div.notice.warn role="status" { p { (notice) } } }
        @if !faults.is_empty() { (faults_in_words(&faults)) }
        form.settings method="post" action=(path(&viewer.directory, "/settings")) {
            (form_token(&viewer.session))
            input type="hidden" name="version" value=(fields.from_version);
            fieldset disabled[locked] {
                legend { "What is synced" }
                (choice("sync_users", "User sync", fields.sync_users, "Consumers see users, active or inactive."))
                (choice("sync_groups", "Group sync", fields.sync_groups, "Consumers see groups, and lists of groups decide who is active."))
            }
            fieldset disabled[locked] data-shown-if="sync_groups" {
                legend { "Groups" }
                (choice("sync_groups_without_email", "Sync groups without emails", fields.sync_groups_without_email,
                    "Security groups have no mail address as a rule."))
                div.field {
                    label for="group_prefixes" { "Allowed group prefixes" }
                    textarea #group_prefixes name="group_prefixes" rows="3" aria-describedby="group_prefixes_help" {
                        (fields.group_prefixes)
                    }
                    p.help #group_prefixes_help {
                        "One to a line. Only groups whose name begins with one of them are synced, in upper or lower case; \
                         all groups when this is empty. White space counts; where it could not be seen, the prefix is in \
                         quotation marks: " code { "\"VPN \"" } "."
                    }
                }
                (list("allowed_groups", "Allowed groups", &fields.allowed_groups, &groups,
                    "When there are any, only their members are active.", "None: everybody is allowed."))
                (list("ignored_groups", "Ignored groups", &fields.ignored_groups, &groups,
                    "Their members are never active, whatever else they are in.", "None: nobody is ignored."))
                (choice("nested_groups", "Nested groups count", fields.nested_groups,
                    "Members of groups within a listed group count as its members."))
                (picker(&viewer.directory, &fields, found.as_ref()))
            }
            fieldset disabled[locked] {
                legend { "Safety limit" }
                p.help #limit_help {
                    "A sync that would make more users inactive than this, because of what Microsoft says, waits for you. \
                     100 percent: it never waits."
                }
                div.pair {
                    div.field {
                        label for="percent" { "Percent of the active users" }
                        input #percent name="percent" type="number" min="0" max="100" value=(fields.percent) aria-describedby="limit_help";
                    }
                    div.field {
                        label for="at_least" { "And at least so many" }
                        input #at_least name="at_least" type="number" min="1" max=(u32::MAX) value=(fields.at_least) aria-describedby="limit_help";
                    }
                }
            }
            fieldset disabled[locked] {
                legend { "Schedule" }
                (schedule(&fields.every))
            }
            @if let Some(changed) = &viewer.directory.settings_changed {
                p.quiet {
                    "Version " (viewer.directory.settings_version) ", saved by " (changed.by.name()) " " (time(changed.at)) "."
                }
            }
            @if locked {
                p.quiet { "You may look, but not change settings." }
            } @else {
                button type="submit" { "Preview the changes" }
                " " span.quiet { "Nothing is saved before you have seen what it would change." }
            }
        }
    })
}

fn choice(name: &str, label: &str, yes: bool, help: &str) -> Markup {
    html! {
        div.field {
            label for=(name) { (label) }
            select id=(name) name=(name) aria-describedby={ (name) "_help" } {
                option value="yes" selected[yes] { "Yes" }
                option value="no" selected[!yes] { "No" }
            }
            p.help id={ (name) "_help" } { (help) }
        }
    }
}

/// How often the schedule syncs, in minutes, as it is offered. Whatever else is set is offered too.
const SCHEDULES: [(&str, &str); 9] = [
    ("", "as the deployment says"),
    ("5", "every 5 minutes"),
    ("15", "every 15 minutes"),
    ("30", "every 30 minutes"),
    ("60", "every hour"),
    ("120", "every 2 hours"),
    ("360", "every 6 hours"),
    ("720", "every 12 hours"),
    ("1440", "every day"),
];

fn schedule(every: &str) -> Markup {
    html! {
        div.field {
            label for="every" { "Sync" }
            select #every name="every" aria-describedby="every_help" {
                @for (minutes, label) in SCHEDULES { option value=(minutes) selected[every == minutes] { (label) } }
                @if SCHEDULES.iter().all(|(minutes, _)| every != *minutes) {
                    option value=(every) selected { "every " (every) " minutes" }
                }
            }
            p.help #every_help { "Whoever is disabled or leaves a group in Microsoft 365 is so here after the next sync." }
        }
    }
}

/// The groups of a list, each to be kept or taken off.
fn list(
    name: &str,
    label: &str,
    ids: &BTreeSet<GroupId>,
    groups: &BTreeMap<GroupId, GroupRecord>,
    help: &str,
    none: &str,
) -> Markup {
    html! {
        div.field role="group" aria-labelledby={ (name) "_label" } aria-describedby={ (name) "_help" } {
            span.label id={ (name) "_label" } { (label) }
            p.help id={ (name) "_help" } { (help) " Take the mark away to take a group off the list." }
            @if ids.is_empty() { p.quiet { (none) } }
            @for id in ids {
                label.check {
                    input type="checkbox" name=(name) value=(id) checked;
                    (group_in_words(id, groups.get(id)))
                }
            }
        }
    }
}

fn group_in_words(id: &GroupId, group: Option<&GroupRecord>) -> Markup {
    html! {
        @match group {
            Some(group) => {
                span.name { (short(group.profile.display_name.as_deref().unwrap_or("(no name)"))) }
                @if let Some(mail) = &group.profile.mail { " " span.quiet { (short(mail)) } }
                @if !group.presence.is_present() { " " (mark("warn", "not in the tenant any more")) }
                @else if !group.membership.is_known() { " " (mark("warn", "members unknown")) }
            }
            None => { span.name { (id) } " " (mark("warn", "not known: matches nobody")) }
        }
    }
}

/// Looks for groups to put on a list.
fn picker(directory: &Directory, fields: &Fields, found: Option<&Found>) -> Markup {
    html! {
        div.field.picker {
            label for="q" { "Find groups to list" }
            div.row {
                input #q name="q" type="search" autofocus[found.is_some()] value=(found.map_or("", |found| &found.query)) placeholder="Name, a word in it, or mail address";
                button.second type="submit" name="search" value="1" { "Find" }
            }
            @if let Some(found) = found {
                @if directory.published.is_none() {
                    p role="status" { "The tenant’s groups are being read for the first time. Look again in a moment." }
                } @else if found.groups.is_empty() { p role="status" { "No group’s name or mail address, and no word of a name, begins with “" (found.query) "”." } }
                @else {
                    table {
                        caption { "Groups found by “" (found.query) "”" @if found.more { ", some of them: type more of the name to see others" } }
                        thead { tr { th scope="col" { "Group" } th scope="col" { "Kind" } th.number scope="col" { "Members" } th scope="col" { "Allow" } th scope="col" { "Ignore" } } }
                        tbody {
                            @for group in &found.groups {
                                @let name = group.profile.display_name.as_deref().unwrap_or("(no name)");
                                tr {
                                    td { (group_in_words(&group.id, Some(group))) }
                                    td { (kind(&group.profile)) }
                                    td.number { (members(group)) }
                                    td { (tick("allowed_groups", &group.id, &fields.allowed_groups, &format!("Allow {name}"))) }
                                    td { (tick("ignored_groups", &group.id, &fields.ignored_groups, &format!("Ignore {name}"))) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn tick(list: &str, id: &GroupId, listed: &BTreeSet<GroupId>, label: &str) -> Markup {
    html! {
        @if listed.contains(id) { span.quiet { "on the list" } }
        @else { input type="checkbox" name=(list) value=(id) aria-label=(label); }
    }
}

fn faults_in_words(faults: &[FieldError]) -> Markup {
    html! {
        div.notice.bad role="alert" {
            h2 { "Nothing was saved yet" }
            ul { @for fault in faults { li { (label_of(&fault.field)) ": expected " (fault.expected) "; found " (fault.found) "." } } }
        }
    }
}

/// A setting as the form calls it.
pub(super) fn label_of(field: &str) -> &str {
    match field.split('[').next().unwrap_or(field) {
        "sync_users" => "User sync",
        "sync_groups" => "Group sync",
        "sync_groups_without_email" => "Sync groups without emails",
        "group_prefixes" => "Allowed group prefixes",
        "allowed_groups" => "Allowed groups",
        "ignored_groups" => "Ignored groups",
        "nested_groups" => "Nested groups count",
        "safety_limit.percent" => "Percent of the active users",
        "safety_limit.at_least" => "And at least so many",
        "sync_every_minutes" => "Schedule",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::groups::tests::longest;

    #[test]
    fn longest_lists_fit_one_answer() {
        for letter in ['"', '\u{1}', '😀'] {
            let groups = (0..2_000).map(|number| longest(number, letter));
            let groups: BTreeMap<GroupId, GroupRecord> = groups.map(|group| (group.id.clone(), group)).collect();
            let ids: BTreeSet<GroupId> = groups.keys().cloned().collect();
            let body = list("allowed_groups", "Allowed groups", &ids, &groups, "", "").into_string();
            let bytes = serde_json::to_string(&body).unwrap().len();
            // There are two such lists.
            assert!(bytes < 3_000_000, "{bytes} bytes of {letter:?}");
        }
    }
}
