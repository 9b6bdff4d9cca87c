//! Every setting, as its outcome shows in the queries.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tenant::{ALL_EMPLOYEES, Action, CONTRACTORS, GroupKind, MEETING_ROOMS, NewGroup, SERVICE_ACCOUNTS};
use uuid::Uuid;

use crate::harness::{World, everything, small};

async fn applies(settings: impl FnOnce(&World) -> Value) -> World {
    let world = World::unauthorized(&small()).await;
    world.authorize().await;
    let settings = settings(&world);
    let run = world.set(settings.clone()).await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    world.check(&settings).await;
    // The next run compares the members of the groups that decide now.
    world.sync_and_check(&settings).await;
    world
}

fn group(world: &World, name: &str) -> Value {
    json!(world.tenant.group_named(name).unwrap())
}

#[tokio::test]
async fn group_sync_off_skips_every_group() {
    let world = applies(|_| json!({"sync_users": true})).await;
    assert!(world.list("groups").await.is_empty());
}

#[tokio::test]
async fn groups_without_mail_are_skipped_unless_they_are_asked_for() {
    let world = applies(|_| json!({"sync_users": true, "sync_groups": true})).await;
    assert!(world.list("groups").await.iter().all(|group| group["mail"].is_string()));
    applies(|_| json!({"sync_users": true, "sync_groups": true, "sync_groups_without_email": true})).await;
}

#[tokio::test]
async fn only_groups_with_an_allowed_prefix_are_synced_in_any_case() {
    let world = applies(|_| {
        json!({"sync_users": true, "sync_groups": true, "sync_groups_without_email": true, "group_prefixes": ["vpn ", "TEAM "]})
    })
    .await;
    assert!(!world.list("groups").await.is_empty());
}

#[tokio::test]
async fn hidden_characters_before_a_name_are_ignored_by_prefixes_and_reported() {
    let world = World::unauthorized(&small()).await;
    let names = ["\u{feff}Zone A", " Zone B", "\u{200b}\u{a0}ZONE C", "\u{200e}zone D", "Z\u{200b}one E", "Zones F"];
    let groups =
        names.map(|name| world.apply(Action::CreateGroup(NewGroup::named(name, GroupKind::Security))).unwrap());
    let settings = json!({
        "sync_users": true, "sync_groups": true, "sync_groups_without_email": true, "group_prefixes": ["\u{a0}Zone "]
    });
    world.authorize().await;
    let first = world.list("runs").await.remove(0);
    world.set(settings.clone()).await;
    world.check(&settings).await;
    let published = world.list("groups").await;
    let is_published = |id: &Uuid| published.iter().any(|group| group["id"] == id.to_string());
    assert_eq!(groups.each_ref().map(is_published), [true, true, true, true, false, false]);
    let warnings = first["warnings"].to_string();
    for (id, place) in groups.iter().zip(["begins", "begins", "begins", "begins", "has"]) {
        assert!(warnings.contains(&format!("group {id}: displayName {place} ")), "{id} in {warnings}");
    }
    assert!(!warnings.contains(&groups[5].to_string()), "{warnings}");
    // White space at the end of a prefix stays as it was written.
    assert_eq!(world.get("settings").await["settings"]["group_prefixes"], json!(["\u{a0}Zone "]));
    world.assert_idle().await;
}

#[tokio::test]
async fn prefixes_match_names_in_any_encoding() {
    let world = World::unauthorized(&small()).await;
    let groups = ["E\u{301}quipe A", "\u{c9}QUIPE B", "Equipe C"]
        .map(|name| world.apply(Action::CreateGroup(NewGroup::named(name, GroupKind::Security))).unwrap());
    world.authorize().await;
    for (prefix, matched) in [("\u{e9}quipe", &groups[..2]), ("e\u{301}QUIPE ", &groups[..2]), ("equipe", &groups[2..])]
    {
        world
            .set(json!({
                "sync_users": true, "sync_groups": true, "sync_groups_without_email": true, "group_prefixes": [prefix]
            }))
            .await;
        let published = world.list("groups").await;
        let published: BTreeSet<&str> = published.iter().map(|group| group["id"].as_str().unwrap()).collect();
        let matched: Vec<String> = matched.iter().map(Uuid::to_string).collect();
        assert_eq!(published, matched.iter().map(String::as_str).collect(), "{prefix}");
    }
    world.assert_idle().await;
}

#[tokio::test]
async fn only_members_of_allowed_groups_are_active() {
    applies(|world| json!({"sync_users": true, "sync_groups": true, "allowed_groups": [group(world, ALL_EMPLOYEES)]}))
        .await;
}

#[tokio::test]
async fn members_of_ignored_groups_are_never_active_even_when_allowed() {
    applies(|world| {
        json!({
            "sync_users": true, "sync_groups": true,
            "allowed_groups": [group(world, ALL_EMPLOYEES), group(world, SERVICE_ACCOUNTS)],
            "ignored_groups": [group(world, SERVICE_ACCOUNTS), group(world, MEETING_ROOMS)],
        })
    })
    .await;
}

#[tokio::test]
async fn nested_groups_count_when_asked_for_and_cycles_end() {
    let nested = |nested: bool| {
        move |world: &World| {
            let outer = world.apply(Action::CreateGroup(NewGroup::named("Outer", GroupKind::Security))).unwrap();
            let inner = world.tenant.group_named(CONTRACTORS).unwrap();
            world.apply(Action::AddMember { group: outer, member: inner });
            world.apply(Action::AddMember { group: inner, member: outer });
            json!({"sync_users": true, "sync_groups": true, "nested_groups": nested, "allowed_groups": [outer]})
        }
    };
    assert!(!applies(nested(true)).await.active().await.is_empty());
    assert!(applies(nested(false)).await.active().await.is_empty());
}

#[tokio::test]
async fn a_group_nested_later_is_noticed_incrementally() {
    let world = World::unauthorized(&small()).await;
    world.authorize().await;
    let outer = world.apply(Action::CreateGroup(NewGroup::named("Outer", GroupKind::Security))).unwrap();
    let settings = json!({"sync_users": true, "sync_groups": true, "nested_groups": true, "allowed_groups": [outer]});
    world.set(settings.clone()).await;
    assert!(world.active().await.is_empty());
    world.apply(Action::AddMember { group: outer, member: world.tenant.group_named(ALL_EMPLOYEES).unwrap() });
    let run = world.sync_and_check(&settings).await;
    assert_eq!(run["reading"], "incremental");
    assert!(!world.active().await.is_empty());
}

#[tokio::test]
async fn an_allow_list_of_a_group_that_does_not_exist_is_reported_and_locks_nobody_out_unasked() {
    let typo = "11111111-2222-3333-4444-555555555555";
    let world = World::synced(&small(), everything()).await;
    let active = world.active().await;
    let settings = json!({"sync_users": true, "sync_groups": true, "allowed_groups": [typo]});
    for held in [world.set(settings.clone()).await, world.sync().await] {
        assert_eq!(held["state"], "held", "{held:#}");
        assert_eq!(held["hold"]["deactivations"], active.len(), "{held:#}");
        assert_eq!(held["vanished_groups"], json!([typo]));
        assert_eq!(world.active().await, active);
    }
    let hold = world.get("holds").await["items"][0]["id"].as_str().unwrap().to_owned();
    let applied = world.decide(&hold, "apply").await;
    assert_eq!(applied["state"], "succeeded", "{applied:#}");
    world.check(&settings).await;
    assert!(world.active().await.is_empty());
    world.assert_idle().await;
}

#[tokio::test]
async fn turning_group_sync_off_while_lists_name_groups_is_refused_with_the_reason() {
    let world = World::unauthorized(&small()).await;
    world.authorize().await;
    let settings = json!({"sync_users": true, "ignored_groups": [group(&world, SERVICE_ACCOUNTS)]});
    let error = world.api.put(&world.path("settings"), &settings).await.unwrap_err().to_string();
    assert!(error.contains("422"), "{error}");
}
