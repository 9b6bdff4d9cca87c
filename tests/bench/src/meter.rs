//! A meter on the way to DynamoDB: what is asked, and what DynamoDB would charge for it.
//!
//! Each request is sent on with `ReturnConsumedCapacity`, and the embedded DynamoDB answers with the units that AWS
//! documents: 1 KB for each write unit, 4 KB for each read unit, twice that in transactions. What of the write units is for which kind of item is worked out
//! from the sizes of the items that are put.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What has been counted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counts {
    /// Requests by operation.
    pub requests: BTreeMap<String, u64>,
    pub read_units: f64,
    pub write_units: f64,
    /// Write units by the kind of item, as far as items are put.
    pub put_units: BTreeMap<&'static str, f64>,
    /// Items that were put, deleted or updated.
    pub items_written: u64,
    /// Items that came back.
    pub items_read: u64,
}

impl Counts {
    /// All requests.
    pub fn total(&self) -> u64 {
        self.requests.values().sum()
    }

    /// Each operation with its number, as one line.
    pub fn line(&self) -> String {
        let each: Vec<String> = self.requests.iter().map(|(name, number)| format!("{number} {name}")).collect();
        each.join(", ")
    }

    fn add(&mut self, operation: &str, request: &Value, answer: &Value) {
        *self.requests.entry(operation.to_owned()).or_default() += 1;
        let units = units(answer);
        let is_transaction = operation == "TransactWriteItems";
        match operation {
            "PutItem" | "UpdateItem" | "DeleteItem" | "TransactWriteItems" | "BatchWriteItem" => {
                self.write_units += units;
            }
            _ => self.read_units += units,
        }
        let read = answer["Items"].as_array().map_or(0, Vec::len)
            + usize::from(answer["Item"].is_object())
            + answer["Responses"]
                .as_object()
                .into_iter()
                .flatten()
                .filter_map(|(_, items)| items.as_array())
                .map(Vec::len)
                .sum::<usize>();
        self.items_read += read as u64;
        let actions = request["TransactItems"].as_array().into_iter().flatten();
        for action in actions {
            self.items_written += u64::from(action.get("ConditionCheck").is_none());
            if let Some(item) = action.get("Put").map(|put| &put["Item"]) {
                *self.put_units.entry(kind(item)).or_default() += put_units(item, is_transaction);
            }
        }
        self.items_written += u64::from(matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem"));
    }
}

/// What DynamoDB says that a request has consumed.
fn units(answer: &Value) -> f64 {
    match &answer["ConsumedCapacity"] {
        Value::Array(tables) => tables.iter().filter_map(|table| table["CapacityUnits"].as_f64()).sum(),
        table => table["CapacityUnits"].as_f64().unwrap_or_default(),
    }
}

/// What an item is, by its partition.
fn kind(item: &Value) -> &'static str {
    let pk = item["pk"]["S"].as_str().unwrap_or_default();
    let kinds = [
        ("#USERS#", "users"),
        ("#NAMES#", "indexes"),
        ("#ACTIVE", "indexes"),
        ("#DELETED", "indexes"),
        ("#DISABLED", "indexes"),
        ("#IGNORED", "indexes"),
        ("#NOT_ALLOWED", "indexes"),
        ("#CHANGES", "log"),
        ("#MEMBERS#", "members"),
        ("#GROUPS#", "groups"),
        ("#CHECKPOINT", "checkpoints"),
    ];
    kinds.into_iter().find(|(part, _)| pk.contains(part)).map_or("others", |(_, kind)| kind)
}

/// One unit for each KB begun, two in a transaction (Amazon DynamoDB developer guide, "Read and write operations").
fn put_units(item: &Value, is_transaction: bool) -> f64 {
    let units = size(item).div_ceil(1_024) as f64;
    if is_transaction { 2.0 * units } else { units }
}

/// The size of an item (by the same guide, "Item sizes and formats"): names, texts and bytes as they are, about a byte for two digits of a number.
fn size(item: &Value) -> usize {
    let attributes = item.as_object().into_iter().flatten();
    attributes.map(|(name, value)| name.len() + value_size(value)).sum()
}

fn value_size(value: &Value) -> usize {
    let Some((kind, value)) = value.as_object().and_then(|value| value.iter().next()) else { return 0 };
    let text = value.as_str().unwrap_or_default();
    match kind.as_str() {
        "S" => text.len(),
        "N" => text.len().div_ceil(2) + 1,
        // Base64 has four signs for three bytes.
        "B" => text.trim_end_matches('=').len() * 3 / 4,
        "L" => 3 + value.as_array().into_iter().flatten().map(|value| 1 + value_size(value)).sum::<usize>(),
        "M" => 3 + size(value),
        _ => 1,
    }
}

/// A running meter.
#[derive(Clone)]
pub struct Meter {
    counts: Arc<Mutex<Counts>>,
    http: reqwest::Client,
    target: String,
    /// Where it listens.
    pub url: String,
}

impl Meter {
    /// A meter before this endpoint.
    pub async fn before(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let meter = Self { counts: Arc::default(), http: shared::http::client(b"").unwrap(), target, url };
        let router = Router::new()
            .fallback(pass)
            .with_state(meter.clone())
            .layer(axum::extract::DefaultBodyLimit::max(16 << 20));
        tokio::spawn(async move { axum::serve(listener, router).await });
        meter
    }

    /// What has been counted since the last time this was asked.
    pub fn take(&self) -> Counts {
        std::mem::take(&mut self.counts.lock().unwrap())
    }
}

async fn pass(State(meter): State<Meter>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let target = headers["x-amz-target"].to_str().unwrap().to_owned();
    let operation = target.rsplit('.').next().unwrap_or_default();
    let mut request: Value = serde_json::from_slice(&body).unwrap();
    request["ReturnConsumedCapacity"] = json!("TOTAL");
    let answer = meter
        .http
        .post(&meter.target)
        .header("x-amz-target", &target)
        .header("content-type", "application/x-amz-json-1.0")
        // The embedded DynamoDB wants a signature, and does not look at it.
        .header("authorization", headers["authorization"].to_str().unwrap())
        .header("x-amz-date", headers["x-amz-date"].to_str().unwrap())
        .body(request.to_string())
        .send()
        .await
        .unwrap();
    let status = StatusCode::from_u16(answer.status().as_u16()).unwrap();
    let body = answer.bytes().await.unwrap();
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    meter.counts.lock().unwrap().add(operation, &request, &answer);
    (status, [("content-type", "application/x-amz-json-1.0")], body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_items_are_counted_by_kind() {
        let put = |pk: &str, bytes: usize| json!({"Put": {"Item": {"pk": {"S": pk}, "sk": {"S": "-"}, "users": {"B": "A".repeat(bytes * 4 / 3)}}}});
        let request = json!({"TransactItems": [
            {"ConditionCheck": {}}, put("DIRECTORY#1#USERS#a", 3_000), put("DIRECTORY#1#MEMBERS#b", 10),
        ]});
        let answer = json!({"ConsumedCapacity": [{"TableName": "t", "CapacityUnits": 10.0}]});
        let mut counts = Counts::default();
        counts.add("TransactWriteItems", &request, &answer);
        counts.add("GetItem", &json!({}), &json!({"Item": {}, "ConsumedCapacity": {"CapacityUnits": 1.0}}));
        assert_eq!(counts.put_units, BTreeMap::from([("users", 6.0), ("members", 2.0)]));
        assert_eq!((counts.write_units, counts.read_units), (10.0, 1.0));
        assert_eq!((counts.items_written, counts.items_read, counts.total()), (2, 1, 2));
    }
}
