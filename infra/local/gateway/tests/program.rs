//! The program: in front of functions that an emulator of AWS runs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use axum::extract::{Json, Path};
use axum::routing::post;
use axum::{Router, response::IntoResponse};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// An Invoke API whose functions say who they are and where they were asked. `console` fails.
async fn invoked(Path(function): Path<String>, event: String) -> impl IntoResponse {
    let event: Value = serde_json::from_str(&event).unwrap();
    if function == "stack-console" {
        return ([("x-amz-function-error", "Unhandled")], Json(json!({ "errorMessage": "it broke" }))).into_response();
    }
    let body = format!("{function} {}", event.pointer("/rawPath").unwrap());
    Json(json!({ "statusCode": 200, "headers": { "x-by": function }, "body": body })).into_response()
}

#[tokio::test(flavor = "multi_thread")]
async fn deployed_functions_answer_through_the_program() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/2015-03-31/functions/{function}/invocations", post(invoked));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut program = Command::new(env!("CARGO_BIN_EXE_gateway"))
        .args([endpoint.as_str(), "eu-central-1", "stack"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut origin = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut origin).unwrap();
    let http = shared::http::client(b"").unwrap();
    let ask = async |path: &str| {
        let answer = http.get(format!("{}{path}", origin.trim())).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    };
    let answer = ask("/api/v1/directories/d/users/kim%23EXT%23@c.example/access?x=%23").await;
    let path = "\"/api/v1/directories/d/users/kim#EXT#@c.example/access\"";
    assert_eq!(answer, (StatusCode::OK, format!("stack-status {path}")));
    assert_eq!(ask("/signin").await, (StatusCode::OK, "stack-oauth \"/signin\"".to_owned()));
    assert_eq!(ask("/").await.0, StatusCode::INTERNAL_SERVER_ERROR);
    drop(program.stdin.take());
    assert!(program.wait().unwrap().success());
}
