//! A tick of the schedule: one queue message for each directory that is due.

use futures::{StreamExt as _, stream};
use shared::directory::Directory;
use shared::store::StoreError;
use shared::sync::{RequestRunError, Run, Trigger, request_run};
use shared::telemetry::chain;

use crate::metrics::Census;
use crate::{App, care};

/// How many directories are looked at together.
const AT_ONCE: usize = 16;

/// Requests a run of every directory that is due. One directory's trouble does not keep the others waiting.
///
/// # Errors
/// When the directories cannot be listed.
pub(crate) async fn tick(app: &App) -> Result<(), StoreError> {
    let now = app.ports.clock.now();
    let directories = app.ports.directories.directories().await?;
    for directory in &directories {
        // What is further away than the interval of now was set when that was longer.
        let interval = app.interval_of(directory);
        if directory.next_sync_at > now && directory.next_sync_at <= now + interval {
            continue;
        }
        if let Err(error) = request(app, directory, now).await {
            tracing::error!(
                directory.id = %directory.id,
                error = chain(&error),
                "a due directory could not be queued",
            );
        }
    }
    // Last, so that no run waits for it.
    let looks = stream::iter(directories).map(|directory| care::look_at_tick(app, directory, now));
    let mut looks = looks.buffer_unordered(AT_ONCE);
    let mut census = Census::default();
    while let Some(looked) = looks.next().await {
        if let Some((directory, standing)) = looked {
            census.add(&directory, &standing, now);
        }
    }
    app.metrics.tick(&census);
    Ok(())
}

/// Why a due directory could not be queued.
#[derive(Debug, thiserror::Error)]
enum TickError {
    #[error(transparent)]
    Request(#[from] RequestRunError),
    #[error("the next time could not be set")]
    Schedule(#[source] StoreError),
}

/// The next time is set last: should the message not get out, the next tick tries again.
async fn request(app: &App, directory: &Directory, now: jiff::Timestamp) -> Result<(), TickError> {
    let run = Run::requested(directory.id, Trigger::Schedule, now);
    request_run(app.ports.runs.as_ref(), app.queue.as_ref(), &run).await?;
    app.ports.directories.schedule(directory.id, now + app.interval_of(directory)).await.map_err(TickError::Schedule)
}
