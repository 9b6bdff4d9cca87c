//! What a draft would change, as pages show it.

use maud::{Markup, html};
use serde_json::Value;
use shared::directory::{Directory, GroupRecord, UserRecord};
use shared::filter::{GroupDecision, Policy, UserOutcome};
use shared::settings::{Draft, Line, Outline, Shift, Then, UnknownGroup};
use shared::store::{GroupFilter, LINES_PER_PAGE, UserFilter, reach};

use super::form::label_of;
use crate::Site;
use crate::pages::audit::differences;
use crate::pages::failure::Failure;
use crate::pages::groups;
use crate::pages::layout::{form_token, path};
use crate::pages::users;
use crate::pages::visitor::{Form, Viewer};
use crate::pages::words::{counted, decision, group_decision, mark, name_of, skipped, thousands, why};

/// How many users, and groups, are found at most.
const MAX_FOUND: usize = 50;

/// What is said of a draft that was made from other settings than those there are now.
pub(super) fn superseded(directory: &Directory, draft: &Draft) -> Markup {
    html! {
        @if draft.policy == directory.policy {
            h1 { "These settings are saved" }
            p { "They are the settings of now." }
        } @else {
            h1 { "The settings were changed meanwhile" }
            p {
                "You filled in the form when the settings had version " (draft.from_version) "; now they have version "
                (directory.settings_version) ". Nothing of yours was saved, so that nobody's change is lost."
            }
            h2 { "What to do" }
            p { "Look at the settings of now, and fill in what you want to change." }
        }
        p { a href=(path(directory, "")) { "Go to the settings" } }
    }
}

pub(super) fn summary(directory: &Directory, draft: &Draft, outline: &Outline) -> Markup {
    let arrow = |(now, then): (usize, usize)| html! { (thousands(now)) " → " (thousands(then)) };
    html! {
        @if draft.policy == directory.policy {
            p { "These are the settings as they are. Saving them changes nothing." }
        } @else if outline.changes_nothing() {
            p { "Nobody would become active or inactive, and no group would come or go." }
        }
        dl.counts {
            div { dt { "Active users" } dd { (arrow(outline.active)) } }
            div { dt { "Become active" } dd { (thousands(outline.size(Shift::Activated))) } }
            div { dt { "Not active any more" } dd { (thousands(outline.size(Shift::Deactivated))) } }
            div { dt { "Synced groups" } dd { (arrow(outline.groups)) } }
            div { dt { "Groups appear" } dd { (thousands(outline.size(Shift::GroupsAdded))) } }
            div { dt { "Groups disappear" } dd { (thousands(outline.size(Shift::GroupsRemoved))) } }
        }
        @let changes = differences(&json(&directory.policy), &json(&draft.policy), usize::MAX);
        @if !changes.is_empty() {
            h2 { "Changed settings" }
            ul.exact { @for change in &changes { li { (change) } } }
        }
        @if !outline.deactivated.is_empty() {
            h2 { "Why users would not be active any more" }
            ul {
                @for (outcome, number) in &outline.deactivated {
                    li { (counted(*number, "user", "users")) ": " (outcome.map_or("user sync would be off", why)) }
                }
            }
        }
        @if !outline.vanished.is_empty() {
            div.notice.warn {
                p { "The tenant does not have these listed groups, so they match nobody:" }
                ul { @for group in &outline.vanished { li { code { (group) } } } }
            }
        }
        p.quiet { "Computed from what was read of the tenant last. What has changed there since is not in it." }
    }
}

/// Settings as the audit trail will have them. They always print.
fn json(policy: &Policy) -> Value {
    serde_json::to_value(policy).unwrap_or_default()
}

/// Said of settings that cannot be saved because they depend on groups whose members are unknown.
pub(super) fn unknown_members(outline: &Outline) -> Markup {
    html! {
        div.notice.bad role="alert" {
            p { "These settings cannot be saved: who is in these groups is unknown, and the decisions would depend on it." }
            ul {
                @for fault in outline.unknown.iter().map(UnknownGroup::fault) {
                    li { (label_of(&fault.field)) ": expected " (fault.expected) " Found " code { (fault.found) } "." }
                }
            }
        }
    }
}

pub(super) fn confirmation(viewer: &Viewer, draft: &Draft, outline: &Outline, here: &str) -> Markup {
    html! {
        form.confirm method="post" action={ (here) "/save" } {
            (form_token(&viewer.session))
            @if let Some(number) = outline.to_be_confirmed(&viewer.directory.policy, &draft.policy) {
                div.field {
                    label for="number" {
                        "This is much at once. Type how many users would not be active any more (" (number) "):"
                    }
                    input #number name="number" inputmode="numeric" autocomplete="off" required;
                }
            }
            button type="submit" { "Save the settings" }
        }
    }
}

/// The part of a preview that a page shows one by one.
pub(super) enum Shown {
    /// The beginning of each list, or one page of one list.
    Lists(Vec<(Shift, usize, Vec<Line>)>),
    /// Who and what was found by a name, with what would become of it.
    Found {
        name: String,
        users: Vec<(UserRecord, Then)>,
        groups: Vec<(GroupRecord, Then)>,
        /// True when there may be others.
        more: bool,
    },
}

impl Shown {
    pub(super) async fn load(
        site: &Site,
        directory: &Directory,
        draft: &Draft,
        outline: &Outline,
        asked: &Form,
    ) -> Result<Self, Failure> {
        if let Some(name) = asked.get("q").filter(|name| !name.trim().is_empty()) {
            let policy = &draft.policy;
            let (users, groups, reach) = futures::join!(
                users::by_name(site, directory, name, UserFilter::All, MAX_FOUND, None),
                groups::by_name(&*site.queries, directory, name, GroupFilter::All, MAX_FOUND, None),
                reach(&*site.queries, directory.id, policy),
            );
            let (users, groups, reach) = (users?, groups?, reach?);
            let more = users.next.is_some() || groups.next.is_some();
            let with = |user: UserRecord| {
                let then = Then::of_user(directory, policy, &reach, &user);
                (user, then)
            };
            let users = users.items.into_iter().map(with).collect();
            let with = |group: GroupRecord| {
                let then = Then::of_group(policy, &group);
                (group, then)
            };
            let groups = groups.items.into_iter().map(with).collect();
            return Ok(Self::Found { name: name.to_owned(), users, groups, more });
        }
        let page: usize = asked.get("page").and_then(|page| page.parse().ok()).unwrap_or_default();
        let one = asked.get("list").and_then(|list| Shift::ALL.into_iter().find(|shift| word(*shift) == list));
        let mut lists = Vec::new();
        for shift in Shift::ALL.into_iter().filter(|shift| one.is_none_or(|one| one == *shift)) {
            let size = outline.size(shift);
            if size > 0 {
                let page = page.min((size - 1) / LINES_PER_PAGE);
                lists.push((shift, page, site.app.drafts.lines(directory.id, draft.id, shift, page).await?));
            }
        }
        Ok(Self::Lists(lists))
    }

    pub(super) fn render(&self, directory: &Directory, outline: &Outline, here: &str) -> Markup {
        let name = if let Self::Found { name, .. } = self { name.as_str() } else { "" };
        html! {
            h2 { "Who and what" }
            form.row method="get" action=(here) role="search" {
                label for="q" { "What would become of" }
                input #q name="q" type="search" value=(name) placeholder="Name or mail address";
                button.second type="submit" { "Show" }
            }
            @match self {
                Self::Lists(lists) => @for (shift, page, lines) in lists { (list(outline, here, *shift, *page, lines)) },
                Self::Found { users, groups, more, .. } => {
                    (found(directory, name, users, groups))
                    @if *more { p.quiet { "There may be more. Type more of the name." } }
                    p { a href=(here) { "Back to the lists" } }
                },
            }
        }
    }
}

/// What a list is called in a URL.
fn word(shift: Shift) -> &'static str {
    match shift {
        Shift::Deactivated => "deactivated",
        Shift::Activated => "activated",
        Shift::GroupsRemoved => "groups-removed",
        Shift::GroupsAdded => "groups-added",
    }
}

fn list(outline: &Outline, here: &str, shift: Shift, page: usize, lines: &[Line]) -> Markup {
    let caption = match shift {
        Shift::Deactivated => "Not active any more",
        Shift::Activated => "Become active",
        Shift::GroupsRemoved => "Groups that disappear",
        Shift::GroupsAdded => "Groups that appear",
    };
    let [what, address] = match shift {
        Shift::Deactivated | Shift::Activated => ["User", "Sign-in name"],
        Shift::GroupsRemoved | Shift::GroupsAdded => ["Group", "Mail"],
    };
    let size = outline.size(shift);
    let place = |page: usize| format!("{here}?list={}&page={page}", word(shift));
    html! {
        div.scroll { table {
            caption {
                (caption) ": " (thousands(size))
                @if size > LINES_PER_PAGE && !lines.is_empty() {
                    ", of which these are " (thousands(page * LINES_PER_PAGE + 1)) " to " (thousands(page * LINES_PER_PAGE + lines.len()))
                }
            }
            thead { tr { th scope="col" { (what) } th scope="col" { (address) } th scope="col" { "Then" } } }
            tbody {
                @for line in lines {
                    tr {
                        td { (line.name.as_deref().or(line.address.as_deref()).unwrap_or("(no name)")) }
                        td { (line.address.as_deref().unwrap_or("")) }
                        td { (then(line.then)) }
                    }
                }
            }
        } }
        @if size > LINES_PER_PAGE {
            nav.pages aria-label={ "Pages of: " (caption) } {
                @if page > 0 { a rel="prev" href=(place(page - 1)) { "Previous page" } }
                @if (page + 1) * LINES_PER_PAGE < size { a rel="next" href=(place(page + 1)) { "Next page" } }
                @if page > 0 { a href=(here) { "Back to all lists" } }
            }
        }
    }
}

fn then(then: Then) -> Markup {
    match then {
        Then::User(Some(UserOutcome::Active)) => mark("good", "active"),
        Then::User(Some(outcome)) => html! { (mark("bad", "inactive")) " " (why(outcome)) },
        Then::User(None) => mark("quiet", "not shown"),
        Then::Group(GroupDecision::Synced) => mark("good", "synced"),
        Then::Group(GroupDecision::Skipped { reason }) => html! { (mark("quiet", "skipped")) " " (skipped(reason)) },
    }
}

fn found(directory: &Directory, name: &str, users: &[(UserRecord, Then)], groups: &[(GroupRecord, Then)]) -> Markup {
    html! {
        @if users.is_empty() && groups.is_empty() {
            p role="status" { "No user’s and no group’s name or mail address begins with “" (name) "”." }
        } @else {
            div.scroll { table {
                caption { "Found by “" (name) "”" }
                thead { tr { th scope="col" { "Name" } th scope="col" { "Now" } th scope="col" { "Then" } } }
                tbody {
                    @for (user, of_user) in users {
                        tr {
                            th scope="row" { a href=(path(directory, &format!("/users/{}", user.id))) { (name_of(user)) } }
                            td { (decision(&user.decision)) " " (why(user.decision.outcome())) }
                            td { (then(*of_user)) }
                        }
                    }
                    @for (group, of_group) in groups {
                        tr {
                            th scope="row" { a href=(path(directory, &format!("/groups/{}", group.id))) { (groups::name(group)) } }
                            td { (group_decision(group.decision)) }
                            td { (then(*of_group)) }
                        }
                    }
                }
            } }
        }
    }
}
