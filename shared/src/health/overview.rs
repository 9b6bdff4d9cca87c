//! All that is known of how a directory fares.

use std::collections::BTreeSet;

use crate::alerts::Condition;
use crate::credentials::Credential;
use crate::directory::Directory;
use crate::store::{AlertStore, RunStore, Standing, StoreError};
use crate::sync::Run;

/// How many of the latest runs are looked at. Besides the last finished one there are one at work and few that wait.
const LATEST_RUNS: usize = 10;

/// A directory with its latest runs and its credentials.
#[derive(Debug, Clone)]
pub struct Overview {
    /// The directory itself.
    pub directory: Directory,
    /// The run at work, or else one that waits.
    pub current_run: Option<Run>,
    /// The latest run that has ended.
    pub last_run: Option<Run>,
    /// The authorizations there are.
    pub credentials: Vec<Credential>,
    /// What people have been told of that is not over.
    pub open_conditions: BTreeSet<Condition>,
}

impl Overview {
    /// Looks all of it up, with two requests at once.
    ///
    /// # Errors
    /// When the storage does not answer.
    pub async fn of(runs: &dyn RunStore, alerts: &dyn AlertStore, directory: Directory) -> Result<Self, StoreError> {
        let (latest, Standing { alerts, credentials }) =
            futures::try_join!(runs.runs(directory.id, LATEST_RUNS, None), alerts.standing(directory.id))?;
        let (ended, open): (Vec<_>, Vec<_>) = latest.items.into_iter().partition(|run| run.state.is_final());
        // The latest come first, and those that wait were asked for after the one at work.
        let (current_run, last_run) = (open.into_iter().last(), ended.into_iter().next());
        Ok(Self { directory, current_run, last_run, credentials, open_conditions: alerts.open })
    }
}
