//! Delta: rounds, slices, three states, deletions and resets.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tenant::{Action, DeltaReset, GroupKind, NewGroup, NewUser};
use uuid::Uuid;

use crate::client::{BARE, bare, error_code, small, start};

const USERS: &str = "users/delta?$select=displayName,mail,jobTitle,accountEnabled";
const GROUPS: &str = "groups/delta?$select=displayName,mail,members";

/// The objects in a round with this id.
fn about(round: &[Value], id: Uuid) -> Vec<Value> {
    round.iter().filter(|object| object["id"] == json!(id)).cloned().collect()
}

#[tokio::test]
async fn a_first_round_tells_every_user_and_a_second_nothing() {
    let client = small().await;
    let (first, link) = client.round(USERS).await;
    let told: BTreeSet<String> = first.iter().map(|user| user["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(told, client.tenant.truth().users.iter().map(|user| user.id.to_string()).collect());
    assert!(client.round(&link).await.0.is_empty());
    assert!(client.tenant.requests().last().unwrap().incremental);
}

#[tokio::test]
async fn member_slices_of_a_first_round_add_up_to_the_truth() {
    let client = small().await;
    let (told, _) = client.round(GROUPS).await;
    let mut members: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for group in told.iter().filter(|group| group.get("@removed").is_none()) {
        let known = members.entry(group["id"].as_str().unwrap().to_owned()).or_default();
        for member in group["members@delta"].as_array().into_iter().flatten() {
            let id = member["id"].as_str().unwrap().to_owned();
            _ = if member.get("@removed").is_some() { known.remove(&id) } else { known.insert(id) };
        }
    }
    let visible = client.tenant.truth().groups.into_iter().filter(|group| group.deleted.is_none() && !group.hidden);
    for group in visible {
        let expected: BTreeSet<_> = group.members.iter().map(|member| member.id.to_string()).collect();
        assert_eq!(members[&group.id.to_string()], expected, "{}", group.display_name);
    }
    assert!(told.len() > members.len(), "a large group comes on several pages");
}

#[tokio::test]
async fn never_set_is_absent_and_taken_away_is_null() {
    let client = bare().await;
    let mail = Some("una@contoso.example".to_owned());
    let user = client.apply(Action::CreateUser(NewUser { mail, ..NewUser::named("Una User") }));
    let (first, link) = client.round(USERS).await;
    let shown = about(&first, user);
    assert_eq!(shown[0]["mail"], "una@contoso.example");
    assert!(shown[0].get("jobTitle").is_none());

    client.apply(Action::SetMail { id: user, mail: None });
    let (second, _) = client.round(&link).await;
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].get("mail"), Some(&Value::Null));
    assert_eq!(second[0]["displayName"], "Una User");

    let minimal = client.get_with(&link, &[("Prefer", "return=minimal")]).await;
    let page: Value = minimal.json().await.unwrap();
    assert_eq!(page["value"], json!([{ "id": user, "mail": null }]));
}

#[tokio::test]
async fn an_unselected_property_tells_nothing() {
    let client = bare().await;
    let (_, link) = client.round(USERS).await;
    client.apply(Action::SetProperty { id: client.admin(0), property: "department".to_owned(), value: json!("Law") });
    assert!(client.round(&link).await.0.is_empty());
}

#[tokio::test]
async fn a_new_object_is_told_whatever_is_selected() {
    let client = bare().await;
    let (_, link) = client.round("users/delta?$select=id").await;
    let user = client.apply(Action::CreateUser(NewUser::named("Una User")));
    assert_eq!(client.round(&link).await.0, [json!({ "id": user })]);
}

#[tokio::test]
async fn latest_starts_from_now() {
    let client = bare().await;
    let (nothing, link) = client.round(&format!("{USERS}&$deltatoken=latest")).await;
    assert!(nothing.is_empty());
    client.apply(Action::DisableUser { user: client.admin(2) });
    assert_eq!(client.round(&link).await.0[0]["accountEnabled"], false);
}

#[tokio::test]
async fn deleted_restored_and_purged_users_are_told_apart() {
    let client = bare().await;
    let user = client.apply(Action::CreateUser(NewUser::named("Una User")));
    let group = client.tenant.group_named("Contractors").unwrap();
    client.apply(Action::AddMember { group, member: user });
    let (_, users) = client.round(USERS).await;
    let (_, groups) = client.round(GROUPS).await;

    client.apply(Action::Delete { id: user });
    let (told, users) = client.round(&users).await;
    assert_eq!(told, [json!({ "id": user, "@removed": { "reason": "changed" } })]);
    assert!(client.round(&groups).await.0.is_empty(), "a soft-deleted user keeps its memberships");

    client.apply(Action::Restore { id: user });
    let (told, users) = client.round(&users).await;
    assert_eq!(told[0]["displayName"], "Una User");
    assert!(told[0].get("@removed").is_none());

    client.apply(Action::Purge { id: user });
    let (told, _) = client.round(&users).await;
    assert_eq!(told[0]["@removed"]["reason"], "deleted");
    assert!(client.round(&groups).await.0.is_empty(), "as users report, a purged user leaves its groups silently");
    let truth = client.tenant.truth();
    assert!(!truth.groups.iter().any(|group| group.members.iter().any(|member| member.id == user)));
}

#[tokio::test]
async fn a_restored_user_shows_again_as_a_member_only_where_the_tenant_is_set_so() {
    for is_silent in [true, false] {
        restored_user(is_silent).await;
    }
}

async fn restored_user(is_silent: bool) {
    let client = start(&BARE, |options| options.quirks.restored_members_return_silently = is_silent).await;
    let user = client.apply(Action::CreateUser(NewUser::named("Una User")));
    let group = client.tenant.group_named("Contractors").unwrap();
    client.apply(Action::AddMember { group, member: user });
    client.apply(Action::Delete { id: user });
    let (_, link) = client.round(GROUPS).await;
    client.apply(Action::Restore { id: user });
    let (told, link) = client.round(&link).await;
    if is_silent {
        assert!(told.is_empty(), "{told:?}");
    } else {
        assert_eq!(told[0]["members@delta"], json!([{ "@odata.type": "#microsoft.graph.user", "id": user }]));
    }
    client.apply(Action::Delete { id: user });
    client.apply(Action::RemoveMember { group, member: user });
    assert_eq!(client.round(&link).await.0.is_empty(), is_silent, "what it loses meanwhile");
}

#[tokio::test]
async fn joining_and_leaving_show_as_member_changes() {
    let client = bare().await;
    let group = client.tenant.group_named("Contractors").unwrap();
    let member = client.admin(1);
    let (_, link) = client.round(GROUPS).await;
    client.apply(Action::AddMember { group, member });
    let (told, link) = client.round(&link).await;
    assert_eq!(told[0]["members@delta"], json!([{ "@odata.type": "#microsoft.graph.user", "id": member }]));
    client.apply(Action::RemoveMember { group, member });
    let (told, _) = client.round(&link).await;
    assert_eq!(told[0]["members@delta"][0]["@removed"], json!({ "reason": "deleted" }));
    let (first, _) = client.round(GROUPS).await;
    let members = about(&first, group)[0]["members@delta"].clone();
    assert!(members.as_array().unwrap().iter().any(|one| one["id"] == json!(member) && one.get("@removed").is_some()));
}

#[tokio::test]
async fn deleted_groups_are_restorable_but_for_those_that_only_mail_knows() {
    let client = bare().await;
    let create = |name: &str, kind| client.apply(Action::CreateGroup(NewGroup::named(name, kind)));
    let (security, office) = (create("S", GroupKind::Security), create("M", GroupKind::Microsoft365));
    let list = create("D", GroupKind::Distribution);
    let (_, link) = client.round(GROUPS).await;
    for id in [security, office, list] {
        client.apply(Action::Delete { id });
    }
    let (told, _) = client.round(&link).await;
    assert_eq!(about(&told, list)[0]["@removed"]["reason"], "deleted");
    assert!(client.tenant.apply(Action::Restore { id: list }).is_err());
    for id in [security, office] {
        assert_eq!(about(&told, id)[0]["@removed"]["reason"], "changed");
        client.apply(Action::Restore { id });
    }
}

#[tokio::test]
async fn useless_tokens_are_refused_as_asked() {
    let client = bare().await;
    for (answer, expected) in [
        (DeltaReset::ResyncRequired, (410, "resyncRequired")),
        (DeltaReset::StateNotFoundGone, (410, "syncStateNotFound")),
        (DeltaReset::StateNotFoundBadRequest, (400, "SyncStateNotFound")),
    ] {
        let (_, link) = client.round(USERS).await;
        client.apply(Action::ResetDelta { answer });
        let response = client.get(&link).await;
        let location = response.headers().get("location").map(|location| location.to_str().unwrap().to_owned());
        let (status, code) = error_code(response).await;
        assert_eq!((status, code.as_str()), expected);
        assert_eq!(location.is_some(), answer == DeltaReset::ResyncRequired);
        if let Some(location) = location {
            assert_eq!(client.round(&location).await.0.len(), client.tenant.truth().users.len());
        }
    }
    let (_, link) = client.round(USERS).await;
    client.time.pass(8 * 24 * 3600);
    let token = client.access_token(client.admin(0), crate::client::SCOPES).await;
    assert_eq!(error_code(client.get_as(&token, &link, &[]).await).await.0, 400);
}

#[tokio::test]
async fn the_long_name_of_delta_works_too() {
    let client = bare().await;
    let (told, link) = client.round("users/microsoft.graph.delta").await;
    assert_eq!(told.len(), 4);
    assert!(client.round(&link).await.0.is_empty());
}
