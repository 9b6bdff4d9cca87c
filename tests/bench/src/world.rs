//! A tenant, the local parts of AWS with a meter before the table, and the sync function as a process.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gateway::Gateway;
use jiff::SignedDuration;
use local::aws;
use local::aws::secrets_manager::LocalSecrets;
use local::aws::sqs::{Deliveries, LocalSqs};
use local::lambda::{Function, authorize, delivery};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use shared::access::{AccessToken, Scope, hash, new_token_secret};
use shared::audit::Actor;
use shared::clock::{Clock as _, SystemClock};
use shared::directory::DirectoryId;
use shared::dynamodb::DynamoStore;
use shared::filter::Policy;
use shared::secrets::SecretStore as _;
use shared::settings::{CheckedSettings, Outline};
use shared::store::{DirectoryStore as _, RunStore as _, SettingsChange, TokenStore as _};
use shared::sync::{Run, RunId, RunRequest, Trigger};
use tenant::{Sample, Summary, Tenant, TenantHandle};
use tokio::net::TcpListener;
use tokio::sync::watch;
use url::Url;

use crate::binaries;
use crate::meter::{Counts, Meter};

/// The size of a tenant.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub users: usize,
    pub groups: usize,
    /// Of each group, on average.
    pub members: usize,
}

/// A run, and what it took.
pub struct Measured {
    /// The run's record.
    pub run: Run,
    /// What was asked of the table.
    pub table: Counts,
    /// What was asked of Microsoft.
    pub graph: Summary,
    /// From the first delivery of its message to the end of the last invocation.
    pub took: Duration,
    /// The most memory that the process has had so far, in bytes.
    pub peak_memory: u64,
}

/// Everything.
pub struct World {
    pub tenant: TenantHandle,
    pub directory: DirectoryId,
    /// Where the table is, without the meter.
    pub dynamodb: String,
    store: DynamoStore,
    meter: Meter,
    deliveries: Mutex<Deliveries>,
    environment: Vec<(&'static str, String)>,
    secrets: String,
    sync: Function,
    _stop: watch::Sender<bool>,
}

/// Settings that publish everybody and every group.
pub fn everything() -> Value {
    json!({"sync_users": true, "sync_groups": true, "sync_groups_without_email": true})
}

impl World {
    /// A world of this size whose tenant has been authorized. Its first run waits.
    pub async fn authorized(size: Size, bend: impl FnOnce(&mut tenant::Options)) -> Self {
        eprintln!("A tenant of {} users, {} groups of {} members …", size.users, size.groups, size.members);
        let sample =
            Sample { users: size.users, groups: size.groups, memberships_per_group: size.members, ..Sample::default() };
        let mut options = tenant::Options::new(tenant::Clock::new(
            || SystemClock.now(),
            |wait| async move { SystemClock.sleep(wait).await },
        ));
        options.access_token_lifetime = SignedDuration::from_hours(12);
        bend(&mut options);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tenant = Tenant::sample(&sample).serve(listener, options).unwrap();
        let (stop, stopping) = watch::channel(false);
        let dynamodb = aws::serve(aws::dynamodb(None).unwrap(), stopping.clone()).await.unwrap();
        let store = aws::dynamo_store(&dynamodb, None).await.unwrap();
        let secrets = aws::serve(LocalSecrets::in_memory().router(), stopping.clone()).await.unwrap();
        let registration = tenant.registration();
        let client_secret = SecretString::from(registration.client_secret);
        aws::secrets_manager(&secrets, None).put_client_secret(&client_secret).await.unwrap();
        let meter = Meter::before(dynamodb.clone()).await;
        let (queue, deliveries) = LocalSqs::new(Arc::new(SystemClock));
        let (queue, deliveries) = (aws::serve(queue.router(), stopping).await.unwrap(), Mutex::new(deliveries));
        let base = Url::parse("http://127.0.0.1:1").unwrap();
        let environment = vec![
            ("AWS_REGION", "local".to_owned()),
            ("AWS_ACCESS_KEY_ID", "local".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", meter.url.clone()),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", secrets.clone()),
            ("AWS_ENDPOINT_URL_SQS", queue.clone()),
            ("TABLE_NAME", aws::TABLE.to_owned()),
            ("SECRET_PREFIX", aws::SECRET_PREFIX.to_owned()),
            ("QUEUE_URL", format!("{queue}/queue")),
            ("LOGIN_URL", tenant.login_url().to_owned()),
            ("GRAPH_URL", tenant.graph_url().to_owned()),
            ("CLIENT_ID", registration.client_id),
            ("ALLOWED_TENANTS", tenant.tenant_id().to_string()),
            ("BASE_URL", base.to_string()),
        ];
        let oauth = Function::start(&binaries::path("oauth"), &environment).await.unwrap();
        let browser = shared::http::client(b"").unwrap();
        let administrator = tenant.administrators()[0].user_principal_name.clone();
        let function: Arc<dyn gateway::Function> = Arc::new(oauth);
        let page = authorize(&Gateway::new([("oauth", function)]), &browser, &administrator).await.unwrap();
        assert!(page.status().is_success(), "{page:?}");
        let sync = Function::start(&binaries::path("sync"), &environment).await.unwrap();
        let directory = DirectoryId::new(tenant.tenant_id());
        let world =
            Self { tenant, directory, dynamodb, store, meter, deliveries, environment, secrets, sync, _stop: stop };
        world.change_settings(&everything()).await;
        world
    }

    /// A world of this size that has been synced in full, and what that took. Nothing is left to do.
    pub async fn synced(size: Size) -> (Self, Measured) {
        let world = Self::authorized(size, |_| {}).await;
        let first = world.first_run().await;
        assert_eq!(first.run.failure, None);
        world.run(Trigger::Schedule).await;
        (world, first)
    }

    /// The environment of a function.
    pub fn environment(&self) -> &[(&'static str, String)] {
        &self.environment
    }

    /// Stores settings without asking for a run.
    pub async fn change_settings(&self, settings: &Value) {
        let directory = self.store.directory(self.directory).await.unwrap().unwrap();
        let policy = Policy::parse(settings).unwrap();
        let nobody_goes =
            Outline { run: directory.published.as_ref().map(|published| published.run), ..Outline::default() };
        let checked = CheckedSettings::check(&directory, &policy, &nobody_goes, None).unwrap();
        let change =
            SettingsChange::new(&directory, &checked, Actor::Token { name: "bench".to_owned() }, SystemClock.now());
        self.store.change_settings(directory.id, &change).await.unwrap();
    }

    /// The run that the authorization has asked for.
    pub async fn first_run(&self) -> Measured {
        let message = self.deliveries.lock().unwrap().take().pop().unwrap();
        self.deliver(message.body).await
    }

    /// Asks for a run and lets it come to its end.
    pub async fn run(&self, trigger: Trigger) -> Measured {
        let run = Run::requested(self.directory, trigger, SystemClock.now());
        self.store.request_run(&run).await.unwrap();
        self.deliver(json!({"directory": run.directory, "run": run.id}).to_string()).await
    }

    /// A tick of the schedule that finds the directory due, in the counters of a run.
    pub async fn tick(&self) -> Value {
        self.meter.take();
        let began = Instant::now();
        let tick = json!({"version": "0", "detail-type": "Scheduled Event", "source": "aws.scheduler", "detail": {}});
        self.sync.invoke(tick).await.unwrap();
        let took = began.elapsed();
        let table = self.meter.take();
        // The run that it has asked for.
        let waiting = self.deliveries.lock().unwrap().take();
        for message in waiting {
            self.deliver(message.body).await;
        }
        json!({
            "seconds": took.as_secs_f64(), "dynamodb_requests": table.total(), "read_units": table.read_units,
            "write_units": table.write_units,
        })
    }

    /// Stores the keys of sessions.
    pub async fn put_session_keys(&self, text: &SecretString) {
        aws::secrets_manager(&self.secrets, None).put_session_keys(text).await.unwrap();
    }

    /// A token that may read the directory by our API.
    pub async fn api_token(&self) -> String {
        let secret = new_token_secret(&mut rand::rng());
        let token = AccessToken {
            name: "program".to_owned(),
            scope: Scope::Read,
            directory: Some(self.directory),
            created_at: SystemClock.now(),
            expires_at: jiff::Timestamp::MAX,
            last_used_at: None,
        };
        self.store.put_token(&hash(&secret), &token).await.unwrap();
        secret.expose_secret().to_owned()
    }

    /// The version of the settings.
    pub async fn settings_version(&self) -> u64 {
        self.store.directory(self.directory).await.unwrap().unwrap().settings_version
    }

    /// The first run, which has changed everybody.
    pub async fn first_run_id(&self) -> RunId {
        let runs = self.store.runs(self.directory, 10, None).await.unwrap();
        runs.items.last().unwrap().id
    }

    /// What has been asked of the table since this, or a run, was asked last.
    pub fn counts(&self) -> Counts {
        self.meter.take()
    }

    /// An access token of the administrator, for whoever else reads the tenant.
    pub async fn access_token(&self) -> String {
        let secrets = aws::secrets_manager(&self.secrets, None);
        let administrator = self.tenant.administrators()[0].id;
        let administrator = shared::directory::ObjectId::from(administrator).into();
        let refresh_token = secrets.refresh_token(self.directory, &administrator).await.unwrap().unwrap();
        let registration = self.tenant.registration();
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", &registration.client_id),
            ("client_secret", &registration.client_secret),
            ("refresh_token", refresh_token.expose_secret()),
        ];
        let url = format!("{}/{}/oauth2/v2.0/token", self.tenant.login_url(), self.directory);
        let answer = shared::http::client(b"").unwrap().post(url).form(&form).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer:#}")).to_owned()
    }

    async fn deliver(&self, message: String) -> Measured {
        let request: RunRequest = serde_json::from_str(&message).unwrap();
        self.tenant.forget_requests();
        self.meter.take();
        let began = Instant::now();
        let mut next = Some(message);
        while let Some(message) = next {
            let answer = self.sync.invoke(delivery(&message)).await.unwrap();
            assert_eq!(answer["batchItemFailures"], json!([]), "{answer:#}");
            // What goes on in another invocation comes back through the queue.
            next = self.deliveries.lock().unwrap().take().pop().map(|message| message.body);
        }
        let took = began.elapsed();
        let (table, graph) = (self.meter.take(), self.tenant.summary());
        let run = self.store.run(request.directory, request.run).await.unwrap().unwrap();
        Measured { run, table, graph, took, peak_memory: self.peak_memory() }
    }

    /// The most resident memory that the sync function has had (`VmHWM`, see `proc_pid_status(5)`), in bytes.
    fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.sync.process_id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1_024
    }
}
