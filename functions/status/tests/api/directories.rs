//! Directories and their health.

use serde_json::json;
use shared::credentials::{Cause, CredentialState};
use shared::directory::DirectoryCounts;
use shared::sync::{HoldSummary, RunState};

use crate::world::{ADA, ELSEWHERE, HERE, SALES, World, now, path, run};

#[tokio::test]
async fn a_directory_shows_how_it_fares() {
    let mut world = World::new();
    world.published().vanished_groups = vec![SALES.parse().unwrap()];
    let mut answer = world.send("GET", &path(""), Some("Bearer admin")).await;
    answer.body["last_run"] = "[run]".into();
    insta::assert_json_snapshot!(answer.body, @r#"
    {
      "counts": {
        "groups": {
          "skipped": 3,
          "skipped_by_reason": {
            "group_sync_off": 0,
            "no_email": 3,
            "prefix_not_allowed": 0
          },
          "synced": 2
        },
        "users": {
          "active": 1,
          "inactive": 3,
          "inactive_by_reason": {
            "deleted": 1,
            "disabled_in_office_365": 1,
            "member_of_ignored_group": 1,
            "membership_unknown": 0,
            "not_in_allowed_group": 0
          }
        }
      },
      "created_at": "2026-01-01T12:00:00Z",
      "credentials": [
        {
          "administrator": "00000000-0000-4000-8000-0000000000c1",
          "advice": null,
          "authorized_at": "2026-01-01T12:00:00Z",
          "display_name": "Admin",
          "exercised_at": null,
          "explanation": null,
          "last_good_at": "2026-01-01T12:00:00Z",
          "missing_roles": [],
          "state": "working",
          "user_principal_name": "admin@contoso.example"
        }
      ],
      "current_run": null,
      "held_deactivations": null,
      "id": "11111111-1111-4111-8111-111111111111",
      "last_run": "[run]",
      "name": "contoso.example",
      "next_sync_at": "2026-01-01T12:00:00Z",
      "open_alerts": [],
      "published_at": "2026-01-01T12:00:00Z",
      "reasons": [],
      "settings": {
        "pending": false,
        "published_version": 3,
        "version": 3
      },
      "status": "ok",
      "unknown_groups": [],
      "vanished_groups": [
        "00000000-0000-4000-8000-0000000000b1"
      ]
    }
    "#);
}

#[tokio::test]
async fn consumers_are_told_nothing_of_groups_that_are_not_published() {
    let mut world = World::new();
    world.published().vanished_groups = vec![SALES.parse().unwrap()];
    let run = &mut world.0.runs[0];
    run.gaps = vec!["group Secret could not be read".to_owned()];
    run.warnings = vec!["group Secret is odd".to_owned()];
    run.totals = Some(DirectoryCounts { groups_synced: 2, no_email: 3, ..DirectoryCounts::default() });
    let answer = world.get(&path("")).await;
    assert_eq!(answer.body["counts"]["groups"], json!({"synced": 2}));
    assert_eq!(answer.body["last_run"]["totals"]["groups"], json!({"synced": 2}));
    assert_eq!(answer.body["last_run"]["gap_count"], 1);
    let text = answer.body.to_string();
    assert!(!text.contains("Secret") && !text.contains("vanished") && !text.contains("skipped"), "{text}");
}

#[tokio::test]
async fn a_directory_that_was_never_synced_has_nothing_to_show() {
    let answer = World::new().get(&format!("/api/v1/directories/{ELSEWHERE}")).await;
    assert_eq!(answer.body["counts"], json!(null));
    assert_eq!(answer.body["published_at"], json!(null));
    assert_eq!(answer.body["settings"], json!({"version": 1, "published_version": null, "pending": true}));
    assert_eq!(answer.body["last_run"], json!(null));
}

#[tokio::test]
async fn without_user_sync_users_are_not_counted() {
    let mut world = World::new();
    world.published().users = false;
    let answer = world.get(&path("")).await;
    assert_eq!(answer.body["counts"]["users"], json!(null));
    assert_eq!(answer.body["counts"]["groups"]["synced"], 2);
}

#[tokio::test]
async fn settings_that_no_run_has_published_are_pending() {
    let mut world = World::new();
    world.directory().settings_version = 4;
    let answer = world.get(&path("")).await;
    assert_eq!(answer.body["settings"], json!({"version": 4, "published_version": 3, "pending": true}));
}

#[tokio::test]
async fn held_deactivations_are_shown_with_the_run_that_stopped_at_them() {
    let mut world = World::new();
    let hold = HoldSummary {
        id: "019b795e-0f80-7000-8000-000000000001".parse().unwrap(),
        deactivations: 9,
        active: 10,
        group_removals: 0,
        membership_removals: 0,
        examples: vec![ADA.parse().unwrap()],
    };
    let run = &mut world.0.runs[0];
    run.state = RunState::Held;
    run.hold = Some(hold);
    let id = run.id;
    let answer = world.get(&path("")).await;
    assert_eq!(answer.body["status"], "degraded");
    assert_eq!(
        answer.body["held_deactivations"],
        json!({
            "run": id,
            "id": "019b795e-0f80-7000-8000-000000000001",
            "deactivations": 9,
            "active": 10,
            "group_removals": 0,
            "membership_removals": 0,
            "examples": [ADA],
        })
    );
}

#[tokio::test]
async fn a_credential_that_fails_says_why_and_what_to_do() {
    let mut world = World::new();
    let cause = Cause::Disabled;
    world.0.credentials[0].state =
        CredentialState::Failing { cause, aadsts: Some(50057), since: now(), retry_at: now() };
    let answer = world.get(&path("")).await;
    assert_eq!(answer.body["status"], "failing");
    assert_eq!(answer.body["reasons"][0]["code"], "no_working_credential");
    let credential = &answer.body["credentials"][0];
    assert_eq!(credential["state"], "failing");
    assert_eq!(credential["cause"], "disabled");
    assert_eq!(credential["aadsts"], 50057);
    assert_eq!(credential["explanation"], cause.explanation());
    assert_eq!(credential["advice"], cause.advice());
}

#[tokio::test]
async fn a_run_at_work_is_not_the_last_one() {
    let mut world = World::new();
    world.0.runs.splice(0..0, [run(0, RunState::Queued), run(1, RunState::Running)]);
    let answer = world.get(&path("")).await;
    assert_eq!(answer.body["current_run"]["state"], "running");
    assert_eq!(answer.body["last_run"]["state"], "succeeded");
}

#[tokio::test]
async fn the_status_is_that_of_the_worst_directory() {
    let answer = World::new().get("/api/v1/status").await;
    insta::assert_json_snapshot!(answer.body, @r#"
    {
      "checked_at": "2026-01-01T12:00:00Z",
      "directories": [
        {
          "id": "11111111-1111-4111-8111-111111111111",
          "name": "contoso.example",
          "next_sync_at": "2026-01-01T12:00:00Z",
          "published_at": "2026-01-01T12:00:00Z",
          "reasons": [],
          "status": "ok"
        },
        {
          "id": "22222222-2222-4222-8222-222222222222",
          "name": "fabrikam.example",
          "next_sync_at": "2026-01-01T12:00:00Z",
          "published_at": null,
          "reasons": [
            {
              "code": "no_working_credential",
              "explanation": "No administrator's authorization works: an administrator must authorize again.",
              "status": "failing"
            },
            {
              "code": "never_synced",
              "explanation": "No run has succeeded yet, so nothing is published.",
              "status": "degraded"
            }
          ],
          "status": "failing"
        }
      ],
      "status": "failing"
    }
    "#);
}

#[tokio::test]
async fn all_directories_are_listed_to_a_token_for_all() {
    let answer = World::new().get("/api/v1/directories").await;
    assert_eq!(answer.each("id"), [HERE, ELSEWHERE]);
    assert_eq!(answer.body["next_cursor"], json!(null));
}

#[tokio::test]
async fn directories_come_by_pages() {
    let first = World::new().get("/api/v1/directories?limit=1").await;
    assert_eq!(first.each("id"), [HERE]);
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let last = World::new().get(&format!("/api/v1/directories?limit=1&cursor={cursor}")).await;
    assert_eq!((last.each("id"), &last.body["next_cursor"]), (vec![ELSEWHERE], &json!(null)));
    let foreign = World::new().get("/api/v1/directories?cursor=a.b").await;
    assert_eq!(foreign.body["type"], "urn:office365-sync:problem:invalid-cursor");
}
