//! What waits for an administrator.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};
use shared::directory::{UserProfile, UserRecord};
use shared::filter::InactiveReason;
use shared::sync::{HeldChange, Hold, HoldState, Trigger};

use crate::world::{HOLD, World, hold, now, path};

fn holding(state: HoldState) -> World {
    let world = World::new();
    *world.memory.holds.lock().unwrap() = vec![hold(state)];
    world
}

async fn decide(world: &World, decision: &str) -> (StatusCode, Value) {
    let answer = world.ask("POST", &path(&format!("/holds/{HOLD}/{decision}")), Value::Null).await;
    (answer.status, answer.body)
}

#[tokio::test]
async fn a_hold_says_who_would_be_affected_and_why() {
    let world = World::new();
    let list = world.ask("GET", &path("/holds"), Value::Null).await;
    assert_eq!(list.body["items"][0]["id"], HOLD);
    assert_eq!(list.body["items"][0]["can_be_decided"], true);
    let answer = world.ask("GET", &path(&format!("/holds/{HOLD}")), Value::Null).await;
    insta::assert_json_snapshot!(answer.body["changes"], @r#"
    [
      {
        "change": "deactivation",
        "display_name": "Kim",
        "group_name": null,
        "reason": "deleted",
        "user": "kim",
        "user_principal_name": "kim@contoso.example"
      },
      {
        "change": "membership_removal",
        "display_name": null,
        "group": "vpn",
        "group_name": null,
        "user": "lee",
        "user_principal_name": null
      }
    ]
    "#);
    assert_eq!(answer.body["next_cursor"], Value::Null);
}

#[tokio::test]
async fn holds_come_by_pages() {
    let world = World::new();
    let ids = ["33333333", "22222222", "11111111"].map(|start| format!("{start}-0000-7000-8000-000000000000"));
    let of = |id: &String| Hold { id: id.parse().unwrap(), ..hold(HoldState::Closed) };
    *world.memory.holds.lock().unwrap() = ids.iter().map(of).collect();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.ask("GET", &path(&format!("/holds?limit=2{cursor}")), Value::Null).await.body;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|hold| hold["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, ids);
    let misspelt = world.ask("GET", &path("/holds?limt=2"), Value::Null).await;
    assert_eq!(misspelt.status, StatusCode::BAD_REQUEST);
}

/// The hold of this many users, each of whom has this name.
fn holding_users(users: usize, name: &str) -> World {
    let mut world = World::new();
    let ids = (0..users).map(|number| format!("user-{number:05}"));
    let memory = Arc::get_mut(&mut world.memory).unwrap();
    let kim = memory.users.remove(0);
    memory.users = ids
        .map(|id| {
            let profile = UserProfile { display_name: Some(name.into()), ..kim.profile.clone() };
            UserRecord { id: id.parse().unwrap(), profile, ..kim.clone() }
        })
        .collect();
    let held = |user: &UserRecord| HeldChange::Deactivation { user: user.id.clone(), reason: InactiveReason::Deleted };
    *memory.held_changes.get_mut().unwrap() = memory.users.iter().map(held).collect();
    world
}

/// The users of a hold, page by page, and how many are on each page.
async fn pages_of(world: &World, limit: usize) -> (Vec<String>, Vec<usize>) {
    let (mut users, mut sizes, mut cursor) = (Vec::new(), Vec::new(), String::new());
    loop {
        let answer = world.ask("GET", &path(&format!("/holds/{HOLD}?limit={limit}{cursor}")), Value::Null).await;
        assert_eq!((answer.status, answer.body.get("id")), (StatusCode::OK, Some(&json!(HOLD))));
        let changes = answer.body.get("changes").and_then(Value::as_array).unwrap();
        users.extend(changes.iter().map(|change| change["user"].as_str().unwrap().to_owned()));
        sizes.push(changes.len());
        let Some(next) = answer.body.get("next_cursor").and_then(Value::as_str) else { return (users, sizes) };
        cursor = format!("&cursor={next}");
    }
}

#[tokio::test]
async fn pages_of_a_hold_have_each_of_its_changes_once() {
    let world = holding_users(7, "Kim");
    let (users, sizes) = pages_of(&world, 3).await;
    assert_eq!(users, (0..7).map(|number| format!("user-{number:05}")).collect::<Vec<_>>());
    assert_eq!(sizes, [3, 3, 1]);
    assert_eq!(pages_of(&world, 7).await, (users, vec![7]));
    let world = holding_users(101, "Kim");
    let first = world.ask("GET", &path(&format!("/holds/{HOLD}")), Value::Null).await.body;
    assert_eq!(first["changes"].as_array().unwrap().len(), 100);
}

#[tokio::test]
async fn a_page_of_a_hold_ends_where_the_answer_is_full() {
    let world = holding_users(1_000, &"\"".repeat(2_000));
    let (users, sizes) = pages_of(&world, 1_000).await;
    assert_eq!(users, (0..1_000).map(|number| format!("user-{number:05}")).collect::<Vec<_>>());
    assert_eq!(sizes.len(), 2, "{sizes:?}: 8 MB are two answers");
}

#[tokio::test]
async fn a_cursor_of_another_list_leads_nowhere_in_a_hold() {
    let world = holding_users(3, "Kim");
    let other = "019b795e-0f80-7000-8000-000000000002";
    *world.memory.holds.lock().unwrap() =
        [other, HOLD].map(|id| Hold { id: id.parse().unwrap(), ..hold(HoldState::Open) }).to_vec();
    let ask = async |target: &str| world.ask("GET", &path(target), Value::Null).await;
    let cursor_of =
        async |list: &str| ask(&format!("{list}?limit=1")).await.body["next_cursor"].as_str().unwrap().to_owned();
    let own = cursor_of(&format!("/holds/{HOLD}")).await;
    assert_eq!(ask(&format!("/holds/{HOLD}?cursor={own}")).await.status, StatusCode::OK);
    for foreign in [cursor_of("/holds").await, cursor_of(&format!("/holds/{other}")).await, format!("{own}x")] {
        let answer = ask(&format!("/holds/{HOLD}?cursor={foreign}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{foreign}");
        assert_eq!(answer.body["type"], "urn:office365-sync:problem:invalid-cursor");
    }
}

#[tokio::test]
async fn what_asks_for_no_page_of_a_hold_is_named() {
    let world = World::new();
    for (query, field) in [("limit=0", "limit"), ("limit=1001", "limit"), ("limt=2", "limt")] {
        let answer = world.ask("GET", &path(&format!("/holds/{HOLD}?{query}")), Value::Null).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(answer.body["errors"][0]["field"], field);
    }
}

#[tokio::test]
async fn a_decision_is_stored_and_a_run_sees_to_it_however_often_it_is_made() {
    for (decision, state) in [("apply", HoldState::Approved), ("discard", HoldState::Discarded)] {
        let world = World::new();
        for _ in 0..2 {
            let (status, body) = decide(&world, decision).await;
            assert_eq!(status, StatusCode::ACCEPTED, "{body:#}");
            assert_eq!(world.memory.holds.lock().unwrap()[0].state, state);
            assert_eq!(body["run"]["trigger"], "hold");
            assert_eq!(body["hold"]["can_be_decided"], false);
        }
        assert_eq!(world.memory.runs().iter().map(|run| run.trigger).collect::<Vec<_>>(), [Trigger::Hold]);
        assert_eq!(world.sent().len(), 2);
    }
}

#[tokio::test]
async fn what_does_not_wait_any_more_cannot_be_decided() {
    for (state, decision, why) in [
        (HoldState::Approved, "discard", "It has been applied."),
        (HoldState::Discarded, "apply", "It has been discarded."),
        (HoldState::Applied, "apply", "It has been applied."),
        (HoldState::Replaced, "apply", "A later run found other changes, which have a hold of their own."),
        (HoldState::Closed, "discard", "A later run found that it was no longer too much, or no longer true."),
    ] {
        let world = holding(state);
        let (status, body) = decide(&world, decision).await;
        assert_eq!((status, &body["detail"]), (StatusCode::CONFLICT, &json!(why)), "{body:#}");
        assert_eq!(world.sent(), []);
    }
    let world = World::new();
    world.memory.holds.lock().unwrap()[0].expires_at = now();
    let (status, body) = decide(&world, "apply").await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(body["detail"].as_str().unwrap().starts_with("It has expired."), "{body:#}");
}

#[tokio::test]
async fn an_unknown_hold_is_not_found() {
    for id in ["019b795e-0f80-7000-8000-000000000002", "no-guid", "%ff"] {
        for (method, rest) in [("GET", ""), ("POST", "/apply"), ("POST", "/discard")] {
            let answer = World::new().ask(method, &path(&format!("/holds/{id}{rest}")), Value::Null).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {id}{rest}");
        }
    }
}
