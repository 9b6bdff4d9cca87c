//! Answers made wrong on purpose.

use serde_json::Value;
use tenant::{Fault, Matcher, Odd, RequestKind, What};

use crate::client::{error_code, small};

const USERS: &str = "users?$select=id,displayName";

fn on_users(what: What) -> Fault {
    Fault::new(Matcher::on(RequestKind::Users).times(1), what)
}

#[tokio::test]
async fn a_status_comes_with_its_usual_body_and_only_as_often_as_asked() {
    let client = small().await;
    let fault = client.tenant.inject(on_users(What::Status { code: 503, retry_after: Some(7), body: None }));
    let refused = client.get(USERS).await;
    assert_eq!(refused.headers()["retry-after"], "7");
    assert_eq!(error_code(refused).await, (503, "serviceNotAvailable".to_owned()));
    assert_eq!(client.get(USERS).await.status(), 200);
    assert_eq!(client.tenant.times_used(fault), 1);
}

#[tokio::test]
async fn every_third_answer_can_fail() {
    let client = small().await;
    client
        .tenant
        .inject(Fault::new(Matcher::any().every(3), What::Status { code: 429, retry_after: None, body: None }));
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(client.get(USERS).await.status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 429, 200, 200, 429]);
}

#[tokio::test]
async fn bodies_can_be_cut_or_no_json_or_break_off() {
    let client = small().await;
    for what in [What::TruncatedBody, What::NonJson, What::BrokenBody] {
        client.tenant.inject(on_users(what.clone()));
        let text = client.get(USERS).await.text().await;
        let broken = text.is_err();
        assert!(text.map_or(true, |text| serde_json::from_str::<Value>(&text).is_err()));
        assert_eq!(broken, what == What::BrokenBody);
    }
}

#[tokio::test]
async fn a_connection_can_break_without_an_answer() {
    let client = small().await;
    client.tenant.inject(on_users(What::Disconnect));
    let url = format!("{}/v1.0/users", client.tenant.graph_url());
    assert!(reqwest::Client::builder().build().unwrap().get(url).send().await.is_err());
}

#[tokio::test]
async fn false_ends_and_detours() {
    let client = small().await;
    client.tenant.inject(on_users(What::MissingValue));
    assert!(client.json(USERS).await.get("value").is_none());
    client.tenant.inject(Fault::new(Matcher::on(RequestKind::Users).page(2), What::EmptyPageNoLink));
    assert_eq!(client.pages(USERS).await.len(), 2);
    client.tenant.clear_faults();
    let straight = crate::client::values(&client.pages(USERS).await);
    client.tenant.inject(on_users(What::EmptyPageWithLink));
    let pages = client.pages(USERS).await;
    assert_eq!((pages.len(), &pages[0]["value"]), (4, &serde_json::json!([])));
    assert_eq!(crate::client::values(&pages), straight);
}

#[tokio::test]
async fn links_can_loop_or_lead_elsewhere() {
    let client = small().await;
    client.tenant.inject(on_users(What::SelfLoopNextLink));
    let page = client.json(USERS).await;
    client.tenant.inject(on_users(What::SelfLoopNextLink));
    let again = client.json(page["@odata.nextLink"].as_str().unwrap()).await;
    assert_eq!(page, again);
    client.tenant.inject(on_users(What::ForeignOriginNextLink));
    let page = client.json(USERS).await;
    assert!(page["@odata.nextLink"].as_str().unwrap().starts_with("https://elsewhere.example/"));
}

#[tokio::test]
async fn pages_can_repeat_and_carry_odd_objects() {
    let client = small().await;
    client.tenant.inject(Fault::new(Matcher::on(RequestKind::Users).page(2), What::Replay));
    let pages = client.pages(USERS).await;
    assert_eq!(pages[1]["value"][0], pages[0]["value"][0]);
    assert_eq!(pages[1]["value"].as_array().unwrap().len(), 10);
    client.tenant.clear_faults();
    client.tenant.inject(on_users(What::Duplicate));
    assert_eq!(client.json(USERS).await["value"].as_array().unwrap().len(), 10);
    client.tenant.inject(on_users(What::OddObject { odd: Odd::ShortId }));
    assert_eq!(client.json(USERS).await["value"][0]["id"].as_str().unwrap().len(), 35);
    client.tenant.inject(on_users(What::OddObject { odd: Odd::NullFields }));
    assert_eq!(client.json(USERS).await["value"][0]["displayName"], Value::Null);
}

#[tokio::test]
async fn a_fault_can_wait_for_one_group() {
    let client = small().await;
    let group = client.tenant.group_named("All Employees").unwrap();
    client.tenant.inject(Fault::new(Matcher::on(RequestKind::Members).about(group), What::NotFound));
    assert_eq!(client.get(&format!("groups/{group}/members")).await.status(), 404);
    let other = client.tenant.group_named("Contractors").unwrap();
    assert_eq!(client.get(&format!("groups/{other}/members")).await.status(), 200);
}

#[tokio::test]
async fn the_token_endpoint_fails_in_its_own_words() {
    let client = small().await;
    let unavailable = What::Status { code: 503, retry_after: Some(3), body: None };
    client.tenant.inject(Fault::new(Matcher::on(RequestKind::Refresh), unavailable));
    let (status, body) = client.refresh("any").await;
    assert_eq!((status.as_u16(), body["error"].as_str()), (503, Some("temporarily_unavailable")));
}

#[tokio::test]
async fn faults_of_pages_leave_sign_in_alone() {
    let client = small().await;
    let fault = client.tenant.inject(Fault::new(Matcher::any(), What::EmptyPageNoLink));
    client.tokens(client.admin(0), crate::client::SCOPES).await;
    assert_eq!(client.tenant.times_used(fault), 0);
    assert_eq!(client.json("groups").await["value"], serde_json::json!([]));
}
