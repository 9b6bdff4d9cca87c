//! What exceeds the safety limit, from the run that stops at it to an administrator's answer.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tenant::{Action, DeltaReset, GroupKind, NewGroup, Sample};
use uuid::Uuid;

use crate::harness::{World, everything, small};

/// A world of which more users have just been deleted than the safety limit lets go; who they are.
async fn with_many_deleted() -> (World, BTreeSet<Uuid>) {
    let world = World::synced(&small(), everything()).await;
    let deleted: BTreeSet<Uuid> = world.ordinary_users().into_iter().take(20).collect();
    for user in &deleted {
        world.apply(Action::Delete { id: *user });
    }
    (world, deleted)
}

async fn hold_of(world: &World, run: &Value) -> Value {
    assert_eq!(run["state"], "held", "{run:#}");
    world.get(&format!("holds/{}", run["hold"]["id"].as_str().unwrap())).await
}

async fn states(world: &World) -> Vec<Value> {
    world.get("holds").await["items"].as_array().unwrap().iter().map(|hold| hold["state"].clone()).collect()
}

#[tokio::test]
async fn a_hold_names_everybody_it_would_affect_and_stays_the_same_while_nothing_changes() {
    let (world, deleted) = with_many_deleted().await;
    let active = world.active().await;
    let hold = hold_of(&world, &world.sync().await).await;
    let named: BTreeSet<Uuid> =
        hold["changes"].as_array().unwrap().iter().map(|one| one["user"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(named, deleted);
    assert!(hold["changes"].as_array().unwrap().iter().all(|one| one["reason"] == "deleted"), "{hold:#}");
    assert!(hold["changes"][0]["user_principal_name"].as_str().unwrap().contains('@'));

    let again = world.sync().await;
    assert_eq!(again["hold"]["id"], hold["id"]);
    assert_eq!(again["effort"]["items_written"], 0, "{again:#}");
    assert_eq!(world.active().await, active);
}

#[tokio::test]
async fn applying_makes_what_is_still_true_and_says_what_was_not() {
    let (world, deleted) = with_many_deleted().await;
    let hold = hold_of(&world, &world.sync().await).await;
    let restored = *deleted.first().unwrap();
    world.apply(Action::Restore { id: restored });
    let run = world.decide(hold["id"].as_str().unwrap(), "apply").await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    assert_eq!(run["warnings"], json!(["1 of the 20 approved changes were no longer true and not made"]));
    assert!(world.active().await.contains(&restored));
    world.check(&everything()).await;
    assert_eq!(states(&world).await, ["applied"]);
    world.assert_idle().await;
}

#[tokio::test]
async fn discarding_reads_everything_anew_and_asks_again_if_it_is_still_so() {
    let (world, deleted) = with_many_deleted().await;
    let hold = hold_of(&world, &world.sync().await).await;
    let run = world.decide(hold["id"].as_str().unwrap(), "discard").await;
    assert_eq!((&run["state"], &run["full_reason"]), (&json!("held"), &json!("hold_discarded")), "{run:#}");
    assert_ne!(run["hold"]["id"], hold["id"]);
    assert_eq!(states(&world).await, ["open", "discarded"]);

    for user in &deleted {
        world.apply(Action::Restore { id: *user });
    }
    let run = world.sync().await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    assert_eq!(states(&world).await, ["closed", "discarded"], "below the limit it closes by itself");
    world.check(&everything()).await;
    world.assert_idle().await;
}

#[tokio::test]
async fn an_account_that_is_disabled_does_not_wait_for_the_hold_of_others() {
    let (world, _) = with_many_deleted().await;
    world.sync().await;
    let disabled = world.ordinary_users()[0];
    world.apply(Action::DisableUser { user: disabled });
    let run = world.sync().await;
    assert_eq!(run["hold"]["deactivations"], 20, "{run:#}");
    assert_eq!(world.user(disabled).await["reason"], "disabled_in_office_365");
    let again = world.sync().await;
    assert_eq!((&again["hold"]["id"], &again["effort"]["items_written"]), (&run["hold"]["id"], &json!(0)));
}

#[tokio::test]
async fn a_synced_group_keeps_its_members_when_too_many_leave_at_once() {
    let world = World::synced(&Sample { users: 80, groups: 14, ..Sample::default() }, everything()).await;
    let group = world.apply(Action::CreateGroup(NewGroup::named("Everybody", GroupKind::Security))).unwrap();
    let members = &world.ordinary_users()[..25];
    for member in members {
        world.apply(Action::AddMember { group, member: *member });
    }
    world.sync_and_check(&everything()).await;
    for member in &members[..10] {
        world.apply(Action::RemoveMember { group, member: *member });
    }
    let held = world.sync().await;
    assert_eq!((&held["state"], &held["hold"]["membership_removals"]), (&json!("held"), &json!(10)), "{held:#}");
    assert_eq!(world.list(&format!("groups/{group}/members")).await.len(), 25);
    assert_eq!(hold_of(&world, &held).await["changes"][0]["group_name"], "Everybody");

    let applied = world.approve(&held).await;
    assert_eq!(applied["state"], "succeeded", "{applied:#}");
    world.check(&everything()).await;
    world.assert_idle().await;
}

#[tokio::test]
async fn synced_groups_stay_when_too_many_would_go_at_once() {
    let world = World::synced(&small(), everything()).await;
    let before = world.list("groups").await.len();
    let groups = world.tenant.truth().groups.into_iter().filter(|group| group.deleted.is_none());
    for group in groups.take(6) {
        world.apply(Action::Delete { id: group.id });
    }
    let held = world.sync().await;
    assert_eq!((&held["state"], &held["hold"]["group_removals"]), (&json!("held"), &json!(6)), "{held:#}");
    assert_eq!(world.list("groups").await.len(), before);
    let applied = world.approve(&held).await;
    assert_eq!(applied["state"], "succeeded", "{applied:#}");
    world.check(&everything()).await;
    world.assert_idle().await;
}

#[tokio::test]
async fn the_limit_is_a_setting_of_the_directory() {
    let (world, _) = with_many_deleted().await;
    let mut settings = everything();
    settings["safety_limit"] = json!({"percent": 90, "at_least": 5});
    world.set(settings.clone()).await;
    let run = world.sync().await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    world.check(&settings).await;
    world.assert_idle().await;
}

#[tokio::test]
async fn an_allowed_group_that_vanishes_locks_nobody_out_unasked() {
    let world = World::synced(&small(), everything()).await;
    let group = world.apply(Action::CreateGroup(NewGroup::named("Allowed", GroupKind::Security))).unwrap();
    for member in world.ordinary_users() {
        world.apply(Action::AddMember { group, member });
    }
    let mut settings = everything();
    settings["allowed_groups"] = json!([group]);
    world.set(settings.clone()).await;
    let active = world.active().await;
    world.apply(Action::Delete { id: group });
    for _ in 0..2 {
        let held = world.sync().await;
        assert_eq!(held["state"], "held", "{held:#}");
        assert_eq!(world.active().await, active);
    }
    world.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired });
    let held = world.sync().await;
    assert_eq!(held["state"], "held", "{held:#}");
    let applied = world.approve(&held).await;
    assert_eq!(applied["state"], "succeeded", "{applied:#}");
    world.check(&settings).await;
    assert!(world.active().await.is_empty());
    world.assert_idle().await;
}

/// A world with a group of three of the ordinary users, ignored by the settings, which are the other result. With `nested`,
/// the three are in a group within it.
async fn with_ignored(nested: bool) -> (World, Value, Uuid) {
    let world = World::synced(&small(), everything()).await;
    let outer = world.apply(Action::CreateGroup(NewGroup::named("Leavers", GroupKind::Security))).unwrap();
    let mut group = outer;
    if nested {
        group = world.apply(Action::CreateGroup(NewGroup::named("Contractors", GroupKind::Security))).unwrap();
        world.apply(Action::AddMember { group: outer, member: group });
    }
    for member in &world.ordinary_users()[..3] {
        world.apply(Action::AddMember { group, member: *member });
    }
    let mut settings = everything();
    settings["ignored_groups"] = json!([outer]);
    settings["nested_groups"] = json!(nested);
    world.set(settings.clone()).await;
    (world, settings, group)
}

/// Deletes the group: nobody is let in by that, however it is read, until an administrator approves.
async fn lets_nobody_in_unasked(world: &World, settings: &Value, group: Uuid) {
    let active = world.active().await;
    world.apply(Action::Delete { id: group });
    for again in 0..3 {
        if again == 2 {
            world.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired });
        }
        let held = world.sync().await;
        assert_eq!((&held["state"], &held["hold"]["group_removals"]), (&json!("held"), &json!(1)), "{held:#}");
        assert_eq!(world.active().await, active);
        assert_eq!(hold_of(world, &held).await["changes"][0]["group"], json!(group));
    }
    let held = world.sync().await;
    let applied = world.approve(&held).await;
    assert_eq!(applied["state"], "succeeded", "{applied:#}");
    world.check(settings).await;
    assert_eq!(world.active().await.len(), active.len() + 3);
    world.assert_idle().await;
}

#[tokio::test]
async fn an_ignored_group_that_vanishes_lets_nobody_in_unasked() {
    let (world, settings, group) = with_ignored(false).await;
    lets_nobody_in_unasked(&world, &settings, group).await;
}

#[tokio::test]
async fn a_group_nested_in_an_ignored_one_that_vanishes_lets_nobody_in_unasked() {
    let (world, settings, group) = with_ignored(true).await;
    lets_nobody_in_unasked(&world, &settings, group).await;
}

/// While the end of an ignored group waits for approval, somebody joins a group nested in it, and another group is nested in it. In
/// truth none of them is ignored.
#[tokio::test]
async fn held_ignored_group_ignores_no_newcomers() {
    let (world, settings, inner) = with_ignored(true).await;
    let users = world.ordinary_users();
    let late = world.apply(Action::CreateGroup(NewGroup::named("Late", GroupKind::Security))).unwrap();
    world.apply(Action::AddMember { group: late, member: users[5] });
    world.sync().await;
    let active = world.active().await;
    assert!(active.contains(&users[4]) && active.contains(&users[5]));

    let outer = settings["ignored_groups"][0].as_str().unwrap().parse().unwrap();
    world.apply(Action::AddMember { group: inner, member: users[4] });
    world.apply(Action::AddMember { group: inner, member: late });
    world.apply(Action::Delete { id: outer });
    for _ in 0..2 {
        let held = world.sync().await;
        assert_eq!((&held["state"], &held["hold"]["deactivations"]), (&json!("held"), &json!(0)), "{held:#}");
        assert_eq!(world.active().await, active);
    }
    let held = world.sync().await;
    assert_eq!(held["effort"]["items_written"], 0, "{held:#}");
    assert_eq!(world.approve(&held).await["state"], "succeeded");
    world.check(&settings).await;
    world.assert_idle().await;
}

/// Whoever joins an ignored group while its end waits for approval stays as before, and is ignored once the group is back.
#[tokio::test]
async fn newcomer_of_held_ignored_group_is_ignored_once_it_is_back() {
    let (world, settings, inner) = with_ignored(true).await;
    let newcomer = world.ordinary_users()[4];
    let outer = settings["ignored_groups"][0].as_str().unwrap().parse().unwrap();
    world.apply(Action::AddMember { group: inner, member: newcomer });
    world.apply(Action::Delete { id: outer });
    assert_eq!(world.sync().await["state"], "held");
    assert!(world.active().await.contains(&newcomer));
    world.apply(Action::Restore { id: outer });
    world.sync_and_check(&settings).await;
    assert!(!world.active().await.contains(&newcomer));
}

/// While the end of synced groups waits for approval, one of them that the settings allow gets a member through a group nested in it.
#[tokio::test]
async fn held_allowed_group_lets_no_newcomers_in() {
    let world = World::synced(&small(), everything()).await;
    let create = |name: &str| world.apply(Action::CreateGroup(NewGroup::named(name, GroupKind::Security))).unwrap();
    let (outer, inner) = (create("Staff"), create("Interns"));
    let users = world.ordinary_users();
    world.apply(Action::AddMember { group: outer, member: inner });
    world.apply(Action::AddMember { group: outer, member: users[0] });
    let mut settings = everything();
    settings["allowed_groups"] = json!([outer]);
    settings["nested_groups"] = json!(true);
    world.set(settings.clone()).await;
    let held = world.sync().await;
    if held["state"] == "held" {
        world.approve(&held).await;
    }
    world.check(&settings).await;
    let active = world.active().await;

    world.apply(Action::AddMember { group: inner, member: users[4] });
    let truth = world.tenant.truth();
    for group in truth.groups.iter().filter(|group| group.deleted.is_none() && group.id != inner) {
        world.apply(Action::Delete { id: group.id });
    }
    let held = world.sync().await;
    assert_eq!(held["state"], "held", "{held:#}");
    assert!(!world.active().await.contains(&users[4]), "{active:?}");
}

#[tokio::test]
async fn an_ignored_group_that_is_restored_ends_the_hold() {
    let (world, mut settings, _) = with_ignored(false).await;
    let group = world.apply(Action::CreateGroup(NewGroup::named("Partners", GroupKind::Microsoft365))).unwrap();
    world.apply(Action::AddMember { group, member: world.ordinary_users()[5] });
    settings["ignored_groups"] = json!([group]);
    world.set(settings.clone()).await;
    let active = world.active().await;
    world.apply(Action::Delete { id: group });
    assert_eq!(world.sync().await["state"], "held");
    assert_eq!(world.active().await, active);
    world.apply(Action::Restore { id: group });
    let run = world.sync().await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    world.check(&settings).await;
    world.assert_idle().await;
}

#[tokio::test]
async fn whoever_is_no_longer_to_be_ignored_needs_no_approval() {
    let (world, _, group) = with_ignored(false).await;
    world.apply(Action::Delete { id: group });
    assert_eq!(world.sync().await["state"], "held");
    world.set(everything()).await;
    let run = world.sync().await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    world.check(&everything()).await;
    world.assert_idle().await;
}
