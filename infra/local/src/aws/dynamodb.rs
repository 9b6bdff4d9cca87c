//! An embedded DynamoDB, asked as the SDK asks Amazon's.
//!
//! Source: Amazon DynamoDB API reference.

use std::path::Path;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::AwsError;

/// The most that a request may have, in bytes (Amazon DynamoDB API reference, `BatchWriteItem`).
const MAX_REQUEST: usize = 16 << 20;

/// The service, in a file or in memory. Clones of it have the same tables.
///
/// # Errors
/// When the file cannot be used.
pub fn dynamodb(file: Option<&Path>) -> Result<Router, AwsError> {
    let database = match file {
        None => Database::memory(),
        Some(file) => Database::new(&file.display().to_string()),
    }
    .map_err(|error| AwsError::Database {
        path: file.map_or_else(|| "in memory".to_owned(), |file| file.display().to_string()),
        reason: error.to_string(),
    })?;
    Ok(Router::new().fallback(serve).layer(DefaultBodyLimit::max(MAX_REQUEST)).with_state(database))
}

async fn serve(State(database): State<Database>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let (status, body) = match perform(&database, target, &body) {
        Ok(body) => (StatusCode::OK, body),
        Err(error) => {
            let status = StatusCode::from_u16(error.status_code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, error.to_json().into_bytes())
        }
    };
    (status, [("content-type", "application/x-amz-json-1.0")], body).into_response()
}

fn perform(database: &Database, target: &str, body: &[u8]) -> dynoxide::Result<Vec<u8>> {
    match target.strip_prefix("DynamoDB_20120810.") {
        Some("BatchGetItem") => ask(body, |request| database.batch_get_item(request)),
        Some("BatchWriteItem") => ask(body, |request| database.batch_write_item(request)),
        Some("CreateTable") => ask(body, |request| database.create_table(request)),
        Some("DeleteItem") => ask(body, |request| database.delete_item(request)),
        Some("DescribeTable") => ask(body, |request| database.describe_table(request)),
        Some("GetItem") => ask(body, |request| database.get_item(request)),
        Some("PutItem") => ask(body, |request| database.put_item(request)),
        Some("Query") => ask(body, |request| database.query(request)),
        Some("Scan") => ask(body, |request| database.scan(request)),
        Some("TransactWriteItems") => ask(body, |request| database.transact_write_items(request)),
        Some("UpdateItem") => ask(body, |request| database.update_item(request)),
        Some("UpdateTimeToLive") => ask(body, |request| database.update_time_to_live(request)),
        _ => Err(DynoxideError::UnsupportedCapability(format!("{target} is not among what the functions use"))),
    }
}

fn ask<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    ask: impl FnOnce(Q) -> dynoxide::Result<A>,
) -> dynoxide::Result<Vec<u8>> {
    let request =
        serde_json::from_slice(body).map_err(|error| DynoxideError::SerializationException(error.to_string()))?;
    serde_json::to_vec(&ask(request)?).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}
