//! The control interface over HTTP.

use serde_json::{Value, json};

use crate::client::bare;

#[tokio::test]
async fn everything_can_be_done_over_http() {
    let client = bare().await;
    let control = |path: &str| format!("{}/control/{path}", client.tenant.login_url());
    let post = async |path: &str, body: Value| client.post(&control(path), &body.to_string(), "application/json").await;

    let created = post("actions", json!({ "action": "createUser", "displayName": "Una User" })).await;
    let id = created.json::<Value>().await.unwrap()["id"].clone();
    assert_eq!(post("actions", json!({ "action": "disableUser", "user": id })).await.status(), 200);
    let truth = client.json(&control("truth")).await;
    let una = truth["users"].as_array().unwrap().iter().find(|user| user["id"] == id).unwrap();
    assert_eq!(una["enabled"], false);

    let fault = json!({ "when": { "kind": "users", "times": 1 }, "what": { "what": "status", "code": 500 } });
    assert_eq!(post("faults", fault).await.status(), 200);
    assert_eq!(client.get("users").await.status(), 500);
    assert_eq!(client.json(&control("faults")).await[0]["used"], 1);
    assert_eq!(client.json(&control("requests")).await["totals"]["byKind"]["users"], 1);
    assert_eq!(post("drift", json!({ "changes": 3 })).await.json::<Vec<Value>>().await.unwrap().len(), 3);
}

#[tokio::test]
async fn faulty_requests_are_explained() {
    let client = bare().await;
    let control = |path: &str| format!("{}/control/{path}", client.tenant.login_url());
    let unknown = json!({ "action": "disableUser", "user": uuid::Uuid::nil() }).to_string();
    assert_eq!(client.post(&control("actions"), &unknown, "application/json").await.status(), 409);
    assert_eq!(client.post(&control("actions"), "{}", "application/json").await.status(), 400);
    assert_eq!(client.post(&control("actions"), &unknown, "text/plain").await.status(), 415);
    let endless = json!({ "changes": 100_001 }).to_string();
    assert_eq!(client.post(&control("drift"), &endless, "application/json").await.status(), 400);
    assert_eq!(client.get(&control("nothing")).await.status(), 404);
}
