//! A run of one directory, from the lease to the record.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{Either, select};
use jiff::{SignedDuration, Timestamp};

use super::error::RunError;
use super::progress::ProgressSink;
use super::record::{Run, RunId, RunRequest, RunState};
use super::source::OpenTenant;
use super::work::{Outcome, Work};
use crate::clock::Clock;
use crate::directory::{ChangeId, Directory};
use crate::store::{
    CheckpointStore, DirectoryStore, HoldStore, Lease, Leased, MirrorStore, RunStore, StoreError, SyncState,
};
use crate::telemetry::chain;

/// How long a lease lasts without being renewed: what a run that died keeps others waiting.
const LEASE: Duration = Duration::from_secs(90);
/// How often a lease is renewed.
const RENEWAL: Duration = Duration::from_secs(30);
/// A run that has not ended by then, after however many pauses, is given up.
pub(super) const LONGEST_RUN: SignedDuration = SignedDuration::from_hours(24);

/// What a run needs of the world.
#[derive(Clone)]
pub struct Ports {
    /// The directories.
    pub directories: Arc<dyn DirectoryStore>,
    /// The mirror and the published state.
    pub mirror: Arc<dyn MirrorStore>,
    /// What waits for an administrator.
    pub holds: Arc<dyn HoldStore>,
    /// What runs that were cut off had read.
    pub checkpoints: Arc<dyn CheckpointStore>,
    /// The records of runs.
    pub runs: Arc<dyn RunStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who watches.
    pub progress: Arc<dyn ProgressSink>,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handled {
    /// The run has ended, well or not.
    Ended {
        /// Its record, which says how.
        run: Box<Run>,
        /// Its directory as the run leaves it; `None` when it could not be read.
        directory: Option<Box<Directory>>,
        /// The runs that waited for it to end.
        next: BTreeSet<RunId>,
    },
    /// There is nothing (left) to do: the run is unknown or has ended before.
    Nothing,
    /// The run was cut off and goes on when it is asked for again.
    Continue {
        /// Not before.
        after: Duration,
    },
    /// Another run of the directory is at work: ask again then.
    Busy {
        /// When the other one's lease runs out at the latest.
        until: Timestamp,
    },
}

/// When a run stops, saves, and reads everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// When it stops by itself.
    pub stop_at: Timestamp,
    /// How much reading a run that dies may lose.
    pub checkpoint_every: Duration,
    /// How often everything is read and compared, to mend what changes have left out.
    pub reconcile_every: Duration,
}

/// Performs a requested run, or goes on with it where it was cut off. Delivering the same request again does nothing once
/// the run has ended.
///
/// # Errors
/// Only when the run's record itself cannot be read or written; everything else is in the record.
pub async fn perform(
    ports: &Ports,
    tenants: &dyn OpenTenant,
    pace: Pace,
    request: &RunRequest,
) -> Result<Handled, StoreError> {
    let Some(mut run) = ports.runs.run(request.directory, request.run).await? else { return Ok(Handled::Nothing) };
    if run.state.is_final() {
        return Ok(Handled::Nothing);
    }
    let now = ports.clock.now();
    let (lease, state) = match ports.mirror.acquire_lease(request.directory, run.id, now, now + LEASE).await? {
        Leased::Taken(lease, state) => (lease, *state),
        Leased::Held { until } => return Ok(Handled::Busy { until }),
    };
    tracing::info!(trigger = ?run.trigger, attempt = run.attempts, "the run begins");
    run.state = RunState::Running;
    run.attempts += 1;
    run.changes_after.get_or_insert(state.logged.map_or(0, ChangeId::number));
    let started_at = *run.started_at.get_or_insert(now);
    // The directory is read with the lease in hand: whoever changes its settings from now on asks for another run.
    let (saved, directory, closed) = futures::join!(
        ports.runs.save_run(&run),
        ports.directories.directory(request.directory),
        close_others(ports, &run, &state, now),
    );
    saved?;
    let mut ended = closed?;

    let source = tenants.open(&run, pace.stop_at);
    let work = Work { ports, source: source.as_ref(), lease: &lease, pace };
    let (directory, outcome) = match directory {
        Err(error) => (None, Err(error.into())),
        Ok(None) => (None, Err(RunError::NoDirectory)),
        Ok(directory) if now.duration_since(started_at) > LONGEST_RUN => (directory, Err(RunError::NeverEnds)),
        Ok(Some(mut directory)) => {
            let outcome = while_leased(ports, &lease, work.sync(state, &mut directory, &mut run)).await;
            (Some(directory), outcome)
        }
    };
    match outcome {
        // Its record was stored together with what it published.
        Ok(Outcome::Done) => {}
        Ok(Outcome::Paused { wait }) => {
            work.account(&mut run);
            run.state = RunState::Paused;
            ports.runs.save_run(&run).await?;
            if !wait.is_zero() {
                match ports.mirror.pause_until(&lease, ports.clock.now() + wait).await {
                    Ok(()) | Err(StoreError::LeaseLost) => {}
                    Err(error) => return Err(error),
                }
            }
            ports.mirror.release_lease(&lease, &ended).await?;
            return Ok(Handled::Continue { after: wait });
        }
        Err(error) => {
            tracing::warn!(error = chain(&error), "the run failed");
            work.account(&mut run);
            run.state = RunState::Failed;
            run.failure = Some(error.failure());
            run.finished_at = Some(ports.clock.now());
            ports.runs.save_run(&run).await?;
        }
    }
    ended.insert(run.id);
    let next = ports.mirror.release_lease(&lease, &ended).await?;
    Ok(Handled::Ended { run: Box::new(run), directory: directory.map(Box::new), next })
}

/// Ends the records of other runs that nobody works on any more. Returns those that have ended.
///
/// A run that still counts as running, though its lease is ours now, was cut off without notice. Its message may yet be
/// delivered again and then does nothing. One that waits, or has paused, takes its turn after this one; but not for ever. A run
/// that does not look at the tenant closes none that was to do so: that one is queued again.
async fn close_others(
    ports: &Ports,
    by: &Run,
    state: &SyncState,
    now: Timestamp,
) -> Result<BTreeSet<RunId>, StoreError> {
    let mut ended = BTreeSet::new();
    for id in state.open_runs.iter().copied().filter(|id| *id != by.id) {
        let Some(mut run) = ports.runs.run(by.directory, id).await? else {
            ended.insert(id);
            continue;
        };
        let is_old = now.duration_since(run.requested_at) > LONGEST_RUN;
        if !run.state.is_final() {
            let is_cut_off = run.state == RunState::Running && (by.trigger.reads() || !run.trigger.reads());
            if !is_cut_off && !is_old {
                continue;
            }
            tracing::warn!(run.interrupted = %id, "a run that nobody continued is closed");
            run.interrupt(state.written.as_ref(), now);
            ports.runs.save_run(&run).await?;
        }
        ended.insert(id);
    }
    Ok(ended)
}

/// Works and renews the lease side by side. When the lease is lost the work is dropped where it stands.
async fn while_leased<T: Send>(
    ports: &Ports,
    lease: &Lease,
    work: impl Future<Output = Result<T, RunError>> + Send,
) -> Result<T, RunError> {
    let renewals = async {
        loop {
            ports.clock.alarm(ports.clock.now() + RENEWAL).await;
            match ports.mirror.renew_lease(lease, ports.clock.now() + LEASE).await {
                // The next renewal comes well before the lease runs out, and every write is fenced anyway.
                Ok(()) | Err(StoreError::Unavailable(_)) => {}
                Err(error) => return error,
            }
        }
    };
    match select(work.boxed(), renewals.boxed()).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right((error, _)) => Err(error.into()),
    }
}
