//! The main job, from the first authorization to the answers.

use serde_json::json;
use tenant::{ALL_EMPLOYEES, Action, NewUser, SERVICE_ACCOUNTS};

use crate::harness::{World, everything, small};

#[tokio::test]
async fn an_administrator_authorizes_users_and_groups_are_synced_and_queries_answer() {
    let world = World::unauthorized(&small()).await;
    world.authorize().await;
    let run = world.set(everything()).await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    world.check(&everything()).await;
    world.assert_idle().await;

    let status = world.api.get("/api/v1/status").await.unwrap();
    assert_eq!(status["status"], "ok", "{status:#}");
}

#[tokio::test]
async fn before_settings_are_made_nothing_is_published() {
    let world = World::unauthorized(&small()).await;
    world.authorize().await;
    assert_eq!(world.list("groups").await.len(), 0);
    assert_eq!(world.list("users").await.len(), 0);
}

#[tokio::test]
async fn changes_in_the_tenant_arrive_incrementally() {
    let world = World::synced(&small(), everything()).await;
    let users = world.ordinary_users();
    let joined = world.apply(Action::CreateUser(NewUser::named("Just Joined"))).unwrap();
    world.apply(Action::DisableUser { user: users[0] });
    world.apply(Action::Delete { id: users[1] });
    world.apply(Action::Rename { id: users[2], display_name: "Renamed".to_owned() });
    let group = world.tenant.group_named(ALL_EMPLOYEES).unwrap();
    world.apply(Action::AddMember { group, member: joined });
    let leaver = world.members_of(group).into_iter().find(|id| !users[..3].contains(id)).unwrap();
    world.apply(Action::RemoveMember { group, member: leaver });

    let run = world.sync_and_check(&everything()).await;
    assert_eq!(run["reading"], "incremental");
    assert_eq!(world.user(users[2]).await["display_name"], "Renamed");
    assert_eq!(world.user(users[1]).await["reason"], "deleted");

    world.apply(Action::Restore { id: users[1] });
    world.apply(Action::EnableUser { user: users[0] });
    world.sync_and_check(&everything()).await;
    assert_eq!(world.user(users[1]).await["status"], "active");
}

#[tokio::test]
async fn a_user_tells_why_it_is_inactive() {
    let world = World::unauthorized(&small()).await;
    let ignored = world.tenant.group_named(SERVICE_ACCOUNTS).unwrap();
    world.authorize().await;
    let user = world.ordinary_users()[0];
    world.apply(Action::AddMember { group: ignored, member: user });
    world.sync().await;
    world.set(json!({"sync_users": true, "sync_groups": true, "ignored_groups": [ignored]})).await;

    let answer = world.user(user).await;
    assert_eq!((&answer["status"], &answer["reason"]), (&json!("inactive"), &json!("member_of_ignored_group")));
    assert_eq!(answer["group"]["id"], json!(ignored));
    let name = answer["user_principal_name"].as_str().unwrap().to_uppercase().replace('#', "%23");
    assert_eq!(world.get(&format!("users/{name}")).await["id"], answer["id"], "a name is found in any case");
}

#[tokio::test]
async fn a_run_asked_for_twice_is_folded_into_one_and_none_is_lost() {
    let world = World::synced(&small(), everything()).await;
    let path = world.path("runs");
    let body = json!({});
    let (one, two, three) =
        tokio::join!(world.api.post(&path, &body), world.api.post(&path, &body), world.api.post(&path, &body));
    for run in [one, two, three] {
        let run = world.ended(&run.unwrap()["id"]).await;
        assert_eq!(run["state"], "succeeded", "{run:#}");
    }
}
