//! Figures for those who watch: of each run, and of all directories at each tick.
//!
//! They are lines of the log in the embedded metric format, from which CloudWatch makes metrics. All are in one namespace without
//! dimensions, so that their number does not grow with that of directories; a run's line names its directory and itself, for whoever
//! asks the log.
//!
//! Source: Amazon CloudWatch user guide, "Specification: Embedded metric format".

use jiff::Timestamp;
use metrics::{Unit, counter, describe_histogram, histogram};
use metrics_cloudwatch_embedded::{Builder, Collector};
use shared::alerts::Condition;
use shared::credentials::CredentialState;
use shared::directory::Directory;
use shared::store::Standing;
use shared::sync::{Run, RunState};

/// Where figures go.
#[derive(Clone, Copy, Default)]
pub struct Metrics(Option<&'static Collector>);

/// The namespace makes no metrics.
#[derive(Debug, thiserror::Error)]
#[error("metrics cannot be made: {0}")]
pub struct MetricsError(String);

/// How all directories fare at a tick.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Census {
    /// How many there are.
    pub(crate) directories: u64,
    /// How many were not synced for too long.
    pub(crate) not_synced: u64,
    /// How many have no authorization that works.
    pub(crate) without_credential: u64,
    /// How many have deactivations that wait for an administrator.
    pub(crate) held: u64,
    /// How long ago the last good run of the one was that had none for the longest, in seconds; 0 when none was ever synced.
    pub(crate) oldest_good_sync: u64,
}

impl Census {
    /// Counts a directory by what is open in it.
    pub(crate) fn add(&mut self, directory: &Directory, standing: &Standing, now: Timestamp) {
        let good_sync = directory.published.as_ref().map_or(now, |published| published.at);
        let open = &standing.alerts.open;
        self.directories += 1;
        self.not_synced += u64::from(open.contains(&Condition::NotSynced));
        self.without_credential += u64::from(open.contains(&Condition::NoWorkingCredential));
        self.held += u64::from(open.contains(&Condition::Held));
        self.oldest_good_sync = self.oldest_good_sync.max(now.duration_since(good_sync).as_secs().unsigned_abs());
    }
}

impl Metrics {
    /// Figures that go nowhere.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Figures on standard output, in this namespace; nowhere without one. At most once in a process.
    ///
    /// # Errors
    /// When there are metrics already.
    pub fn new(namespace: Option<String>) -> Result<Self, MetricsError> {
        let Some(namespace) = namespace else { return Ok(Self::none()) };
        let collector =
            Builder::new().cloudwatch_namespace(namespace).init().map_err(|error| MetricsError(error.to_string()))?;
        describe_histogram!("RunDuration", Unit::Milliseconds, "How long the work of a run took.");
        describe_histogram!("OldestGoodSync", Unit::Seconds, "How long ago the oldest last good run was.");
        Ok(Self(Some(collector)))
    }

    /// Tells of a run that has ended. `standing` is how the directory stood after it.
    pub(crate) fn run(self, run: &Run, standing: Option<&Standing>) {
        let Some(collector) = self.0 else { return };
        let outcome = match run.state {
            RunState::Succeeded => "RunsSucceeded",
            RunState::CompletedWithGaps => "RunsWithGaps",
            RunState::Held => "RunsHeld",
            _ => "RunsFailed",
        };
        counter!(outcome).increment(1);
        let counts = [
            ("GraphRequests", run.effort.graph_requests),
            ("GraphThrottles", run.effort.throttled),
            ("UsersRead", run.effort.users_read),
            ("GroupsRead", run.effort.groups_read),
            ("UsersAdded", run.changes.users_added),
            ("UsersChanged", run.changes.users_changed),
            ("UsersActivated", run.changes.activated),
            ("UsersDeactivated", run.changes.deactivated),
            ("GroupsAdded", run.changes.groups_added),
            ("GroupsChanged", run.changes.groups_changed),
            ("MembershipsAdded", run.changes.memberships_added),
            ("MembershipsRemoved", run.changes.memberships_removed),
            ("DeactivationsHeld", run.hold.as_ref().map_or(0, |hold| hold.deactivations)),
            ("Gaps", u64::try_from(run.gaps.len()).unwrap_or(u64::MAX)),
            ("Failovers", standing.map_or(0, |standing| failovers(run, standing))),
        ];
        for (name, count) in counts {
            counter!(name).increment(count);
        }
        if let Some(duration) = run.duration_ms() {
            histogram!("RunDuration").record(precise(u64::try_from(duration).unwrap_or(0)));
        }
        collector.set_property("directory.id", run.directory.to_string());
        collector.set_property("run.id", run.id.to_string());
        flush(collector);
        collector.remove_property("directory.id").remove_property("run.id");
    }

    /// Tells how all directories fare.
    pub(crate) fn tick(self, census: &Census) {
        let Some(collector) = self.0 else { return };
        // Each is told once, as that of this moment: a gauge would be told again with every later line of this process.
        let figures = [
            ("Directories", census.directories),
            ("DirectoriesNotSynced", census.not_synced),
            ("DirectoriesWithoutCredential", census.without_credential),
            ("DirectoriesHeld", census.held),
            ("OldestGoodSync", census.oldest_good_sync),
        ];
        for (name, value) in figures {
            histogram!(name).record(precise(value));
        }
        flush(collector);
    }
}

/// How many authorizations have stopped working in a run that went on with another.
fn failovers(run: &Run, standing: &Standing) -> u64 {
    let Some((began, _)) = run.started_at.zip(run.credential.as_ref()) else { return 0 };
    let failed = standing
        .credentials
        .iter()
        .filter(|credential| matches!(credential.state, CredentialState::Failing { since, .. } if since >= began));
    u64::try_from(failed.count()).unwrap_or(u64::MAX)
}

/// No figure of ours comes near 2^53, from which on a float would leave numbers out.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn precise(figure: u64) -> f64 {
    figure as f64
}

fn flush(collector: &Collector) {
    if let Err(error) = collector.flush(std::io::stdout().lock()) {
        tracing::error!(error = shared::telemetry::chain(&error), "metrics could not be written");
    }
}
