//! The wire between the stack's AWS clients and the local parts of AWS, which breaks at a chosen write of a process.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::{RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use serde_json::Value;
use tokio::sync::watch;

use crate::roles::{self, Deployment};

/// The operations that change something. Every other one reads.
const WRITES: [&str; 7] =
    ["PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem", "PutSecretValue", "CreateSecret"];

tokio::task_local! {
    /// The process that the code at work belongs to. Code outside of any is never disturbed.
    static PROCESS: Arc<Process>;
}

/// What happens at a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The write is not done, and an error comes back.
    FailsBefore,
    /// The write is done, but an error comes back.
    FailsAfter,
    /// The process ends before the write.
    DiesBefore,
    /// The process ends when the write is done, before it hears of it.
    DiesAfter,
    /// The process stands still before the write, until it is woken.
    Freezes,
}

/// At which of its requests something happens to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// At its n-th write, from 1.
    Write(usize),
    /// At its n-th request of any kind, from 1.
    Request(usize),
    /// At each write.
    EachWrite,
}

/// A request to the table or to the secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// What it asks for, such as `GetItem`.
    pub operation: String,
    /// The partition keys it names.
    pub partitions: BTreeSet<String>,
}

impl Sent {
    fn new(request: &HttpRequest) -> Self {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let mut partitions = BTreeSet::new();
        if let Some(Ok(body)) = request.body().bytes().map(serde_json::from_slice::<Value>) {
            collect_partitions(&body, &mut partitions);
        }
        Self { operation, partitions }
    }

    fn is_write(&self) -> bool {
        WRITES.contains(&self.operation.as_str())
    }

    /// True when it is about records of users or groups, or about lists of members.
    pub fn is_about_records(&self) -> bool {
        self.partitions.iter().any(|pk| ["#USERS#", "#GROUPS#", "#MEMBERS#"].iter().any(|part| pk.contains(part)))
    }
}

fn collect_partitions(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            let keys = ["pk", ":pk"].into_iter().filter_map(|name| fields.get(name)?.get("S")?.as_str());
            found.extend(keys.map(str::to_owned));
            fields.values().for_each(|value| collect_partitions(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| collect_partitions(value, found)),
        _ => {}
    }
}

/// A process, as far as its requests go. Clones of the `Arc` are the same process.
#[derive(Debug)]
pub struct Process {
    trouble: Option<(When, Way)>,
    sent: Mutex<Vec<Sent>>,
    /// Changes with each of its requests that is answered.
    answered: watch::Sender<()>,
    /// A process that stands still, dead or not, gets nothing done that needs the wire.
    still: watch::Sender<bool>,
}

impl Process {
    /// A process that nothing happens to.
    pub fn undisturbed() -> Arc<Self> {
        Self::new(None)
    }

    /// A process that something happens to at its `n`-th write, from 1.
    pub fn troubled(n: usize, way: Way) -> Arc<Self> {
        Self::new(Some((When::Write(n), way)))
    }

    /// A process that stands still before its `n`-th request of any kind, from 1.
    pub fn frozen_at(n: usize) -> Arc<Self> {
        Self::new(Some((When::Request(n), Way::Freezes)))
    }

    /// A process that stands still before each write, until it is woken.
    pub fn stepping() -> Arc<Self> {
        Self::new(Some((When::EachWrite, Way::Freezes)))
    }

    fn new(trouble: Option<(When, Way)>) -> Arc<Self> {
        let answered = watch::Sender::new(());
        Arc::new(Self { trouble, sent: Mutex::default(), answered, still: watch::Sender::new(false) })
    }

    /// Does something as this process.
    pub async fn run<T>(self: &Arc<Self>, work: impl Future<Output = T>) -> T {
        PROCESS.scope(Arc::clone(self), work).await
    }

    /// Its requests so far, the one that met trouble included.
    pub fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    /// The operations of those that write.
    pub fn writes(&self) -> Vec<String> {
        self.sent().into_iter().filter(Sent::is_write).map(|sent| sent.operation).collect()
    }

    /// Waits until something holds that its requests to the table bring about.
    pub async fn until(&self, holds: impl AsyncFn() -> bool) {
        let mut answered = self.answered.subscribe();
        while !holds().await {
            answered.changed().await.unwrap();
        }
    }

    /// Resolves when it stands still.
    pub async fn stands_still(&self) {
        self.still.subscribe().wait_for(|still| *still).await.unwrap();
    }

    /// Whether it stands still because it has ended.
    pub fn dies(&self) -> bool {
        matches!(self.trouble, Some((_, Way::DiesBefore | Way::DiesAfter)))
    }

    /// Lets a frozen process go on.
    pub fn wake(&self) {
        self.still.send_replace(false);
    }

    async fn stand_still(&self) {
        self.still.send_replace(true);
        self.may_go_on().await;
    }

    async fn may_go_on(&self) {
        self.still.subscribe().wait_for(|still| !*still).await.unwrap();
    }

    /// Notes the request, and returns what happens at it.
    fn trouble_at(&self, request: &HttpRequest) -> Option<Way> {
        let request = Sent::new(request);
        let is_write = request.is_write();
        let mut sent = self.sent.lock().unwrap();
        sent.push(request);
        let (when, way) = self.trouble?;
        let is_now = match when {
            When::Write(n) => is_write && sent.iter().filter(|sent| sent.is_write()).count() == n,
            When::Request(n) => sent.len() == n,
            When::EachWrite => is_write,
        };
        is_now.then_some(way)
    }

    async fn carry(&self, wire: SharedHttpConnector, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        self.may_go_on().await;
        let answer = match self.trouble_at(&request) {
            None => wire.call(request).await,
            Some(Way::FailsBefore) => Err(broken()),
            Some(Way::FailsAfter) => {
                wire.call(request).await?;
                Err(broken())
            }
            Some(Way::DiesBefore | Way::Freezes) => {
                self.stand_still().await;
                wire.call(request).await
            }
            Some(Way::DiesAfter) => {
                let answer = wire.call(request).await;
                self.stand_still().await;
                answer
            }
        };
        // Others of its requests may have been on their way when it stopped.
        self.may_go_on().await;
        self.answered.send_replace(());
        answer
    }
}

/// An error that the SDK does not repeat the request for: it would find the wire mended and hide what is tested here.
fn broken() -> ConnectorError {
    ConnectorError::other("the wire broke".into(), None)
}

/// The wire over the way to the parts of AWS.
pub fn wire(aws: SharedHttpClient) -> SharedHttpClient {
    SharedHttpClient::new(Wire(roles::wire(aws, Deployment::default())))
}

#[derive(Debug)]
struct Wire(SharedHttpClient);

impl HttpClient for Wire {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector(self.0.http_connector(settings, components)))
    }
}

#[derive(Debug)]
struct Connector(SharedHttpConnector);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Ok(process) = PROCESS.try_with(Arc::clone) else { return self.0.call(request) };
        let wire = self.0.clone();
        HttpConnectorFuture::new(async move { process.carry(wire, request).await })
    }
}
