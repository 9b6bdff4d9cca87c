//! Settings: read, checked, replaced.

use std::sync::atomic::Ordering;

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use shared::sync::{RunState, Trigger};

use crate::world::{Answer, World, path};

const GROUP: &str = "00000000-0000-4000-8000-0000000000b1";

async fn put(world: &World, settings: Value) -> Answer {
    world.ask("PUT", &path("/settings"), settings).await
}

async fn put_if(world: &World, if_match: &str, settings: &Value) -> Answer {
    let request = Request::put(path("/settings"))
        .header("authorization", "Bearer admin")
        .header("content-type", "application/json")
        .header("if-match", if_match)
        .body(Body::from(settings.to_string()));
    world.send(request.unwrap()).await
}

#[tokio::test]
async fn the_settings_are_shown_in_full_with_their_version() {
    let answer = World::new().ask("GET", &path("/settings"), json!(null)).await;
    assert_eq!(answer.headers["etag"], "\"3\"");
    insta::assert_json_snapshot!(answer.body, @r#"
    {
      "published_version": null,
      "settings": {
        "allowed_groups": [],
        "group_prefixes": [],
        "ignored_groups": [],
        "nested_groups": false,
        "safety_limit": {
          "at_least": 5,
          "percent": 20
        },
        "sync_every_minutes": null,
        "sync_groups": false,
        "sync_groups_without_email": false,
        "sync_users": true
      },
      "version": 3
    }
    "#);
}

#[tokio::test]
async fn changed_settings_are_stored_and_a_run_is_asked_for() {
    let world = World::new();
    let answer = put(&world, json!({"sync_users": true, "sync_groups": true, "allowed_groups": [GROUP]})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.headers["etag"], "\"4\"");
    assert_eq!(answer.body["version"], 4);
    assert_eq!(answer.body["settings"]["allowed_groups"], json!([GROUP]));

    let run = world.memory.runs()[0].clone();
    assert_eq!((run.trigger, run.state), (Trigger::Settings, RunState::Queued));
    assert_eq!(answer.body["run"], json!(run.id));
    assert_eq!(world.sent(), [run.id]);
    assert_eq!(world.memory.directory().settings_version, 4);
}

#[tokio::test]
async fn a_field_left_out_is_off() {
    let world = World::new();
    let answer = put(&world, json!({})).await;
    assert_eq!(answer.body["settings"]["sync_users"], false);
}

#[tokio::test]
async fn unchanged_settings_are_not_written_and_start_no_run() {
    let world = World::new();
    let answer = put(&world, json!({"sync_users": true, "sync_groups": false})).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers["etag"], "\"3\"");
    assert_eq!(answer.body["run"], json!(null));
    assert_eq!(world.sent(), []);
    assert_eq!(world.memory.directory().settings_version, 3);
}

#[tokio::test]
async fn a_change_folded_into_a_waiting_run_names_that_run() {
    let world = World::new();
    let first = put(&world, json!({})).await;
    let second = put(&world, json!({"sync_users": true})).await;
    assert_eq!(second.body["version"], 5);
    assert_eq!(first.body["run"], second.body["run"]);
    assert_eq!(world.memory.runs().len(), 1);
    assert_eq!(world.sent().len(), 2);
}

#[tokio::test]
async fn all_faults_are_listed_and_nothing_is_stored() {
    let world = World::new();
    let answer = put(&world, json!({"sync_users": "yes", "ignored_groups": ["a b"], "sync_everything": true})).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    insta::assert_json_snapshot!(answer.body, @r#"
    {
      "detail": "Nothing was changed. sync_users: expected true or false. `errors` has all 3 faults.",
      "errors": [
        {
          "expected": "true or false",
          "field": "sync_users",
          "found": "\"yes\""
        },
        {
          "expected": "a group's object id (not its name): 1 to 128 letters, digits, '-', '_' and '.'",
          "field": "ignored_groups[0]",
          "found": "\"a b\""
        },
        {
          "expected": "one of sync_users, sync_groups, sync_groups_without_email, group_prefixes, allowed_groups, ignored_groups, nested_groups, safety_limit, sync_every_minutes",
          "field": "sync_everything",
          "found": "true"
        }
      ],
      "status": 422,
      "title": "The settings are not valid",
      "type": "urn:office365-sync:problem:invalid-settings"
    }
    "#);
    assert_eq!(world.memory.directory().settings_version, 3);
}

#[tokio::test]
async fn a_list_said_twice_is_refused() {
    let world = World::new();
    let request = Request::put(path("/settings"))
        .header("authorization", "Bearer admin")
        .header("content-type", "application/json")
        .body(Body::from(r#"{"sync_groups": true, "ignored_groups": ["g"], "ignored_groups": []}"#));
    let answer = world.send(request.unwrap()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(world.memory.directory().settings_version, 3);
}

#[tokio::test]
async fn settings_without_a_body_are_refused() {
    let answer = put(&World::new(), json!(null)).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_change_made_for_the_current_version_is_taken() {
    for if_match in ["\"3\"", "*"] {
        assert_eq!(put_if(&World::new(), if_match, &json!({})).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_change_made_for_an_older_version_is_refused() {
    let world = World::new();
    let answer = put_if(&world, "\"2\"", &json!({})).await;
    assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(world.memory.directory().settings_version, 3);
    assert_eq!(world.sent(), []);
}

#[tokio::test]
async fn rejected_version_is_named_with_current_one() {
    for (sent, found) in [("\"2\"", "\"2\""), ("3", "3"), ("W/\"3\"", "W/\"3\"")] {
        let answer = put_if(&World::new(), sent, &json!({})).await;
        assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED);
        let expected = format!("If-Match: expected \"3\", the current version, found {found}.");
        assert!(answer.body["detail"].as_str().unwrap().contains(&expected), "{}", answer.body);
    }
}

#[tokio::test]
async fn update_lost_to_a_faster_one_is_refused_with_412() {
    let world = World::new();
    world.memory.contested.store(true, Ordering::Relaxed);
    let answer = put_if(&world, "\"3\"", &json!({})).await;
    assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED, "{}", answer.body);
    assert_eq!(world.sent(), []);
}

#[tokio::test]
async fn last_active_user_is_deactivated_only_when_confirmed() {
    let world = World::new();
    world.publish();
    let off = put(&world, json!({})).await;
    assert_eq!(off.status, StatusCode::CONFLICT, "{}", off.body);
    assert_eq!(off.body["type"], "urn:office365-sync:problem:deactivations-not-confirmed");
    assert_eq!(off.body["confirm_deactivations"], 1);
    assert_eq!(off.body["preview"]["active_users"], 1);
    assert_eq!(off.body["preview"]["active_users_then"], 0);
    assert_eq!(off.body["preview"]["deactivated_by_outcome"], json!([{"outcome": null, "users": 1}]));
    let preview = world.ask("GET", off.body["preview"]["link"].as_str().unwrap(), json!(null)).await;
    assert_eq!(preview.status, StatusCode::OK, "{}", preview.body);
    assert_eq!(preview.body["users_deactivated"][0]["display_name"], "Kim");
    assert_eq!(preview.body["settings"]["sync_users"], false);
    assert_eq!(preview.body["from_version"], 3);

    for wrong in [json!(0), json!(2)] {
        let refused = put(&world, json!({"confirm_deactivations": wrong})).await;
        assert_eq!((refused.status, &refused.body["confirm_deactivations"]), (StatusCode::CONFLICT, &json!(1)));
    }
    for malformed in [json!("1"), json!(null), json!(-1), json!(1.5), json!([1])] {
        let refused = put(&world, json!({"confirm_deactivations": malformed})).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{malformed}");
        assert_eq!(refused.body["errors"][0]["field"], "confirm_deactivations");
    }
    assert_eq!((world.memory.directory().settings_version, world.sent()), (3, vec![]));

    let saved = put(&world, json!({"confirm_deactivations": 1})).await;
    assert_eq!((saved.status, &saved.body["version"]), (StatusCode::OK, &json!(4)), "{}", saved.body);
}

#[tokio::test]
async fn change_that_decides_about_no_user_needs_no_preview() {
    let world = World::new();
    world.publish();
    let answer = put(&world, json!({"sync_users": true, "sync_groups": true, "group_prefixes": ["VPN "]})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.body["settings"]["group_prefixes"], json!(["VPN "]));
    assert!(world.memory.previews.lock().unwrap().is_empty());
}

#[tokio::test]
async fn of_two_changes_at_once_one_is_refused() {
    let world = World::new();
    world.memory.contested.store(true, Ordering::Relaxed);
    let answer = put(&world, json!({})).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert_eq!(world.sent(), []);
}

#[tokio::test]
async fn settings_stay_changed_when_no_run_can_be_asked_for() {
    let world = World::new();
    world.stop_queue();
    let answer = put(&world, json!({})).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body["version"], 4);
    assert_eq!(answer.body["run"], json!(null));
}
