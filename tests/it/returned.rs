//! Users and groups that are deleted and come back, with memberships that changed just before, meanwhile and just after.
//!
//! The tenant shows them again without a word about their memberships.

use std::time::Duration;

use serde_json::{Value, json};
use tenant::{Action, Fault, GroupKind, Matcher, NewGroup, NewUser, RequestKind, What};
use uuid::Uuid;

use crate::harness::{World, everything, small};
use crate::lab::{Lab, Process, tiny};

const TEAM: Uuid = Uuid::from_u128(0xA);
const OUTER: Uuid = Uuid::from_u128(0xB);

fn create(world: &World, id: Uuid, name: &str, kind: GroupKind) {
    world.apply(Action::CreateGroup(NewGroup { id: Some(id), ..NewGroup::named(name, kind) }));
}

fn add(world: &World, group: Uuid, member: Uuid) {
    world.apply(Action::AddMember { group, member });
}

fn remove(world: &World, group: Uuid, member: Uuid) {
    world.apply(Action::RemoveMember { group, member });
}

fn delete(world: &World, id: Uuid) {
    world.apply(Action::Delete { id });
}

fn restore(world: &World, id: Uuid) {
    world.apply(Action::Restore { id });
}

fn ignoring(group: Uuid) -> Value {
    json!({"sync_users": true, "sync_groups": true, "sync_groups_without_email": true, "nested_groups": true,
           "ignored_groups": [group]})
}

/// A world that ignores the team, after something has happened to it and its three users.
async fn world(before_the_first_run: impl FnOnce(&World, &[Uuid])) -> (World, Vec<Uuid>) {
    let world = World::unauthorized(&small()).await;
    create(&world, TEAM, "Team", GroupKind::Security);
    let users = world.ordinary_users()[..3].to_vec();
    before_the_first_run(&world, &users);
    world.authorize().await;
    world.set(ignoring(TEAM)).await;
    (world, users)
}

#[tokio::test]
async fn users_deleted_before_the_first_run_come_back_with_their_memberships() {
    let (world, users) = world(|world, users| {
        add(world, TEAM, users[0]);
        delete(world, users[0]);
    })
    .await;
    restore(&world, users[0]);
    let run = world.sync_and_check(&ignoring(TEAM)).await;
    assert_eq!(run["reading"], "incremental", "{run:#}");
    assert_eq!(world.user(users[0]).await["reason"], "member_of_ignored_group");
}

#[tokio::test]
async fn memberships_changed_around_a_deletion_are_as_they_are_after_the_restore() {
    let (world, users) = world(|world, users| {
        add(world, TEAM, users[0]);
        add(world, TEAM, users[1]);
    })
    .await;
    // Just before.
    remove(&world, TEAM, users[1]);
    add(&world, TEAM, users[2]);
    for user in &users {
        delete(&world, *user);
    }
    world.sync().await;
    // Meanwhile, and without a word.
    remove(&world, TEAM, users[0]);
    world.sync().await;
    for user in &users {
        restore(&world, *user);
    }
    // Just after.
    add(&world, TEAM, users[1]);
    world.sync_and_check(&ignoring(TEAM)).await;
    let reasons = [world.user(users[0]).await, world.user(users[1]).await, world.user(users[2]).await];
    let ignored = json!("member_of_ignored_group");
    assert_eq!(reasons.map(|user| user["reason"].clone()), [Value::Null, ignored.clone(), ignored]);
}

#[tokio::test]
async fn user_who_was_away_between_two_runs_is_read_again() {
    let (world, users) = world(|world, users| add(world, TEAM, users[0])).await;
    world.sync_and_check(&ignoring(TEAM)).await;
    delete(&world, users[0]);
    remove(&world, TEAM, users[0]);
    restore(&world, users[0]);
    world.sync_and_check(&ignoring(TEAM)).await;
    assert_eq!(world.user(users[0]).await["status"], "active");
}

#[tokio::test]
async fn group_that_was_away_between_two_runs_is_read_again() {
    let (world, users) = world(|world, users| {
        create(world, OUTER, "Inner", GroupKind::Security);
        add(world, OUTER, users[0]);
        add(world, TEAM, OUTER);
    })
    .await;
    world.sync_and_check(&ignoring(TEAM)).await;
    assert_eq!(world.user(users[0]).await["reason"], "member_of_ignored_group");
    delete(&world, OUTER);
    remove(&world, TEAM, OUTER);
    restore(&world, OUTER);
    world.sync_and_check(&ignoring(TEAM)).await;
    assert_eq!(world.user(users[0]).await["status"], "active");
}

#[tokio::test]
async fn restored_groups_have_their_members_and_nestings_whatever_was_known_of_them() {
    for kind in [GroupKind::Microsoft365, GroupKind::Security] {
        for is_known in [true, false] {
            let (world, users) = world(|world, users| {
                create(world, OUTER, "Outer", kind);
                add(world, OUTER, users[0]);
                add(world, OUTER, users[1]);
                add(world, TEAM, OUTER);
                if !is_known {
                    delete(world, OUTER);
                }
            })
            .await;
            if is_known {
                add(&world, OUTER, users[2]);
                delete(&world, OUTER);
                let held = world.sync().await;
                assert_eq!(held["state"], "held", "a group nested in an ignored one vanishes: {held:#}");
                world.approve(&held).await;
            }
            restore(&world, OUTER);
            remove(&world, OUTER, users[1]);
            world.sync_and_check(&ignoring(TEAM)).await;
            let reason = world.user(users[0]).await["reason"].clone();
            assert_eq!(reason, "member_of_ignored_group", "{kind:?}, known: {is_known}");
        }
    }
}

#[tokio::test]
async fn first_lists_of_restored_objects_that_end_early_are_not_believed() {
    let untrue = || What::Status { code: 200, retry_after: None, body: Some(json!({"value": []})) };
    // Of a user of whom nothing is known.
    let (world, users) = world(|world, users| {
        add(world, TEAM, users[0]);
        delete(world, users[0]);
    })
    .await;
    restore(&world, users[0]);
    world.tenant.inject(Fault::new(Matcher::on(RequestKind::GroupsOf).about(users[0]), untrue()));
    let run = world.sync().await;
    assert_eq!(run["state"], "completed_with_gaps", "{run:#}");
    assert!(!world.active().await.contains(&users[0]), "nobody knows yet who that is");
    world.tenant.clear_faults();
    world.sync_and_check(&ignoring(TEAM)).await;

    // Of a group that has groups only, and of one that is nested in it.
    for (about, kind) in [(TEAM, RequestKind::Members), (OUTER, RequestKind::GroupsOf)] {
        let (world, users) = self::world(|world, users| {
            create(world, OUTER, "Inner", GroupKind::Security);
            add(world, OUTER, users[0]);
            add(world, TEAM, OUTER);
            delete(world, about);
        })
        .await;
        assert_eq!(world.user(users[0]).await["status"], "active");
        restore(&world, about);
        world.tenant.inject(Fault::new(Matcher::on(kind).about(about), untrue()));
        let run = world.sync().await;
        assert_eq!(run["state"], "completed_with_gaps", "{about} {run:#}");
        world.tenant.clear_faults();
        world.sync_and_check(&ignoring(TEAM)).await;
        assert_eq!(world.user(users[0]).await["reason"], "member_of_ignored_group", "{about}");
    }
}

/// A list that has everything that was known, and ends before what was added meanwhile.
#[tokio::test]
async fn lists_of_restored_objects_that_end_before_something_new_are_not_believed() {
    let only = |group: Uuid| {
        let body = json!({"value": [{"@odata.type": "#microsoft.graph.group", "id": group}]});
        What::Status { code: 200, retry_after: None, body: Some(body) }
    };
    let inner = Uuid::from_u128(0xD);
    for is_user in [true, false] {
        let (world, users) = world(|world, users| {
            create(world, OUTER, "Outer", GroupKind::Security);
            create(world, inner, "Inner", GroupKind::Security);
            add(world, OUTER, inner);
            add(world, OUTER, users[0]);
            add(world, inner, users[1]);
        })
        .await;
        let (away, concerned) = if is_user { (users[0], users[0]) } else { (inner, users[1]) };
        assert_eq!(world.user(concerned).await["status"], "active");
        add(&world, TEAM, away);
        delete(&world, away);
        world.sync().await;
        restore(&world, away);
        world.tenant.inject(Fault::new(Matcher::on(RequestKind::GroupsOf).about(away), only(OUTER)));
        let run = world.sync().await;
        assert_eq!(run["state"], "completed_with_gaps", "{away}: {run:#}");
        world.tenant.clear_faults();
        world.sync_and_check(&ignoring(TEAM)).await;
        assert_eq!(world.user(concerned).await["reason"], "member_of_ignored_group", "{away}");
    }
}

#[tokio::test]
async fn a_user_who_comes_costs_a_list_and_a_counter() {
    let (world, users) = world(|world, users| add(world, TEAM, users[0])).await;
    delete(&world, users[0]);
    world.sync().await;
    restore(&world, users[0]);
    let run = world.sync().await;
    assert_eq!(run["effort"]["graph_requests"], 4, "{run:#}");
    world.apply(Action::CreateUser(NewUser::named("Just Joined")));
    let run = world.sync_and_check(&ignoring(TEAM)).await;
    assert_eq!(run["effort"]["graph_requests"], 4, "{run:#}");
    world.apply(Action::Rename { id: users[0], display_name: "Married Name".to_owned() });
    let run = world.sync_and_check(&ignoring(TEAM)).await;
    assert_eq!(run["effort"]["graph_requests"], 2, "a change of a known user costs none: {run:#}");
}

#[tokio::test]
async fn very_many_returning_at_once_lead_to_a_full_reading() {
    let (world, _) = world(|_, _| {}).await;
    for number in 0..1_001 {
        world.apply(Action::CreateUser(NewUser::named(format!("New Person {number}"))));
    }
    let run = world.sync().await;
    assert_eq!((&run["state"], &run["full_reason"]), (&json!("succeeded"), &json!("many_returned")), "{run:#}");
    assert_eq!(world.tenant.summary().count(RequestKind::GroupsOf), 0);
    world.check(&ignoring(TEAM)).await;
    world.assert_idle().await;
}

#[tokio::test]
async fn a_restored_user_whose_memberships_cannot_be_read_stays_as_it_was() {
    let status = |code| What::Status { code, retry_after: None, body: None };
    for (what, state) in [
        (status(403), "completed_with_gaps"),
        (What::NotFound, "completed_with_gaps"),
        (What::MissingValue, "completed_with_gaps"),
        // Nothing in it shows that it is not true, but the tenant counts one.
        (What::EmptyPageNoLink, "completed_with_gaps"),
        (status(500), "failed"),
    ] {
        let (world, users) = world(|world, users| add(world, TEAM, users[0])).await;
        delete(&world, users[0]);
        world.sync().await;
        restore(&world, users[0]);
        world.tenant.inject(Fault::new(Matcher::on(RequestKind::GroupsOf).about(users[0]), what.clone()));
        let run = world.sync().await;
        assert_eq!(run["state"], state, "{what:?}: {run:#}");
        assert_eq!(world.user(users[0]).await["reason"], "deleted", "{what:?}");
        assert!(world.credentials().await.values().all(|credential| credential["state"] == "working"));
        world.tenant.clear_faults();
        world.sync_and_check(&ignoring(TEAM)).await;
        assert_eq!(world.user(users[0]).await["reason"], "member_of_ignored_group", "{what:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_while_memberships_are_read_repeats_none_of_it() {
    let mut lab = Lab::start(&tiny(), |_| {}).await.saving_every(Duration::ZERO);
    lab.world.authorize().await;
    lab.world.set(everything()).await;
    let users: Vec<Uuid> = lab.staff[..4].to_vec();
    for user in &users {
        delete(&lab.world, *user);
    }
    assert_eq!(lab.run().await["state"], "succeeded");
    for user in &users {
        restore(&lab.world, *user);
    }
    lab.world.tenant.forget_requests();
    let busy = What::Status { code: 429, retry_after: Some(800), body: None };
    lab.world.tenant.inject(Fault::new(Matcher::on(RequestKind::GroupsOf).about(users[3]).nth(1), busy));
    lab.time = Some(Duration::from_mins(10));
    let request = lab.request().await;
    lab.deliver(&request, &Process::undisturbed()).await;
    assert_eq!(lab.record(&request).await["state"], "paused");
    lab.settle().await;
    let run = lab.record(&request).await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    let requests = lab.world.tenant.requests();
    let answered = |user: &Uuid| {
        let of_user = |seen: &&tenant::Seen| seen.kind == RequestKind::GroupsOf && seen.object == Some(*user);
        requests.iter().filter(of_user).filter(|seen| seen.status == 200).count()
    };
    // The pause may reach those that are under way, but none that was read is read again.
    assert!(users.iter().all(|user| answered(user) <= 2), "{requests:#?}");
    assert_eq!(requests.iter().filter(|seen| seen.kind == RequestKind::UsersDelta).count(), 1, "{requests:#?}");
    lab.world.check(&everything()).await;
    lab.assert_idle().await;
}
