//! Runs.

use http::StatusCode;
use serde_json::json;
use shared::directory::DirectoryCounts;
use shared::sync::{HoldSummary, Run, RunState};

use crate::world::{ADA, World, path, run};

#[tokio::test]
async fn runs_are_listed_by_pages() {
    let runs: Vec<Run> = (1..=5).map(|minutes_ago| run(minutes_ago, RunState::Succeeded)).collect();
    let world = || {
        let mut world = World::new();
        world.0.runs.clone_from(&runs);
        world
    };
    let first = world().get(&path("/runs?limit=3")).await;
    assert_eq!(first.each("state").len(), 3);
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let second = world().get(&path(&format!("/runs?limit=3&cursor={cursor}"))).await;
    assert_eq!(second.each("requested_at"), ["2026-01-01T11:56:00Z", "2026-01-01T11:55:00Z"]);
    assert_eq!(second.body["next_cursor"], json!(null));
}

#[tokio::test]
async fn a_run_tells_what_it_did() {
    let mut world = World::new();
    let id = world.0.runs[0].id;
    world.0.runs[0].totals = Some(DirectoryCounts { active: 2, deleted: 1, ..DirectoryCounts::default() });
    let mut answer = world.send("GET", &path(&format!("/runs/{id}")), Some("Bearer admin")).await;
    assert_eq!(answer.status, StatusCode::OK);
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
      "duration_ms": 1500,
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
      "finished_at": "2026-01-01T11:56:01.5Z",
      "full_reason": null,
      "gap_count": 0,
      "gaps": [],
      "hold": null,
      "id": "[run]",
      "mended": null,
      "reading": null,
      "requested_at": "2026-01-01T11:56:00Z",
      "started_at": "2026-01-01T11:56:00Z",
      "state": "succeeded",
      "totals": {
        "groups": {
          "skipped": 0,
          "skipped_by_reason": {
            "group_sync_off": 0,
            "no_email": 0,
            "prefix_not_allowed": 0
          },
          "synced": 0
        },
        "users": {
          "active": 2,
          "inactive": 1,
          "inactive_by_reason": {
            "deleted": 1,
            "disabled_in_office_365": 0,
            "member_of_ignored_group": 0,
            "membership_unknown": 0,
            "not_in_allowed_group": 0
          }
        }
      },
      "trigger": "schedule",
      "vanished_groups": [],
      "warnings": []
    }
    "#);
}

#[tokio::test]
async fn a_run_that_is_not_there_is_not_found() {
    for name in ["33333333-3333-4333-8333-333333333333", "latest", "%ff"] {
        assert_eq!(World::new().get(&path(&format!("/runs/{name}"))).await.status, StatusCode::NOT_FOUND, "{name}");
    }
}

#[tokio::test]
async fn while_users_are_not_published_a_run_tells_nothing_of_them() {
    let mut world = World::new();
    world.published().users = false;
    let run = &mut world.0.runs[0];
    run.totals = Some(DirectoryCounts { active: 2, ..DirectoryCounts::default() });
    run.hold = Some(HoldSummary {
        id: "019b795e-0f80-7000-8000-000000000001".parse().unwrap(),
        deactivations: 1,
        active: 2,
        group_removals: 0,
        membership_removals: 0,
        examples: vec![ADA.parse().unwrap()],
    });
    let answer = world.get(&path("/runs")).await;
    let run = &answer.body["items"][0];
    assert_eq!(run["totals"]["users"], json!(null));
    assert_eq!(run["hold"], json!(null));
}
