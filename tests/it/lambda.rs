//! The real Lambda binaries, driven by the Lambda runtime API as AWS would: authorize, sync, ask.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use gateway::Gateway;
use local::aws;
use local::aws::secrets_manager::LocalSecrets;
use local::aws::sqs::LocalSqs;
use local::lambda::{Function, TRACE, authorize, delivery};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use shared::access::{self, AccessToken, Scope};
use shared::clock::{Clock as _, SystemClock};
use shared::store::TokenStore as _;
use tenant::Tenant;
use tokio::net::TcpListener;
use tokio::sync::watch;
use url::Url;

use crate::harness::{everything, small};
use crate::logs;

/// The binary of a function, which `cargo test` builds for the function's own tests.
fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(|deps| deps.parent()).unwrap().join(name);
    assert!(path.exists(), "{} is missing: run `cargo test` for the whole workspace", path.display());
    path
}

/// Starts a function that logs into this file.
async fn start(name: &str, environment: &[(&str, String)], log: &File) -> Function {
    Function::start_logging_to(log.try_clone().unwrap().into(), &binary(name), environment).await.unwrap()
}

/// Asks through the gateway, and returns status and body.
async fn http(gateway: &Gateway, method: &str, path: &str, token: Option<&SecretString>, body: &str) -> (u16, String) {
    let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {}", token.expose_secret()));
    }
    read(gateway.ask(request.body(Body::from(body.to_owned())).unwrap()).await).await
}

async fn read(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    (status, String::from_utf8(to_bytes(answer.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lambda_binaries_authorize_sync_and_answer() {
    let (_stop, stopping) = watch::channel(false);
    // The binaries have no clock but the machine's, so neither has anything here.
    let clock = tenant::Clock::new(|| SystemClock.now(), |wait| async move { SystemClock.sleep(wait).await });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tenant = Tenant::sample(&small()).serve(listener, tenant::Options::new(clock)).unwrap();
    let registration = tenant.registration();
    let dynamodb = aws::serve(aws::dynamodb(None).unwrap(), stopping.clone()).await.unwrap();
    let store = aws::dynamo_store(&dynamodb, None).await.unwrap();
    let secrets = aws::serve(LocalSecrets::in_memory().router(), stopping.clone()).await.unwrap();
    let client_secret = SecretString::from(registration.client_secret);
    aws::secrets_manager(&secrets, None).put_client_secret(&client_secret).await.unwrap();
    let (queue, mut deliveries) = LocalSqs::new(Arc::new(SystemClock));
    let queue = aws::serve(queue.router(), stopping).await.unwrap();
    let base = Url::parse("http://127.0.0.1:1").unwrap();
    let environment: Vec<(&str, String)> = vec![
        ("AWS_REGION", "local".to_owned()),
        ("AWS_ACCESS_KEY_ID", "local".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
        ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", secrets),
        ("AWS_ENDPOINT_URL_SQS", queue.clone()),
        ("TABLE_NAME", aws::TABLE.to_owned()),
        ("SECRET_PREFIX", aws::SECRET_PREFIX.to_owned()),
        ("QUEUE_URL", format!("{queue}/queue")),
        ("LOGIN_URL", tenant.login_url().to_owned()),
        ("GRAPH_URL", tenant.graph_url().to_owned()),
        ("CLIENT_ID", registration.client_id),
        ("ALLOWED_TENANTS", tenant.tenant_id().to_string()),
        ("BASE_URL", base.to_string()),
        ("METRICS_NAMESPACE", "Office365Sync/test".to_owned()),
        ("RUST_LOG", "info,shared=debug".to_owned()),
    ];
    let mut log = tempfile::tempfile().unwrap();
    let oauth = start("oauth", &environment, &log).await;
    let sync = start("sync", &environment, &log).await;
    let status = start("status", &environment, &log).await;
    let console = start("console", &environment, &log).await;

    let browser = shared::http::client(b"").unwrap();
    let administrator = &tenant.administrators()[0].user_principal_name;
    let functions: [(&'static str, Arc<dyn gateway::Function>); 3] =
        [("oauth", Arc::new(oauth)), ("status", Arc::new(status)), ("console", Arc::new(console))];
    let gateway = Gateway::new(functions);
    let (code, page) = read(authorize(&gateway, &browser, administrator).await.unwrap()).await;
    assert_eq!(code, 200, "{page}");
    assert!(page.contains("Your account passes synchronization validation"));

    let token = access::new_token_secret(&mut rand::rng());
    let now = SystemClock.now();
    let admin = AccessToken {
        name: "test".to_owned(),
        scope: Scope::Admin,
        directory: None,
        created_at: now,
        expires_at: now + jiff::SignedDuration::from_hours(1),
        last_used_at: None,
    };
    store.put_token(&access::hash(&token), &admin).await.unwrap();
    let directory = format!("/api/v1/directories/{}", tenant.tenant_id());
    let settings = format!("{directory}/settings");
    let (code, put) = http(&gateway, "PUT", &settings, Some(&token), &everything().to_string()).await;
    assert_eq!(code, 200, "{put}");

    let tick = json!({"version": "0", "detail-type": "Scheduled Event", "source": "aws.scheduler", "detail": {}});
    assert_eq!(sync.invoke(tick).await.unwrap()["error"], Value::Null);
    let waiting = deliveries.take();
    assert!(!waiting.is_empty(), "nothing was queued");
    assert!(waiting.iter().all(|message| message.trace.as_deref() == Some(TRACE)), "{waiting:?}");
    for message in waiting {
        let answer = sync.invoke(delivery(&message.body)).await.unwrap();
        assert_eq!(answer["batchItemFailures"], json!([]), "{answer:#}");
    }

    let users = format!("{directory}/users?status=active&limit=1000");
    let (code, body) = http(&gateway, "GET", &users, Some(&token), "").await;
    assert_eq!(code, 200, "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    let truth = tenant.truth();
    let enabled = truth.users.iter().filter(|user| user.enabled && user.deleted.is_none()).count();
    assert_eq!(body["items"].as_array().unwrap().len(), enabled);
    assert_eq!(http(&gateway, "GET", &users, None, "").await.0, 401);
    // By name, through the real parsing of events: in the path, and as a parameter.
    let guest =
        truth.users.iter().find_map(|user| Some(&user.user_principal_name).filter(|name| name.contains("#EXT#")));
    let guest = guest.unwrap().replace('#', "%23");
    for path in [format!("{directory}/users/{guest}/access"), format!("{directory}/access?user={guest}")] {
        let (code, body) = http(&gateway, "GET", &path, Some(&token), "").await;
        assert_eq!(code, 200, "{path}: {body}");
    }

    let mut lines = String::new();
    log.rewind().unwrap();
    log.read_to_string(&mut lines).unwrap();
    check_log(&lines, &logs::names(&tenant));
}

/// Each line is JSON and says nothing it should not; those of runs name their trace, and figures are there of runs and of the tick.
fn check_log(lines: &str, names: &[String]) {
    let mut figures = BTreeSet::new();
    let mut runs = 0;
    for line in lines.lines() {
        assert_eq!(logs::fault(line), None);
        assert_eq!(names.iter().find(|name| line.contains(name.as_str())), None, "{line}");
        let line: Value = serde_json::from_str(line).unwrap();
        for metrics in line["_aws"]["CloudWatchMetrics"].as_array().into_iter().flatten() {
            assert_eq!(metrics["Namespace"], "Office365Sync/test");
            assert_eq!(metrics["Dimensions"], json!([[]]), "metrics do not grow with directories");
            let names = metrics["Metrics"].as_array().unwrap().iter().map(|metric| metric["Name"].as_str().unwrap());
            figures.extend(names.inspect(|name| assert!(!line[name].is_null(), "{name}")).map(str::to_owned));
        }
        if line["fields"]["message"] == "the run has ended" {
            assert!(TRACE.contains(line["fields"]["trace.id"].as_str().unwrap()), "{line:#}");
            runs += 1;
        }
    }
    assert!(runs > 0, "{lines}");
    for figure in ["RunsSucceeded", "RunDuration", "UsersRead", "GroupsRead", "GraphRequests", "UsersActivated"] {
        assert!(figures.contains(figure), "no {figure}: {figures:?}");
    }
    for figure in
        ["Directories", "DirectoriesNotSynced", "DirectoriesWithoutCredential", "DirectoriesHeld", "OldestGoodSync"]
    {
        assert!(figures.contains(figure), "no {figure}: {figures:?}");
    }
}
