//! `GET /`: all directories the person may see; the only one at once.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use maud::{Markup, html};
use shared::directory::Directory;
use shared::health::{Health, Overview, Trouble, troubles, worst};

use super::failure::Failure;
use super::layout::{Page, path};
use super::visitor::Visitor;
use super::words::{count, mark, time_or};
use crate::Site;

/// How many directories are looked at together.
const TOGETHER: usize = 8;

pub(super) async fn show(visitor: Visitor, State(site): State<Site>) -> Result<Response, Failure> {
    let session = &visitor.session;
    if !session.operator {
        return Ok(match site.app.directories.directory(session.tenant).await? {
            Some(directory) => Redirect::to(&path(&directory, "")).into_response(),
            None => super::welcome::page(session),
        });
    }
    let directories = site.app.directories.directories().await?;
    let overviews: Vec<Overview> = stream::iter(directories)
        .map(|directory| Overview::of(&*site.app.runs, &*site.alerts, directory))
        .buffered(TOGETHER)
        .try_collect()
        .await?;
    let now = site.app.clock.now();
    Ok(Page::plain("Directories", Some(session)).show(&html! {
        h1 { "Directories" }
        @if overviews.is_empty() { p { "No tenant has been connected yet." } }
        @else {
            div.scroll { table {
                thead { tr {
                    th scope="col" { "Directory" } th scope="col" { "State" } th scope="col" { "Active users" }
                    th scope="col" { "Synced groups" } th scope="col" { "Published" }
                } }
                tbody { @for overview in &overviews { (row(overview, &troubles(overview, now))) } }
            } }
        }
    }))
}

fn row(overview: &Overview, troubles: &[Trouble]) -> Markup {
    let directory: &Directory = &overview.directory;
    let published = directory.published.as_ref();
    html! {
        tr {
            th scope="row" { a href=(path(directory, "")) { (directory.name) } }
            td { (health(troubles)) }
            td.number { @if let Some(published) = published.filter(|published| published.users) { (count(published.counts.active)) } }
            td.number { @if let Some(published) = published { (count(published.counts.groups_synced)) } }
            td { (time_or(published.map(|published| published.at), "never")) }
        }
    }
}

/// How a directory fares, in a word.
pub(super) fn health(troubles: &[Trouble]) -> Markup {
    match worst(troubles.iter().copied().map(Trouble::health)) {
        Health::Ok => mark("good", "ok"),
        Health::Degraded => mark("warn", "needs a look"),
        Health::Failing => mark("bad", "failing"),
    }
}
