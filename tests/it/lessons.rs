//! Ten ways in which other directory syncs lost people, each shown not to work here.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tenant::{
    ALL_EMPLOYEES, Action, DeltaReset, Fault, GroupKind, Matcher, NewGroup, NewUser, Odd, Paging, RequestKind,
    SERVICE_ACCOUNTS, What,
};

use crate::harness::{World, everything, members_on_record, small};
use crate::tokens;

/// A synced world whose next run must read everything, in pages of twenty.
async fn before_a_full_run() -> World {
    let world = World::synced(&small(), everything()).await;
    world.apply(Action::SetPaging { paging: Paging { list_max: 20, list_default: 20, ..Paging::default() } });
    world.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired });
    world
}

/// The run fails with this code, nobody's outcome changes, and once the fault is gone everything is right again.
async fn fails_without_harm(world: World, fault: Fault, code: &str) {
    let active = world.active().await;
    let injected = world.tenant.inject(fault);
    let run = world.sync().await;
    assert!(world.tenant.times_used(injected) > 0, "the fault was never met");
    assert_eq!((&run["state"], &run["failure"]["code"]), (&json!("failed"), &json!(code)), "{run:#}");
    assert_eq!(world.active().await, active);
    world.tenant.clear_faults();
    world.sync_and_check(&everything()).await;
}

#[tokio::test]
async fn case_1_an_empty_answer_with_status_200_deactivates_nobody() {
    let fault = Fault::new(Matcher::on(RequestKind::Users).page(1), What::EmptyPageNoLink);
    fails_without_harm(before_a_full_run().await, fault, "no_users_listed").await;
}

#[tokio::test]
async fn case_2_a_list_that_ends_early_deactivates_nobody() {
    let fault = Fault::new(Matcher::on(RequestKind::Users).page(2), What::EmptyPageNoLink);
    fails_without_harm(before_a_full_run().await, fault, "list_cut_short").await;
}

#[tokio::test]
async fn case_2_members_beyond_the_first_page_are_members_too() {
    let world = before_a_full_run().await;
    let group = world.apply(Action::CreateGroup(NewGroup::named("Everybody", GroupKind::Security))).unwrap();
    for user in world.ordinary_users() {
        world.apply(Action::AddMember { group, member: user });
    }
    let run = world.sync_and_check(&everything()).await;
    assert_eq!(run["reading"], "full");
}

#[tokio::test]
async fn case_3_a_page_that_cannot_be_read_is_not_swallowed() {
    let fault = Fault::new(
        Matcher::on(RequestKind::Users).page(2),
        What::Status { code: 500, retry_after: Some(0), body: None },
    );
    fails_without_harm(before_a_full_run().await, fault, "microsoft_unavailable").await;
    for what in [What::MissingValue, What::TruncatedBody, What::NonJson] {
        let fault = Fault::new(Matcher::on(RequestKind::Users).page(2), what);
        fails_without_harm(before_a_full_run().await, fault, "answer_incomplete").await;
    }
}

#[tokio::test]
async fn case_3_a_group_whose_members_cannot_be_read_keeps_them_and_is_named() {
    let world = before_a_full_run().await;
    let group = world.tenant.group_named(ALL_EMPLOYEES).unwrap();
    let members = members_on_record(&world, group).await;
    world.tenant.inject(Fault::new(Matcher::on(RequestKind::Members).about(group), What::NotFound));
    let run = world.sync().await;
    assert_eq!(run["state"], "completed_with_gaps", "{run:#}");
    assert!(run["gaps"][0].as_str().unwrap().contains(&group.to_string()), "{run:#}");
    assert_eq!(members_on_record(&world, group).await, members);
    world.tenant.clear_faults();
    world.sync_and_check(&everything()).await;
}

#[tokio::test]
async fn case_4_one_odd_object_is_reported_and_stops_nobody() {
    for odd in [Odd::NullFields, Odd::ShortId, Odd::UnknownKind] {
        let world = before_a_full_run().await;
        let active = world.active().await;
        world.tenant.inject(Fault::new(Matcher::on(RequestKind::Users), What::OddObject { odd }));
        world.tenant.inject(Fault::new(Matcher::on(RequestKind::Members), What::OddObject { odd }));
        let run = world.sync().await;
        assert_eq!(run["state"], "succeeded", "{odd:?}: {run:#}");
        assert!(world.active().await.is_superset(&active), "{odd:?}");
        let warnings = run["warnings"].to_string();
        let said = match odd {
            Odd::NullFields => "has no name",
            Odd::ShortId => "has an id that is no GUID",
            Odd::UnknownKind => "of an unknown kind (\\\"somethingNew\\\")",
        };
        assert!(warnings.contains(said), "{odd:?}: {warnings}");
    }
}

#[tokio::test]
async fn case_5_a_filter_with_a_typo_is_refused_and_names_the_field() {
    let world = World::synced(&small(), everything()).await;
    let before = world.get("settings").await;
    for (typo, field) in [
        (json!({"sync_user": true}), "sync_user"),
        (json!({"sync_groups": "yes"}), "sync_groups"),
        (json!({"group_prefixes": [""]}), "group_prefixes[0]"),
        (json!({"sync_groups": true, "ignored_groups": ["Service Accounts"]}), "ignored_groups[0]"),
    ] {
        let http = shared::http::client(b"").unwrap();
        let token = tokens::token_of(&world, shared::access::Scope::Admin, None).await;
        let url = world.stack.base_url.join(&world.path("settings")).unwrap();
        let request = http.put(url).bearer_auth(token).json(&typo);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 422);
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["errors"][0]["field"], field, "{problem:#}");
    }
    assert_eq!(world.get("settings").await, before);
}

#[tokio::test]
async fn case_6_too_many_deactivations_wait_for_an_approval_of_exactly_those() {
    let world = World::synced(&small(), everything()).await;
    let users = world.ordinary_users();
    let active = world.active().await;
    for user in &users[..20] {
        world.apply(Action::Delete { id: *user });
    }
    let joined = world.apply(Action::CreateUser(NewUser::named("Just Joined"))).unwrap();

    let held = world.sync().await;
    assert_eq!(held["state"], "held", "{held:#}");
    let hold = held["hold"]["id"].as_str().unwrap();
    let with_joined: BTreeSet<_> = active.iter().copied().chain([joined]).collect();
    assert_eq!(world.active().await, with_joined, "additions go through, deactivations wait");

    // The approved plan cannot grow after it was looked at.
    for user in &users[20..35] {
        world.apply(Action::Delete { id: *user });
    }
    let grown = world.decide(hold, "apply").await;
    assert_eq!(grown["state"], "held", "{grown:#}");
    assert_eq!(grown["hold"]["deactivations"], 15, "{grown:#}");
    let without_approved: BTreeSet<_> = with_joined.iter().copied().filter(|id| !users[..20].contains(id)).collect();
    assert_eq!(world.active().await, without_approved);

    let approved = world.decide(grown["hold"]["id"].as_str().unwrap(), "apply").await;
    assert_eq!(approved["state"], "succeeded", "{approved:#}");
    world.check(&everything()).await;
    world.assert_idle().await;
}

#[tokio::test]
async fn case_7_a_new_name_or_mail_address_is_the_same_user() {
    let world = World::synced(&small(), everything()).await;
    let user = world.ordinary_users()[0];
    world.apply(Action::SetMail { id: user, mail: Some("married@contoso.example".to_owned()) });
    world.apply(Action::SetProperty {
        id: user,
        property: "userPrincipalName".to_owned(),
        value: json!("married@contoso.example"),
    });
    let run = world.sync_and_check(&everything()).await;
    assert_eq!(run["changes"]["users_added"], 0);
    assert_eq!((&run["changes"]["activated"], &run["changes"]["deactivated"]), (&json!(0), &json!(0)));
    assert_eq!(world.get("users/Married@Contoso.example").await["id"], json!(user));
}

#[tokio::test]
async fn case_7_two_groups_of_one_name_are_two_groups() {
    let world = World::synced(&small(), everything()).await;
    let twins: Vec<_> = (0..2)
        .map(|_| world.apply(Action::CreateGroup(NewGroup::named("Twins", GroupKind::Security))).unwrap())
        .collect();
    world.sync_and_check(&everything()).await;
    for twin in twins {
        assert_eq!(world.get(&format!("groups/{twin}")).await["display_name"], "Twins");
    }
}

#[tokio::test]
async fn case_8_a_full_run_mends_what_was_lost_without_starting_over() {
    let world = World::synced(&small(), everything()).await;
    let user = world.ordinary_users()[0];
    // A change that no delta ever reports: the links are lost with it.
    world.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired });
    world.apply(Action::DisableUser { user });
    let run = world.sync_and_check(&everything()).await;
    assert_eq!((&run["reading"], &run["full_reason"]), (&json!("full"), &json!("resync")));
    assert_eq!(run["effort"]["items_written"], 4, "the user, two lists and the log: {run:#}");
}

#[tokio::test]
async fn case_9_a_next_link_to_another_host_is_not_followed() {
    let fault = Fault::new(Matcher::on(RequestKind::Users).page(1), What::ForeignOriginNextLink);
    fails_without_harm(before_a_full_run().await, fault, "answer_incomplete").await;
}

#[tokio::test]
async fn case_9_a_next_link_to_itself_ends() {
    let fault = Fault::new(Matcher::on(RequestKind::Users).page(2), What::SelfLoopNextLink);
    fails_without_harm(before_a_full_run().await, fault, "answer_incomplete").await;
}

#[tokio::test]
async fn case_10_transitive_memberships_do_not_leak_into_direct_ones() {
    let world = World::unauthorized(&small()).await;
    world.authorize().await;
    let outer = world.apply(Action::CreateGroup(NewGroup::named("Outer", GroupKind::Security))).unwrap();
    let inner = world.tenant.group_named(SERVICE_ACCOUNTS).unwrap();
    let user = world.ordinary_users()[0];
    world.apply(Action::AddMember { group: inner, member: user });
    world.apply(Action::AddMember { group: outer, member: inner });
    let mut settings = everything();
    settings["nested_groups"] = json!(true);
    settings["allowed_groups"] = json!([outer]);
    world.set(settings.clone()).await;
    let answer = world.user(user).await;
    assert_eq!(answer["status"], "active");
    let direct: Vec<&str> =
        answer["groups"].as_array().unwrap().iter().map(|group| group["id"].as_str().unwrap()).collect();
    assert!(
        direct.contains(&inner.to_string().as_str()) && !direct.contains(&outer.to_string().as_str()),
        "{answer:#}"
    );
    world.check(&settings).await;
}
