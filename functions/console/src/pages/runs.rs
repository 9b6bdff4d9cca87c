//! Runs: what each did, what it cost, how it ended.

use axum::extract::{RawPathParams, State};
use axum::response::Response;
use http::Uri;
use maud::{Markup, html};
use shared::directory::Directory;
use shared::sync::{ChangeCounts, FullReason, Reading, Run, RunState};

use super::changes::Story;
use super::charts;
use super::failure::Failure;
use super::layout::{Page, Tab, path};
use super::paging::{Asked, links, listing};
use super::visitor::Viewer;
use super::words::{duration, run_state, thousands, time, time_or, trigger};
use crate::Site;

/// How many runs a page has.
const PER_PAGE: usize = 50;
/// The most notes of a kind that are shown.
const MAX_NOTES: usize = 200;

/// `GET /directories/{directory}/runs`
pub(super) async fn list(viewer: Viewer, State(site): State<Site>, uri: Uri) -> Result<Response, Failure> {
    let asked = Asked::of(&uri);
    let listing = listing(&viewer.directory, "runs", "");
    let runs = site.app.runs.runs(viewer.directory.id, PER_PAGE, asked.after(&listing)?).await?;
    let next = runs.end().map(|run| listing.cursor(&run.id));
    Ok(Page::of(&viewer, Tab::Runs, "Runs").show(&html! {
        h1 { "Runs" }
        p.quiet { "The latest first. Runs are kept for 90 days." }
        (charts::runs(&runs.items))
        (table(&viewer.directory, &runs.items))
        (links(&path(&viewer.directory, "/runs"), &[], &asked, next.as_deref()))
    }))
}

pub(super) fn table(directory: &Directory, runs: &[Run]) -> Markup {
    html! {
        @if runs.is_empty() { p { "No sync has run yet." } }
        @else {
            div.scroll { table {
                thead { tr {
                    th scope="col" { "Asked for" } th scope="col" { "State" } th scope="col" { "Because of" }
                    th scope="col" { "Changes" } th.number scope="col" { "Took" }
                } }
                tbody {
                    @for run in runs {
                        tr {
                            th scope="row" { a href=(path(directory, &format!("/runs/{}", run.id))) { (time(run.requested_at)) } }
                            td { (run_state(run)) }
                            td { (trigger(run.trigger)) }
                            td { (changes(&run.changes)) }
                            td.number { @if let Some(took) = run.duration_ms() { (duration(took)) } }
                        }
                    }
                }
            } }
        }
    }
}

/// What a run changed, in a line.
fn changes(changes: &ChangeCounts) -> String {
    let parts = [
        (changes.activated, "activated"),
        (changes.deactivated, "deactivated"),
        (changes.users_added, "users added"),
        (changes.users_changed, "users changed"),
        (changes.groups_added, "groups added"),
        (changes.groups_changed, "groups changed"),
        (changes.memberships_added, "memberships added"),
        (changes.memberships_removed, "memberships removed"),
    ];
    let said: Vec<String> = parts
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{} {what}", number_of(number)))
        .collect();
    if said.is_empty() { "none".to_owned() } else { said.join(", ") }
}

fn number_of(number: u64) -> String {
    thousands(usize::try_from(number).unwrap_or(usize::MAX))
}

/// `GET /directories/{directory}/runs/{run}`: one run's story.
pub(super) async fn show(
    viewer: Viewer,
    State(site): State<Site>,
    params: RawPathParams,
    uri: Uri,
) -> Result<Response, Failure> {
    let id = params.iter().find(|(name, _)| *name == "run").and_then(|(_, id)| id.parse().ok());
    let run = match id {
        Some(id) => site.app.runs.run(viewer.directory.id, id).await?,
        None => None,
    };
    let run = run.ok_or_else(|| Failure::not_found("run; they are kept for 90 days"))?;
    let credential = match &run.credential {
        Some(administrator) => site.app.credentials.credential(viewer.directory.id, administrator).await?,
        None => None,
    };
    let account = credential
        .map(|credential| credential.user_principal_name)
        .or_else(|| run.credential.as_ref().map(ToString::to_string));
    let after = Asked::of(&uri).query.get("changes_after").and_then(|after| after.parse().ok());
    let made = Story::of_run(&site, &viewer.directory, &run, after).await?;
    let here = path(&viewer.directory, &format!("/runs/{}", run.id));
    let is_open = !run.state.is_final();
    let page = Page::of(&viewer, Tab::Runs, "Run").refresh_after(is_open.then_some(3));
    Ok(page.show(&html! {
        h1 { "Run of " (time(run.requested_at)) }
        p { (run_state(&run)) " " (story(&run)) }
        @if let Some(failure) = &run.failure { div.notice.bad { p { (failure.message) } } }
        @if let Some(hold) = &run.hold {
            div.notice.warn { p {
                "It would have taken away more than the safety limit allows. That part "
                a href=(path(&viewer.directory, &format!("/holds/{}", hold.id))) { "waits for an answer" } "."
            } }
        }
        dl.facts {
            dt { "Because of" } dd { (trigger(run.trigger)) }
            dt { "Began" } dd { (time_or(run.started_at, "not yet")) @if run.attempts > 1 { ", taken up again " (run.attempts - 1) " times" } }
            dt { "Ended" } dd { (time_or(run.finished_at, "not yet")) @if let Some(took) = run.duration_ms() { ", after " (duration(took)) } }
            dt { "Read" } dd { (reading(&run)) }
            @if let Some(account) = &account { dt { "Account used" } dd { (account) } }
            dt { "Changes" } dd { (changes(&run.changes)) }
            @if let Some(mended) = &run.mended { dt { "Of these, left out by Microsoft's change lists" } dd { (changes(mended)) } }
            dt { "Requests of Microsoft Graph" } dd {
                (number_of(run.effort.graph_requests)) ", " (number_of(run.effort.pages)) " pages, "
                (number_of(run.effort.resource_units)) " resource units"
            }
            dt { "Throttled" } dd {
                @if run.effort.throttled == 0 { "no" } @else { (number_of(run.effort.throttled)) " times" }
                @if run.effort.waited_ms > 0 { ", rested " (duration(i64::try_from(run.effort.waited_ms).unwrap_or(i64::MAX))) " to keep within the limits" }
            }
            dt { "Items written" } dd { (number_of(run.effort.items_written)) }
            dt { "Id" } dd { code { (run.id) } }
        }
        (notes("What could not be read", "It stays as it was, and the next run asks again.", &run.gaps))
        (notes("What is odd, but did no harm", "", &run.warnings))
        @if !run.vanished_groups.is_empty() {
            h2 { "Listed groups that the tenant does not have" }
            ul { @for group in &run.vanished_groups { li { code { (group) } } } }
        }
        @if run.changes != ChangeCounts::default() || !made.is_empty() {
            h2 #changes { "What changed" }
            (made.as_table(&viewer.directory))
            nav.pages aria-label="Pages of the changes" {
                @if after.is_some() { a href={ (here) "#changes" } { "To the beginning" } }
                @if let Some(next) = made.next { a rel="next" href={ (here) "?changes_after=" (next) "#changes" } { "Next page" } }
            }
        }
    }))
}

/// What its state means.
fn story(run: &Run) -> &'static str {
    match run.state {
        RunState::Queued => "It begins as soon as the queue delivers it.",
        RunState::Running => "It is at work.",
        RunState::Paused => "It was cut off, and goes on by itself.",
        RunState::Succeeded => "Everything was read and published.",
        RunState::CompletedWithGaps => "Everything but what is named below was read and published.",
        RunState::Held => "All but a part that waits for an administrator was published.",
        RunState::Interrupted => "It was cut off without notice, and a later run took over.",
        RunState::Failed => "It published nothing, or not all of it; the next run mends that.",
    }
}

fn reading(run: &Run) -> &'static str {
    match (run.reading, run.full_reason) {
        (None, _) => "nothing",
        (Some(Reading::Mirror), _) => "nothing: the settings were applied to what is known",
        (Some(Reading::Incremental), _) => "what had changed",
        (Some(Reading::Full), None | Some(FullReason::First)) => "everything, for the first time",
        (Some(Reading::Full), Some(FullReason::HoldDiscarded)) => "everything, because a hold was discarded",
        (Some(Reading::Full), Some(FullReason::ManyReturned)) => "everything, because many came back at once",
        (Some(Reading::Full), Some(FullReason::Resync)) => "everything, because Microsoft asked for it",
        (Some(Reading::Full), Some(FullReason::SelectChanged)) => {
            "everything, because this version reads other properties"
        }
        (Some(Reading::Full), Some(FullReason::HiddenMembers)) => {
            "everything, because the account has begun or ceased to see hidden members"
        }
        (Some(Reading::Full), Some(_)) => "everything, to compare it with what is known",
    }
}

fn notes(heading: &str, meaning: &str, notes: &[String]) -> Markup {
    html! {
        @if !notes.is_empty() {
            h2 { (heading) }
            @if !meaning.is_empty() { p { (meaning) } }
            ul { @for note in notes.iter().take(MAX_NOTES) { li { (note) } } }
            @if notes.len() > MAX_NOTES { p.quiet { "And " (thousands(notes.len() - MAX_NOTES)) " more." } }
        }
    }
}
