//! Counters that lag behind: what was deleted a moment ago is still counted, and what is new is not counted yet.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::sync::Trigger;
use tenant::{Action, Fault, GroupKind, Matcher, NewGroup, NewUser, RequestKind, Sample, What};
use uuid::Uuid;

use crate::harness::{World, everything};
use crate::lab::Lab;

/// A tenant of 20 people.
fn twenty() -> Sample {
    Sample { users: 20, groups: 6, memberships_per_group: 4, seed: 3 }
}

/// A world in which nothing has been read, since the run of the authorization failed.
async fn unread() -> World {
    let world = World::unauthorized(&twenty()).await;
    world.tenant.inject(Fault::new(Matcher::on(RequestKind::UsersDelta), What::NonJson));
    world.authorize().await;
    world.tenant.clear_faults();
    world
}

fn lag(world: &World, changes: u64) {
    world.apply(Action::SetIndexLag { changes });
}

/// The first run succeeds with the true outcome, and the one after it finds nothing to do.
async fn first_run_succeeds(world: &World, settings: Value) -> Value {
    let run = world.set(settings.clone()).await;
    assert_eq!((&run["state"], &run["gaps"]), (&json!("succeeded"), &json!([])), "{run:#}");
    assert_eq!(run["reading"], "full");
    world.check(&settings).await;
    world.assert_idle().await;
    run
}

#[tokio::test]
async fn first_sync_succeeds_though_counters_lag() {
    for deleted in [1, 3, 8] {
        let world = unread().await;
        for user in world.ordinary_users().into_iter().take(deleted) {
            world.apply(Action::Delete { id: user });
        }
        lag(&world, deleted as u64);
        first_run_succeeds(&world, everything()).await;
    }
}

#[tokio::test]
async fn first_sync_succeeds_though_the_counter_of_groups_lags() {
    let world = unread().await;
    let group = world.apply(Action::CreateGroup(NewGroup::named("Gone", GroupKind::Security))).unwrap();
    world.apply(Action::Delete { id: group });
    lag(&world, 1);
    first_run_succeeds(&world, everything()).await;
}

#[tokio::test]
async fn list_that_lacks_one_user_fails_though_counters_lag() {
    let sample = Sample { users: 20, ..twenty() };
    let world = World::with_options(&sample, |options| options.paging.list_max = 19).await;
    world.tenant.inject(Fault::new(Matcher::on(RequestKind::UsersDelta), What::NonJson));
    world.authorize().await;
    world.tenant.clear_faults();
    let live = world.tenant.truth().users.into_iter().filter(|user| user.deleted.is_none()).count();
    assert_eq!(live, 20, "the second page has one user");
    lag(&world, 1);
    world.tenant.inject(Fault::new(Matcher::on(RequestKind::Users).page(2).times(1), What::EmptyPageNoLink));
    let run = world.set(everything()).await;
    assert_eq!(run["failure"]["code"], "list_cut_short", "{run:#}");
    world.tenant.clear_faults();
    assert_eq!(world.sync().await["state"], "succeeded");
    world.check(&everything()).await;
}

#[tokio::test]
async fn members_counted_after_they_left_are_no_members() {
    let world = unread().await;
    let group = world.apply(Action::CreateGroup(NewGroup::named("Leavers", GroupKind::Security))).unwrap();
    let users: Vec<Uuid> = world.ordinary_users().into_iter().take(3).collect();
    for user in &users {
        world.apply(Action::AddMember { group, member: *user });
    }
    world.apply(Action::RemoveMember { group, member: users[0] });
    lag(&world, 1);
    let mut settings = everything();
    settings["ignored_groups"] = json!([group]);
    first_run_succeeds(&world, settings).await;
}

/// A deleted member is in no doubt, however long it is counted.
#[tokio::test]
async fn deleted_members_still_counted_are_gone() {
    let world = unread().await;
    let group = world.apply(Action::CreateGroup(NewGroup::named("Leavers", GroupKind::Security))).unwrap();
    let users: Vec<Uuid> = world.ordinary_users().into_iter().take(3).collect();
    for user in &users {
        world.apply(Action::AddMember { group, member: *user });
    }
    world.apply(Action::Delete { id: users[0] });
    lag(&world, 1);
    let mut settings = everything();
    settings["ignored_groups"] = json!([group]);
    first_run_succeeds(&world, settings).await;
}

/// Neither the group's list nor the users' own lists of groups say for certain who has left. What was known of them stays.
#[tokio::test]
async fn known_members_in_doubt_stay_as_they_were() {
    let world = unread().await;
    let group = world.apply(Action::CreateGroup(NewGroup::named("Leavers", GroupKind::Security))).unwrap();
    let users: Vec<Uuid> = world.ordinary_users().into_iter().take(4).collect();
    for user in &users[..2] {
        world.apply(Action::AddMember { group, member: *user });
    }
    let mut settings = everything();
    settings["ignored_groups"] = json!([group]);
    first_run_succeeds(&world, settings.clone()).await;
    let published = world.active().await;

    // One leaves. Another one came and left between two runs.
    world.apply(Action::AddMember { group, member: users[2] });
    world.apply(Action::RemoveMember { group, member: users[2] });
    world.apply(Action::RemoveMember { group, member: users[0] });
    world.apply(Action::ResetDelta { answer: tenant::DeltaReset::ResyncRequired });
    lag(&world, 2);
    world.tenant.inject(Fault::new(Matcher::on(RequestKind::GroupsOf), What::EmptyPageNoLink));
    let run = world.sync().await;
    assert_eq!(run["state"], "completed_with_gaps", "{run:#}");
    assert_eq!(world.active().await, published);
    world.tenant.clear_faults();
    lag(&world, 0);
    assert_eq!(world.sync().await["state"], "succeeded");
    world.check(&settings).await;
    world.assert_idle().await;
}

/// Whether somebody has left is in doubt as above, and by new settings it would be a member who comes in.
#[tokio::test]
async fn whoever_may_have_left_is_not_let_in_by_new_settings() {
    let lab = Lab::start(&twenty(), |_| {}).await;
    let world = &lab.world;
    world.authorize().await;
    let group = world.apply(Action::CreateGroup(NewGroup::named("Leavers", GroupKind::Security))).unwrap();
    let users: Vec<Uuid> = world.ordinary_users().into_iter().take(2).collect();
    for user in &users {
        world.apply(Action::AddMember { group, member: *user });
    }
    let mut settings = everything();
    settings["ignored_groups"] = json!([group]);
    lab.change_settings(&settings).await;
    assert_eq!(lab.run().await["state"], "succeeded");

    world.apply(Action::RemoveMember { group, member: users[0] });
    world.apply(Action::ResetDelta { answer: tenant::DeltaReset::ResyncRequired });
    lag(world, 1);
    world.tenant.inject(Fault::new(Matcher::on(RequestKind::GroupsOf), What::EmptyPageNoLink));
    let mut settings = everything();
    settings["allowed_groups"] = json!([group]);
    lab.change_settings(&settings).await;
    let run = lab.run().await;
    assert_eq!(run["state"], "completed_with_gaps", "{run:#}");
    assert_eq!(world.user(users[0]).await["reason"], "membership_unknown");
    assert_eq!(world.active().await, BTreeSet::from([users[1]]));
    world.tenant.clear_faults();
    lag(world, 0);
    assert_eq!(lab.run().await["state"], "succeeded");
    world.check(&settings).await;
    lab.assert_idle().await;
}

/// Whether a group is still nested in an ignored one is in doubt as above, and somebody has joined it.
#[tokio::test]
async fn whoever_joins_group_that_may_be_nested_stays_as_decided() {
    let lab = Lab::start(&twenty(), |_| {}).await;
    let world = &lab.world;
    world.authorize().await;
    let [outer, inner] = ["Outer", "Inner"]
        .map(|name| world.apply(Action::CreateGroup(NewGroup::named(name, GroupKind::Security))).unwrap());
    let users: Vec<Uuid> = world.ordinary_users().into_iter().take(2).collect();
    world.apply(Action::AddMember { group: outer, member: inner });
    world.apply(Action::AddMember { group: inner, member: users[0] });
    let mut settings = everything();
    settings["ignored_groups"] = json!([outer]);
    settings["nested_groups"] = json!(true);
    lab.change_settings(&settings).await;
    assert_eq!(lab.run().await["state"], "succeeded");
    let before = world.active().await;
    assert!(before.contains(&users[1]) && !before.contains(&users[0]));

    world.apply(Action::AddMember { group: inner, member: users[1] });
    world.apply(Action::RemoveMember { group: outer, member: inner });
    world.apply(Action::ResetDelta { answer: tenant::DeltaReset::ResyncRequired });
    lag(world, 1);
    let run = lab.run().await;
    assert_eq!(run["state"], "completed_with_gaps", "{run:#}");
    assert_eq!(world.active().await, before);
    lag(world, 0);
    assert_eq!(lab.run().await["state"], "succeeded");
    world.check(&settings).await;
    lab.assert_idle().await;
}

/// No change tells of the users who were decided by a nesting in doubt, and the changes that ended it are known by then.
#[tokio::test]
async fn decisions_in_doubt_are_made_anew_when_it_is_over() {
    for runs_in_doubt in [1, 3] {
        let lab = Lab::start(&twenty(), |_| {}).await;
        let world = &lab.world;
        let [outer, inner] = ["Outer", "Inner"]
            .map(|name| world.apply(Action::CreateGroup(NewGroup::named(name, GroupKind::Security))).unwrap());
        let user = world.ordinary_users()[0];
        world.apply(Action::AddMember { group: outer, member: inner });
        world.apply(Action::AddMember { group: inner, member: user });
        world.authorize().await;
        lab.change_settings(&everything()).await;
        assert_eq!(lab.run().await["state"], "succeeded");
        let mut settings = everything();
        settings["ignored_groups"] = json!([outer]);
        settings["nested_groups"] = json!(true);
        lab.change_settings(&settings).await;
        assert_eq!(lab.run_by(Trigger::Settings).await["reading"], "mirror");
        assert_eq!(world.user(user).await["reason"], "member_of_ignored_group");

        world.apply(Action::RemoveMember { group: outer, member: inner });
        for _ in 0..runs_in_doubt {
            lag(world, 1);
            let run = lab.run().await;
            assert_eq!((&run["state"], &run["reading"]), (&json!("completed_with_gaps"), &json!("incremental")));
            assert_eq!(world.user(user).await["status"], "inactive");
        }
        lag(world, 0);
        assert_eq!(lab.run().await["state"], "succeeded");
        world.check(&settings).await;
        lab.assert_idle().await;
    }
}

/// A list that ended early shows nothing of it. It is compared with its counter once settings make it decide, and no more then.
#[tokio::test]
async fn list_cut_short_before_it_decided_is_completed_once_it_does() {
    let world = unread().await;
    let [outer, inner] = ["Outer", "Inner"]
        .map(|name| world.apply(Action::CreateGroup(NewGroup::named(name, GroupKind::Security))).unwrap());
    let users: Vec<Uuid> = world.ordinary_users().into_iter().take(4).collect();
    world.apply(Action::AddMember { group: outer, member: inner });
    for user in &users {
        world.apply(Action::AddMember { group: inner, member: *user });
    }
    let early = Fault::new(Matcher::on(RequestKind::Members).about(inner), What::EndsEarly { after: 1 });
    world.tenant.inject(early);
    world.authorize().await;
    world.set(everything()).await;
    world.tenant.clear_faults();
    let mut settings = everything();
    settings["ignored_groups"] = json!([outer]);
    settings["nested_groups"] = json!(true);
    let run = world.set(settings.clone()).await;
    assert_eq!((&run["reading"], &run["effort"]["graph_requests"]), (&json!("mirror"), &json!(0)), "{run:#}");
    let run = world.sync().await;
    assert_eq!((&run["state"], &run["reading"]), (&json!("succeeded"), &json!("incremental")), "{run:#}");
    assert_eq!(run["changes"]["deactivated"], users.len() - 1, "{run:#}");
    world.check(&settings).await;
    world.assert_idle().await;
}

/// Agents' accounts are users, whatever Graph calls their type: they are counted, listed, ignored and let in as users.
#[tokio::test]
async fn user_subtypes_are_users() {
    for subtype in ["agentUser", "userOfTheFuture"] {
        let world = World::unauthorized(&twenty()).await;
        let group = world.apply(Action::CreateGroup(NewGroup::named("Bots", GroupKind::Security))).unwrap();
        let create = |name: &str| {
            let new = NewUser { subtype: Some(subtype.to_owned()), ..NewUser::named(name) };
            world.apply(Action::CreateUser(new)).unwrap()
        };
        let bots = ["One", "Two", "Three"].map(create);
        for member in &bots[..2] {
            world.apply(Action::AddMember { group, member: *member });
        }
        let mut settings = everything();
        settings["ignored_groups"] = json!([group]);
        world.authorize().await;
        let run = world.set(settings.clone()).await;
        assert_eq!((&run["state"], &run["gaps"]), (&json!("succeeded"), &json!([])), "{run:#}");
        world.check(&settings).await;
        assert_eq!(world.user(bots[0]).await["status"], "inactive");

        // By changes, then by lists: one leaves, and one joins.
        for reset in [false, true] {
            let (leaves, joins) = if reset { (bots[2], bots[0]) } else { (bots[0], bots[2]) };
            world.apply(Action::RemoveMember { group, member: leaves });
            world.apply(Action::AddMember { group, member: joins });
            if reset {
                world.apply(Action::ResetDelta { answer: tenant::DeltaReset::ResyncRequired });
            }
            let run = world.sync().await;
            assert_eq!((&run["state"], &run["gaps"]), (&json!("succeeded"), &json!([])), "{run:#}");
            assert_eq!(run["warnings"], json!([]), "{run:#}");
            world.check(&settings).await;
            world.assert_idle().await;
        }
    }
}
