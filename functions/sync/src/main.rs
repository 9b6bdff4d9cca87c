//! The sync function on AWS Lambda.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use shared::alerts::{AlertLog, AlertSink, Alerting, SnsTopic};
use shared::app_credential;
use shared::clock::SystemClock;
use shared::config;
use shared::dynamodb::DynamoStore;
use shared::feed::{Announcing, EventBus};
use shared::graph::GraphOrigin;
use shared::identity::IdentityPlatform;
use shared::queue::SqsQueue;
use shared::secrets::SecretsManager;
use shared::sync::{Ports, Unobserved};
use sync::{App, CHECKPOINT_EVERY, Metrics, Microsoft, SyncEvent};

#[tokio::main]
async fn main() -> Result<(), Error> {
    shared::telemetry::json();
    let (storage, queue, microsoft, schedule, alerts, event_bus, namespace) = config::from_env(|env| {
        let (storage, queue, microsoft) = (env.storage(), env.queue(), env.microsoft());
        (storage, queue, microsoft, env.schedule(), env.alerts(), env.event_bus(), env.metrics_namespace())
    })?;
    let aws = aws_config::load_from_env().await;
    let store = Arc::new(DynamoStore::new(aws_sdk_dynamodb::Client::new(&aws), storage.table));
    let secrets =
        Arc::new(SecretsManager::new(aws_sdk_secretsmanager::Client::new(&aws), microsoft.secret_prefix.clone()));
    let clock = Arc::new(SystemClock);
    let credential = app_credential::of(&microsoft, &aws, secrets.clone(), clock.clone());
    let queue = Arc::new(SqsQueue::new(aws_sdk_sqs::Client::new(&aws), queue.url));
    let sink: Arc<dyn AlertSink> = match alerts.topic_arn {
        Some(arn) => Arc::new(SnsTopic::new(aws_sdk_sns::Client::new(&aws), arn)),
        None => Arc::new(AlertLog),
    };
    let announcing = event_bus.map(|name| Announcing {
        store: store.clone(),
        changes: store.clone(),
        queries: store.clone(),
        sink: Arc::new(EventBus::new(aws_sdk_eventbridge::Client::new(&aws), name)),
    });
    let http = shared::http::client(&microsoft.extra_roots()?)?;
    let app = App {
        ports: Ports {
            directories: store.clone(),
            mirror: store.clone(),
            holds: store.clone(),
            checkpoints: store.clone(),
            runs: store.clone(),
            clock: clock.clone(),
            progress: Arc::new(Unobserved),
        },
        progress: Some(store.clone()),
        queue: queue.clone(),
        exercises: queue,
        alerting: Alerting { store: store.clone(), sink, client_secret_expires: alerts.client_secret_expires },
        announcing,
        metrics: Metrics::new(namespace)?,
        microsoft: Microsoft {
            http: http.clone(),
            graph: GraphOrigin::parse(&microsoft.graph_url)?,
            tokens: Arc::new(IdentityPlatform::new(http, &microsoft, credential, clock.clone())),
            credentials: store,
            secrets,
            issued: Arc::default(),
            clock,
        },
        interval: schedule.interval,
        checkpoint_every: CHECKPOINT_EVERY,
        reconcile_every: schedule.reconcile_every,
    };
    run(service_fn(|event: LambdaEvent<SyncEvent>| Box::pin(sync::handle(&app, event)))).await
}
