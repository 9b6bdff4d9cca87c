//! Holds: what waits for an administrator, and the two answers to it.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{RawPathParams, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{StatusCode, Uri};
use maud::{Markup, html};
use shared::directory::{Directory, GroupId, GroupRecord, UserId, UserRecord};
use shared::filter::Policy;
use shared::sync::{HeldChange, Hold, HoldState};

use super::failure::Failure;
use super::layout::{Page, Tab, form_token, path};
use super::paging::Asked;
use super::visitor::{Submission, Viewer};
use super::words::{MAX_ROWS, counted, inactive, left_out, mark, name_of, thousands, time};
use crate::Site;
use crate::actions::{Decided, decide_hold, why_not_open};

/// How many of a hold's changes a page has.
const PER_PAGE: usize = 100;

/// `GET /directories/{directory}/holds`
pub(super) async fn list(viewer: Viewer, State(site): State<Site>) -> Result<Response, Failure> {
    let holds = site.app.holds.holds(viewer.directory.id).await?;
    Ok(Page::of(&viewer, Tab::Holds, "Holds").show(&html! {
        h1 { "Holds" }
        p { "When a sync would take away more than the safety limit allows, or an ignored group has vanished, because of what Microsoft says, that part waits here for an answer." }
        @if holds.is_empty() { p { "Nothing waits, and nothing has waited in the last 90 days." } }
        @else {
            div.scroll { table {
                thead { tr { th scope="col" { "Since" } th scope="col" { "State" } th scope="col" { "What would go" } } }
                tbody {
                    @for hold in holds.iter().take(MAX_ROWS) {
                        tr {
                            th scope="row" { a href=(path(&viewer.directory, &format!("/holds/{}", hold.id))) { (time(hold.opened_at)) } }
                            td { (state(hold)) }
                            td { (what_goes(hold)) }
                        }
                    }
                }
            } }
            (left_out(holds.len()))
        }
    }))
}

fn state(hold: &Hold) -> Markup {
    match hold.state {
        HoldState::Open => mark("warn", "waits"),
        HoldState::Approved => mark("busy", "to be applied"),
        HoldState::Applied => mark("good", "applied"),
        HoldState::Discarded => mark("quiet", "discarded"),
        HoldState::Replaced => mark("quiet", "replaced"),
        HoldState::Closed => mark("quiet", "closed"),
    }
}

fn what_goes(hold: &Hold) -> String {
    let parts = [
        (hold.deactivations, "user would become inactive", "users would become inactive"),
        (hold.group_removals, "group would go", "groups would go"),
        (hold.membership_removals, "membership would go", "memberships would go"),
    ];
    let said = parts.into_iter().filter(|(number, ..)| *number > 0);
    said.map(|(number, one, many)| counted(usize::try_from(number).unwrap_or_default(), one, many))
        .collect::<Vec<_>>()
        .join(", ")
}

/// `GET /directories/{directory}/holds/{hold}`: who would be affected, and why.
pub(super) async fn show(
    viewer: Viewer,
    State(site): State<Site>,
    params: RawPathParams,
    uri: Uri,
) -> Result<Response, Failure> {
    let directory = &viewer.directory;
    let hold = find(&site, directory, &params).await?;
    let all = site.app.holds.held_changes(directory.id, hold.id).await?.to_list();
    let pages: Vec<&[HeldChange]> = all.chunks(PER_PAGE).collect();
    let asked = Asked::of(&uri).query.get("page").and_then(|page| page.parse().ok()).unwrap_or_default();
    let page = pages.len().saturating_sub(1).min(asked);
    let changes = pages.get(page).copied().unwrap_or_default();
    let here = path(directory, &format!("/holds/{}", hold.id));
    let names = Names::of(&site, directory, changes).await?;
    let is_open = hold.can_be_decided(site.app.clock.now());
    Ok(Page::of(&viewer, Tab::Holds, "Hold").show(&html! {
        h1 { "What waits since " (time(hold.opened_at)) }
        p { (state(&hold)) " " (what_goes(&hold)) ". " (why_not_open(&hold, site.app.clock.now())) }
        @if is_open && viewer.may_change() {
            div.notice.warn {
                p { "Is this meant? Then apply it: exactly these changes are made, as far as they are still true. If not, discard it: everything is read anew." }
                div.row {
                    form method="post" action=(path(directory, &format!("/holds/{}/apply", hold.id))) {
                        (form_token(&viewer.session))
                        button type="submit" { "Apply" }
                    }
                    form method="post" action=(path(directory, &format!("/holds/{}/discard", hold.id))) {
                        (form_token(&viewer.session))
                        button.second type="submit" { "Discard" }
                    }
                }
                p.quiet { "Unanswered, it waits until " (time(hold.expires_at)) "; a later sync that finds the same opens a new one." }
            }
        }
        div.scroll { table {
            thead { tr { th scope="col" { "Who or what" } th scope="col" { "What would happen" } } }
            @if pages.len() > 1 {
                caption { "Page " (thousands(page + 1)) " of " (thousands(pages.len())) ", " (thousands(all.len())) " changes in all" }
            }
            tbody { @for change in changes { (row(directory, change, &names)) } }
        } }
        @if pages.len() > 1 {
            nav.pages aria-label="Pages of the changes" {
                @if page > 0 { a rel="prev" href={ (here) "?page=" (page - 1) } { "Previous page" } }
                @if page + 1 < pages.len() { a rel="next" href={ (here) "?page=" (page + 1) } { "Next page" } }
            }
        }
    }))
}

/// `POST …/apply`
pub(super) async fn apply(
    site: State<Site>,
    params: RawPathParams,
    submission: Submission,
) -> Result<Response, Failure> {
    decide(site, params, submission, HoldState::Approved).await
}

/// `POST …/discard`
pub(super) async fn discard(
    site: State<Site>,
    params: RawPathParams,
    submission: Submission,
) -> Result<Response, Failure> {
    decide(site, params, submission, HoldState::Discarded).await
}

async fn decide(
    State(site): State<Site>,
    params: RawPathParams,
    submission: Submission,
    decision: HoldState,
) -> Result<Response, Failure> {
    let by = submission.actor();
    let directory = &submission.directory;
    let mut hold = find(&site, directory, &params).await?;
    match decide_hold(&site.app, directory, &mut hold, decision, by).await? {
        Decided::Done(_) => Ok(Redirect::to(&path(directory, &format!("/holds/{}", hold.id))).into_response()),
        Decided::NotOpen => Err(Failure::new(
            StatusCode::CONFLICT,
            "This does not wait for an answer any more",
            why_not_open(&hold, site.app.clock.now()),
            "Look at the list of holds for one that waits.",
        )
        .for_session(&submission.session)),
    }
}

async fn find(site: &Site, directory: &Directory, params: &RawPathParams) -> Result<Hold, Failure> {
    let id = params.iter().find(|(name, _)| *name == "hold").and_then(|(_, id)| id.parse().ok());
    let hold = match id {
        Some(id) => site.app.holds.hold(directory.id, id).await?,
        None => None,
    };
    hold.ok_or_else(|| Failure::not_found("hold; they are kept for 90 days"))
}

/// Those a hold is about.
struct Names {
    users: BTreeMap<UserId, UserRecord>,
    groups: BTreeMap<GroupId, GroupRecord>,
}

impl Names {
    async fn of(site: &Site, directory: &Directory, changes: &[HeldChange]) -> Result<Self, Failure> {
        let users: BTreeSet<UserId> = changes.iter().filter_map(|change| change.user().cloned()).collect();
        let groups: BTreeSet<GroupId> = changes.iter().filter_map(|change| change.group().cloned()).collect();
        let mirror = &site.app.mirror;
        let (users, groups) =
            futures::try_join!(mirror.users(directory.id, &users), mirror.groups(directory.id, &groups))?;
        Ok(Self {
            users: users.into_iter().map(|user| (user.id.clone(), user)).collect(),
            groups: groups.into_iter().map(|group| (group.id.clone(), group)).collect(),
        })
    }

    fn user(&self, directory: &Directory, id: &UserId) -> Markup {
        let name = self.users.get(id).map_or_else(|| id.to_string(), |user| name_of(user).to_owned());
        let login = self.users.get(id).and_then(|user| user.profile.user_principal_name.as_deref());
        html! {
            a href=(path(directory, &format!("/users/{id}"))) { (name) }
            @if let Some(login) = login { " " span.quiet { (login) } }
        }
    }

    fn group(&self, directory: &Directory, id: &GroupId) -> Markup {
        let name = self.groups.get(id).and_then(|group| group.profile.display_name.as_deref());
        html! { a href=(path(directory, &format!("/groups/{id}"))) { (name.unwrap_or("(no name)")) } }
    }
}

fn row(directory: &Directory, change: &HeldChange, names: &Names) -> Markup {
    html! {
        tr {
            @match change {
                HeldChange::Deactivation { user, reason } => {
                    th scope="row" { (names.user(directory, user)) }
                    td { "would become inactive: " (inactive(reason)) }
                }
                HeldChange::GroupRemoval { group } => {
                    th scope="row" { (names.group(directory, group)) }
                    td {
                        "the group would go"
                        @if may_ignore(&directory.policy, group) { ", and members who are inactive because of it could become active" }
                    }
                }
                HeldChange::MembershipRemoval { group, user } => {
                    th scope="row" { (names.user(directory, user)) }
                    td { "would not be in " (names.group(directory, group)) " any more" }
                }
            }
        }
    }
}

/// Whether a group's members may be inactive because of it: it is ignored, or may be nested in one that is.
fn may_ignore(policy: &Policy, group: &GroupId) -> bool {
    policy.ignored_groups().contains(group) || (policy.nested_groups() && !policy.ignored_groups().is_empty())
}
