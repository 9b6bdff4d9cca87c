//! A local store of secrets that speaks the wire protocol of AWS Secrets Manager, so that the functions use the real
//! SDK against it.
//!
//! It has the operations the functions use and is strict about versions: a version's value never changes, and a new
//! one becomes current in the same step.
//!
//! Source: AWS Secrets Manager API reference (`CreateSecret`, `PutSecretValue`, `GetSecretValue`,
//! `DeleteSecret`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::data_dir::{DataDirError, write_private};

/// The longest value, in bytes (AWS Secrets Manager quotas).
const MAX_VALUE: usize = 65_536;

/// A secret's versions.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Secret {
    current: String,
    versions: BTreeMap<String, String>,
}

type Secrets = BTreeMap<String, Secret>;

/// The store. Clones share the same secrets.
#[derive(Debug, Clone)]
pub struct LocalSecrets {
    file: Option<PathBuf>,
    secrets: Arc<Mutex<Secrets>>,
}

impl LocalSecrets {
    /// A store that forgets when it is dropped.
    #[must_use]
    pub fn in_memory() -> Self {
        Self { file: None, secrets: Arc::default() }
    }

    /// A store in a file that only its owner can read.
    ///
    /// # Errors
    /// When the file is there but cannot be read or is damaged.
    pub fn in_file(file: &Path) -> Result<Self, DataDirError> {
        let secrets = match std::fs::read(file) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| DataDirError::Corrupt {
                path: file.to_owned(),
                folder: file.parent().unwrap_or(file).to_owned(),
                // The line and column, not the text around them.
                reason: format!("not JSON of the expected form at line {}, column {}", error.line(), error.column()),
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Secrets::new(),
            Err(source) => return Err(DataDirError::Io { path: file.to_owned(), source }),
        };
        Ok(Self { file: Some(file.to_owned()), secrets: Arc::new(Mutex::new(secrets)) })
    }

    /// The service.
    pub fn router(self) -> Router {
        Router::new().fallback(serve).with_state(self)
    }

    /// Changes the secrets, in the file first: what is answered as stored is stored.
    async fn change<T>(&self, change: impl FnOnce(&mut Secrets) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let mut secrets = self.secrets.lock().await;
        let mut next = secrets.clone();
        let answer = change(&mut next)?;
        if let Some(file) = &self.file {
            let text = serde_json::to_vec_pretty(&next).map_err(|_| Refusal::INTERNAL)?;
            write_private(file, &text).map_err(|_| Refusal::INTERNAL)?;
        }
        *secrets = next;
        Ok(answer)
    }
}

/// An error of the service, by the name the SDK knows it.
struct Refusal {
    status: StatusCode,
    kind: &'static str,
    message: &'static str,
}

impl Refusal {
    const INTERNAL: Self = Self {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        kind: "InternalServiceError",
        message: "the secrets file could not be written",
    };

    const fn of(kind: &'static str, message: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, kind, message }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        answer(self.status, &json!({"__type": self.kind, "message": self.message}))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateSecret {
    name: String,
    #[serde(default)]
    client_request_token: Option<String>,
    secret_string: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutSecretValue {
    secret_id: String,
    #[serde(default)]
    client_request_token: Option<String>,
    secret_string: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetSecretValue {
    secret_id: String,
    #[serde(default)]
    version_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteSecret {
    secret_id: String,
    #[serde(default)]
    force_delete_without_recovery: bool,
}

async fn serve(State(store): State<LocalSecrets>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let outcome = match target.strip_prefix("secretsmanager.") {
        Some("CreateSecret") => create(&store, &body).await,
        Some("PutSecretValue") => put(&store, &body).await,
        Some("GetSecretValue") => get(&store, &body).await,
        Some("DeleteSecret") => delete(&store, &body).await,
        _ => Err(Refusal::of(
            "UnknownOperationException",
            "this local store has CreateSecret, PutSecretValue, GetSecretValue and DeleteSecret",
        )),
    };
    outcome.map_or_else(IntoResponse::into_response, |value| answer(StatusCode::OK, &value))
}

async fn create(store: &LocalSecrets, body: &[u8]) -> Result<Value, Refusal> {
    let request: CreateSecret = parse(body)?;
    check(&request.secret_string)?;
    store
        .change(|secrets| {
            if secrets.contains_key(&request.name) {
                return Err(Refusal::of("ResourceExistsException", "a secret of this name exists"));
            }
            let version = version(request.client_request_token);
            let secret = Secret {
                current: version.clone(),
                versions: BTreeMap::from([(version.clone(), request.secret_string)]),
            };
            let answer = json!({"ARN": arn(&request.name), "Name": request.name, "VersionId": version});
            secrets.insert(request.name, secret);
            Ok(answer)
        })
        .await
}

/// Only for good: nothing here waits to be restored. A secret that is not there counts as deleted then, as it does at AWS.
async fn delete(store: &LocalSecrets, body: &[u8]) -> Result<Value, Refusal> {
    let request: DeleteSecret = parse(body)?;
    if !request.force_delete_without_recovery {
        return Err(Refusal::of("InvalidRequestException", "this local store deletes without recovery only"));
    }
    store
        .change(|secrets| {
            secrets.remove(&request.secret_id);
            Ok(json!({"ARN": arn(&request.secret_id), "Name": request.secret_id}))
        })
        .await
}

async fn put(store: &LocalSecrets, body: &[u8]) -> Result<Value, Refusal> {
    let request: PutSecretValue = parse(body)?;
    check(&request.secret_string)?;
    store
        .change(|secrets| {
            let secret = secrets.get_mut(&request.secret_id).ok_or(NOT_FOUND)?;
            let version = version(request.client_request_token);
            match secret.versions.get(&version) {
                Some(value) if *value != request.secret_string => {
                    return Err(Refusal::of("ResourceExistsException", "this version exists with another value"));
                }
                Some(_) => {}
                None => {
                    // AWSPREVIOUS is the only other version that stays reachable.
                    let previous = std::mem::replace(&mut secret.current, version.clone());
                    secret.versions.retain(|id, _| *id == previous);
                    secret.versions.insert(version.clone(), request.secret_string);
                }
            }
            Ok(json!({
                "ARN": arn(&request.secret_id),
                "Name": request.secret_id,
                "VersionId": version,
                "VersionStages": ["AWSCURRENT"],
            }))
        })
        .await
}

async fn get(store: &LocalSecrets, body: &[u8]) -> Result<Value, Refusal> {
    let request: GetSecretValue = parse(body)?;
    let secrets = store.secrets.lock().await;
    let secret = secrets.get(&request.secret_id).ok_or(NOT_FOUND)?;
    let version = request.version_id.as_ref().unwrap_or(&secret.current);
    let value = secret.versions.get(version).ok_or(NOT_FOUND)?;
    let stage = if *version == secret.current { "AWSCURRENT" } else { "AWSPREVIOUS" };
    Ok(json!({
        "ARN": arn(&request.secret_id),
        "Name": request.secret_id,
        "VersionId": version,
        "SecretString": value,
        "VersionStages": [stage],
    }))
}

const NOT_FOUND: Refusal = Refusal::of("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");

fn parse<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|_| Refusal::of("InvalidRequestException", "the request is malformed"))
}

fn check(value: &str) -> Result<(), Refusal> {
    if value.is_empty() || value.len() > MAX_VALUE {
        return Err(Refusal::of("InvalidParameterException", "a value has 1 to 65536 bytes"));
    }
    Ok(())
}

fn version(token: Option<String>) -> String {
    token.unwrap_or_else(|| uuid::Uuid::new_v4().to_string())
}

fn arn(name: &str) -> String {
    format!("arn:aws:secretsmanager:local:000000000000:secret:{name}-local0")
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [("content-type", "application/x-amz-json-1.1")], body.to_string()).into_response()
}
