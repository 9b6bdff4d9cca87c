//! Settings by the API: what would take much away is saved only when its number is confirmed, and no update is lost.

use http::{Method, StatusCode};
use local::api::ApiError;
use serde_json::{Value, json};
use shared::session::Role;
use tenant::{Action, SERVICE_ACCOUNTS};
use uuid::Uuid;

use crate::harness::{World, everything, small};
use crate::pages::visit::{Visitor, ask};
use crate::tokens;

/// The problem that settings are refused with.
async fn refused(world: &World, settings: &Value) -> Value {
    match world.api.put(&world.path("settings"), settings).await {
        Err(ApiError::Refused { status: StatusCode::CONFLICT, problem, .. }) => problem,
        other => panic!("{settings} is answered {other:?}"),
    }
}

async fn version(world: &World) -> u64 {
    world.get("settings").await["version"].as_u64().unwrap()
}

/// A group of a few ordinary users.
fn few(world: &World) -> Uuid {
    let group = world.tenant.group_named(SERVICE_ACCOUNTS).unwrap();
    assert!((1..20).contains(&world.members_of(group).len()));
    group
}

fn allowing(group: Uuid) -> Value {
    let mut settings = everything();
    settings["allowed_groups"] = json!([group]);
    settings
}

#[tokio::test]
async fn allow_list_that_locks_out_most_users_needs_their_number() {
    let world = World::synced(&small(), everything()).await;
    let (before, active) = (version(&world).await, world.active().await.len());
    let mut settings = allowing(few(&world));
    let problem = refused(&world, &settings).await;
    assert_eq!(problem["type"], "urn:office365-sync:problem:deactivations-not-confirmed");
    let number = problem["confirm_deactivations"].as_u64().unwrap();
    let preview = &problem["preview"];
    assert_eq!(preview["active_users"], active, "{problem:#}");
    assert_eq!(preview["deactivated"], number);
    assert_eq!(preview["deactivated_by_outcome"], json!([{"outcome": "not_in_allowed_group", "users": number}]));
    assert!(number > 40 && problem["detail"].as_str().unwrap().contains(&number.to_string()));

    // By the links, programs and people see who.
    let shown = world.api.get(preview["link"].as_str().unwrap()).await.unwrap();
    assert_eq!(shown["users_deactivated"].as_array().unwrap().len(), usize::try_from(number).unwrap());
    assert_eq!(shown["settings"]["allowed_groups"], settings["allowed_groups"]);
    let page = Visitor::new(&world, Role::Administrator).await.at(preview["page"].as_str().unwrap()).await;
    assert!(page.text().contains(&format!("Not active any more: {number}")), "{}", page.text());
    assert!(!page.body.contains("Save the settings"), "a program's settings are the program's to save");

    for wrong in [number - 1, number + 1, 0] {
        settings["confirm_deactivations"] = json!(wrong);
        assert_eq!(refused(&world, &settings).await["confirm_deactivations"], number);
    }
    assert_eq!((version(&world).await, world.active().await.len()), (before, active), "nothing was changed");

    settings["confirm_deactivations"] = json!(number);
    let saved = world.api.put(&world.path("settings"), &settings).await.unwrap();
    let run = world.api.finished_run(&world.directory, saved["run"].as_str().unwrap()).await.unwrap();
    assert_eq!((&run["state"], &run["changes"]["deactivated"]), (&json!("succeeded"), &json!(number)), "{run:#}");
    world.check(&settings).await;
    // Sent once more, it is as it is.
    assert_eq!(world.api.put(&world.path("settings"), &settings).await.unwrap()["run"], json!(null));
    world.sync_and_check(&settings).await;
}

#[tokio::test]
async fn confirmed_number_has_to_be_what_would_happen_now() {
    let world = World::synced(&small(), everything()).await;
    let mut settings = allowing(few(&world));
    let number = refused(&world, &settings).await["confirm_deactivations"].as_u64().unwrap();
    let member = world.members_of(few(&world));
    let leaver = world.ordinary_users().into_iter().find(|user| !member.contains(user)).unwrap();
    world.apply(Action::DisableUser { user: leaver });
    world.sync().await;
    settings["confirm_deactivations"] = json!(number);
    let again = refused(&world, &settings).await;
    assert_eq!(again["confirm_deactivations"], number - 1, "{again:#}");
    settings["confirm_deactivations"] = json!(number - 1);
    assert!(world.api.put(&world.path("settings"), &settings).await.is_ok());
}

#[tokio::test]
async fn limit_raised_in_the_same_request_does_not_count() {
    let world = World::synced(&small(), everything()).await;
    let mut settings = allowing(few(&world));
    settings["safety_limit"] = json!({"percent": 100, "at_least": 1_000_000});
    assert!(refused(&world, &settings).await["confirm_deactivations"].as_u64().unwrap() > 40);
}

#[tokio::test]
async fn every_setting_that_deactivates_users_is_checked() {
    let world = World::synced(&small(), everything()).await;
    let groups = world.tenant.truth().groups;
    let all: Vec<Uuid> = groups.iter().filter(|group| group.deleted.is_none()).map(|group| group.id).collect();
    let with = |field: &str, value: Value| {
        let mut settings = everything();
        settings[field] = value;
        settings
    };
    for settings in [
        with("sync_users", json!(false)),
        with("ignored_groups", json!(all)),
        with("allowed_groups", json!([few(&world)])),
        json!({}),
    ] {
        assert!(refused(&world, &settings).await["confirm_deactivations"].as_u64().unwrap() > 10, "{settings}");
    }
    assert_eq!(version(&world).await, 2);
    // What decides about no user is saved unasked, however many groups go.
    world.set(with("group_prefixes", json!(["no group begins like this"]))).await;
    assert_eq!(world.active().await.len(), 59);
}

#[tokio::test]
async fn stale_version_is_refused_with_412() {
    let world = World::synced(&small(), everything()).await;
    let token = tokens::token_of(&world, shared::access::Scope::Admin, None).await;
    let bearer = format!("Bearer {token}");
    let path = world.path("settings");
    let send = async |method, tag: &str, settings: Value| {
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json"), ("if-match", tag)];
        ask(&world, method, &path, &headers, settings.to_string()).await
    };
    let read = send(Method::GET, "", json!(null)).await;
    let tag = read.headers["etag"].to_str().unwrap().to_owned();
    let mut mine: Value = serde_json::from_str::<Value>(&read.body).unwrap()["settings"].clone();
    mine["nested_groups"] = json!(true);
    let first = send(Method::PUT, &tag, mine.clone()).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.body);
    mine["nested_groups"] = json!(false);
    mine["group_prefixes"] = json!(["VPN "]);
    let late = send(Method::PUT, &tag, mine.clone()).await;
    assert_eq!(late.status, StatusCode::PRECONDITION_FAILED, "{}", late.body);
    assert!(world.get("settings").await["settings"]["nested_groups"] == true, "the first update is not lost");
    let next = first.headers["etag"].to_str().unwrap();
    assert_eq!(send(Method::PUT, next, mine).await.status, StatusCode::OK);
    assert_eq!(world.get("settings").await["settings"]["group_prefixes"], json!(["VPN "]), "with its white space");
}

#[tokio::test]
async fn looser_limit_cannot_apply_what_waits_for_an_approval() {
    let world = World::synced(&small(), everything()).await;
    let deleted: Vec<Uuid> = world.ordinary_users().into_iter().take(20).collect();
    for user in &deleted {
        world.apply(Action::Delete { id: *user });
    }
    let held = world.sync().await;
    assert_eq!((&held["state"], &held["hold"]["deactivations"]), (&json!("held"), &json!(20)), "{held:#}");
    let with_limit = |limit: Value| {
        let mut settings = everything();
        settings["safety_limit"] = limit;
        settings
    };
    // A limit that holds it still needs nothing.
    assert!(world.api.put(&world.path("settings"), &with_limit(json!({"percent": 25}))).await.is_ok());
    world.settle().await;
    for limit in [json!({"percent": 100}), json!({"percent": 25, "at_least": 1_000})] {
        let problem = refused(&world, &with_limit(limit)).await;
        assert_eq!(problem["confirm_deactivations"], 20, "{problem:#}");
        assert_eq!(problem["preview"]["deactivated_by_outcome"], json!([{"outcome": "deleted", "users": 20}]));
    }
    assert_eq!(world.active().await.len(), 59);
    world.set(with_limit(json!({"percent": 100}))).await;
    assert_eq!(world.active().await.len(), 39, "the run of the confirmed settings does it");
    world.assert_idle().await;
}
