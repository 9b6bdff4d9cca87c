//! All that is known of how a directory fares.

use std::collections::BTreeSet;

use shared::alerts::Condition;
use shared::credentials::Credential;
use shared::directory::Directory;
use shared::store::{Standing, StoreError};
use shared::sync::Run;

use crate::App;

/// How many of the latest runs are looked at. Besides the last finished one there are one at work and few that wait.
const LATEST_RUNS: usize = 10;

/// A directory with its latest runs and its credentials.
pub(crate) struct Overview {
    pub(crate) directory: Directory,
    /// The run at work, or else one that waits.
    pub(crate) current_run: Option<Run>,
    /// The latest run that has ended.
    pub(crate) last_run: Option<Run>,
    pub(crate) credentials: Vec<Credential>,
    /// What people have been told of that is not over.
    pub(crate) open_conditions: BTreeSet<Condition>,
}

impl Overview {
    pub(crate) async fn of(app: &App, directory: Directory) -> Result<Self, StoreError> {
        let (latest, Standing { alerts, credentials }) =
            futures::try_join!(app.runs.runs(directory.id, LATEST_RUNS, None), app.alerts.standing(directory.id),)?;
        let (ended, open): (Vec<_>, Vec<_>) = latest.items.into_iter().partition(|run| run.state.is_final());
        // The latest come first, and those that wait were asked for after the one at work.
        let (current_run, last_run) = (open.into_iter().last(), ended.into_iter().next());
        Ok(Self { directory, current_run, last_run, credentials, open_conditions: alerts.open })
    }
}
