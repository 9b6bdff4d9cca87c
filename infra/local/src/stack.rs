//! The whole stack in one process: the functions' handlers behind a gateway, and what AWS would be around them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::config::SharedHttpClient;
use axum::middleware::from_fn_with_state;
use gateway::{Function, Gateway, InProcess};
use jiff::SignedDuration;
use secrecy::SecretString;
use shared::access::{self, AccessToken, Scope};
use shared::alerts::{AlertSink, Alerting};
use shared::app_credential;
use shared::clock::Clock;
use shared::config::{Authorization, Microsoft};
use shared::directory::DirectoryId;
use shared::dynamodb::DynamoStore;
use shared::feed::{Announcing, EventSink};
use shared::graph::GraphOrigin;
use shared::identity::IdentityPlatform;
use shared::secrets::SecretsManager;
use shared::session::{SessionDesk, SessionKeyStore as _};
use shared::store::{StoreError, TokenStore as _};
use shared::sync::{Ports, ProgressSink};
use tokio::net::TcpListener;
use tokio::sync::watch;
use url::Url;

use crate::aws::secrets_manager::LocalSecrets;
use crate::aws::sqs::LocalSqs;
use crate::aws::{self, AwsError, Clients, stopped};
use crate::own_names::{OwnNames, own_names_only};
use crate::queue;

/// Between two scheduled runs where nothing else is said.
const DEFAULT_INTERVAL: Duration = Duration::from_mins(5);
/// Between two runs that read and compare everything.
const RECONCILE_EVERY: Duration = Duration::from_hours(7 * 24);

/// What makes a way to the parts of AWS of another one.
pub type Wire = Box<dyn FnOnce(SharedHttpClient) -> SharedHttpClient + Send>;

/// How a stack is started.
pub struct Options {
    /// Where it listens.
    pub listener: TcpListener,
    /// Where browsers reach it; the listener's address without one.
    pub base_url: Option<Url>,
    /// The database's file; in memory without one.
    pub database: Option<PathBuf>,
    /// The secrets. The client secret is stored there.
    pub secrets: LocalSecrets,
    /// The tenant to sync from.
    pub microsoft: Microsoft,
    /// The tenant of operators, who see all directories.
    pub operator_tenant: Option<DirectoryId>,
    /// The client secret of our registration there.
    pub client_secret: SecretString,
    /// Between two scheduled runs; without one, runs have to be asked for.
    pub interval: Option<Duration>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who watches runs.
    pub progress: Arc<dyn ProgressSink>,
    /// Who is told of what needs somebody.
    pub alerts: Arc<dyn AlertSink>,
    /// Where changes are announced, if anywhere.
    pub events: Option<Arc<dyn EventSink>>,
    /// What stands between the clients of AWS and its parts, given the way to them. Tests break it.
    pub wire: Wire,
}

/// Why a stack could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// A part of AWS could not be started.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The address could not be used.
    #[error("the address could not be used")]
    Listen(#[from] std::io::Error),
    /// A setting makes no sense.
    #[error("{0}")]
    Setting(String),
    /// The table did not answer.
    #[error("the table did not answer")]
    Store(#[from] StoreError),
    /// The client secret could not be stored.
    #[error("the client secret could not be stored")]
    Secrets(#[from] shared::secrets::SecretError),
}

/// A running stack. It ends when it is dropped.
pub struct Stack {
    /// Where it answers.
    pub base_url: Url,
    /// The way to its parts of AWS, with nothing in between.
    pub aws: SharedHttpClient,
    /// Its table, through the real adapter.
    pub store: Arc<DynamoStore>,
    /// Its secrets, through the real adapter.
    pub secrets: Arc<SecretsManager>,
    /// Its sync function, to be invoked directly.
    pub sync: Arc<sync::App>,
    /// What its address leads to, to be asked directly: with requests that no HTTP client would send.
    pub gateway: Gateway,
    clock: Arc<dyn Clock>,
    queue: LocalSqs,
    stop: watch::Sender<bool>,
}

impl Stack {
    /// Starts everything.
    ///
    /// # Errors
    /// When a part cannot be started.
    pub async fn start(options: Options) -> Result<Self, StackError> {
        let (stop, stopping) = watch::channel(false);
        let listens_at = Url::parse(&format!("http://{}", options.listener.local_addr()?))
            .map_err(|error| StackError::Setting(error.to_string()))?;
        let base_url = options.base_url.unwrap_or(listens_at);
        let (queue, deliveries) = LocalSqs::new(Arc::clone(&options.clock));
        let aws = aws::in_process([
            (aws::DYNAMODB, aws::dynamodb(options.database.as_deref())?),
            (aws::SECRETS_MANAGER, options.secrets.router()),
            (aws::SQS, queue.router()),
        ]);
        let wire = (options.wire)(aws.clone());
        let store = Arc::new(aws::dynamo_store(aws::DYNAMODB, Some(wire.clone())).await?);
        let secrets = Arc::new(aws::secrets_manager(aws::SECRETS_MANAGER, Some(wire.clone())));
        secrets.put_client_secret(&options.client_secret).await?;

        if secrets.session_keys().await?.is_none() {
            let text = access::new_token_secret(&mut rand::rng());
            secrets.put_session_keys(&text).await?;
        }
        let http = shared::http::client(&options.microsoft.extra_roots()?)
            .map_err(|error| StackError::Setting(error.to_string()))?;
        let graph =
            GraphOrigin::parse(&options.microsoft.graph_url).map_err(|error| StackError::Setting(error.to_string()))?;
        let parts = Parts { wire, http, graph, microsoft: options.microsoft, clock: options.clock };

        let sync = Arc::new(parts.sync(options.interval, options.progress, options.alerts, options.events));
        let oauth = parts.oauth(&base_url, options.operator_tenant);
        let status = status::App::new(parts.clients_of("status").store, Arc::clone(&parts.clock), &base_url);
        let site = parts.console(&base_url);
        let functions: [(&'static str, Arc<dyn Function>); 3] = [
            ("oauth", Arc::new(InProcess(oauth::router(Arc::new(oauth))))),
            ("status", Arc::new(InProcess(status::router(status)))),
            ("console", Arc::new(InProcess(console::router(site)))),
        ];
        let gateway = Gateway::new(functions);
        tokio::spawn(queue::deliver(deliveries, queue.clone(), Arc::clone(&sync), stopping.clone()));
        if options.interval.is_some() {
            tokio::spawn(queue::tick(Arc::clone(&sync), stopping.clone()));
        }
        let names = OwnNames::of(&base_url, options.listener.local_addr()?.port());
        let front = gateway.clone().into_router().layer(from_fn_with_state(names, own_names_only));
        let service = front.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(
            async move { axum::serve(options.listener, service).with_graceful_shutdown(stopped(stopping)).await },
        );
        Ok(Self { base_url, aws, store, secrets, sync, gateway, clock: parts.clock, queue, stop })
    }

    /// Resolves when no message waits in the queue or is being handled: no run waits or works, and none has anything left to do.
    pub async fn at_rest(&self) {
        self.queue.at_rest().await;
    }

    /// Makes an access token for all directories that is good for so long.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn make_token(&self, name: &str, scope: Scope, life: SignedDuration) -> Result<SecretString, StoreError> {
        let secret = access::new_token_secret(&mut rand::rng());
        let now = self.clock.now();
        let token = AccessToken {
            name: name.to_owned(),
            scope,
            directory: None,
            created_at: now,
            expires_at: now + life,
            last_used_at: None,
        };
        self.store.put_token(&access::hash(&secret), &token).await?;
        Ok(secret)
    }

    /// Ends a token, if there is such a one.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn end_token(&self, secret: &SecretString) -> Result<(), StoreError> {
        let (hash, now) = (access::hash(secret), self.clock.now());
        match self.store.token(&hash).await? {
            Some(token) if token.expires_at > now => {
                self.store.put_token(&hash, &AccessToken { expires_at: now, ..token }).await
            }
            _ => Ok(()),
        }
    }
}

/// What the functions are made of. Each is wired as its `main.rs` does it, with clients of its own.
struct Parts {
    /// The way to the parts of AWS.
    wire: SharedHttpClient,
    http: reqwest::Client,
    graph: GraphOrigin,
    microsoft: Microsoft,
    clock: Arc<dyn Clock>,
}

impl Parts {
    fn clients_of(&self, function: &'static str) -> Clients {
        Clients::of(function, &self.wire)
    }

    fn identity(&self, clients: &Clients) -> Arc<IdentityPlatform> {
        let secrets = clients.secrets.clone();
        let credential = app_credential::of(&self.microsoft, &clients.config, secrets, Arc::clone(&self.clock));
        Arc::new(IdentityPlatform::new(self.http.clone(), &self.microsoft, credential, Arc::clone(&self.clock)))
    }

    fn sessions(&self, clients: &Clients) -> Arc<SessionDesk> {
        let (secrets, store) = (clients.secrets.clone(), clients.store.clone());
        Arc::new(SessionDesk::new(secrets, store, Arc::clone(&self.clock), false))
    }

    fn sync(
        &self,
        interval: Option<Duration>,
        progress: Arc<dyn ProgressSink>,
        alerts: Arc<dyn AlertSink>,
        events: Option<Arc<dyn EventSink>>,
    ) -> sync::App {
        let clients = self.clients_of("sync");
        let store = clients.store.clone();
        sync::App {
            ports: Ports {
                directories: store.clone(),
                mirror: store.clone(),
                holds: store.clone(),
                checkpoints: store.clone(),
                runs: store.clone(),
                clock: Arc::clone(&self.clock),
                progress,
            },
            progress: Some(store.clone()),
            queue: clients.queue.clone(),
            exercises: clients.queue.clone(),
            announcing: events.map(|sink| Announcing {
                store: store.clone(),
                changes: store.clone(),
                queries: store.clone(),
                sink,
            }),
            metrics: sync::Metrics::none(),
            alerting: Alerting { store: store.clone(), sink: alerts, client_secret_expires: None },
            microsoft: sync::Microsoft {
                http: self.http.clone(),
                graph: self.graph.clone(),
                tokens: self.identity(&clients),
                credentials: store,
                secrets: clients.secrets,
                issued: Arc::default(),
                clock: Arc::clone(&self.clock),
            },
            interval: interval.unwrap_or(DEFAULT_INTERVAL),
            checkpoint_every: sync::CHECKPOINT_EVERY,
            reconcile_every: RECONCILE_EVERY,
        }
    }

    fn oauth(&self, base_url: &Url, operator_tenant: Option<DirectoryId>) -> oauth::App {
        let clients = self.clients_of("oauth");
        let probe = oauth::GraphProbe::new(self.http.clone(), self.graph.clone(), Arc::clone(&self.clock));
        oauth::App {
            authorization: Authorization { base_url: base_url.clone(), allowed_tenants: None, operator_tenant },
            sessions: self.sessions(&clients),
            identity: self.identity(&clients),
            probe: Arc::new(probe),
            storage: clients.store,
            secrets: clients.secrets,
            queue: clients.queue,
            clock: Arc::clone(&self.clock),
        }
    }

    fn console(&self, base_url: &Url) -> console::Site {
        let clients = self.clients_of("console");
        let sessions = self.sessions(&clients);
        let app = console::App::new(clients.store.clone(), clients.queue, Arc::clone(&self.clock));
        console::Site::new(app, clients.store, clients.secrets, sessions, base_url)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}
