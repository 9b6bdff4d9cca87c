//! What administrators do, whether they come by a page or with a token. Each leaves an entry in the audit trail.

mod settings;

pub(crate) use settings::{SaveError, preview_of, save_settings};

use jiff::Timestamp;
use shared::audit::{Actor, AuditEntry, AuditEvent};
use shared::directory::Directory;
use shared::store::{RequestedRun, StoreError};
use shared::sync::{Hold, HoldState, RequestRunError, Run, Trigger, request_run};
use shared::telemetry::chain;

use crate::App;

/// The most manual runs of a directory in a minute.
pub(crate) const MAX_RUNS_PER_MINUTE: u64 = 30;

/// Why no run was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunRefused {
    /// Nobody has authorized the directory.
    #[error("no administrator has authorized the directory")]
    NoCredential,
    /// There were too many within the minute.
    #[error("too many runs were asked for within the minute")]
    TooMany {
        /// Seconds until the next minute.
        seconds_left: u64,
    },
    /// The table did not do it.
    #[error("the run was not recorded")]
    Store(#[from] StoreError),
    /// Table or queue did not do it.
    #[error("the run was not requested")]
    Request(#[from] RequestRunError),
}

/// Asks for a run now. Returns the run that sees to it, and whether it waited already.
pub(crate) async fn sync_now(app: &App, directory: &Directory, by: Actor) -> Result<(Run, bool), RunRefused> {
    let now = app.clock.now();
    if app.credentials.credentials(directory.id).await?.is_empty() {
        return Err(RunRefused::NoCredential);
    }
    let minute = now.as_second().div_euclid(60);
    if app.runs.count_manual_run(directory.id, minute).await? > MAX_RUNS_PER_MINUTE {
        return Err(RunRefused::TooMany { seconds_left: (60 - now.as_second().rem_euclid(60)).unsigned_abs() });
    }
    let (run, folded) = request(app, Run::requested(directory.id, Trigger::Manual, now)).await?;
    record(app, directory, AuditEntry::new(by, AuditEvent::RunRequested { run: run.id }, now)).await;
    Ok((run, folded))
}

/// What became of a decision.
pub(crate) enum Decided {
    /// The hold has this answer now, and this run will see to it.
    Done(Box<Run>),
    /// The hold does not wait for an answer any more.
    NotOpen,
}

/// Answers a hold. The same answer twice is the same as once.
pub(crate) async fn decide_hold(
    app: &App,
    directory: &Directory,
    hold: &mut Hold,
    decision: HoldState,
    by: Actor,
) -> Result<Decided, RunRefused> {
    let now = app.clock.now();
    if hold.can_be_decided(now) {
        *hold = Hold { state: decision, decided_at: Some(now), ..hold.clone() };
        app.holds.decide_hold(hold, HoldState::Open).await?;
        tracing::info!(directory.id = %directory.id, hold.id = %hold.id, state = ?decision, "a hold was decided");
        let event = AuditEvent::HoldDecided { hold: hold.id, applied: decision == HoldState::Approved };
        record(app, directory, AuditEntry::new(by, event, now)).await;
    } else if hold.state != decision {
        return Ok(Decided::NotOpen);
    }
    let (run, _) = request(app, Run::requested(directory.id, Trigger::Hold, now)).await?;
    Ok(Decided::Done(Box::new(run)))
}

/// The run that sees to a request. Should the record of one that waited already be gone, it is shown as if it had been asked
/// for now.
async fn request(app: &App, run: Run) -> Result<(Run, bool), RunRefused> {
    match request_run(&*app.runs, &*app.queue, &run).await? {
        RequestedRun::Added => Ok((run, false)),
        RequestedRun::Folded(waiting) => {
            let waiting_run = app.runs.run(run.directory, waiting).await?;
            Ok((waiting_run.unwrap_or(Run { id: waiting, ..run }), true))
        }
    }
}

/// Adds to the audit trail what has been done already, which cannot be undone because the trail is out of reach. The log says
/// that something is missing there, but not whose name was in it.
pub(crate) async fn record(app: &App, directory: &Directory, entry: AuditEntry) {
    if let Err(error) = app.audit.record(directory.id, &entry).await {
        tracing::error!(
            directory.id = %directory.id, error = chain(&error),
            "something was done that the audit trail does not have"
        );
    }
}

/// Why a hold does not wait for an answer.
pub(crate) fn why_not_open(hold: &Hold, now: Timestamp) -> &'static str {
    match hold.state {
        HoldState::Open if hold.can_be_decided(now) => "It waits for an answer.",
        HoldState::Open => "It has expired. The next run that finds the same opens a new one, to be looked at again.",
        HoldState::Approved | HoldState::Applied => "It has been applied.",
        HoldState::Discarded => "It has been discarded.",
        HoldState::Replaced => "A later run found other changes, which have a hold of their own.",
        HoldState::Closed => "A later run found that it was no longer too much, or no longer true.",
    }
}
