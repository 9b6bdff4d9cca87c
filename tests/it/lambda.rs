//! The real Lambda binaries, driven by the Lambda runtime API as AWS would: authorize, sync, ask.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use local::aws;
use local::secrets_manager::LocalSecrets;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use shared::access::{self, AccessToken, Scope};
use shared::clock::{Clock as _, SystemClock};
use shared::store::TokenStore as _;
use tenant::{Tenant, TenantHandle};
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot, watch};
use url::Url;

use crate::harness::{everything, small};

/// The runtime API of one function: hands out one event at a time and takes the answers.
///
/// Source: AWS Lambda, "Using the Lambda runtime API for custom runtimes".
#[derive(Clone, Default)]
struct RuntimeApi(Arc<Invocations>);

#[derive(Default)]
struct Invocations {
    waiting: Mutex<VecDeque<(Value, oneshot::Sender<Value>)>>,
    working: Mutex<Option<oneshot::Sender<Value>>>,
    arrived: Notify,
}

async fn next(State(RuntimeApi(api)): State<RuntimeApi>) -> impl IntoResponse {
    loop {
        let invocation = api.waiting.lock().unwrap().pop_front();
        if let Some((event, answer)) = invocation {
            *api.working.lock().unwrap() = Some(answer);
            let deadline = (SystemClock.now().as_millisecond() + 60_000).to_string();
            let headers = [
                ("lambda-runtime-aws-request-id", "request".to_owned()),
                ("lambda-runtime-deadline-ms", deadline),
                ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:local:0:function:f".to_owned()),
                ("content-type", "application/json".to_owned()),
            ];
            return (headers.map(|(name, value)| (name, value)), event.to_string()).into_response();
        }
        api.arrived.notified().await;
    }
}

async fn answer(
    State(RuntimeApi(api)): State<RuntimeApi>,
    Path((_, how)): Path<(String, String)>,
    body: Bytes,
) -> StatusCode {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let answer = if how == "response" { body } else { json!({"error": body}) };
    if let Some(sender) = api.working.lock().unwrap().take() {
        let _ = sender.send(answer);
    }
    StatusCode::ACCEPTED
}

/// A running function. It ends when it is dropped.
struct Function {
    api: RuntimeApi,
    process: Child,
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Function {
    async fn start(name: &str, environment: &[(&str, String)]) -> Self {
        let api = RuntimeApi::default();
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{how}", post(answer))
            .with_state(api.clone());
        let address = serve(router).await;
        let process = Command::new(binary(name))
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address.trim_start_matches("http://"))
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "local")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "local")
            .env("RUST_LOG", "warn")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .spawn()
            .unwrap();
        Self { api, process }
    }

    async fn invoke(&self, event: Value) -> Value {
        let (sender, receiver) = oneshot::channel();
        self.api.0.waiting.lock().unwrap().push_back((event, sender));
        self.api.0.arrived.notify_one();
        receiver.await.unwrap()
    }

    /// Sends an HTTP request as API Gateway does (payload format 2.0).
    async fn http(
        &self,
        method: &str,
        url: &Url,
        cookies: &[String],
        token: Option<&SecretString>,
        body: &str,
    ) -> Value {
        let mut headers = json!({"host": "127.0.0.1", "content-type": "application/json"});
        if let Some(token) = token {
            headers["authorization"] = json!(format!("Bearer {}", token.expose_secret()));
        }
        let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        self.invoke(json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": url.path(),
            "rawQueryString": url.query().unwrap_or_default(),
            "queryStringParameters": query.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
            "cookies": cookies,
            "headers": headers,
            "requestContext": {
                "accountId": "0", "apiId": "api", "domainName": "127.0.0.1", "domainPrefix": "api",
                "http": {"method": method, "path": url.path(), "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test"},
                "requestId": "request", "routeKey": "$default", "stage": "$default", "time": "x", "timeEpoch": 0,
            },
            "body": body,
            "isBase64Encoded": false,
        }))
        .await
    }
}

/// The binary of a function, which `cargo test` builds for the function's own tests.
fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(|deps| deps.parent()).unwrap().join(name);
    assert!(path.exists(), "{} is missing: run `cargo test` for the whole workspace", path.display());
    path
}

async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// An SQS that keeps what it is sent.
async fn sqs(messages: Arc<Mutex<Vec<String>>>) -> String {
    let send = |State(messages): State<Arc<Mutex<Vec<String>>>>, headers: HeaderMap, body: Bytes| async move {
        assert_eq!(headers["x-amz-target"], "AmazonSQS.SendMessage");
        let request: Value = serde_json::from_slice(&body).unwrap();
        messages.lock().unwrap().push(request["MessageBody"].as_str().unwrap().to_owned());
        ([("content-type", "application/x-amz-json-1.0")], json!({"MessageId": "message"}).to_string())
    };
    serve(Router::new().fallback(send).with_state(messages)).await
}

/// Follows the authorization as a browser would, through the function and the tenant's login page.
async fn authorize(oauth: &Function, base: &Url, tenant: &TenantHandle) -> Value {
    let administrator = &tenant.administrators()[0].user_principal_name;
    let begin = base.join(&format!("/oauth/authorize?login_hint={administrator}")).unwrap();
    let answer = oauth.http("GET", &begin, &[], None, "").await;
    let location = answer["headers"]["location"].as_str().unwrap_or_else(|| panic!("{answer:#}"));
    let cookies: Vec<String> = answer["cookies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cookie| cookie.as_str().unwrap().split(';').next().unwrap().to_owned())
        .collect();
    let http = shared::http::client(b"").unwrap();
    let login = http.get(location).send().await.unwrap();
    let back = Url::parse(login.headers()["location"].to_str().unwrap()).unwrap();
    oauth.http("GET", &back, &cookies, None, "").await
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
    let secrets = aws::serve_secrets_manager(LocalSecrets::in_memory(), stopping).await.unwrap();
    let client_secret = SecretString::from(registration.client_secret);
    aws::secrets_manager(&secrets, None).put_client_secret(&client_secret).await.unwrap();
    let messages = Arc::new(Mutex::new(Vec::new()));
    let queue = sqs(Arc::clone(&messages)).await;
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
    let oauth = Function::start("oauth", &environment).await;
    let sync = Function::start("sync", &environment).await;
    let status = Function::start("status", &environment).await;
    let console = Function::start("console", &environment).await;

    let page = authorize(&oauth, &base, &tenant).await;
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
    };
    store.put_token(&access::hash(&token), &admin).await.unwrap();
    let directory = base.join(&format!("/api/v1/directories/{}/", tenant.tenant_id())).unwrap();
    let settings = directory.join("settings").unwrap();
    let put = console.http("PUT", &settings, &[], Some(&token), &everything().to_string()).await;
    assert_eq!(put["statusCode"], 200, "{put:#}");

    let tick = json!({"version": "0", "detail-type": "Scheduled Event", "source": "aws.scheduler", "detail": {}});
    assert_eq!(sync.invoke(tick).await["error"], Value::Null);
    let waiting: Vec<String> = std::mem::take(&mut *messages.lock().unwrap());
    assert!(!waiting.is_empty(), "nothing was queued");
    for (index, body) in waiting.into_iter().enumerate() {
        let record = json!({"messageId": index.to_string(), "body": body, "eventSource": "aws:sqs", "attributes": {}, "messageAttributes": {}});
        let answer = sync.invoke(json!({"Records": [record]})).await;
        assert_eq!(answer["batchItemFailures"], json!([]), "{answer:#}");
    }

    let users = directory.join("users?status=active&limit=1000").unwrap();
    let answer = status.http("GET", &users, &[], Some(&token), "").await;
    assert_eq!(answer["statusCode"], 200, "{answer:#}");
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    let truth = tenant.truth();
    let enabled = truth.users.iter().filter(|user| user.enabled && user.deleted.is_none()).count();
    assert_eq!(body["items"].as_array().unwrap().len(), enabled);
    assert_eq!(status.http("GET", &users, &[], None, "").await["statusCode"], 401);
}
