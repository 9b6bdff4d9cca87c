//! What is done for directories besides runs: their credentials are exercised, and people are told of what needs them.
//!
//! Trouble in here is logged and never keeps a run or another directory from its turn; the next tick tries again.

use jiff::{SignedDuration, Timestamp};
use shared::alerts::{Situation, TellError};
use shared::credentials::Credential;
use shared::directory::{Directory, DirectoryId};
use shared::store::StoreError;
use shared::sync::Run;
use shared::telemetry::chain;

use crate::App;

/// Looks whether a run that has ended is news.
pub(crate) async fn look_after(app: &App, run: &Run) {
    log(run.directory, look_at(app, run.directory, Some(run)).await);
}

/// Looks at a directory at a tick: two reads, when nothing is news. What runs say is looked at when they end.
pub(crate) async fn look_at_tick(app: &App, directory: Directory, now: Timestamp) {
    log(directory.id, tick(app, &directory, now).await);
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
    log(directory, look_at(app, directory, None).await);
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

async fn tick(app: &App, directory: &Directory, now: Timestamp) -> Result<(), CareError> {
    let credentials = app.microsoft.credentials.credentials(directory.id).await?;
    if credentials.iter().any(|credential| credential.is_exercise_due(now)) {
        // In the queue, so that a slow login keeps nobody else waiting. Should the message wait longer than a tick there will
        // be another, which then finds nothing due.
        app.exercises.send_exercise(directory.id).await?;
    }
    look(app, directory, &credentials, None).await
}

async fn look_at(app: &App, id: DirectoryId, run: Option<&Run>) -> Result<(), CareError> {
    let Some(directory) = app.ports.directories.directory(id).await? else { return Ok(()) };
    let credentials = app.microsoft.credentials.credentials(id).await?;
    look(app, &directory, &credentials, run).await
}

async fn look(
    app: &App,
    directory: &Directory,
    credentials: &[Credential],
    run: Option<&Run>,
) -> Result<(), CareError> {
    let situation = Situation {
        directory,
        credentials,
        run,
        interval: SignedDuration::try_from(app.interval).unwrap_or(SignedDuration::MAX),
        client_secret_expires: app.alerting.client_secret_expires,
        now: app.ports.clock.now(),
    };
    Ok(app.alerting.look(&situation).await?)
}

fn log(directory: DirectoryId, outcome: Result<(), CareError>) {
    if let Err(error) = outcome {
        tracing::error!(directory.id = %directory, error = chain(&error), "a directory could not be looked after");
    }
}
