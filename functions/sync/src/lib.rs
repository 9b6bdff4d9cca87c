//! The sync function.
//!
//! A tick of the schedule becomes one queue message for each directory that is due; a queue message becomes one sync
//! run of one directory, or an exercise of its credentials. Whatever wants a run puts a message in the queue, and only this function takes it out.

mod care;
mod event;
mod metrics;
mod microsoft;
mod progress;
mod tick;

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Context, LambdaEvent};
use progress::Noting;
use shared::alerts::Alerting;
use shared::directory::Directory;
use shared::feed::Announcing;
use shared::queue::{ExerciseQueue, Message, RunQueue};
use shared::store::ProgressStore;
use shared::sync::{Handled, Pace, Ports, RunRequest, perform};
use shared::telemetry::chain;
use tracing::Instrument as _;

pub use event::{BadMessage, SyncEvent, read_message};
pub use metrics::Metrics;
pub use microsoft::Microsoft;

/// How long before its deadline an invocation stops working; a third of what is left where that is less.
const MARGIN: SignedDuration = SignedDuration::from_secs(45);

/// How often a long reading is saved.
pub const CHECKPOINT_EVERY: Duration = Duration::from_secs(30);

/// Everything the function needs.
#[derive(Clone)]
pub struct App {
    /// What a run needs of our side.
    pub ports: Ports,
    /// Where long runs note what they are doing, if anywhere.
    pub progress: Option<Arc<dyn ProgressStore>>,
    /// Where requests wait.
    pub queue: Arc<dyn RunQueue>,
    /// Where requests to exercise credentials wait: the same queue.
    pub exercises: Arc<dyn ExerciseQueue>,
    /// How people are told of what needs them.
    pub alerting: Alerting,
    /// How programs are told of what has changed, if they are.
    pub announcing: Option<Announcing>,
    /// Where figures for those who watch go.
    pub metrics: Metrics,
    /// Microsoft's side.
    pub microsoft: Microsoft,
    /// How often directories are synced whose settings do not say.
    pub interval: Duration,
    /// How much reading a run that dies may lose.
    pub checkpoint_every: Duration,
    /// How often everything is read and compared.
    pub reconcile_every: Duration,
}

impl App {
    /// How often a directory is synced.
    fn interval_of(&self, directory: &Directory) -> SignedDuration {
        let by_default = || SignedDuration::try_from(self.interval).unwrap_or(SignedDuration::MAX);
        directory.policy.sync_every().unwrap_or_else(by_default)
    }
}

/// Handles one invocation. Messages that could not be handled are named in the answer, and SQS delivers them again.
///
/// # Errors
/// When a tick cannot list the directories.
pub async fn handle(app: &App, event: LambdaEvent<SyncEvent>) -> Result<SqsBatchResponse, lambda_runtime::Error> {
    match event.payload {
        SyncEvent::Tick => {
            tick::tick(app).await?;
            Ok(SqsBatchResponse::default())
        }
        SyncEvent::Requests(requests) => {
            Ok(handle_requests(app, requests, &Invocation::new(&event.context, app.ports.clock.now())).await)
        }
    }
}

/// What Lambda says of an invocation.
struct Invocation {
    /// When a run stops by itself: long enough before the invocation is ended to write down how far it came.
    stop_at: Timestamp,
    /// The trace of AWS X-Ray that it belongs to, so that a run can be found by its trace and a trace by its run.
    trace: Option<String>,
}

impl Invocation {
    fn new(context: &Context, now: Timestamp) -> Self {
        let deadline = i64::try_from(context.deadline).ok().filter(|deadline| *deadline > 0);
        let deadline = deadline.and_then(|deadline| Timestamp::from_millisecond(deadline).ok());
        // AWS X-Ray developer guide, "Tracing header".
        let parts = context.xray_trace_id.as_deref().unwrap_or_default().split(';');
        Self {
            stop_at: deadline
                .map_or(Timestamp::MAX, |deadline| deadline - MARGIN.min(deadline.duration_since(now) / 3)),
            trace: parts.into_iter().find_map(|part| part.strip_prefix("Root=")).map(str::to_owned),
        }
    }
}

async fn handle_requests(app: &App, event: SqsEvent, invocation: &Invocation) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for message in event.records {
        let id = message.message_id.clone().unwrap_or_default();
        if let Err(error) = handle_message(app, &message, invocation).await {
            tracing::error!(error = chain(error.as_ref()), "a message could not be handled");
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            response.batch_item_failures.push(failure);
        }
    }
    response
}

/// How long a request waits for a lease that runs out then.
fn wait(now: Timestamp, until: Timestamp) -> Duration {
    Duration::try_from(until.duration_since(now)).unwrap_or_default() + Duration::from_secs(1)
}

async fn handle_message(app: &App, message: &SqsMessage, invocation: &Invocation) -> Result<(), lambda_runtime::Error> {
    match read_message(message.body.as_deref().unwrap_or_default())? {
        Message::Run(request) => handle_request(app, request, invocation).await,
        Message::Exercise { exercise } => {
            care::exercise(app, exercise).await;
            Ok(())
        }
    }
}

async fn handle_request(app: &App, request: RunRequest, invocation: &Invocation) -> Result<(), lambda_runtime::Error> {
    let stop_at = invocation.stop_at;
    let span = tracing::info_span!(
        "run", directory.id = %request.directory, run.id = %request.run, trace.id = invocation.trace.as_deref()
    );
    let pace = Pace { stop_at, checkpoint_every: app.checkpoint_every, reconcile_every: app.reconcile_every };
    let mut ports = app.ports.clone();
    if let Some(store) = &app.progress {
        let (clock, also) = (Arc::clone(&ports.clock), Arc::clone(&ports.progress));
        ports.progress = Arc::new(Noting::new(request.clone(), Arc::clone(store), clock, also));
    }
    match perform(&ports, &app.microsoft, pace, &request).instrument(span).await? {
        Handled::Ended { run, directory, next } => {
            tracing::info!(
                directory.id = %run.directory,
                run.id = %run.id,
                trace.id = invocation.trace.as_deref(),
                state = ?run.state,
                duration_ms = run.duration_ms(),
                graph.requests = run.effort.graph_requests,
                items_written = run.effort.items_written,
                "the run has ended",
            );
            // First, so that nobody waits longer than for this run. Should a message not get out, the run's own one, which waits
            // for the end of the lease, is still there.
            for run in next {
                if let Err(error) = app.queue.send(&RunRequest { run, ..request.clone() }, Duration::ZERO).await {
                    tracing::error!(run.waiting = %run, error = chain(&error), "a run that waits could not be notified");
                }
            }
            if let Some(directory) = &directory {
                care::look_after(app, directory, &run).await;
            }
            if let Some(directory) = &directory {
                // Last, since a first sync has a lot to tell.
                care::announce(app, directory, &run, stop_at).await;
            }
        }
        Handled::Nothing => {}
        Handled::Continue { after } => {
            tracing::info!(directory.id = %request.directory, run.id = %request.run, wait_s = after.as_secs(), "the run pauses");
            app.queue.send(&request, after).await?;
        }
        // The run at work queues the waiting one again when it ends. Should it die, its lease runs out and this message is there.
        Handled::Busy { until } => app.queue.send(&request, wait(app.ports.clock.now(), until)).await?,
    }
    Ok(())
}
