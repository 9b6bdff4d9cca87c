//! What the command line asks for, from start to end.

use std::collections::HashSet;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use shared::access::Scope;
use shared::alerts::AlertLog;
use shared::clock::{Clock as _, SystemClock};
use shared::config::{AppCredential, Microsoft};
use shared::feed::EventLog;
use shared::telemetry::chain;
use tenant::{Sample, Tenant, TenantHandle};
use tokio::net::TcpListener;
use url::Url;

use crate::api::Api;
use crate::args::{Args, ExternalTenant};
use crate::aws::secrets_manager::LocalSecrets;
use crate::client_secret;
use crate::data_dir::{DataDir, Origin, write_private};
use crate::progress::ConsoleProgress;
use crate::recovery::{lost_runs, send_again};
use crate::sample;
use crate::stack::{Options, Stack};
use crate::summary::Summary;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// How often the simulated tenant changes a little.
const DRIFT_INTERVAL: Duration = Duration::from_secs(45);
/// How long the local administrator's token is good for, and how often a program that goes on running makes another one.
const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(24);
const TOKEN_RENEWAL: Duration = Duration::from_hours(12);
/// Whose name the local administrator's token bears.
const TOKEN_NAME: &str = "local administrator";
/// How often it is looked whether somebody has authorized.
const POLL: Duration = Duration::from_secs(1);

/// Runs the program and says how it ended: 0 when all went well.
pub async fn run(args: &Args) -> ExitCode {
    let outcome = if args.openapi { describe() } else { start(args).await };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            say(&format!("error: {}", shared::telemetry::chain(error.as_ref())));
            ExitCode::FAILURE
        }
    }
}

/// Prints the description of the API.
fn describe() -> Result<ExitCode, Error> {
    writeln!(std::io::stdout(), "{:#}", crate::openapi::document())?;
    Ok(ExitCode::SUCCESS)
}

async fn start(args: &Args) -> Result<ExitCode, Error> {
    let external = args.tenant.external();
    let data_dir = DataDir::open(&folder(args), &origin(args, external.as_ref()))?;
    let listener = listen(args).await?;
    let base_url = base_url(args, external.is_some(), listener.local_addr()?.port())?;
    let tenant = match &external {
        None => Some(simulate(args, &data_dir).await?),
        Some(_) => None,
    };
    let (microsoft, client_secret) = match (&external, &tenant) {
        (Some(external), _) => reach(external)?,
        (None, Some(tenant)) => reach_simulated(tenant)?,
        (None, None) => return Err("there is no tenant to sync from".into()),
    };
    let progress = Arc::new(ConsoleProgress::default());
    let stack = Stack::start(Options {
        listener,
        base_url,
        database: Some(data_dir.private_file("dynamodb.sqlite")?),
        secrets: LocalSecrets::in_file(&data_dir.file("secrets.json"))?,
        microsoft,
        client_secret,
        operator_tenant: None,
        interval: (!args.once).then(|| args.interval()),
        clock: Arc::new(SystemClock),
        progress: progress.clone(),
        alerts: Arc::new(AlertLog),
        events: Some(Arc::new(EventLog)),
        wire: Box::new(|aws| aws),
    })
    .await?;
    let token_file = data_dir.file("admin-token");
    if let Ok(earlier) = std::fs::read_to_string(&token_file) {
        stack.end_token(&earlier.trim().into()).await?;
    }
    let token = make_token(&stack, &token_file).await?;
    let api = Api::new(shared::http::client(b"")?, stack.base_url.clone(), token.clone());

    let before = ended_runs(&api).await?;
    let lost = lost_runs(&stack.store, SystemClock.now()).await?;
    // The simulated login forgets with its process whom it has let in: there, runs are taken up after the sign-in.
    let directory = if let Some(tenant) = &tenant {
        say("A simulated Microsoft 365 tenant stands in for a real one.");
        say("Authorizing as its administrator …");
        let directory = sample::set_up(&api, tenant).await?;
        send_again(stack.sync.queue.as_ref(), &lost).await?;
        directory
    } else {
        send_again(stack.sync.queue.as_ref(), &lost).await?;
        wait_for_authorization(&api, &stack.base_url, &token_file).await?
    };
    say("Syncing …");
    let summary = sync(&api, &directory, &before).await?;
    progress.finish();
    show(args, &summary)?;
    if args.once {
        return Ok(if summary.succeeded() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    say(&serving(&stack.base_url, &directory, &token_file, tenant.as_ref(), args));
    if !summary.publishes_users() {
        say(&first_settings(&stack.base_url, &directory, &token_file));
    }
    if let Some(tenant) = tenant {
        let control = data_dir.file("tenant-control");
        write_private(&control, tenant.control_secret().as_bytes())?;
        tokio::spawn(drift(tenant, args.sample.seed, data_dir.file("drift.json")));
    }
    tokio::select! {
        stopped = tokio::signal::ctrl_c() => stopped?,
        error = renew_token(&stack, &token_file) => return Err(error),
    }
    progress.finish();
    say("Stopped. The state is kept and will be used the next time.");
    Ok(ExitCode::SUCCESS)
}

/// Makes another token of the local administrator and leaves it in its file. The one before stays good until its time is over.
async fn make_token(stack: &Stack, file: &Path) -> Result<SecretString, Error> {
    let token = stack.make_token(TOKEN_NAME, Scope::Admin, TOKEN_LIFE).await?;
    write_private(file, token.expose_secret().as_bytes())?;
    Ok(token)
}

/// Renews the token for as long as the program runs; returns why that went wrong.
async fn renew_token(stack: &Stack, file: &Path) -> Error {
    loop {
        SystemClock.sleep(TOKEN_RENEWAL).await;
        if let Err(error) = make_token(stack, file).await {
            return error;
        }
    }
}

fn folder(args: &Args) -> PathBuf {
    args.data_dir.clone().unwrap_or_else(|| {
        // The program is built into the target folder of the workspace it belongs to.
        let target = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.parent()?.to_owned()));
        target.unwrap_or_else(|| PathBuf::from("target")).join("office365-sync")
    })
}

fn origin(args: &Args, external: Option<&ExternalTenant>) -> Origin {
    match external {
        Some(external) => {
            Origin::External { graph_url: external.graph_url.to_string(), client_id: external.client_id.clone() }
        }
        None => Origin::Simulated { users: args.sample.users, groups: args.sample.groups, seed: args.sample.seed },
    }
}

async fn listen(args: &Args) -> Result<TcpListener, Error> {
    let address = SocketAddr::from(([127, 0, 0, 1], args.port));
    TcpListener::bind(address).await.map_err(|error| {
        format!("port {} of 127.0.0.1 cannot be used ({error}); choose another with --port", args.port).into()
    })
}

/// Where browsers reach this program. Microsoft sends them back to exactly the redirect URI that is registered, and its portal
/// takes `localhost` without further ado.
fn base_url(args: &Args, is_external: bool, port: u16) -> Result<Option<Url>, Error> {
    match &args.tenant.base_url {
        Some(url) => Ok(Some(url.clone())),
        None if is_external => Ok(Some(Url::parse(&format!("http://localhost:{port}"))?)),
        None => Ok(None),
    }
}

/// Starts the simulated tenant as it was left: made from the same numbers, with the same changes since.
async fn simulate(args: &Args, data_dir: &DataDir) -> Result<TenantHandle, Error> {
    let sample = Sample {
        users: args.sample.users as usize,
        groups: args.sample.groups as usize,
        seed: args.sample.seed,
        ..Sample::default()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let options = tenant::Options::new(tenant::Clock::new(
        || SystemClock.now(),
        |wait| async move { SystemClock.sleep(wait).await },
    ));
    let tenant = Tenant::sample(&sample).serve(listener, options)?;
    for change in 1..=drifted(&data_dir.file("drift.json")) {
        tenant.drift(&mut rng_of(args.sample.seed, change), 1);
    }
    Ok(tenant)
}

/// How many changes the tenant has made so far.
fn drifted(file: &Path) -> u64 {
    let text = std::fs::read(file).unwrap_or_default();
    serde_json::from_slice::<Value>(&text).ok().and_then(|value| value.get("changes")?.as_u64()).unwrap_or(0)
}

async fn drift(tenant: TenantHandle, seed: u64, file: PathBuf) {
    for changes in drifted(&file) + 1.. {
        SystemClock.sleep(DRIFT_INTERVAL).await;
        tenant.drift(&mut rng_of(seed, changes), 1);
        let text = json!({"changes": changes}).to_string();
        if let Err(error) = write_private(&file, text.as_bytes()) {
            tracing::warn!(error = chain(&error), "the tenant's changes could not be kept");
        }
    }
}

/// Each change has its own randomness, so that it is the same when it is made again after a restart.
fn rng_of(seed: u64, change: u64) -> SmallRng {
    SmallRng::seed_from_u64(seed.wrapping_add(change))
}

fn reach(external: &ExternalTenant) -> Result<(Microsoft, SecretString), Error> {
    let secret = client_secret::read(&external.client_secret_file)?;
    let microsoft = Microsoft {
        login_url: external.login_url.clone(),
        graph_url: external.graph_url.clone(),
        client_id: external.client_id.clone(),
        authority_tenant: "organizations".to_owned(),
        secret_prefix: crate::aws::SECRET_PREFIX.to_owned(),
        app_credential: AppCredential::ClientSecret,
        ca_file: external.ca_file.as_ref().map(|file| file.display().to_string()),
    };
    Ok((microsoft, secret))
}

fn reach_simulated(tenant: &TenantHandle) -> Result<(Microsoft, SecretString), Error> {
    let registration = tenant.registration();
    let microsoft = Microsoft {
        login_url: Url::parse(tenant.login_url())?,
        graph_url: Url::parse(tenant.graph_url())?,
        client_id: registration.client_id,
        authority_tenant: "organizations".to_owned(),
        secret_prefix: crate::aws::SECRET_PREFIX.to_owned(),
        app_credential: AppCredential::ClientSecret,
        ca_file: None,
    };
    Ok((microsoft, SecretString::from(registration.client_secret)))
}

/// Waits until an administrator has authorized, now or in an earlier session.
async fn wait_for_authorization(api: &Api, base: &Url, token_file: &Path) -> Result<String, Error> {
    let mut told = false;
    loop {
        let directories = api.get("/api/v1/directories").await?;
        if let Some(id) = directories.pointer("/items/0/id").and_then(Value::as_str) {
            return Ok(id.to_owned());
        }
        if !told {
            say(&format!("Open {base}oauth/authorize in a browser and sign in as an administrator of the tenant."));
            say(&format!("The admin token is in {}.", token_file.display()));
            told = true;
        }
        SystemClock.sleep(POLL).await;
    }
}

/// Syncs once more, unless a run that covers everything waits already, and sums up all runs since the start.
async fn sync(api: &Api, directory: &str, before: &HashSet<Value>) -> Result<Summary, Error> {
    let path = format!("/api/v1/directories/{directory}");
    let run = if let Some(id) = waiting(api, &path).await? {
        id
    } else {
        let run = api.post(&format!("{path}/runs"), &json!({})).await?;
        run.get("id").and_then(Value::as_str).ok_or("the run has no id")?.to_owned()
    };
    api.finished_run(directory, &run).await?;
    let mut runs = runs(api, &path).await?;
    runs.retain(|run| run.get("id").is_some_and(|id| !before.contains(id)));
    runs.reverse();
    Ok(Summary { directory: api.get(&path).await?, runs })
}

/// The run that nothing will have changed since, because it has not begun yet or has only just begun.
async fn waiting(api: &Api, path: &str) -> Result<Option<String>, Error> {
    let latest = runs(api, path).await?.into_iter().next().unwrap_or_default();
    let is_open = matches!(latest.get("state").and_then(Value::as_str), Some("queued" | "running" | "paused"));
    Ok(latest.get("id").and_then(Value::as_str).filter(|_| is_open).map(str::to_owned))
}

/// The runs that ended before this start.
async fn ended_runs(api: &Api) -> Result<HashSet<Value>, Error> {
    let directories = api.get("/api/v1/directories").await?;
    let mut ended_before = HashSet::new();
    for directory in directories.get("items").and_then(Value::as_array).into_iter().flatten() {
        let id = directory.get("id").and_then(Value::as_str).unwrap_or_default();
        let runs = runs(api, &format!("/api/v1/directories/{id}")).await?;
        let ended = runs.iter().filter(|run| run.get("finished_at").is_some_and(|at| !at.is_null()));
        ended_before.extend(ended.filter_map(|run| run.get("id").cloned()));
    }
    Ok(ended_before)
}

/// A directory's latest runs.
async fn runs(api: &Api, path: &str) -> Result<Vec<Value>, Error> {
    let page = api.get(&format!("{path}/runs")).await?;
    Ok(page.get("items").and_then(Value::as_array).cloned().unwrap_or_default())
}

fn show(args: &Args, summary: &Summary) -> Result<(), Error> {
    let mut stdout = std::io::stdout();
    if args.json {
        serde_json::to_writer_pretty(&mut stdout, &summary.json())?;
        writeln!(stdout)?;
    } else {
        write!(stdout, "\n{}\n", summary.text())?;
    }
    Ok(())
}

fn serving(base: &Url, directory: &str, token_file: &Path, tenant: Option<&TenantHandle>, args: &Args) -> String {
    let simulated = tenant
        .map(|tenant| format!("\nSimulated tenant: {} (it changes slowly by itself)\n", tenant.login_url()))
        .unwrap_or_default();
    let account = if tenant.is_some() { "as admin@contoso.example" } else { "with the app role Sync.Admin" };
    format!(
        "Serving on {base} and syncing every {} seconds. Ctrl-C stops.\n\n\
         Open the Sync page, and sign in {account}:\n  {base}\n\n\
         Ask who is active:\n  curl -H \"Authorization: Bearer $(cat {})\" '{base}api/v1/directories/{directory}/users?status=active'\n\n\
         Authorize another administrator:\n  {base}oauth/authorize\n{simulated}",
        args.schedule,
        token_file.display(),
    )
}

/// What a new directory waits for.
fn first_settings(base: &Url, directory: &str, token_file: &Path) -> String {
    format!(
        "No user is published until the settings say so. For all users and groups, for instance:\n  \
         curl -X PUT -H \"Authorization: Bearer $(cat {})\" -H 'Content-Type: application/json' \\\n    \
         -d '{{\"sync_users\": true, \"sync_groups\": true, \"sync_groups_without_email\": true}}' \\\n    \
         '{base}api/v1/directories/{directory}/settings'\n",
        token_file.display(),
    )
}

/// Tells the person at the terminal; programs read standard output.
fn say(text: &str) {
    // Nobody can be told when standard error is gone.
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn browsers_reach_it_where_the_portal_lets_redirect_addresses_be_registered() {
        let external = [
            "local",
            "--login-url=http://127.0.0.1:1",
            "--graph-url=http://127.0.0.1:1",
            "--client-id=app",
            "--client-secret-file=secret",
        ];
        let base = |arguments: &[&str], is_external| {
            let args = Args::try_parse_from([&external, arguments].concat()).unwrap();
            base_url(&args, is_external, args.port).unwrap().map(|url| url.to_string())
        };
        assert_eq!(base(&[], true).as_deref(), Some("http://localhost:8365/"));
        assert_eq!(base(&["--port=8000"], true).as_deref(), Some("http://localhost:8000/"));
        assert_eq!(base(&["--base-url=http://127.0.0.1:8365"], true).as_deref(), Some("http://127.0.0.1:8365/"));
        assert_eq!(base(&[], false), None, "a simulated tenant takes any address");
    }
}
