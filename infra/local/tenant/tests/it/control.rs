//! The control interface over HTTP.

use serde_json::{Value, json};

use crate::client::bare;

#[tokio::test]
async fn everything_can_be_done_over_http() {
    let client = bare().await;
    let control = |path: &str| format!("{}/control/{path}", client.tenant.login_url());
    let secret = client.tenant.control_secret();
    let post = async |path: &str, body: Value| {
        client.post_as(secret, &control(path), &body.to_string(), "application/json").await
    };
    let get = async |path: &str| client.get_as(secret, &control(path), &[]).await.json::<Value>().await.unwrap();

    let created = post("actions", json!({ "action": "createUser", "displayName": "Una User" })).await;
    let id = created.json::<Value>().await.unwrap()["id"].clone();
    assert_eq!(post("actions", json!({ "action": "disableUser", "user": id })).await.status(), 200);
    let truth = get("truth").await;
    let una = truth["users"].as_array().unwrap().iter().find(|user| user["id"] == id).unwrap();
    assert_eq!(una["enabled"], false);

    let fault = json!({ "when": { "kind": "users", "times": 1 }, "what": { "what": "status", "code": 500 } });
    assert_eq!(post("faults", fault).await.status(), 200);
    assert_eq!(client.get("users").await.status(), 500);
    assert_eq!(get("faults").await[0]["used"], 1);
    assert_eq!(get("requests").await["totals"]["byKind"]["users"], 1);
    assert_eq!(post("drift", json!({ "changes": 3 })).await.json::<Vec<Value>>().await.unwrap().len(), 3);
}

#[tokio::test]
async fn faulty_requests_are_explained() {
    let client = bare().await;
    let control = |path: &str| format!("{}/control/{path}", client.tenant.login_url());
    let secret = client.tenant.control_secret();
    let post = async |path: &str, body: &str, kind: &str| {
        client.post_as(secret, &control(path), body, kind).await.status().as_u16()
    };
    let unknown = json!({ "action": "disableUser", "user": uuid::Uuid::nil() }).to_string();
    assert_eq!(post("actions", &unknown, "application/json").await, 409);
    assert_eq!(post("actions", "{}", "application/json").await, 400);
    assert_eq!(post("actions", &unknown, "text/plain").await, 415);
    let endless = json!({ "changes": 100_001 }).to_string();
    assert_eq!(post("drift", &endless, "application/json").await, 400);
    assert_eq!(client.get_as(secret, &control("nothing"), &[]).await.status(), 404);
}

#[tokio::test]
async fn nobody_controls_the_tenant_without_its_secret_and_no_browser_does() {
    let client = bare().await;
    let url = format!("{}/control/registration", client.tenant.login_url());
    let secret = client.tenant.control_secret().to_owned();
    let status =
        async |token: &str, headers: &[(&str, &str)]| client.get_as(token, &url, headers).await.status().as_u16();
    assert_eq!(status(&secret, &[]).await, 200);
    assert_eq!(status("", &[]).await, 401);
    assert_eq!(status(&client.token, &[]).await, 401, "a token of Graph is none of ours");
    assert_eq!(status(&secret[..secret.len() - 1], &[]).await, 401);
    assert_eq!(status(&secret, &[("origin", "https://evil.example")]).await, 403);
    assert_eq!(status(&secret, &[("host", "evil.example")]).await, 421);
    assert_ne!(secret, bare().await.tenant.control_secret(), "each start has its own");
}
