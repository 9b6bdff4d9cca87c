//! Groups whose members cannot be read: unknown is never nobody.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};
use shared::access::Scope;
use shared::alerts::{Change, Condition};
use shared::session::Role;
use tenant::{
    ALL_EMPLOYEES, Action, CONTRACTORS, Fault, GroupKind, Matcher, MemberKind, NewGroup, NewUser, RequestKind,
    SERVICE_ACCOUNTS, What,
};
use uuid::Uuid;

use crate::harness::{World, everything, small};
use crate::openapi::described;
use crate::pages::visit::Visitor;
use crate::tokens;

/// Settings that ignore or allow these groups.
fn settings(list: &str, groups: &[Uuid], nested: bool) -> Value {
    let mut settings = everything();
    settings[list] = json!(groups);
    settings["nested_groups"] = nested.into();
    settings
}

fn named(world: &World, name: &str) -> Uuid {
    world.tenant.group_named(name).unwrap()
}

fn hide(world: &World, group: Uuid) {
    world.apply(Action::SetProperty { id: group, property: "visibility".into(), value: "HiddenMembership".into() });
}

/// Lets the first administrator's tokens see hidden members from now on.
fn reveal(world: &World) {
    world.apply(Action::ConsentScopes { scopes: BTreeSet::from(["Member.Read.Hidden".to_owned()]) });
    world.apply(Action::ExpireAccessTokens { administrator: None });
}

/// Somebody of a kind that nobody knows joins a group.
fn stranger_joins(world: &World, group: Uuid) -> Uuid {
    let kind = MemberKind::Unknown("somethingNew".into());
    let strange = Action::CreateOther { id: None, kind, display_name: "Strange".to_owned() };
    let member = world.apply(strange).unwrap();
    world.apply(Action::AddMember { group, member });
    member
}

/// A group that hides these members from the start.
fn secret(world: &World, members: &[Uuid]) -> Uuid {
    let new = NewGroup { hidden: true, ..NewGroup::named("Secret Circle", GroupKind::Microsoft365) };
    let group = world.apply(Action::CreateGroup(new)).unwrap();
    for member in members {
        world.apply(Action::AddMember { group, member: *member });
    }
    group
}

async fn statuses(world: &World) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    world.list("users").await.iter().map(|user| (text(&user["id"]), text(&user["status"]))).collect()
}

/// The status of an answer, and its body.
async fn get(world: &World, path: &str) -> (u16, Value) {
    call(world, Method::GET, path, None).await
}

async fn put_settings(world: &World, settings: &Value) -> (u16, Value) {
    call(world, Method::PUT, &world.path("settings"), Some(settings)).await
}

async fn call(world: &World, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
    let token = tokens::token_of(world, Scope::Admin, None).await;
    let url = world.stack.base_url.join(path).unwrap();
    let of = method.to_string();
    let request = shared::http::client(b"").unwrap().request(method, url).bearer_auth(token);
    let request = body.into_iter().fold(request, |request, body| request.json(body));
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    let body = response.json().await.unwrap();
    described::check_body(&of, path, &status.to_string(), &kind, &body);
    (status, body)
}

async fn directory(world: &World) -> Value {
    world.api.get(&format!("/api/v1/directories/{}", world.directory)).await.unwrap()
}

/// A run tells of the group as unknown, and what is written by the next run is nothing.
async fn is_reported(world: &World, group: Uuid) {
    let run = world.sync().await;
    assert_eq!(run["state"], "completed_with_gaps", "{run:#}");
    let gap = run["gaps"].to_string();
    assert!(gap.contains(&group.to_string()) && gap.contains("Member.Read.Hidden"), "{gap}");
    let directory = directory(world).await;
    assert_eq!(directory["status"], "degraded", "{directory:#}");
    assert_eq!(directory["unknown_groups"], json!([{ "group": group, "cause": "hidden" }]));
    let again = world.sync().await;
    assert_eq!((&again["state"], &again["effort"]["items_written"]), (&run["state"], &json!(0)), "{again:#}");
}

/// A listed group begins to hide its members, who then change: nothing becomes of that until they can be read again.
async fn keeps_decisions(list: &str, group: &str, nested: bool) {
    let world = World::synced(&small(), everything()).await;
    let inner = named(&world, group);
    let listed = if nested {
        let outer = world.apply(Action::CreateGroup(NewGroup::named("Outer", GroupKind::Security))).unwrap();
        world.apply(Action::AddMember { group: outer, member: inner });
        world.sync().await;
        outer
    } else {
        inner
    };
    let settings = settings(list, &[listed], nested);
    // More would be held.
    let mut loose = settings.clone();
    loose["safety_limit"] = json!({"percent": 100, "at_least": 1});
    let run = world.set(loose.clone()).await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    world.check(&loose).await;
    world.alerts.take();
    let before = statuses(&world).await;
    assert!(before.iter().any(|(_, status)| status == "active"), "nothing could go wrong");

    hide(&world, inner);
    is_reported(&world, inner).await;
    let told: Vec<_> = world.alerts.take().into_iter().map(|alert| (alert.change, alert.condition)).collect();
    let gaps = Condition::Gaps { groups: BTreeSet::from([inner.to_string().parse().unwrap()]) };
    assert_eq!(told, [(Change::Opened, gaps.clone())]);
    let members = world.members_of(inner);
    let others: Vec<Uuid> = world.ordinary_users().into_iter().filter(|user| !members.contains(user)).collect();
    world.apply(Action::RemoveMember { group: inner, member: members[0] });
    world.apply(Action::AddMember { group: inner, member: others[0] });
    let new = world.apply(Action::CreateUser(NewUser::named("New Colleague"))).unwrap();
    is_reported(&world, inner).await;
    let mut after = statuses(&world).await;
    after.retain(|(id, _)| *id != new.to_string());
    assert_eq!(after, before, "no decision changes");
    let entry = world.user(new).await;
    assert_eq!((&entry["status"], &entry["reason"]), (&json!("inactive"), &json!("membership_unknown")), "{entry:#}");
    assert_eq!(entry["why_is_current"], true, "{entry:#}");
    world.apply(Action::ResetDelta { answer: tenant::DeltaReset::ResyncRequired });
    is_reported(&world, inner).await;

    reveal(&world);
    let run = world.sync().await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    world.check(&loose).await;
    assert_eq!(world.sync().await["effort"]["items_written"], 0);
    let told: Vec<_> = world.alerts.take().into_iter().map(|alert| (alert.change, alert.condition)).collect();
    assert_eq!(told, [(Change::Recovered, gaps)]);
}

#[tokio::test]
async fn each_listed_group_that_becomes_hidden_sends_an_alert() {
    let world = World::synced(&small(), everything()).await;
    let groups = [SERVICE_ACCOUNTS, CONTRACTORS].map(|name| named(&world, name));
    let mut settings = settings("ignored_groups", &groups, false);
    settings["safety_limit"] = json!({"percent": 100, "at_least": 1});
    world.set(settings).await;
    world.alerts.take();
    let mut unknown = BTreeSet::new();
    for group in groups {
        hide(&world, group);
        world.sync().await;
        unknown.insert(group.to_string().parse().unwrap());
        let told: Vec<_> = world.alerts.take().into_iter().map(|alert| (alert.change, alert.condition)).collect();
        assert_eq!(told, [(Change::Opened, Condition::Gaps { groups: unknown.clone() })]);
        world.sync().await;
        assert!(world.alerts.take().is_empty(), "told once");
    }
}

#[tokio::test]
async fn ignored_group_that_becomes_hidden_keeps_decisions() {
    keeps_decisions("ignored_groups", SERVICE_ACCOUNTS, false).await;
}

#[tokio::test]
async fn allowed_group_that_becomes_hidden_keeps_decisions() {
    keeps_decisions("allowed_groups", CONTRACTORS, false).await;
}

#[tokio::test]
async fn nested_group_that_becomes_hidden_keeps_decisions() {
    keeps_decisions("ignored_groups", SERVICE_ACCOUNTS, true).await;
    keeps_decisions("allowed_groups", CONTRACTORS, true).await;
}

#[tokio::test]
async fn first_sync_with_hidden_listed_group_lets_nobody_in_by_it() {
    let world = World::unauthorized(&small()).await;
    let hidden = secret(&world, &world.ordinary_users()[..2]);
    // The settings are stored before anything is known of the group.
    world
        .tenant
        .inject(tenant::Fault::new(tenant::Matcher::on(tenant::RequestKind::UsersDelta), tenant::What::NonJson));
    world.authorize().await;
    let ignoring = settings("ignored_groups", &[hidden], false);
    world.set(ignoring.clone()).await;
    world.tenant.clear_faults();
    is_reported(&world, hidden).await;
    assert_eq!(world.active().await, BTreeSet::new(), "anyone may be in it");
    reveal(&world);
    let run = world.sync().await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    world.check(&ignoring).await;
}

#[tokio::test]
async fn settings_that_depend_on_hidden_members_are_refused() {
    let world = World::synced(&small(), everything()).await;
    let users = world.ordinary_users();
    let hidden = secret(&world, &users[..2]);
    let outer = world.apply(Action::CreateGroup(NewGroup::named("Outer", GroupKind::Security))).unwrap();
    world.apply(Action::AddMember { group: outer, member: hidden });
    world.sync_and_check(&everything()).await;
    let (before, active) = (world.get("settings").await, world.active().await);
    let visible = named(&world, ALL_EMPLOYEES);
    for (list, groups, nested) in [
        ("ignored_groups", vec![hidden], false),
        ("allowed_groups", vec![hidden], false),
        ("allowed_groups", vec![visible, hidden], false),
        ("ignored_groups", vec![outer], true),
        ("allowed_groups", vec![outer], true),
    ] {
        let refused = put_settings(&world, &settings(list, &groups, nested)).await.1;
        assert_eq!(refused["type"], "urn:office365-sync:problem:invalid-settings", "{refused:#}");
        let fault = &refused["errors"][0];
        assert_eq!(fault["field"], list, "{refused:#}");
        let said = fault.to_string();
        assert!(said.contains("Member.Read.Hidden") && said.contains(&hidden.to_string()), "{said}");
    }
    assert_eq!((world.get("settings").await, world.active().await), (before, active));
    // Without nesting, what is in the inner group does not matter.
    let run = world.set(settings("ignored_groups", &[outer], false)).await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    // A group that is listed already does not stand in the way of other settings.
    hide(&world, outer);
    is_reported(&world, outer).await;
    let mut more = settings("ignored_groups", &[outer], false);
    more["group_prefixes"] = json!(["Team "]);
    world.set(more.clone()).await;
    // Once its members are known, the hidden group can be listed too.
    reveal(&world);
    more["ignored_groups"] = json!([outer, hidden]);
    world.apply(Action::ResetDelta { answer: tenant::DeltaReset::ResyncRequired });
    world.sync().await;
    world.set(more.clone()).await;
    world.check(&more).await;
}

#[tokio::test]
async fn consumers_are_told_that_members_are_unknown() {
    let world = World::synced(&small(), everything()).await;
    let user = world.ordinary_users()[0];
    let hidden = secret(&world, &[user]);
    world.sync_and_check(&everything()).await;
    let entry = world.get(&format!("groups/{hidden}")).await;
    assert_eq!(
        (&entry["membership"], &entry["members"], &entry["groups"]),
        (&json!("unknown"), &json!(null), &json!(null))
    );
    for path in [
        format!("groups/{hidden}/members"),
        format!("users?group={hidden}"),
        format!("users/{user}/access?group={hidden}"),
        "exports/members?limit=1000".to_owned(),
        "exports/members?format=csv&limit=1000".to_owned(),
    ] {
        let (status, problem) = get(&world, &world.path(&path)).await;
        assert_eq!(
            (status, &problem["type"]),
            (409, &json!("urn:office365-sync:problem:membership-unknown")),
            "{path}"
        );
        assert!(problem["detail"].as_str().unwrap().contains(&hidden.to_string()), "{problem:#}");
    }
    let scim = format!("/scim/v2/{}", world.directory);
    for path in [
        format!("{scim}/Groups/{hidden}"),
        format!("{scim}/Groups"),
        format!("{scim}/Groups?cursor=&count=500"),
        format!("{scim}/Users?filter=groups+eq+%22{hidden}%22"),
    ] {
        let (status, problem) = get(&world, &path).await;
        assert_eq!((status, &problem["status"]), (409, &json!("409")), "{path}: {problem:#}");
        assert_eq!(problem["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error");
    }
    let listed = world.api.get(&format!("{scim}/Groups?excludedAttributes=members")).await.unwrap();
    assert!(listed["Resources"].to_string().contains(&hidden.to_string()), "without members it is listed");
    // A gate lets in only who is known to be in the group.
    let (status, _) = get(&world, &world.path(&format!("users/{user}/access?group={hidden}&answer=status"))).await;
    assert_eq!(status, 403);

    reveal(&world);
    world.apply(Action::ResetDelta { answer: tenant::DeltaReset::ResyncRequired });
    world.sync().await;
    let entry = world.get(&format!("groups/{hidden}")).await;
    assert_eq!((&entry["membership"], &entry["members"]), (&json!("known"), &json!(1)));
    world.check(&everything()).await;
}

#[tokio::test]
async fn an_account_that_sees_hidden_members_knows_an_empty_group() {
    let world = World::unauthorized(&small()).await;
    world.apply(Action::ConsentScopes { scopes: BTreeSet::from(["Member.Read.Hidden".to_owned()]) });
    let hidden = secret(&world, &[]);
    world.authorize().await;
    let ignoring = settings("ignored_groups", &[hidden], false);
    let run = world.set(ignoring.clone()).await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    assert_eq!(world.get(&format!("groups/{hidden}")).await["members"], 0);
    // Another one, found by the changes.
    let later = secret(&world, &[]);
    let run = world.sync().await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    assert_eq!(world.get(&format!("groups/{later}")).await["members"], 0);
    world.apply(Action::AddMember { group: hidden, member: world.ordinary_users()[0] });
    world.sync().await;
    assert_eq!(world.get(&format!("groups/{hidden}")).await["members"], 1);
    // The account loses the role that shows them.
    let administrator = world.tenant.administrators()[0].id;
    world.apply(Action::Appoint { user: administrator, roles: BTreeSet::new() });
    let before = statuses(&world).await;
    is_reported(&world, hidden).await;
    assert_eq!(statuses(&world).await, before);
}

/// No change tells who is in it, so the list is all there is.
#[tokio::test]
async fn hidden_group_that_is_out_of_reach_for_now_keeps_decisions() {
    let world = World::unauthorized(&small()).await;
    world.apply(Action::ConsentScopes { scopes: BTreeSet::from(["Member.Read.Hidden".to_owned()]) });
    let member = world.ordinary_users()[0];
    let hidden = secret(&world, &[member]);
    world.authorize().await;
    let ignoring = settings("ignored_groups", &[hidden], false);
    world.set(ignoring.clone()).await;
    world.check(&ignoring).await;
    for kind in [RequestKind::Members, RequestKind::Count] {
        let unavailable = What::Status { code: 503, retry_after: None, body: None };
        world.tenant.inject(Fault::new(Matcher::on(kind).about(hidden), unavailable));
        world.apply(Action::RemoveMember { group: hidden, member });
        let before = statuses(&world).await;
        let run = world.sync().await;
        assert_eq!(run["state"], "completed_with_gaps", "{kind:?}: {run:#}");
        assert!(run["gaps"].to_string().contains(&hidden.to_string()), "{run:#}");
        assert_eq!(directory(&world).await["unknown_groups"], json!([{ "group": hidden, "cause": "unreadable" }]));
        assert_eq!(statuses(&world).await, before, "{kind:?}");
        let again = world.sync().await;
        assert_eq!(again["effort"]["items_written"], 0, "{kind:?}: {again:#}");
        world.tenant.clear_faults();
        assert_eq!(world.sync().await["state"], "succeeded");
        world.check(&ignoring).await;
        assert_eq!(world.user(member).await["status"], "active");
        world.apply(Action::AddMember { group: hidden, member });
        world.sync().await;
        world.check(&ignoring).await;
    }
}

#[tokio::test]
async fn a_member_of_an_unknown_kind_in_a_listed_group_keeps_decisions() {
    let world = World::synced(&small(), everything()).await;
    let group = named(&world, SERVICE_ACCOUNTS);
    let ignoring = settings("ignored_groups", &[group], false);
    world.set(ignoring.clone()).await;
    world.check(&ignoring).await;
    let before = statuses(&world).await;
    let strange = stranger_joins(&world, group);
    let new = world.apply(Action::CreateUser(NewUser::named("New Colleague"))).unwrap();
    for full in [false, true] {
        if full {
            world.apply(Action::ResetDelta { answer: tenant::DeltaReset::ResyncRequired });
        }
        let run = world.sync().await;
        assert_eq!(run["state"], "completed_with_gaps", "{run:#}");
        assert!(run["gaps"].to_string().contains(&group.to_string()), "{run:#}");
        assert_eq!(world.sync().await["effort"]["items_written"], 0);
        let mut after = statuses(&world).await;
        after.retain(|(id, _)| *id != new.to_string());
        assert_eq!(after, before);
        assert_eq!(world.user(new).await["reason"], "membership_unknown");
    }
    world.apply(Action::RemoveMember { group, member: strange });
    let run = world.sync().await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    world.check(&ignoring).await;
    assert_eq!(world.user(new).await["status"], "active");
}

/// A list without the member says nothing of it, nor do the counters of users and groups.
#[tokio::test]
async fn member_of_unknown_kind_that_a_list_lacks_is_not_taken_for_gone() {
    let untrue = || What::Status { code: 200, retry_after: None, body: Some(json!({"value": []})) };
    for is_listed in [false, true] {
        let world = World::synced(&small(), everything()).await;
        let group = world.apply(Action::CreateGroup(NewGroup::named("Robots", GroupKind::Security))).unwrap();
        let listed: &[Uuid] = if is_listed { &[group] } else { &[] };
        let settings = settings("ignored_groups", listed, false);
        if is_listed {
            world.set(settings.clone()).await;
        }
        let strange = stranger_joins(&world, group);
        let is_unknown = async || get(&world, &world.path(&format!("groups/{group}/members"))).await.0;
        // Nothing is known of the group when a full reading meets the list for the first time, or it changes later.
        for is_full in [true, false] {
            for times in [1, 100] {
                world.apply(if is_full {
                    Action::ResetDelta { answer: tenant::DeltaReset::ResyncRequired }
                } else {
                    Action::Rename { id: group, display_name: format!("Robots {times}") }
                });
                world.tenant.inject(Fault::new(Matcher::on(RequestKind::Members).about(group).times(times), untrue()));
                let run = world.sync().await;
                world.tenant.clear_faults();
                assert_eq!(is_unknown().await, 409, "{is_listed} {is_full} {times} {run:#}");
                let run = world.sync().await;
                assert_eq!(is_unknown().await, 409, "{is_listed} {is_full} {times} {run:#}");
                assert_eq!(world.sync().await["effort"]["items_written"], 0);
            }
        }
        world.apply(Action::RemoveMember { group, member: strange });
        world.sync_and_check(&settings).await;
    }
}

/// Graph lists no service principals, and may count them.
#[tokio::test]
async fn service_principals_make_no_list_incomplete() {
    let world = World::synced(&small(), everything()).await;
    let group = named(&world, SERVICE_ACCOUNTS);
    let application =
        Action::CreateOther { id: None, kind: MemberKind::ServicePrincipal, display_name: "Application".to_owned() };
    let member = world.apply(application).unwrap();
    world.apply(Action::AddMember { group, member });
    let ignoring = settings("ignored_groups", &[group], false);
    world.set(ignoring.clone()).await;
    world.apply(Action::ResetDelta { answer: tenant::DeltaReset::ResyncRequired });
    let run = world.sync().await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    world.sync_and_check(&ignoring).await;
}

#[tokio::test]
async fn unknown_group_that_begins_to_hide_keeps_decisions() {
    let world = World::synced(&small(), everything()).await;
    let group = named(&world, SERVICE_ACCOUNTS);
    let ignoring = settings("ignored_groups", &[group], false);
    world.set(ignoring.clone()).await;
    stranger_joins(&world, group);
    assert_eq!(world.sync().await["state"], "completed_with_gaps");
    let before = statuses(&world).await;
    // Its list is empty from now on, before any change says why.
    hide(&world, group);
    is_reported(&world, group).await;
    assert_eq!(statuses(&world).await, before);
}

#[tokio::test]
async fn group_that_ceases_to_hide_is_known_however_late_its_counter_is() {
    let world = World::synced(&small(), everything()).await;
    let hidden = secret(&world, &world.ordinary_users()[..2]);
    world.sync_and_check(&everything()).await;
    world.apply(Action::SetProperty { id: hidden, property: "visibility".into(), value: "Private".into() });
    world.apply(Action::RemoveMember { group: hidden, member: world.ordinary_users()[0] });
    world.apply(Action::SetIndexLag { changes: 1 });
    let run = world.sync().await;
    assert_eq!(run["state"], "completed_with_gaps", "{run:#}");
    world.apply(Action::SetIndexLag { changes: 0 });
    world.sync_and_check(&everything()).await;
}

#[tokio::test]
async fn group_that_could_not_be_read_at_first_has_all_its_members_counted() {
    let world = World::synced(&small(), everything()).await;
    let users = world.ordinary_users();
    world.apply(Action::Delete { id: users[0] });
    world.sync_and_check(&everything()).await;
    world.apply(Action::Restore { id: users[0] });
    let group = world.apply(Action::CreateGroup(NewGroup::named("New Group", GroupKind::Security))).unwrap();
    world.apply(Action::AddMember { group, member: users[0] });
    world.apply(Action::AddMember { group, member: users[1] });
    world.tenant.inject(Fault::new(Matcher::on(RequestKind::GroupsOf).times(8), What::PageTokenExpired));
    let run = world.sync().await;
    assert_eq!(run["state"], "completed_with_gaps", "{run:#}");
    world.tenant.clear_faults();
    world.sync_and_check(&everything()).await;
}

#[tokio::test]
async fn pages_say_that_members_are_unknown() {
    let world = World::synced(&small(), everything()).await;
    let hidden = secret(&world, &[]);
    world.sync().await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    let groups = admin.get("/groups?q=Secret").await.text();
    assert!(groups.contains("Microsoft 365, hidden members unknown"), "{groups}");
    let group = admin.get(&format!("/groups/{hidden}")).await.text();
    assert!(group.contains("The members of this group are unknown") && group.contains("Member.Read.Hidden"), "{group}");

    let listed = hidden.to_string();
    let form = [
        ("sync_users", "yes"),
        ("sync_groups", "yes"),
        ("sync_groups_without_email", "yes"),
        ("percent", "20"),
        ("at_least", "5"),
        ("ignored_groups", listed.as_str()),
    ];
    let before = world.get("settings").await;
    let answer = admin.post("/settings", &form).await;
    let draft = format!("/drafts/{}", answer.location().rsplit('/').next().unwrap());
    let preview = admin.get(&draft).await.text();
    assert!(preview.contains("These settings cannot be saved") && preview.contains("Member.Read.Hidden"), "{preview}");
    let saved = admin.post(&format!("{draft}/save"), &[]).await;
    assert_eq!(saved.status.as_u16(), 422, "{}", saved.text());
    assert_eq!(world.get("settings").await, before);
}

#[tokio::test]
async fn changes_tell_when_members_become_unknown_and_known_again() {
    let world = World::synced(&small(), everything()).await;
    let group = named(&world, CONTRACTORS);
    for becomes in ["HiddenMembership", "Private"] {
        let cursor = world.get("changes").await["next_cursor"].as_str().unwrap().to_owned();
        world.apply(Action::SetProperty { id: group, property: "visibility".into(), value: becomes.into() });
        world.sync().await;
        let feed = world.get(&format!("changes?since={cursor}")).await;
        let change = feed["items"].as_array().unwrap().iter().find(|change| change["group"] == group.to_string());
        let change = change.unwrap_or_else(|| panic!("{becomes}: {feed:#}"));
        assert_eq!(change["type"], "group.changed", "{change:#}");
        let properties = change["properties"].as_array().unwrap();
        assert!(properties.contains(&json!("membership")), "{becomes}: {change:#}");
    }
}
