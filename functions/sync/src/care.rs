//! What is done for directories besides runs: their credentials are exercised, people are told of what needs them, and programs of
//! what has changed.
//!
//! Trouble in here is logged and never keeps a run or another directory from its turn; the next tick tries again.

use jiff::Timestamp;
use shared::alerts::{Situation, TellError};
use shared::directory::{ChangeId, Directory, DirectoryId};
use shared::store::{Standing, StoreError};
use shared::sync::Run;
use shared::telemetry::chain;

use crate::App;

/// Looks whether a run that has ended is news, for the directory as the run has left it: one read, when nothing is.
pub(crate) async fn look_after(app: &App, directory: &Directory, run: &Run) {
    let standing = app.alerting.store.standing(directory.id).await;
    app.metrics.run(run, standing.as_ref().ok());
    let looked = async { look(app, directory, &standing?, Some(run)).await };
    log(run.directory, looked.await);
}

/// Sends what has changed, if that is wanted. What cannot be sent now is sent with the next run.
pub(crate) async fn announce(app: &App, directory: &Directory, run: &Run, stop_at: Timestamp) {
    let Some(announcing) = &app.announcing else { return };
    let is_time_up = || app.ports.clock.now() >= stop_at;
    match announcing.announce(directory, run.changes_after.and_then(ChangeId::new), is_time_up).await {
        Ok(0) => {}
        Ok(sent) => tracing::info!(directory.id = %directory.id, sent, "changes were announced"),
        Err(error) => {
            tracing::error!(directory.id = %directory.id, error = chain(&error), "changes could not be announced");
        }
    }
}

/// Looks at a directory at a tick, and tells how it stood: one read, when nothing is news. What runs say is looked at when they end.
pub(crate) async fn look_at_tick(app: &App, directory: Directory, now: Timestamp) -> Option<(Directory, Standing)> {
    let standing = app.alerting.store.standing(directory.id).await;
    let (standing, outcome) = match standing {
        Ok(standing) => {
            let outcome = tick(app, &directory, &standing, now).await;
            (Some(standing), outcome)
        }
        Err(error) => (None, Err(error.into())),
    };
    log(directory.id, outcome);
    standing.map(|standing| (directory, standing))
}

/// Exercises the credentials of a directory that are due, and looks whether what came of it is news.
pub(crate) async fn exercise(app: &App, directory: DirectoryId) {
    let exchange = app.microsoft.exchange(directory);
    match shared::credentials::exercise(&exchange, &app.microsoft).await {
        Ok(tried) => tracing::info!(directory.id = %directory, tried, "credentials were exercised"),
        Err(error) => {
            tracing::warn!(directory.id = %directory, error = chain(&error), "credentials could not be exercised");
        }
    }
    log(directory, look_again(app, directory).await);
}

/// Why a directory could not be looked at.
#[derive(Debug, thiserror::Error)]
enum CareError {
    #[error("the directory or its credentials could not be read")]
    Read(#[from] StoreError),
    #[error(transparent)]
    Tell(#[from] TellError),
    #[error("the exercise could not be queued")]
    Queue(#[from] shared::queue::QueueError),
}

async fn tick(app: &App, directory: &Directory, standing: &Standing, now: Timestamp) -> Result<(), CareError> {
    if standing.credentials.iter().any(|credential| credential.is_exercise_due(now)) {
        // In the queue, so that a slow login keeps nobody else waiting. Should the message wait longer than a tick there will
        // be another, which then finds nothing due.
        app.exercises.send_exercise(directory.id).await?;
    }
    look(app, directory, standing, None).await
}

async fn look_again(app: &App, id: DirectoryId) -> Result<(), CareError> {
    let Some(directory) = app.ports.directories.directory(id).await? else { return Ok(()) };
    look(app, &directory, &app.alerting.store.standing(id).await?, None).await
}

async fn look(app: &App, directory: &Directory, standing: &Standing, run: Option<&Run>) -> Result<(), CareError> {
    let situation = Situation {
        directory,
        credentials: &standing.credentials,
        run,
        interval: app.interval_of(directory),
        client_secret_expires: app.alerting.client_secret_expires,
        now: app.ports.clock.now(),
    };
    Ok(app.alerting.look(&situation, standing.alerts.clone()).await?)
}

fn log(directory: DirectoryId, outcome: Result<(), CareError>) {
    if let Err(error) = outcome {
        tracing::error!(directory.id = %directory, error = chain(&error), "a directory could not be looked after");
    }
}
