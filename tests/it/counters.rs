//! What runs cost in requests: what is asked of Graph and of the table, for what the tenant has changed.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::sync::Trigger;
use tenant::{Action, Fault, GroupKind, Matcher, NewGroup, NewUser, Sample, What};
use uuid::Uuid;

use crate::harness::everything;
use crate::lab::{Lab, Process, Sent};

/// A world that has synced with these settings and has nothing left to do.
async fn at_rest(sample: &Sample, settings: Value) -> Lab {
    let lab = Lab::start(sample, |_| {}).await;
    lab.world.authorize().await;
    lab.world.set(settings).await;
    lab.assert_idle().await;
    lab
}

/// A run's record, and what its process has sent to the table and to the secrets.
async fn observe(lab: &Lab, trigger: Trigger) -> (Value, Vec<Sent>) {
    let request = lab.request_by(trigger).await;
    lab.mailbox.take();
    let process = Process::undisturbed();
    lab.deliver(&request, &process).await;
    (lab.record(&request).await, process.sent())
}

#[tokio::test]
async fn a_run_without_changes_costs_two_requests_of_graph_and_eight_of_the_table() {
    let lab = at_rest(&Sample { users: 60, groups: 14, ..Sample::default() }, everything()).await;
    let (run, sent) = observe(&lab, Trigger::Schedule).await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    assert_eq!(run["effort"]["graph_requests"], 2, "{run:#}");
    // The run before has left its access token, so that neither the secrets nor the login are asked.
    assert!(sent.len() <= 8, "{} requests: {sent:#?}", sent.len());
    assert!(!sent.iter().any(Sent::is_about_records), "a record is read or written: {sent:#?}");
}

#[tokio::test]
async fn a_full_reading_asks_for_each_list_once() {
    let (users, groups, members) = (2_500, 50, 250);
    let sample = Sample { users, groups, memberships_per_group: members, ..Sample::default() };
    let lab = Lab::start(&sample, |_| {}).await;
    let truth = lab.world.tenant.truth();
    let existing = truth.users.iter().filter(|user| user.deleted.is_none()).map(|user| user.id);
    // Besides the sample's own groups: one without members, and one that takes two pages.
    let empty = Uuid::from_u128(0xE);
    let large = Uuid::from_u128(0xF);
    for (id, name) in [(empty, "Nobody"), (large, "Very Many")] {
        lab.world.apply(Action::CreateGroup(NewGroup { id: Some(id), ..NewGroup::named(name, GroupKind::Security) }));
    }
    for user in existing.take(1_200) {
        lab.world.apply(Action::AddMember { group: large, member: user });
    }
    lab.world.authorize().await;
    let runs = lab.world.get("runs").await;
    let run = &runs["items"][0];
    assert_eq!((&run["state"], &run["reading"]), (&json!("succeeded"), &json!("full")), "{run:#}");

    let truth = lab.world.tenant.truth();
    let exists: BTreeSet<Uuid> = truth.users.iter().filter(|user| user.deleted.is_none()).map(|user| user.id).collect();
    let pages = |objects: usize| objects.div_ceil(999).max(1);
    let lists = pages(truth.users.len()) + pages(truth.groups.len());
    let members: usize = truth.groups.iter().map(|group| pages(group.members.len())).sum();
    // Lists that have several pages are compared with three counters, and empty ones with one, unless it counts somebody.
    let listed = |group: &tenant::TrueGroup| group.members.iter().filter(|member| exists.contains(&member.id)).count();
    let compared = truth.groups.iter().filter(|group| group.deleted.is_none()).map(|group| match listed(group) {
        0 if group.members.is_empty() => 1,
        0 | 1_000.. => 3,
        _ => 0,
    });
    let counters: usize = compared.sum();
    let asked = run["effort"]["graph_requests"].as_u64().unwrap();
    let expected = lists + members + counters + 6;
    assert!(asked <= expected as u64, "{asked} requests for {lists} + {members} pages and {counters} counters");
    assert!(truth.groups.iter().any(|group| group.members.is_empty()));
    lab.assert_idle().await;
}

/// A team of three, the same in every tenant.
fn team() -> (Uuid, [Uuid; 3]) {
    (Uuid::from_u128(0xF), [0xA, 0xB, 0xC].map(Uuid::from_u128))
}

fn hire(lab: &Lab, group: Uuid, user: Uuid) {
    lab.world.apply(Action::CreateUser(NewUser { id: Some(user), ..NewUser::named("Just Joined") }));
    lab.world.apply(Action::AddMember { group, member: user });
}

/// What changes cost in a tenant of so many users: requests of Graph, requests of the table, items written.
async fn cost_of_changes(users: usize) -> (u64, usize, u64) {
    let lab = at_rest(&Sample { users, groups: 14, ..Sample::default() }, everything()).await;
    let (group, members) = team();
    lab.world.apply(Action::CreateGroup(NewGroup { id: Some(group), ..NewGroup::named("Team", GroupKind::Security) }));
    for user in members {
        hire(&lab, group, user);
    }
    lab.run().await;

    hire(&lab, group, Uuid::from_u128(0xD));
    for change in [
        Action::DisableUser { user: members[0] },
        Action::Delete { id: members[1] },
        Action::Rename { id: members[2], display_name: "Married Name".to_owned() },
    ] {
        lab.world.apply(change);
    }
    let (run, sent) = observe(&lab, Trigger::Schedule).await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    lab.assert_idle().await;
    let effort = |name: &str| run["effort"][name].as_u64().unwrap();
    (effort("graph_requests"), sent.len(), effort("items_written"))
}

#[tokio::test]
async fn changes_cost_the_same_however_large_the_tenant_is() {
    let (small, large) = (cost_of_changes(200).await, cost_of_changes(3_000).await);
    let ((graph, requests, items), large) = (small, large);
    // Of a longer list, users who changed may be in different items.
    let most = (graph, requests + 4, items + 4);
    assert!(large.0 == graph && large.1 <= most.1 && large.2 <= most.2, "{small:?}, but {large:?}");
}

/// Two groups that somebody is in.
fn two_groups(lab: &Lab) -> [Uuid; 2] {
    let staff: BTreeSet<Uuid> = lab.staff.iter().copied().collect();
    let truth = lab.world.tenant.truth();
    let has_staff = |group: &&tenant::TrueGroup| group.members.iter().any(|member| staff.contains(&member.id));
    let mut groups = truth.groups.iter().filter(has_staff).map(|group| group.id);
    [groups.next().unwrap(), groups.next().unwrap()]
}

fn ignoring(group: Uuid) -> Value {
    let mut settings = everything();
    settings["ignored_groups"] = json!([group]);
    settings
}

#[tokio::test]
async fn new_settings_are_applied_without_a_request_of_graph_even_while_microsoft_is_down() {
    let lab = at_rest(&Sample { users: 60, groups: 14, ..Sample::default() }, everything()).await;
    let [group, _] = two_groups(&lab);
    let before = lab.world.api.get(&format!("/api/v1/directories/{}", lab.world.directory)).await.unwrap();
    let asked = lab.world.tenant.requests().len();
    lab.world.tenant.inject(Fault::new(Matcher::any(), What::Disconnect));
    lab.change_settings(&ignoring(group)).await;
    let (run, sent) = observe(&lab, Trigger::Settings).await;
    assert_eq!((&run["state"], &run["reading"]), (&json!("succeeded"), &json!("mirror")), "{run:#}");
    assert_eq!(run["effort"]["graph_requests"], 0, "{run:#}");
    assert_eq!(lab.world.tenant.requests().len(), asked, "neither Graph nor the login is asked for anything");
    assert!(run["changes"]["deactivated"].as_u64().unwrap() > 0, "{run:#}");
    assert!(run["effort"]["items_written"].as_u64() <= run["changes"]["users_changed"].as_u64(), "{run:#}");
    assert!(sent.len() < 100, "{}", sent.len());
    lab.world.check(&ignoring(group)).await;
    let after = lab.world.api.get(&format!("/api/v1/directories/{}", lab.world.directory)).await.unwrap();
    assert_eq!(after["published_at"], before["published_at"], "what is known of the tenant is as old as before");

    let (again, _) = observe(&lab, Trigger::Settings).await;
    assert_eq!((&again["state"], &again["effort"]["items_written"]), (&json!("succeeded"), &json!(0)), "{again:#}");
    lab.world.tenant.clear_faults();
    lab.assert_idle().await;
}

#[tokio::test]
async fn settings_that_name_a_group_nobody_has_seen_are_applied_with_a_look_at_the_tenant() {
    let lab = at_rest(&Sample { users: 60, groups: 14, ..Sample::default() }, everything()).await;
    let group = Uuid::from_u128(0xF);
    lab.world.apply(Action::CreateGroup(NewGroup { id: Some(group), ..NewGroup::named("New", GroupKind::Security) }));
    lab.world.apply(Action::AddMember { group, member: lab.staff[0] });
    lab.change_settings(&ignoring(group)).await;
    let (run, _) = observe(&lab, Trigger::Settings).await;
    assert_eq!((&run["state"], &run["reading"]), (&json!("succeeded"), &json!("incremental")), "{run:#}");
    assert_eq!(run["changes"]["deactivated"], 1, "{run:#}");
    lab.world.check(&ignoring(group)).await;
    lab.assert_idle().await;
}
