//! Lists, members, errors and throttling.

use std::collections::BTreeSet;

use serde_json::json;
use tenant::{Action, GroupKind, MemberKind, NewGroup, NewUser, RequestKind, Sample, Throttle};

use crate::client::{BARE, SCOPES, bare, error_code, small, start, values};

#[tokio::test]
async fn lists_are_paged_and_complete() {
    let client = small().await;
    let pages = client.pages("users?$select=id,accountEnabled").await;
    let ids: BTreeSet<String> = values(&pages).iter().map(|user| user["id"].as_str().unwrap().to_owned()).collect();
    let live = client.tenant.truth().users.into_iter().filter(|user| user.deleted.is_none());
    assert_eq!(ids, live.map(|user| user.id.to_string()).collect());
    assert_eq!(pages.len(), 3);
    assert_eq!(pages[0]["value"][0].as_object().unwrap().len(), 2);
    assert_eq!(client.tenant.requests().iter().map(|seen| seen.page).collect::<Vec<_>>(), [1, 2, 3]);
}

#[tokio::test]
async fn without_select_come_default_properties_and_a_tip() {
    let client = small().await;
    let page = client.json("users?$top=2").await;
    assert!(page["@microsoft.graph.tips"].is_string());
    let first = page["value"][0].as_object().unwrap();
    assert!(first.contains_key("userPrincipalName") && !first.contains_key("accountEnabled"));
    assert!(client.json("users?$top=2&$select=id").await.get("@microsoft.graph.tips").is_none());
}

#[tokio::test]
async fn unknown_properties_options_and_sizes_are_refused() {
    let client = small().await;
    for (path, expected) in [
        ("users?$select=acountEnabled", (400, "Request_BadRequest")),
        ("users?$select=skills", (501, "NotImplemented")),
        ("users?$top=1000", (400, "Request_BadRequest")),
        ("users?$skip=5", (400, "Request_UnsupportedQuery")),
        ("users?$skiptoken=made-up", (400, "Request_BadRequest")),
        ("users/delta?$top=5", (400, "Request_UnsupportedQuery")),
        ("users/$count", (400, "Request_BadRequest")),
        ("groups/00000000-0000-0000-0000-000000000000/members", (404, "Request_ResourceNotFound")),
        ("nonsense", (400, "BadRequest")),
    ] {
        let (status, code) = error_code(client.get(path).await).await;
        assert_eq!((status, code.as_str()), expected, "{path}");
    }
}

#[tokio::test]
async fn counting_needs_the_consistency_level() {
    let client = small().await;
    let response = client.get_with("users/$count", &[("ConsistencyLevel", "eventual")]).await;
    assert_eq!(response.text().await.unwrap(), "12");
}

#[tokio::test]
async fn advanced_lists_count_themselves_and_lag() {
    const EVENTUAL: [(&str, &str); 1] = [("ConsistencyLevel", "eventual")];
    let client = small().await;
    let user = client.apply(Action::CreateUser(NewUser::agent("Agent")));
    let group = client.apply(Action::CreateGroup(NewGroup::named("Agents", GroupKind::Security)));
    client.apply(Action::AddMember { group, member: user });
    let members = format!("groups/{group}/members/microsoft.graph.user?$select=id&$count=true");
    let users = "users?$select=id&$count=true&$top=3";
    let list = async |path: &str, headers: &[(&str, &str)]| -> serde_json::Value {
        client.get_with(path, headers).await.json().await.unwrap()
    };
    let shown = json!([{ "@odata.type": "#microsoft.graph.agentUser", "id": user.to_string() }]);
    let page = list(&members, &EVENTUAL).await;
    assert_eq!((&page["@odata.count"], &page["value"]), (&json!(1), &shown));
    assert!(list(&members, &[]).await.get("@odata.count").is_none(), "without the header it is ignored");

    client.apply(Action::SetIndexLag { changes: 1 });
    let page = list(&members, &EVENTUAL).await;
    assert_eq!((&page["@odata.count"], &page["value"]), (&json!(0), &json!([])));
    assert_eq!(list(&members, &[]).await["value"], shown);
    assert_eq!(list(users, &EVENTUAL).await["@odata.count"], 13);
    client.apply(Action::SetIndexLag { changes: 3 });
    let page = list(users, &EVENTUAL).await;
    assert_eq!(page["@odata.count"], 12);
    let next = page["@odata.nextLink"].as_str().unwrap().split_once("/v1.0/").unwrap().1.to_owned();
    assert!(list(&next, &EVENTUAL).await.get("@odata.count").is_none(), "only the first page counts");
    assert_eq!(client.get(&next).await.status(), 400, "the header belongs to each page");
}

#[tokio::test]
async fn members_omit_service_principals_and_hide_what_the_token_may_not_read() {
    let client = bare().await;
    let group = client.apply(Action::CreateGroup(NewGroup::named("Mixed", GroupKind::Security)));
    let user = client.apply(Action::CreateUser(NewUser::named("Una User")));
    let binned = client.apply(Action::CreateUser(NewUser::named("Bin Ned")));
    let other = |kind| client.apply(Action::CreateOther { id: None, kind, display_name: "Other".to_owned() });
    let (device, application) = (other(MemberKind::Device), other(MemberKind::ServicePrincipal));
    for member in [user, binned, device, application] {
        client.apply(Action::AddMember { group, member });
    }
    client.apply(Action::Delete { id: binned });

    let members = client.json(&format!("groups/{group}/members")).await["value"].clone();
    assert_eq!(members.as_array().unwrap().len(), 2);
    assert_eq!(members[0]["displayName"], "Una User");
    assert_eq!(
        members[1],
        json!({ "@odata.type": "#microsoft.graph.device", "id": device.to_string(), "displayName": null })
    );
    let users = client.json(&format!("groups/{group}/members/microsoft.graph.user?$select=id")).await;
    assert_eq!(users["value"], json!([{ "@odata.type": "#microsoft.graph.user", "id": user.to_string() }]));
}

#[tokio::test]
async fn transitive_members_survive_a_cycle() {
    let client = bare().await;
    let group = |name: &str| client.apply(Action::CreateGroup(NewGroup::named(name, GroupKind::Security)));
    let (one, two) = (group("One"), group("Two"));
    let user = client.apply(Action::CreateUser(NewUser::named("Una User")));
    for (group, member) in [(one, two), (two, one), (two, user)] {
        client.apply(Action::AddMember { group, member });
    }
    let reached = client.json(&format!("groups/{one}/transitiveMembers?$select=id")).await;
    let ids: Vec<_> = reached["value"].as_array().unwrap().iter().map(|member| member["id"].clone()).collect();
    assert_eq!(ids, [json!(two), json!(user)]);
}

#[tokio::test]
async fn hidden_members_need_the_scope_and_the_role() {
    let client = bare().await;
    let hidden = NewGroup { hidden: true, ..NewGroup::named("Secret", GroupKind::Microsoft365) };
    let group = client.apply(Action::CreateGroup(hidden));
    client.apply(Action::AddMember { group, member: client.admin(0) });
    let path = format!("groups/{group}/members?$select=id");
    for (admin, scopes, visible) in [
        (0, SCOPES, 0),
        (0, "GroupMember.Read.All Member.Read.Hidden", 1),
        (2, "GroupMember.Read.All Member.Read.Hidden", 0),
    ] {
        let token = client.access_token(client.admin(admin), scopes).await;
        let page: serde_json::Value = client.get_as(&token, &path, &[]).await.json().await.unwrap();
        assert_eq!(page["value"].as_array().unwrap().len(), visible, "administrator {admin} with {scopes}");
    }
}

#[tokio::test]
async fn groups_of_a_member_are_paged_and_leave_out_deleted_and_hidden_ones() {
    let client = start(&BARE, |options| options.paging.list_default = 2).await;
    let group = |name: &str, hidden, kind| {
        client.apply(Action::CreateGroup(NewGroup { hidden, ..NewGroup::named(name, kind) }))
    };
    let user = client.apply(Action::CreateUser(NewUser::named("Una User")));
    let shown = ["One", "Two", "Three"].map(|name| group(name, false, GroupKind::Security));
    let deleted = group("Deleted", false, GroupKind::Security);
    let hidden = group("Hidden", true, GroupKind::Microsoft365);
    for group in shown.into_iter().chain([deleted, hidden]) {
        client.apply(Action::AddMember { group, member: user });
    }
    client.apply(Action::AddMember { group: shown[0], member: shown[1] });
    client.apply(Action::Delete { id: deleted });
    let path = |of: &str, id| format!("{of}/{id}/memberOf/microsoft.graph.group?$select=id");
    let pages = client.pages(&path("users", user)).await;
    assert_eq!(pages.len(), 2);
    assert_eq!(values(&pages), shown.map(|id| json!({ "id": id })));
    assert_eq!(client.tenant.requests().last().unwrap().kind, RequestKind::GroupsOf);
    assert_eq!(values(&client.pages(&path("groups", shown[1])).await), [json!({ "id": shown[0] })]);
    let count = format!("users/{user}/memberOf/microsoft.graph.group/$count");
    let counted = client.get_with(&count, &[("ConsistencyLevel", "eventual")]).await;
    assert_eq!(counted.text().await.unwrap(), "3");

    let token = client.access_token(client.admin(0), "GroupMember.Read.All Member.Read.Hidden").await;
    let page: serde_json::Value =
        client.get_as(&token, &format!("{}&$top=9", path("users", user)), &[]).await.json().await.unwrap();
    assert_eq!(page["value"].as_array().unwrap().len(), 4, "an administrator of weight sees the hidden one");
    let token = client.access_token(client.admin(0), "User.Read.All").await;
    assert_eq!(error_code(client.get_as(&token, &path("users", user), &[]).await).await.0, 403);
    client.apply(Action::Delete { id: user });
    assert_eq!(error_code(client.get(&path("users", user)).await).await.0, 404);
}

#[tokio::test]
async fn tokens_scopes_and_rights_are_checked() {
    let client = bare().await;
    let code = |token: String, path: &'static str| {
        let client = &client;
        async move { error_code(client.get_as(&token, path, &[]).await).await }
    };
    assert_eq!(code("made-up".to_owned(), "users").await, (401, "InvalidAuthenticationToken".to_owned()));
    let narrow = client.access_token(client.admin(0), "openid User.Read").await;
    assert_eq!(code(narrow, "users").await, (403, "Authorization_RequestDenied".to_owned()));
    let guest = client.access_token(client.admin(3), SCOPES).await;
    assert_eq!(code(guest, "users").await, (403, "Authorization_RequestDenied".to_owned()));
    let weak = client.access_token(client.admin(2), SCOPES).await;
    client.apply(Action::AllowReading { administrator: client.admin(2), allowed: false });
    assert_eq!(code(weak, "groups").await, (403, "Authorization_RequestDenied".to_owned()));
    client.time.pass(3600);
    assert_eq!(error_code(client.get("users").await).await.0, 401);
}

#[tokio::test]
async fn the_signed_in_account_sees_its_roles() {
    let client = bare().await;
    let token = client.access_token(client.admin(1), SCOPES).await;
    let response = client.get_as(&token, "me/memberOf/microsoft.graph.directoryRole", &[]).await;
    let roles: serde_json::Value = response.json().await.unwrap();
    let names: Vec<_> = roles["value"].as_array().unwrap().iter().map(|role| role["displayName"].clone()).collect();
    assert_eq!(names, ["Cloud Application Administrator", "User Administrator"]);
    assert_eq!(client.json("organization").await["value"][0]["id"], client.tenant.tenant_id().to_string());
    assert_eq!(client.json("me").await["userPrincipalName"], "admin@contoso.example");
}

#[tokio::test]
async fn a_used_up_budget_answers_429_until_it_refills() {
    let sample = Sample { users: 12, groups: 10, memberships_per_group: 3, seed: 5 };
    let client = start(&sample, |options| options.throttle = Throttle::Units(4)).await;
    for _ in 0..4 {
        assert_eq!(client.get("users?$select=id").await.headers()["x-ms-resource-unit"], "1");
    }
    let refused = client.get_with("users?$select=id", &[("client-request-id", "mine")]).await;
    assert_eq!(refused.headers()["client-request-id"], "mine");
    assert_eq!(refused.headers()["x-ms-throttle-information"], "ResourceUnitLimitExceeded");
    let wait: i64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert_eq!(error_code(refused).await, (429, "TooManyRequests".to_owned()));
    client.time.pass(wait);
    assert_eq!(client.get("users?$select=id").await.status(), 200);
    assert_eq!(client.tenant.summary().throttled, 1);
    assert_eq!(client.tenant.summary().count(RequestKind::Users), 6);
}
