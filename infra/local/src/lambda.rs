//! Functions as processes of their own, driven as AWS Lambda does it: for tests and measurements of the real binaries.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path as UrlPath, Request, State};
use axum::http::StatusCode;
use axum::http::header::{COOKIE, LOCATION, SET_COOKIE};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use gateway::{Gateway, InvokeError};
use serde_json::{Value, json};
use shared::clock::{Clock as _, SystemClock};
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};

/// How long an invocation may take at most: what Lambda gives (AWS Lambda, "Lambda quotas").
const LONGEST_INVOCATION_MS: i64 = 900_000;

/// The trace that invocations belong to.
pub const TRACE: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0";

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

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
    /// Told at the first poll.
    polled: Notify,
}

async fn next(State(RuntimeApi(api)): State<RuntimeApi>) -> impl IntoResponse {
    api.polled.notify_one();
    loop {
        let invocation = lock(&api.waiting).pop_front();
        if let Some((event, answer)) = invocation {
            *lock(&api.working) = Some(answer);
            let deadline = (SystemClock.now().as_millisecond() + LONGEST_INVOCATION_MS).to_string();
            let headers = [
                ("lambda-runtime-aws-request-id", "request".to_owned()),
                ("lambda-runtime-deadline-ms", deadline),
                ("lambda-runtime-trace-id", TRACE.to_owned()),
                ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:local:0:function:f".to_owned()),
                ("content-type", "application/json".to_owned()),
            ];
            return (headers, event.to_string()).into_response();
        }
        api.arrived.notified().await;
    }
}

async fn answer(
    State(RuntimeApi(api)): State<RuntimeApi>,
    UrlPath((_, how)): UrlPath<(String, String)>,
    body: Bytes,
) -> StatusCode {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let answer = if how == "response" { body } else { json!({"error": body}) };
    if let Some(sender) = lock(&api.working).take() {
        // Whoever invoked it may have gone.
        let _ = sender.send(answer);
    }
    StatusCode::ACCEPTED
}

/// A running function. It ends when it is dropped.
pub struct Function {
    api: RuntimeApi,
    process: Child,
}

impl Drop for Function {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Function {
    /// Starts a function's binary with nothing but this environment and what Lambda adds to it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn start(binary: &Path, environment: &[(&str, String)]) -> io::Result<Self> {
        Self::start_logging_to(Stdio::inherit(), binary, environment).await
    }

    /// The same, with its log going elsewhere.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn start_logging_to(log: Stdio, binary: &Path, environment: &[(&str, String)]) -> io::Result<Self> {
        let api = RuntimeApi::default();
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{how}", post(answer))
            .with_state(api.clone());
        let address = serve(router).await?;
        let process = Command::new(binary)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address.trim_start_matches("http://"))
            .env("AWS_LAMBDA_FUNCTION_NAME", "local")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "local")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "local")
            .env("RUST_LOG", "warn")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdout(log)
            .spawn()?;
        Ok(Self { api, process })
    }

    /// The process.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Resolves when it has asked for work for the first time since this was asked last.
    pub async fn polled(&self) {
        self.api.0.polled.notified().await;
    }

    /// Gives it an event, and returns its answer; `{"error": …}` when it reports one.
    ///
    /// # Errors
    /// When it ends without an answer.
    pub async fn invoke(&self, event: Value) -> io::Result<Value> {
        let (sender, receiver) = oneshot::channel();
        lock(&self.api.0.waiting).push_back((event, sender));
        self.api.0.arrived.notify_one();
        receiver.await.map_err(|_| io::Error::other("the function has ended without an answer"))
    }
}

/// The event with which SQS delivers a message.
#[must_use]
pub fn delivery(message: &str) -> Value {
    json!({"Records": [{
        "messageId": "message", "body": message, "eventSource": "aws:sqs", "attributes": {}, "messageAttributes": {},
    }]})
}

#[async_trait]
impl gateway::Function for Function {
    async fn invoke(&self, event: String) -> Result<Vec<u8>, InvokeError> {
        let answer = Self::invoke(self, serde_json::from_str(&event)?).await;
        let answer = answer.map_err(|error| InvokeError::Failed(error.to_string()))?;
        match answer.get("error") {
            Some(error) => Err(InvokeError::Failed(error.to_string())),
            None => Ok(serde_json::to_vec(&answer)?),
        }
    }
}

/// Authorizes through the oauth function behind this gateway as a browser would, by the tenant's login page; `hint` names the
/// administrator. Returns the function's last answer.
///
/// # Errors
/// In a few words, when something is not as it should be.
pub async fn authorize(
    gateway: &Gateway,
    http: &reqwest::Client,
    hint: &str,
) -> Result<Response, Box<dyn std::error::Error + Send + Sync>> {
    let begin = Request::get(format!("/oauth/authorize?login_hint={hint}")).body(Body::empty())?;
    let answer = gateway.ask(begin).await;
    let location = answer.headers().get(LOCATION).ok_or("no redirect to the login page")?.to_str()?;
    let set = answer.headers().get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok()?.split(';').next());
    let cookies: Vec<&str> = set.collect();
    let login = http.get(location).send().await?;
    let back: url::Url = login.headers().get(LOCATION).ok_or("the login page leads nowhere")?.to_str()?.parse()?;
    let back = format!("{}?{}", back.path(), back.query().unwrap_or_default());
    let ask = |path: &str| Request::get(path).header(COOKIE, cookies.join("; ")).body(Body::empty());
    let answer = gateway.ask(ask(&back)?).await;
    // To an address without a code.
    let result = answer.headers().get(LOCATION).and_then(|result| result.to_str().ok()?.parse::<url::Url>().ok());
    match result {
        Some(result) => {
            let result = format!("{}?{}", result.path(), result.query().unwrap_or_default());
            Ok(gateway.ask(ask(&result)?).await)
        }
        None => Ok(answer),
    }
}

async fn serve(router: Router) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}
