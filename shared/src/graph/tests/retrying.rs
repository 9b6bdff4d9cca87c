//! What passes is asked for again, with patience and within bounds.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use wiremock::ResponseTemplate;

use super::stage::{ManualClock, Tokens, error, first, last, stage, tenant, users_of};
use crate::sync::{SourceError, TenantSource};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_throttled_request_waits_as_long_as_it_is_told() {
    for status in [429, 503, 504, 509] {
        let stage = stage().await;
        stage.once(first("users"), error(status, "TooManyRequests").insert_header("Retry-After", "17")).await;
        stage.once(first("users"), last(&["u1"])).await;

        assert_eq!(stage.users().await.unwrap().objects.len(), 1);

        let waits = stage.clock.waits();
        assert_eq!(waits.len(), 1);
        assert!(waits[0] >= 17 * SECOND && waits[0] < 18 * SECOND, "{waits:?}");
        let effort = stage.tenant.effort();
        assert_eq!((effort.graph_requests, effort.pages, effort.throttled), (2, 1, 1));
    }
}

#[tokio::test]
async fn a_wait_may_be_told_as_a_date() {
    let stage = stage().await;
    let until = error(429, "TooManyRequests")
        .insert_header("Date", "Sat, 01 Aug 2026 10:00:00 GMT")
        .insert_header("Retry-After", "Sat, 01 Aug 2026 10:00:40 GMT");
    stage.once(first("users"), until).await;
    stage.once(first("users"), last(&[])).await;
    stage.users().await.unwrap();
    assert!(stage.clock.waits()[0] >= 40 * SECOND);
}

#[tokio::test]
async fn without_a_time_to_wait_the_waits_grow() {
    let stage = stage().await;
    for _ in 0..4 {
        stage.once(first("users"), error(429, "TooManyRequests")).await;
    }
    stage.once(first("users"), last(&[])).await;
    stage.users().await.unwrap();
    let waits = stage.clock.waits();
    assert!(waits.len() == 4 && waits[3] >= 4 * SECOND, "{waits:?}");
}

#[tokio::test]
async fn a_wait_longer_than_a_run_has_patience_for_is_not_begun() {
    let stage = stage().await;
    stage.once(first("users"), error(429, "TooManyRequests").insert_header("Retry-After", "3600")).await;
    let Err(SourceError::Paused { wait }) = stage.users().await else { panic!("it was to pause") };
    assert!(wait >= 3600 * SECOND);
    assert!(stage.clock.waits().is_empty());
}

#[tokio::test]
async fn an_inner_fault_of_graph_is_asked_again_a_bounded_number_of_times() {
    for (status, code) in [(500, "InternalServerError"), (502, ""), (503, ""), (504, ""), (404, "UnknownError")] {
        let stage = stage().await;
        stage.always(first("users"), error(status, code)).await;
        assert!(matches!(stage.users().await, Err(SourceError::Unavailable(_))));
        assert_eq!(stage.requests().await.len(), 9);
        let waits = stage.clock.waits();
        assert!(waits.iter().all(|wait| *wait <= 30 * SECOND), "{waits:?}");
        assert_eq!(stage.tenant.effort().throttled, 0);
    }
}

#[tokio::test]
async fn a_request_that_graph_does_not_accept_is_not_repeated_and_its_message_not_kept() {
    for status in [400, 405, 501] {
        let stage = stage().await;
        stage.once(first("users"), error(status, "Request_BadRequest")).await;
        let Err(SourceError::Rejected(cause)) = stage.users().await else { panic!("it was rejected") };
        assert_eq!(
            cause.to_string(),
            format!("Microsoft Graph refuses the request (status {status}, code Request_BadRequest, request id 5a3b)")
        );
        assert!(!format!("{cause:?}").contains("adele"));
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let stage = stage().await;
    stage.once(first("users"), ResponseTemplate::new(302).insert_header("Location", "/v1.0/groups")).await;
    assert!(matches!(stage.users().await, Err(SourceError::Rejected(_))));
    assert_eq!(stage.requests().await.len(), 1);
}

#[tokio::test]
async fn every_attempt_has_an_id_of_its_own() {
    let stage = stage().await;
    stage.once(first("users"), error(500, "")).await;
    stage.once(first("users"), last(&[])).await;
    stage.users().await.unwrap();
    let ids: Vec<uuid::Uuid> = stage
        .requests()
        .await
        .iter()
        .map(|request| request.headers["client-request-id"].to_str().unwrap().parse().unwrap())
        .collect();
    assert!(ids.len() == 2 && ids[0] != ids[1]);
}

#[tokio::test]
async fn compressed_answers_are_asked_for_and_understood() {
    let stage = stage().await;
    let body = BASE64_STANDARD.decode(GZIPPED_EMPTY_PAGE).unwrap();
    let answer = ResponseTemplate::new(200).insert_header("Content-Encoding", "gzip").set_body_bytes(body);
    stage.once(first("users"), answer).await;
    assert!(stage.users().await.unwrap().objects.is_empty());
    let accepted = stage.requests().await[0].headers["accept-encoding"].to_str().unwrap().to_owned();
    assert!(accepted.contains("gzip"));
}

/// Answers each connection with the text, and closes it.
fn serve(answers: &'static [&'static str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for answer in answers {
            let (mut connection, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let _ = connection.read(&mut request).unwrap();
            connection.write_all(answer.as_bytes()).unwrap();
        }
    });
    uri
}

#[tokio::test]
async fn a_broken_connection_is_asked_again() {
    let uri = serve(&[
        "",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"value\":[",
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 100\r\nRetry-After: 3\r\n\r\n{",
        "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close\r\n\r\n{\"value\":[]}",
    ]);
    let clock = Arc::new(ManualClock::new());
    let tenant = tenant(&uri, Arc::new(Tokens::new(&[(1, "token-1")])), clock.clone());
    assert!(users_of(&tenant).await.unwrap().objects.is_empty());
    assert_eq!(tenant.effort().graph_requests, 4);
    assert!(clock.waits()[2] >= 3 * SECOND, "the status counts though its body is cut short");
}

#[tokio::test]
async fn a_graph_that_cannot_be_reached_is_unavailable_and_its_error_names_no_link() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let tenant = tenant(&uri, Arc::new(Tokens::new(&[(1, "token-1")])), Arc::new(ManualClock::new()));
    let Err(SourceError::Unavailable(cause)) = users_of(&tenant).await else { panic!("nobody listens") };
    assert!(!format!("{cause:?}").contains("$select"));
}

/// `{"value":[]}`, compressed.
const GZIPPED_EMPTY_PAGE: &str = "H4sIAAAAAAACA6tWKkvMKU1VsoqOrQUAQupARAwAAAA=";
