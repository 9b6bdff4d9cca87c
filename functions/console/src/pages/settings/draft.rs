//! What a draft would change, and saving it.

use axum::extract::{RawPathParams, RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use maud::{Markup, html};
use shared::directory::Directory;
use shared::filter::UserDecision;
use shared::settings::{Draft, GroupShift, Preview, UserShift};

use crate::Site;
use crate::actions::change_settings;
use crate::pages::failure::Failure;
use crate::pages::layout::{Page, Tab, form_token, path};
use crate::pages::visitor::{Form, Submission, Viewer};
use crate::pages::words::{counted, inactive, mark, name_of, skipped, thousands};

/// The most of a list that is shown at once.
const MAX_SHOWN: usize = 100;

/// `GET /directories/{directory}/drafts/{draft}`: what saving would change.
pub(in crate::pages) async fn show(
    viewer: Viewer,
    State(site): State<Site>,
    params: RawPathParams,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let draft = find(&site, &viewer.directory, &params).await?;
    let query = Form::parse(query.unwrap_or_default().as_bytes());
    render(&site, &viewer, &draft, query.get("q").unwrap_or_default(), None).await
}

/// `POST /directories/{directory}/drafts/{draft}/save`: twice is the same as once, because the second time the version is
/// another.
pub(in crate::pages) async fn save(
    State(site): State<Site>,
    params: RawPathParams,
    submission: Submission,
) -> Result<Response, Failure> {
    let mut draft = find(&site, &submission.directory, &params).await?;
    let by = submission.actor();
    let typed = submission.form.get("number").map(ToOwned::to_owned);
    let Submission { session, mut directory, .. } = submission;
    if draft.by != session.user {
        return Err(Failure::new(
            StatusCode::FORBIDDEN,
            "This draft is somebody else's",
            "Only who has filled in settings can save them.",
            "Fill in the settings yourself.",
        )
        .for_session(&session));
    }
    if draft.from_version != directory.settings_version {
        // Said by the page, which knows what has become of it.
        let viewer = Viewer { session, directory };
        return render(&site, &viewer, &draft, "", None).await;
    }
    let preview = compute(&site, &directory, &draft).await?;
    if let Some(number) = preview.to_be_confirmed(&draft.policy)
        && typed.as_deref().map(|typed| typed.replace([',', ' '], "")) != Some(number.to_string())
    {
        let viewer = Viewer { session, directory };
        let fault = format!("To save this, type the number {number}: so many users would not be active any more.");
        return render(&site, &viewer, &draft, "", Some(&fault)).await;
    }
    let policy = std::mem::take(&mut draft.policy);
    if policy != directory.policy {
        change_settings(&site.app, &mut directory, policy, by).await?;
    }
    Ok(Redirect::to(&path(&directory, "?saved=1")).into_response())
}

async fn find(site: &Site, directory: &Directory, params: &RawPathParams) -> Result<Draft, Failure> {
    let id = params.iter().find(|(name, _)| *name == "draft").and_then(|(_, id)| id.parse().ok());
    let draft = match id {
        Some(id) => site.drafts.draft(directory.id, id).await?,
        None => None,
    };
    draft.ok_or_else(|| Failure::not_found("draft; one is kept for a day"))
}

/// Needs all records there are: the one page that reads the whole directory.
async fn compute(site: &Site, directory: &Directory, draft: &Draft) -> Result<Preview, Failure> {
    let mirror = &site.app.mirror;
    let (users, groups) = futures::try_join!(mirror.all_users(directory.id), mirror.all_groups(directory.id))?;
    Ok(Preview::new(directory, &draft.policy, users, groups))
}

async fn render(
    site: &Site,
    viewer: &Viewer,
    draft: &Draft,
    search: &str,
    fault: Option<&str>,
) -> Result<Response, Failure> {
    let directory = &viewer.directory;
    let page = Page::of(viewer, Tab::Sync, "Preview");
    if draft.from_version != directory.settings_version {
        return Ok(page.status(StatusCode::CONFLICT).show(&superseded(directory, draft)));
    }
    let preview = compute(site, directory, draft).await?;
    let status = if fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let here = path(directory, &format!("/drafts/{}", draft.id));
    Ok(page.status(status).show(&html! {
        h1 { "What saving would change" }
        @if let Some(fault) = fault { div.notice.bad role="alert" { p { (fault) } } }
        (summary(directory, draft, &preview))
        @if draft.by == viewer.session.user && viewer.may_change() {
            (confirmation(viewer, draft, &preview, &here))
        }
        p { a href=(path(directory, "")) { "Back without saving" } }
        @if !preview.changes_nothing() { (lists(&preview, search, &here)) }
    }))
}

/// What is said of a draft that was made from other settings than those there are now.
fn superseded(directory: &Directory, draft: &Draft) -> Markup {
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

fn summary(directory: &Directory, draft: &Draft, preview: &Preview) -> Markup {
    let arrow = |(now, then): (usize, usize)| html! { (thousands(now)) " → " (thousands(then)) };
    html! {
        @if draft.policy == directory.policy {
            p { "These are the settings as they are. Saving them changes nothing." }
        } @else if preview.changes_nothing() {
            p { "Nobody would become active or inactive, and no group would come or go." }
        }
        dl.counts {
            div { dt { "Active users" } dd { (arrow(preview.active)) } }
            div { dt { "Become active" } dd { (thousands(preview.activated.len())) } }
            div { dt { "Not active any more" } dd { (thousands(preview.deactivated.len())) } }
            div { dt { "Synced groups" } dd { (arrow(preview.groups)) } }
            div { dt { "Groups appear" } dd { (thousands(preview.groups_added.len())) } }
            div { dt { "Groups disappear" } dd { (thousands(preview.groups_removed.len())) } }
        }
        @if !preview.deactivated.is_empty() {
            h2 { "Why users would not be active any more" }
            ul {
                @for (reason, number) in preview.reasons() {
                    li {
                        (counted(number, "user", "users")) ": "
                        (reason.as_ref().map_or("user sync would be off", inactive))
                    }
                }
            }
        }
        @if !preview.vanished.is_empty() {
            div.notice.warn {
                p { "The tenant does not have these listed groups, so they match nobody:" }
                ul { @for group in &preview.vanished { li { code { (group) } } } }
            }
        }
        p.quiet { "Computed from what was read of the tenant last. What has changed there since is not in it." }
    }
}

fn confirmation(viewer: &Viewer, draft: &Draft, preview: &Preview, here: &str) -> Markup {
    html! {
        form.confirm method="post" action={ (here) "/save" } {
            (form_token(&viewer.session))
            @if let Some(number) = preview.to_be_confirmed(&draft.policy) {
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

fn lists(preview: &Preview, search: &str, here: &str) -> Markup {
    html! {
        h2 { "Who and what" }
        form.row method="get" action=(here) role="search" {
            label for="q" { "Find in the lists" }
            input #q name="q" type="search" value=(search);
            button.second type="submit" { "Find" }
        }
        (users("Not active any more", &preview.deactivated, search))
        (users("Become active", &preview.activated, search))
        (groups("Groups that disappear", &preview.groups_removed, search))
        (groups("Groups that appear", &preview.groups_added, search))
    }
}

fn users(caption: &str, shifts: &[UserShift], search: &str) -> Markup {
    let search = search.to_lowercase();
    let matches = |shift: &&UserShift| {
        search.is_empty()
            || name_of(&shift.user).to_lowercase().contains(&search)
            || shift.user.profile.names().any(|name| name.to_lowercase().contains(&search))
    };
    let found: Vec<&UserShift> = shifts.iter().filter(matches).collect();
    html! {
        @if !found.is_empty() {
            div.scroll { table {
                caption { (caption) ": " (thousands(found.len())) (cut(found.len())) }
                thead { tr { th scope="col" { "User" } th scope="col" { "Sign-in name" } th scope="col" { "Then" } } }
                tbody {
                    @for shift in found.iter().take(MAX_SHOWN) {
                        tr {
                            td { (name_of(&shift.user)) }
                            td { (shift.user.profile.user_principal_name.as_deref().unwrap_or("")) }
                            td {
                                @match &shift.after {
                                    Some(UserDecision::Active) => (mark("good", "active")),
                                    Some(UserDecision::Inactive(reason)) => { (mark("bad", "inactive")) " " (inactive(reason)) },
                                    None => (mark("quiet", "not shown")),
                                }
                            }
                        }
                    }
                }
            } }
        }
    }
}

fn groups(caption: &str, shifts: &[GroupShift], search: &str) -> Markup {
    let search = search.to_lowercase();
    let name = |shift: &GroupShift| shift.group.profile.display_name.clone().unwrap_or_default();
    let found: Vec<&GroupShift> = shifts.iter().filter(|shift| name(shift).to_lowercase().contains(&search)).collect();
    html! {
        @if !found.is_empty() {
            div.scroll { table {
                caption { (caption) ": " (thousands(found.len())) (cut(found.len())) }
                thead { tr { th scope="col" { "Group" } th scope="col" { "Mail" } th scope="col" { "Then" } } }
                tbody {
                    @for shift in found.iter().take(MAX_SHOWN) {
                        tr {
                            td { (name(shift)) }
                            td { (shift.group.profile.mail.as_deref().unwrap_or("")) }
                            td { @match shift.skipped { None => (mark("good", "synced")), Some(reason) => (skipped(reason)) } }
                        }
                    }
                }
            } }
        }
    }
}

fn cut(number: usize) -> String {
    if number > MAX_SHOWN { format!(", the first {MAX_SHOWN} shown; find others by name") } else { String::new() }
}
