//! What waits for an administrator.

use http::StatusCode;
use serde_json::{Value, json};
use shared::sync::{Hold, HoldState, Trigger};

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
    assert_eq!(answer.body["more"], 0);
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
