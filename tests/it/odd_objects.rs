//! Odd objects in a tenant: they are told in the run's record, and everybody else is synced as if they were not there.

use serde_json::{Value, json};
use tenant::{Action, DeltaReset, Fault, Matcher, RequestKind, What};
use uuid::Uuid;

use crate::harness::{World, everything, small};

/// Sets a property of a user or group to whatever it may not be.
fn set(world: &World, id: Uuid, property: &str, value: Value) {
    world.apply(Action::SetProperty { id, property: property.to_owned(), value });
}

/// Syncs twice, once from the changes and once anew, each time with success and the true outcome. Returns what the
/// records warn of.
async fn synced_all_the_same(world: &World) -> [String; 2] {
    let changes = world.sync().await;
    assert_eq!((&changes["state"], &changes["reading"]), (&json!("succeeded"), &json!("incremental")), "{changes:#}");
    world.check(&everything()).await;
    world.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired });
    let anew = world.sync().await;
    assert_eq!((&anew["state"], &anew["reading"]), (&json!("succeeded"), &json!("full")), "{anew:#}");
    world.check(&everything()).await;
    world.assert_idle().await;
    [changes, anew].map(|run| run["warnings"].to_string())
}

#[tokio::test]
async fn names_and_addresses_without_end_fail_no_run() {
    let world = World::synced(&small(), everything()).await;
    let users = world.ordinary_users();
    let endless = |length: usize| "x".repeat(length);
    // More than an item holds; more than is taken; more than an index takes; and as much as is taken.
    set(&world, users[0], "displayName", json!(endless(500_000)));
    set(&world, users[1], "mail", json!(format!("{}@contoso.example", endless(5_000))));
    set(&world, users[2], "userPrincipalName", json!(format!("{}@contoso.example", endless(3_000))));
    set(&world, users[3], "proxyAddresses", json!(vec![format!("smtp:{}@contoso.example", endless(80)); 5_000]));
    for property in
        ["displayName", "mail", "jobTitle", "department", "surname", "givenName", "companyName", "employeeId"]
    {
        set(&world, users[4], property, json!("é".repeat(2_048)));
    }
    let group = world.tenant.truth().groups[0].id;
    set(&world, group, "description", json!(endless(1_000_000)));

    for warnings in synced_all_the_same(&world).await {
        for (id, property) in
            [(users[0], "displayName"), (users[1], "mail"), (users[3], "proxyAddresses"), (group, "description")]
        {
            assert!(warnings.contains(&format!("{id}: {property} is longer than")), "{warnings}");
        }
        assert!(!warnings.contains("xxxx"), "no value is repeated");
    }
    assert!(world.user(users[0]).await["display_name"].as_str().unwrap().len() < 100, "what was known of it stays");
    assert_eq!(world.user(users[4]).await["job_title"].as_str().unwrap().len(), 4_096);
}

#[tokio::test]
async fn a_user_who_comes_with_a_name_without_end_is_published_without_it() {
    let world = World::synced(&small(), everything()).await;
    let user = world.apply(Action::CreateUser(tenant::NewUser::named("x".repeat(10_000)))).unwrap();
    synced_all_the_same(&world).await;
    let published = world.user(user).await;
    assert_eq!((&published["status"], &published["display_name"]), (&json!("active"), &json!(null)));
}

#[tokio::test]
async fn odd_characters_and_numbers_for_texts_are_told() {
    let world = World::synced(&small(), everything()).await;
    let users = world.ordinary_users();
    set(&world, users[0], "displayName", json!("Ann\u{0}a\r\n\u{1b}[31m"));
    set(&world, users[1], "employeeId", json!(4711));
    set(&world, users[2], "mail", json!({"address": "kim@contoso.example"}));
    set(&world, users[3], "displayName", json!(""));
    for warnings in synced_all_the_same(&world).await {
        assert!(warnings.contains(&format!("{}: displayName has control characters", users[0])), "{warnings}");
        assert!(warnings.contains(&format!("{}: employeeId has an unexpected type", users[1])), "{warnings}");
        assert!(warnings.contains(&format!("{}: mail has an unexpected type", users[2])), "{warnings}");
    }
    assert_eq!(world.user(users[0]).await["display_name"], "Ann\u{0}a\r\n\u{1b}[31m");
}

#[tokio::test]
async fn two_users_with_one_mail_address_are_two_users_and_told() {
    let world = World::synced(&small(), everything()).await;
    let users = world.ordinary_users();
    for user in &users[..2] {
        set(&world, *user, "mail", json!("Shared@contoso.example"));
    }
    let [_, anew] = synced_all_the_same(&world).await;
    assert!(anew.contains("have the same mail address"), "{anew}");
    assert!(anew.contains(&users[0].to_string()) && anew.contains(&users[1].to_string()), "{anew}");
    let found = world.get("users/shared@contoso.example").await["id"].as_str().unwrap().to_owned();
    assert!(users[..2].iter().any(|user| user.to_string() == found));
    for user in &users[..2] {
        assert_eq!(world.user(*user).await["status"], "active");
    }
}

#[tokio::test]
async fn objects_that_come_twice_in_a_list_are_taken_once() {
    let world = World::synced(&small(), everything()).await;
    for kind in [RequestKind::Users, RequestKind::Groups, RequestKind::Members] {
        world.tenant.inject(Fault::new(Matcher::on(kind), What::Duplicate));
    }
    world.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired });
    let run = world.sync().await;
    assert_eq!((&run["state"], &run["effort"]["items_written"]), (&json!("succeeded"), &json!(0)), "{run:#}");
    world.check(&everything()).await;
}

#[tokio::test]
async fn a_user_who_cannot_be_decided_is_a_gap_and_stays_as_before() {
    let world = World::synced(&small(), everything()).await;
    let active = world.active().await;
    let users = world.ordinary_users();
    set(&world, users[0], "accountEnabled", json!("perhaps"));
    world.apply(Action::DisableUser { user: users[1] });

    let run = world.sync().await;

    assert_eq!(run["state"], "completed_with_gaps", "{run:#}");
    let gap = format!("user {} was left out: accountEnabled has an unexpected type", users[0]);
    assert_eq!(run["gaps"], json!([gap]));
    let mut expected = active;
    expected.remove(&users[1]);
    assert_eq!(world.active().await, expected, "the others are decided, this one stays as before");

    set(&world, users[0], "accountEnabled", json!(false));
    world.sync_and_check(&everything()).await;
}
