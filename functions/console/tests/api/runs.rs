//! "Sync now".

use std::sync::atomic::Ordering;

use http::StatusCode;
use jiff::SignedDuration;
use serde_json::json;
use shared::sync::Trigger;

use crate::world::{World, failing, now, path, working};

#[tokio::test]
async fn a_run_is_accepted_and_the_sync_function_told() {
    let world = World::new();
    let mut answer = world.ask("POST", &path("/runs"), json!(null)).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);

    let run = world.memory.runs()[0].clone();
    assert_eq!(run.trigger, Trigger::Manual);
    assert_eq!(world.sent(), [run.id]);
    assert_eq!(answer.headers["location"], path(&format!("/runs/{}", run.id)).as_str());
    assert_eq!(answer.body["id"], json!(run.id));
    answer.body["id"] = "[run]".into();
    insta::assert_json_snapshot!(answer.body, @r#"
    {
      "attempts": 0,
      "changes": {
        "activated": 0,
        "deactivated": 0,
        "groups_added": 0,
        "groups_changed": 0,
        "memberships_added": 0,
        "memberships_removed": 0,
        "users_added": 0,
        "users_changed": 0
      },
      "credential": null,
      "directory": "11111111-1111-4111-8111-111111111111",
      "duration_ms": null,
      "effort": {
        "graph_requests": 0,
        "groups_read": 0,
        "items_written": 0,
        "pages": 0,
        "resource_units": 0,
        "throttled": 0,
        "users_read": 0,
        "waited_ms": 0
      },
      "failure": null,
      "finished_at": null,
      "folded": false,
      "full_reason": null,
      "gap_count": 0,
      "gaps": [],
      "hold": null,
      "id": "[run]",
      "mended": null,
      "reading": null,
      "requested_at": "2026-01-01T12:00:15Z",
      "started_at": null,
      "state": "queued",
      "totals": null,
      "trigger": "manual",
      "vanished_groups": [],
      "warnings": []
    }
    "#);
}

#[tokio::test]
async fn a_request_is_folded_into_the_run_that_waits_and_its_message_sent_again() {
    let world = World::new();
    let first = world.ask("POST", &path("/runs"), json!({})).await;
    let second = world.ask("POST", &path("/runs"), json!({})).await;
    assert_eq!(second.status, StatusCode::ACCEPTED);
    assert_eq!(second.body["folded"], true);
    assert_eq!(second.body["id"], first.body["id"]);
    assert_eq!(second.headers["location"], first.headers["location"]);
    let waiting = world.memory.runs()[0].id;
    assert_eq!(world.sent(), [waiting, waiting]);
}

#[tokio::test]
async fn orders_that_make_no_sense_are_refused() {
    for order in [json!({"full": true}), json!([])] {
        let world = World::new();
        let answer = world.ask("POST", &path("/runs"), order.clone()).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{order}");
        assert_eq!(world.sent(), [], "{order}");
    }
}

#[tokio::test]
async fn without_a_credential_there_is_no_run_and_one_that_fails_is_tried_again() {
    let later = now() + SignedDuration::from_secs(1);
    for (credentials, status) in [
        (vec![], StatusCode::CONFLICT),
        (vec![failing(later)], StatusCode::ACCEPTED),
        (vec![failing(later), working()], StatusCode::ACCEPTED),
    ] {
        let world = World::new();
        *world.memory.credentials.lock().unwrap() = credentials.clone();
        let answer = world.ask("POST", &path("/runs"), json!(null)).await;
        assert_eq!(answer.status, status, "{credentials:?}");
    }
}

#[tokio::test]
async fn the_thirty_first_run_of_a_minute_must_wait_for_the_next() {
    let world = World::new();
    world.memory.manual_runs.store(29, Ordering::Relaxed);
    let thirtieth = world.ask("POST", &path("/runs"), json!(null)).await;
    assert_eq!(thirtieth.status, StatusCode::ACCEPTED);
    let next = world.ask("POST", &path("/runs"), json!(null)).await;
    assert_eq!(next.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(next.headers["retry-after"], "45");
    assert_eq!(world.sent().len(), 1);
}

#[tokio::test]
async fn a_queue_that_is_down_is_a_503() {
    let world = World::new();
    world.stop_queue();
    let answer = world.ask("POST", &path("/runs"), json!(null)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers["retry-after"], "5");
}
