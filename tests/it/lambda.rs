//! The real Lambda binaries, driven by the Lambda runtime API as AWS would: authorize, sync, ask.

use std::path::PathBuf;

use local::aws;
use local::lambda::{Function, authorize, delivery, http_event};
use local::secrets_manager::LocalSecrets;
use local::sqs::LocalSqs;
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

/// The binary of a function, which `cargo test` builds for the function's own tests.
fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(|deps| deps.parent()).unwrap().join(name);
    assert!(path.exists(), "{} is missing: run `cargo test` for the whole workspace", path.display());
    path
}

async fn start(name: &str, environment: &[(&str, String)]) -> Function {
    Function::start(&binary(name), environment).await.unwrap()
}

async fn http(function: &Function, method: &str, url: &Url, token: Option<&SecretString>, body: &str) -> Value {
    let authorization = token.map(|token| format!("Bearer {}", token.expose_secret()));
    function.invoke(http_event(method, url, &[], authorization.as_deref(), body)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lambda_binaries_authorize_sync_and_answer() {
    let (_stop, stopping) = watch::channel(false);
    let clock = tenant::Clock::new(|| SystemClock.now());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tenant = Tenant::sample(&small()).serve(listener, tenant::Options::new(clock)).unwrap();
    let registration = tenant.registration();
    let dynamodb = aws::serve_dynamodb(None, stopping.clone()).await.unwrap();
    let store = aws::dynamo_store(&dynamodb, None).await.unwrap();
    let secrets = aws::serve_secrets_manager(LocalSecrets::in_memory(), stopping.clone()).await.unwrap();
    let client_secret = SecretString::from(registration.client_secret);
    aws::secrets_manager(&secrets, None).put_client_secret(&client_secret).await.unwrap();
    let (queue, mut deliveries) = LocalSqs::new();
    let queue = queue.serve(stopping).await.unwrap();
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
    ];
    let oauth = start("oauth", &environment).await;
    let sync = start("sync", &environment).await;
    let status = start("status", &environment).await;
    let console = start("console", &environment).await;

    let browser = shared::http::client(b"").unwrap();
    let administrator = &tenant.administrators()[0].user_principal_name;
    let page = authorize(&oauth, &browser, &base, administrator).await.unwrap();
    assert_eq!(page["statusCode"], 200, "{page:#}");
    assert!(page["body"].as_str().unwrap().contains("Your account passes synchronization validation"));

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
    let directory = base.join(&format!("/api/v1/directories/{}/", tenant.tenant_id())).unwrap();
    let settings = directory.join("settings").unwrap();
    let put = http(&console, "PUT", &settings, Some(&token), &everything().to_string()).await;
    assert_eq!(put["statusCode"], 200, "{put:#}");

    let tick = json!({"version": "0", "detail-type": "Scheduled Event", "source": "aws.scheduler", "detail": {}});
    assert_eq!(sync.invoke(tick).await.unwrap()["error"], Value::Null);
    let waiting = deliveries.take();
    assert!(!waiting.is_empty(), "nothing was queued");
    for message in waiting {
        let answer = sync.invoke(delivery(&message)).await.unwrap();
        assert_eq!(answer["batchItemFailures"], json!([]), "{answer:#}");
    }

    let users = directory.join("users?status=active&limit=1000").unwrap();
    let answer = http(&status, "GET", &users, Some(&token), "").await;
    assert_eq!(answer["statusCode"], 200, "{answer:#}");
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    let truth = tenant.truth();
    let enabled = truth.users.iter().filter(|user| user.enabled && user.deleted.is_none()).count();
    assert_eq!(body["items"].as_array().unwrap().len(), enabled);
    assert_eq!(http(&status, "GET", &users, None, "").await["statusCode"], 401);
}
