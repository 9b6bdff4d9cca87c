//! For machines that watch: a word that we are here, and figures to scrape.

use std::fmt::Write as _;

use axum::extract::State;
use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use shared::credentials::Credential;
use shared::directory::DirectoryCounts;
use shared::health::{Health, Overview, Trouble, troubles, worst};
use shared::http::{Params, Problem};

use crate::App;
use crate::access::Reader;
use crate::directories::readable_by;

/// That the function runs, and nothing else.
///
/// It needs no token, and asks nobody.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "Monitoring",
    operation_id = "checkHealth",
    security(()),
    responses((status = 200, description = "`ok`", body = String)),
)]
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Figures of the directories that the bearer may read, as Prometheus wants them.
///
/// In its text format 0.0.4 (Prometheus, "Exposition formats").
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "Monitoring",
    operation_id = "showMetrics",
    responses((status = 200, description = "The figures", body = String, content_type = "text/plain; version=0.0.4")),
)]
pub(crate) async fn metrics(
    Reader(token): Reader,
    State(app): State<App>,
    params: Params,
) -> Result<impl IntoResponse, Problem> {
    let [] = params.query([])?;
    let overviews = readable_by(&app, &token).await?;
    let text = exposition(&overviews, app.clock.now());
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}

/// One figure of a directory, with the labels beside the directory's own.
type Sample = (Vec<(&'static str, &'static str)>, f64);

/// A figure's name, its meaning, and how it is had.
type Figure = (&'static str, &'static str, fn(&Overview, Timestamp) -> Vec<Sample>);

const FIGURES: [Figure; 8] = [
    ("office365_sync_health", "How the directory fares: 0 ok, 1 degraded, 2 failing.", health),
    ("office365_sync_published_timestamp_seconds", "When what consumers see was read last.", published),
    ("office365_sync_next_sync_timestamp_seconds", "When the schedule syncs next.", next_sync),
    ("office365_sync_users", "Users by status and reason; none while users are not published.", users),
    ("office365_sync_groups", "Groups that are published.", groups),
    ("office365_sync_credentials", "Authorized accounts by state.", credentials),
    ("office365_sync_holds_open", "Plans that wait for an administrator.", holds),
    ("office365_sync_last_run_duration_seconds", "How long the last run took.", last_run),
];

fn exposition(overviews: &[Overview], now: Timestamp) -> String {
    let mut text = String::new();
    for (name, meaning, samples) in FIGURES {
        // Writing to a string does not fail.
        let _ = writeln!(text, "# HELP {name} {meaning}\n# TYPE {name} gauge");
        for overview in overviews {
            for (labels, value) in samples(overview, now) {
                let _ = write!(text, "{name}{{directory=\"{}\"", overview.directory.id);
                for (label, value) in labels {
                    let _ = write!(text, ",{label}=\"{value}\"");
                }
                let _ = writeln!(text, "}} {value}");
            }
        }
    }
    text
}

fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "no tenant has 2^53 users")]
fn number(count: i64) -> f64 {
    count as f64
}

fn health(overview: &Overview, now: Timestamp) -> Vec<Sample> {
    let value = match worst(troubles(overview, now).into_iter().map(Trouble::health)) {
        Health::Ok => 0.0,
        Health::Degraded => 1.0,
        Health::Failing => 2.0,
    };
    vec![(Vec::new(), value)]
}

fn published(overview: &Overview, _: Timestamp) -> Vec<Sample> {
    overview.directory.published.iter().map(|published| (Vec::new(), seconds(published.at))).collect()
}

fn next_sync(overview: &Overview, _: Timestamp) -> Vec<Sample> {
    vec![(Vec::new(), seconds(overview.directory.next_sync_at))]
}

fn users(overview: &Overview, _: Timestamp) -> Vec<Sample> {
    let Some(published) = overview.directory.published.as_ref().filter(|_| overview.directory.publishes_users()) else {
        return Vec::new();
    };
    let DirectoryCounts {
        active,
        deleted,
        disabled_in_office_365,
        member_of_ignored_group,
        not_in_allowed_group,
        membership_unknown,
        ..
    } = published.counts;
    let inactive = [
        ("deleted", deleted),
        ("disabled_in_office_365", disabled_in_office_365),
        ("member_of_ignored_group", member_of_ignored_group),
        ("not_in_allowed_group", not_in_allowed_group),
        ("membership_unknown", membership_unknown),
    ];
    let active = (vec![("status", "active"), ("reason", "")], number(active));
    let inactive = inactive.map(|(reason, count)| (vec![("status", "inactive"), ("reason", reason)], number(count)));
    std::iter::once(active).chain(inactive).collect()
}

fn groups(overview: &Overview, _: Timestamp) -> Vec<Sample> {
    let published = overview.directory.published.iter();
    published.map(|published| (Vec::new(), number(published.counts.groups_synced))).collect()
}

fn credentials(overview: &Overview, _: Timestamp) -> Vec<Sample> {
    let (working, failing): (Vec<&Credential>, Vec<_>) =
        overview.credentials.iter().partition(|credential| credential.is_working());
    let of =
        |state, all: Vec<&Credential>| (vec![("state", state)], number(i64::try_from(all.len()).unwrap_or(i64::MAX)));
    vec![of("working", working), of("failing", failing)]
}

fn holds(overview: &Overview, _: Timestamp) -> Vec<Sample> {
    let is_open = overview.last_run.as_ref().is_some_and(|run| run.hold.is_some());
    vec![(Vec::new(), if is_open { 1.0 } else { 0.0 })]
}

fn last_run(overview: &Overview, _: Timestamp) -> Vec<Sample> {
    let milliseconds = overview.last_run.as_ref().and_then(|run| run.duration_ms());
    milliseconds.map(|milliseconds| (Vec::new(), number(milliseconds) / 1_000.0)).into_iter().collect()
}
