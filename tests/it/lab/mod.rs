//! A world whose runs, messages, writes and time are in the test's hands.
//!
//! [`crate::harness`] lets the local stack work on its own. Here the stack's sync function is invoked by the test, message by
//! message, as SQS would, and the wire to the table and the secrets breaks where
//! told ([`wire`]).

mod copy;
mod mailbox;
mod picture;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};
use shared::audit::Actor;
use shared::clock::Clock as _;
use shared::directory::DirectoryId;
use shared::store::{DirectoryStore as _, RunStore as _, SettingsChange};
use shared::sync::{Ports, Run, RunRequest, Trigger, request_run};
use sync::SyncEvent;
use tenant::{Sample, Tenant, TenantHandle};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::clock::TestClock;
use crate::harness::{World, checked, tenant_options};

pub use copy::client;
pub use mailbox::Mailbox;
pub use picture::{Picture, Statuses};
pub use wire::{Process, Sent, Way};

/// Longer than a lease lasts: what a message waits that was not handled.
pub const REDELIVERY: SignedDuration = SignedDuration::from_mins(2);
/// How many deliveries lead to rest, whatever has happened.
const MOST_DELIVERIES: usize = 30;

/// A tenant of about a dozen users, which a run reads in a moment.
pub fn tiny() -> Sample {
    Sample { users: 14, groups: 8, memberships_per_group: 4, ..Sample::default() }
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivered {
    /// The message was handled and is gone.
    Handled,
    /// The function reported a failure, or ended: the message is delivered again.
    Again,
}

/// A world in the test's hands.
pub struct Lab {
    pub world: World,
    pub clock: Arc<TestClock>,
    pub mailbox: Arc<Mailbox>,
    /// The users who were enabled at the start and are no administrators.
    pub staff: Vec<Uuid>,
    app: Arc<sync::App>,
    one_by_one: bool,
    /// How long an invocation may take, if it is limited.
    pub time: Option<Duration>,
}

impl Lab {
    /// A tenant and a stack that has not been authorized. `bend` makes the tenant another one than usual.
    pub async fn start(sample: &Sample, bend: impl FnOnce(&mut tenant::Options)) -> Self {
        let clock = Arc::new(TestClock::default());
        let mut options = tenant_options(&clock);
        bend(&mut options);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::beside(Tenant::sample(sample).serve(listener, options).unwrap(), clock).await
    }

    async fn beside(tenant: TenantHandle, clock: Arc<TestClock>) -> Self {
        let world = World::beside(tenant, Arc::clone(&clock), Box::new(wire::wire)).await;
        let mailbox = Arc::new(Mailbox::default());
        // Progress is noted by the clock, and would be one more write at any place.
        let queue = Arc::clone(&mailbox) as _;
        let app = Arc::new(sync::App { queue, progress: None, ..(*world.stack.sync).clone() });
        let staff = world.ordinary_users();
        Self { world, clock, mailbox, staff, app, one_by_one: false, time: None }
    }

    /// The same world, whose runs save what they have read so often.
    pub fn saving_every(self, checkpoint_every: Duration) -> Self {
        let app = sync::App { checkpoint_every, ..(*self.app).clone() };
        Self { app: Arc::new(app), ..self }
    }

    /// The same world, whose runs write item by item and not many in a transaction.
    pub fn writing_one_by_one(self) -> Self {
        let store = (*self.world.stack.store).clone().with_transactions_of(1);
        let ports = Ports { mirror: Arc::new(store), ..self.app.ports.clone() };
        let app = sync::App { ports, ..(*self.app).clone() };
        Self { app: Arc::new(app), one_by_one: true, ..self }
    }

    fn context(&self) -> Context {
        let mut context = Context::default();
        if let Some(time) = self.time {
            context.deadline = (self.clock.now() + time).as_millisecond().try_into().unwrap();
        }
        context
    }

    /// The directory, as the ports name it.
    pub fn directory(&self) -> DirectoryId {
        self.world.directory.parse().unwrap()
    }

    /// Asks for a run. Its message waits in the mailbox; here it is as well.
    pub async fn request(&self) -> RunRequest {
        self.request_by(Trigger::Manual).await
    }

    /// The same for a reason of the test's.
    pub async fn request_by(&self, trigger: Trigger) -> RunRequest {
        let run = Run::requested(self.directory(), trigger, self.clock.now());
        request_run(self.world.stack.store.as_ref(), self.mailbox.as_ref(), &run).await.unwrap();
        self.mailbox.latest().unwrap()
    }

    /// A run that is recorded without taking part in how requests are folded.
    pub async fn request_alone(&self) -> RunRequest {
        let run = Run::requested(self.directory(), Trigger::Manual, self.clock.now());
        self.world.stack.store.save_run(&run).await.unwrap();
        RunRequest { directory: run.directory, run: run.id }
    }

    /// Delivers a message to a process, which ends when its trouble is to die.
    pub async fn deliver(&self, request: &RunRequest, process: &Arc<Process>) -> Delivered {
        let mut work = self.begin(request, process);
        tokio::select! {
            handled = &mut work => handled.unwrap(),
            () = process.stands_still(), if process.dies() => {
                work.abort();
                // The task is gone when this returns, so that nothing of it is left to write.
                let _ = work.await;
                Delivered::Again
            }
        }
    }

    /// Delivers a message to a process and does not wait for it.
    pub fn begin(&self, request: &RunRequest, process: &Arc<Process>) -> tokio::task::JoinHandle<Delivered> {
        let event = json!({"Records": [{
            "messageId": "message",
            "receiptHandle": "receipt",
            "body": serde_json::to_string(request).unwrap(),
            "attributes": {},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        }]});
        let event: SyncEvent = serde_json::from_value(event).unwrap();
        let (app, process, context) = (Arc::clone(&self.app), Arc::clone(process), self.context());
        tokio::spawn(async move {
            let answer = process.run(Box::pin(sync::handle(&app, LambdaEvent::new(event, context)))).await;
            let handled = answer.is_ok_and(|answer| answer.batch_item_failures.is_empty());
            if handled { Delivered::Handled } else { Delivered::Again }
        })
    }

    /// Delivers all messages that wait, each when its time has come, until there are none.
    pub async fn settle(&self) {
        for _ in 0..MOST_DELIVERIES {
            let Some((request, delay)) = self.mailbox.take() else { return };
            self.clock.pass(SignedDuration::try_from(delay).unwrap());
            if self.deliver(&request, &Process::undisturbed()).await == Delivered::Again {
                self.mailbox.put(request, REDELIVERY.unsigned_abs());
            }
        }
        panic!("the queue does not come to rest");
    }

    /// Asks for a run, lets it and all that waits come to an end, and returns its record.
    pub async fn run(&self) -> Value {
        self.run_by(Trigger::Manual).await
    }

    /// The same for a reason of the test's.
    pub async fn run_by(&self, trigger: Trigger) -> Value {
        let request = self.request_by(trigger).await;
        self.settle().await;
        self.record(&request).await
    }

    /// Stores settings without asking for a run, as if its request had been lost.
    pub async fn change_settings(&self, settings: &Value) {
        let store = &self.world.stack.store;
        let directory = store.directory(self.directory()).await.unwrap().unwrap();
        let by = Actor::Token { name: "lab".to_owned() };
        let change = SettingsChange::new(&directory, &checked(&directory, settings), by, self.clock.now());
        store.change_settings(directory.id, &change).await.unwrap();
    }

    /// A run's record.
    pub async fn record(&self, request: &RunRequest) -> Value {
        self.world.get(&format!("runs/{}", request.run)).await
    }

    /// A run writes nothing.
    pub async fn assert_idle(&self) {
        let run = self.run().await;
        assert_eq!(run["effort"]["items_written"], 0, "a second run writes: {run:#}");
    }
}
