//! The Sync page: how the sync fares, who has authorized it, what is set, and what it did.

pub(super) mod credentials;
mod progress;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::Uri;
use jiff::ToSpan as _;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use shared::directory::{Directory, DirectoryCounts};
use shared::health::{Health, Overview, Trouble, troubles, worst};

use super::charts;
use super::failure::Failure;
use super::layout::{Page, Tab, form_token, path};
use super::paging::Asked;
use super::runs;
use super::settings::{Rendering, render};
use super::visitor::{Submission, Viewer};
use super::words::{count, time, time_or};
use crate::Site;
use crate::actions::sync_now;

/// How many of the latest runs the page shows.
const LATEST_RUNS: usize = 5;
/// How many days the charts show.
const CHARTED: i64 = 90;
/// Seconds after which a browser without scripts looks again while a run is at work.
const REFRESH_SECONDS: u32 = 3;

/// `GET /directories/{directory}`
pub(super) async fn show(viewer: Viewer, State(site): State<Site>, uri: Uri) -> Result<Response, Failure> {
    let overview = Overview::of(&*site.app.runs, &*site.alerts, viewer.directory.clone()).await?;
    let latest = site.app.runs.runs(viewer.directory.id, LATEST_RUNS, None).await?;
    let today = site.app.clock.now().to_zoned(TimeZone::UTC).date();
    let since = today.saturating_sub(CHARTED.days());
    let days = site.statistics.days(viewer.directory.id, since).await?;
    let troubles = troubles(&overview, site.app.clock.now());
    let form = render(&site, &viewer, Rendering::of(&viewer)).await?;
    let saved = Asked::of(&uri).query.has("saved", "1");
    let directory = &viewer.directory;
    let live = progress::live(&site, &overview).await?;
    let is_busy = overview.current_run.is_some();
    let page = Page::of(&viewer, Tab::Sync, directory.name.clone()).refresh_after(is_busy.then_some(REFRESH_SECONDS));
    Ok(page.show(&html! {
        @if saved { div.notice.good role="status" { p { "The settings are saved. A sync that applies them starts now." } } }
        (state_of(&overview, &troubles))
        (checklist(&overview))
        (live)
        @if viewer.may_change() && !overview.credentials.is_empty() {
            form method="post" action=(path(directory, "/sync")) {
                (form_token(&viewer.session))
                button type="submit" { "Sync now" }
            }
        }
        @if let Some(published) = &directory.published { (counts(&published.counts, published.users)) }
        section {
            h2 #settings { "Settings" }
            (form)
        }
        (credentials::section(&viewer, &overview.credentials))
        section {
            h2 { "Over time" }
            (charts::days(&days, since, today))
        }
        section {
            h2 { "Latest runs" }
            (runs::table(directory, &latest.items))
            p { a href=(path(directory, "/runs")) { "All runs" } }
        }
    }))
}

/// `GET /directories/{directory}/state`: what changes while a run is at work, for the script to put in its place.
pub(super) async fn state(viewer: Viewer, State(site): State<Site>) -> Result<Response, Failure> {
    let overview = Overview::of(&*site.app.runs, &*site.alerts, viewer.directory.clone()).await?;
    Ok(progress::live(&site, &overview).await?.into_response())
}

/// `POST /directories/{directory}/sync`: twice within a moment is the same as once, since a run that waits sees everything.
pub(super) async fn start(State(site): State<Site>, submission: Submission) -> Result<Response, Failure> {
    let by = submission.actor();
    sync_now(&site.app, &submission.directory, by).await?;
    Ok(Redirect::to(&path(&submission.directory, "")).into_response())
}

/// The green check, or what is wrong and what it means.
fn state_of(overview: &Overview, troubles: &[Trouble]) -> Markup {
    let directory: &Directory = &overview.directory;
    let health = worst(troubles.iter().copied().map(Trouble::health));
    let (class, heading) = match health {
        Health::Ok => ("good", "Your account passes synchronization validation"),
        Health::Degraded => ("warn", "The sync works, but somebody should look"),
        Health::Failing => ("bad", "The sync needs you"),
    };
    html! {
        section.state.(class) {
            h1 { span.sign aria-hidden="true" {} (heading) }
            @if !troubles.is_empty() { ul { @for trouble in troubles { li { (trouble.explanation()) } } } }
            @if let Some(hold) = overview.last_run.as_ref().and_then(|run| run.hold.as_ref()) {
                p { a href=(path(directory, &format!("/holds/{}", hold.id))) { "Look at what waits for an answer" } }
            }
            @if let Some(failure) = overview.last_run.as_ref().and_then(|run| run.failure.as_ref()) { p { (failure.message) } }
            p.quiet {
                "Published " (time_or(directory.published.as_ref().map(|published| published.at), "never"))
                ". The next scheduled sync is due " (time(directory.next_sync_at)) "."
            }
        }
    }
}

/// Leads from nothing to the first sync; gone when that is done.
fn checklist(overview: &Overview) -> Markup {
    let policy = &overview.directory.policy;
    let steps = [
        (!overview.credentials.is_empty(), "Authorize an account"),
        (
            policy.sync_users() || policy.sync_groups(),
            "Switch on user sync or group sync below, look at the preview, and save",
        ),
        (
            overview.directory.published.as_ref().is_some_and(|_| overview.directory.settings_are_published()),
            "Wait for the first sync with these settings",
        ),
    ];
    let current = steps.iter().position(|(done, _)| !done);
    html! {
        @if current.is_some() && !(policy.sync_users() && overview.directory.published.is_some()) {
            section.card {
                h2 { "To the first sync" }
                ol.checklist {
                    @for (place, (done, step)) in steps.iter().enumerate() {
                        li.done[*done].current[current == Some(place)] { (step) @if *done { span.quiet { " – done" } } }
                    }
                }
            }
        }
    }
}

fn counts(counts: &DirectoryCounts, users: bool) -> Markup {
    html! {
        dl.counts {
            @if users {
                div { dt { "Active users" } dd { (count(counts.active)) } }
                div {
                    dt { "Inactive users" }
                    dd { (count(counts.inactive())) }
                    dd.quiet {
                        (count(counts.deleted)) " deleted, " (count(counts.disabled_in_office_365)) " disabled, "
                        (count(counts.member_of_ignored_group)) " ignored, " (count(counts.not_in_allowed_group)) " not allowed"
                        @if counts.membership_unknown > 0 { ", " (count(counts.membership_unknown)) " with unknown membership" }
                    }
                }
            } @else { div { dt { "Users" } dd.quiet { "not synced" } } }
            div { dt { "Synced groups" } dd { (count(counts.groups_synced)) } }
            div {
                dt { "Skipped groups" }
                dd { (count(counts.groups_skipped())) }
                dd.quiet {
                    (count(counts.group_sync_off)) " group sync off, " (count(counts.no_email)) " without mail, "
                    (count(counts.prefix_not_allowed)) " other prefix"
                }
            }
        }
    }
}
