//! What programs ask, with a real store behind it: filters, checks for gatekeepers, the feed of changes, exports, figures.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use gateway::Gateway;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use shared::access::Scope;
use shared::clock::Clock as _;
use shared::directory::DirectoryId;
use tenant::{Action, NewUser, SERVICE_ACCOUNTS, Sample};
use uuid::Uuid;

use crate::feed::{cursor_of, position_of};
use crate::harness::{World, everything, small};
use crate::lab::{Lab, Process};
use crate::pages::visit::{Answer, ask};
use crate::tokens::{reader, token_of};

/// Settings that ignore the service accounts.
pub fn ignoring(world: &World) -> Value {
    let mut settings = everything();
    settings["ignored_groups"] = json!([world.tenant.group_named(SERVICE_ACCOUNTS).unwrap()]);
    settings
}

pub async fn get(world: &World, token: &str, path: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    ask(world, Method::GET, path, &[("authorization", bearer.as_str())], String::new()).await
}

pub fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

async fn ids(world: &World, query: &str) -> BTreeSet<String> {
    world.list(&format!("users?{query}")).await.iter().map(id).collect()
}

#[tokio::test]
async fn users_are_selected_by_reason_group_name_and_time() {
    let world = World::synced(&small(), everything()).await;
    world.set(ignoring(&world)).await;
    let before = world.clock.now();
    let [disabled, deleted] = [0, 1].map(|place: usize| world.ordinary_users()[place]);
    world.apply(Action::DisableUser { user: disabled });
    world.apply(Action::Delete { id: deleted });
    world.sync().await;
    let all = world.list("users").await;
    for reason in ["deleted", "disabled_in_office_365", "member_of_ignored_group", "not_in_allowed_group"] {
        let expected: BTreeSet<String> = all.iter().filter(|user| user["reason"] == reason).map(id).collect();
        assert_eq!(ids(&world, &format!("reason={reason}")).await, expected, "{reason}");
        assert_eq!(ids(&world, &format!("reason={reason}&status=inactive")).await, expected, "{reason}");
    }
    let group = world.tenant.group_named(SERVICE_ACCOUNTS).unwrap();
    let members: BTreeSet<String> = world.list(&format!("groups/{group}/members")).await.iter().map(id).collect();
    assert_eq!(ids(&world, &format!("group={group}")).await, members);
    assert_eq!(ids(&world, &format!("group={group}&status=active")).await, BTreeSet::new());

    let one = all.iter().find(|user| user["status"] == "active").unwrap();
    let name = one["display_name"].as_str().unwrap().to_uppercase();
    let q = url::form_urlencoded::Serializer::new(String::new()).append_pair("q", &name).finish();
    assert!(ids(&world, &q).await.contains(&id(one)));
    assert!(!ids(&world, &format!("{q}&status=inactive")).await.contains(&id(one)));
    let changed = BTreeSet::from([disabled.to_string(), deleted.to_string()]);
    assert_eq!(ids(&world, &format!("changed_since={before}")).await, changed);
    assert_eq!(ids(&world, &format!("changed_since={before}&reason=deleted")).await.len(), 1);
    assert_eq!(ids(&world, "changed_since=2020-01-01T00:00:00Z").await.len(), all.len(), "since the very first");
    assert_eq!(ids(&world, &format!("changed_since={}", world.clock.now())).await, BTreeSet::new());
}

#[tokio::test]
async fn name_and_decision_are_both_sought_among_all_users() {
    let world = World::synced(&Sample { users: 400, groups: 16, ..Sample::default() }, everything()).await;
    world.set(ignoring(&world)).await;
    let sought: Vec<_> = world.ordinary_users().into_iter().step_by(9).collect();
    for (number, user) in sought.iter().enumerate() {
        let name = json!(format!("Sought {number}"));
        world.apply(Action::SetProperty { id: *user, property: "displayName".to_owned(), value: name });
        if number % 4 == 0 {
            world.apply(Action::DisableUser { user: *user });
        }
    }
    world.sync().await;
    let all = world.list("users").await;
    for (filter, takes) in [
        ("", (&|_: &Value| true) as &dyn Fn(&Value) -> bool),
        ("&status=active", &|user| user["status"] == "active"),
        ("&status=inactive", &|user| user["status"] == "inactive"),
        ("&reason=member_of_ignored_group", &|user| user["reason"] == "member_of_ignored_group"),
        ("&reason=disabled_in_office_365", &|user| user["reason"] == "disabled_in_office_365"),
    ] {
        for typed in ["s", "sought", "SOUGHT 1"] {
            let begins =
                |text: &Value| text.as_str().is_some_and(|text| text.to_lowercase().starts_with(&typed.to_lowercase()));
            let has_word = |name: &Value| name.as_str().unwrap().split_whitespace().any(|word| begins(&word.into()));
            let is_found = |user: &&Value| {
                let names = ["display_name", "user_principal_name", "mail"];
                let addresses = user["proxy_addresses"].as_array().into_iter().flatten();
                let mut addresses =
                    addresses.filter_map(|one| one.as_str()?.split_once(':')).map(|(_, one)| json!(one));
                let is_named = names.iter().any(|name| begins(&user[*name])) || addresses.any(|one| begins(&one));
                takes(user) && (is_named || has_word(&user["display_name"]))
            };
            let expected: BTreeSet<String> = all.iter().filter(is_found).map(id).collect();
            for limit in [7, 100] {
                let query = format!("users?q={}{filter}&limit={limit}", typed.replace(' ', "%20"));
                let (mut found, mut cursor) = (Vec::new(), String::new());
                loop {
                    let page = world.get(&format!("{query}{cursor}")).await;
                    found.extend(page["items"].as_array().unwrap().iter().map(id));
                    match page["next_cursor"].as_str() {
                        Some(next) => cursor = format!("&cursor={next}"),
                        None => break,
                    }
                }
                assert_eq!(found.len(), expected.len(), "{query}");
                assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected, "{query}");
            }
        }
    }
}

#[tokio::test]
async fn names_are_looked_up_in_any_encoding_and_searched_without_marks() {
    let world = World::unauthorized(&small()).await;
    let named = |name: &str, login: &str| {
        let user = NewUser { user_principal_name: Some(login.to_owned()), ..NewUser::named(name) };
        world.apply(Action::CreateUser(user)).unwrap()
    };
    let decomposed = named("Jo\u{308}rg Ha\u{308}ndel", "jo\u{308}rg@contoso.example");
    let marked = named("Jan Novák", "novák@contoso.example");
    world.authorize().await;
    world.set(everything()).await;
    let token = reader(&world).await;
    let access = async |name: &str| {
        let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
        get(&world, &token, &world.path(&format!("users/{name}/access?answer=status"))).await.status.as_u16()
    };
    for name in ["j\u{f6}rg@contoso.example", "JO\u{308}RG@contoso.example", "J\u{d6}RG@CONTOSO.EXAMPLE"] {
        assert_eq!(access(name).await, 204, "{name}");
        let encoded: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
        assert_eq!(world.get(&format!("users/{encoded}")).await["id"], decomposed.to_string(), "{name}");
    }
    assert_eq!(access("NOVA\u{301}K@contoso.example").await, 204);
    // A name without its marks is the name of another user, if of any.
    for other in
        ["novak@contoso.example", "jorg@contoso.example", "no\u{200b}vák@contoso.example", "ｎovák@contoso.example"]
    {
        assert_eq!(access(other).await, 403, "{other}");
    }
    for typed in ["novak", "NOV%C3%81K", "nova%CC%81k"] {
        assert_eq!(ids(&world, &format!("q={typed}")).await, BTreeSet::from([marked.to_string()]), "{typed}");
    }
    for typed in ["handel", "h%C3%A4ndel", "j%C3%B6rg%20h"] {
        assert_eq!(ids(&world, &format!("q={typed}")).await, BTreeSet::from([decomposed.to_string()]), "{typed}");
    }
}

#[tokio::test]
async fn what_makes_no_selection_is_said() {
    let world = World::synced(&small(), everything()).await;
    let token = reader(&world).await;
    for (query, field) in [
        ("reason=lazy", "reason"),
        ("status=active&reason=deleted", "status"),
        ("q=", "q"),
        ("q=a&group=b", "q"),
        ("group=%20", "group"),
        ("changed_since=yesterday", "changed_since"),
        ("fields=id,secret", "fields"),
        ("fields=", "fields"),
    ] {
        let answer = get(&world, &token, &world.path(&format!("users?{query}"))).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}: {}", answer.body);
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body["errors"][0]["field"], field, "{query}");
    }
    assert_eq!(get(&world, &token, &world.path("users?group=nobody")).await.status, StatusCode::NOT_FOUND);
    for query in ["q=a&cursor=a%20b", "q=a&status=active&cursor=%2F"] {
        let answer = get(&world, &token, &world.path(&format!("users?{query}"))).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
    }
    for cursor in ["x", "-1", "01", "99999999999999999999"] {
        let path = world.path(&format!("users?changed_since=2020-01-01T00:00:00Z&cursor={cursor}"));
        assert_eq!(get(&world, &token, &path).await.status, StatusCode::BAD_REQUEST, "{cursor}");
    }
}

#[tokio::test]
async fn only_the_fields_that_are_asked_for_are_sent() {
    let world = World::synced(&small(), everything()).await;
    for user in world.list("users?fields=id,status").await {
        let names: Vec<&String> = user.as_object().unwrap().keys().collect();
        assert_eq!(names, ["id", "status"]);
    }
}

#[tokio::test]
async fn a_gatekeeper_is_told_in_one_answer_whether_somebody_may_come_in() {
    let world = World::synced(&small(), everything()).await;
    let group = world.tenant.group_named(SERVICE_ACCOUNTS).unwrap();
    let member = world.members_of(group)[0];
    let stranger = world.ordinary_users().into_iter().find(|user| !world.members_of(group).contains(user)).unwrap();
    let access = async |key: &str, query: &str| world.get(&format!("users/{key}/access{query}")).await;
    let asked = format!("?group={group}");
    for (user, query, allowed, is_member) in [
        (member, asked.as_str(), true, json!(true)),
        (member, "", true, json!(null)),
        (member, "?group=nobody", false, json!(false)),
        (stranger, &asked, false, json!(false)),
    ] {
        let answer = access(&user.to_string(), query).await;
        assert_eq!((&answer["allowed"], &answer["member"]), (&json!(allowed), &is_member), "{answer:#}");
        assert_eq!(answer["status"], "active");
    }
    let name = world.user(stranger).await["user_principal_name"].as_str().unwrap().to_uppercase().replace('#', "%23");
    assert_eq!(access(&name, "").await["user"], json!(stranger));

    world.apply(Action::DisableUser { user: member });
    world.sync().await;
    let answer = access(&member.to_string(), &asked).await;
    assert_eq!((&answer["allowed"], &answer["member"]), (&json!(false), &json!(true)));
    assert_eq!(answer["reason"], "disabled_in_office_365");

    // A group that is skipped does not exist for those who ask.
    let mut settings = everything();
    settings["group_prefixes"] = json!(["VPN"]);
    world.set(settings).await;
    assert_eq!(access(&member.to_string(), &asked).await["member"], json!(false));
    let token = reader(&world).await;
    for (key, status) in [("nobody@contoso.example", StatusCode::NOT_FOUND), ("%FF", StatusCode::NOT_FOUND)] {
        assert_eq!(get(&world, &token, &world.path(&format!("users/{key}/access"))).await.status, status, "{key}");
    }
}

#[tokio::test]
async fn users_who_are_not_published_are_in_no_answer() {
    let world = World::synced(&small(), everything()).await;
    let mut settings = everything();
    settings["sync_users"] = json!(false);
    world.set(settings).await;
    let cursor = world.get("changes").await["next_cursor"].as_str().unwrap().to_owned();
    world.apply(Action::DisableUser { user: world.ordinary_users()[0] });
    world.sync().await;
    assert_eq!(world.get(&format!("changes?since={cursor}")).await["items"], json!([]));
    let token = reader(&world).await;
    for path in ["users?q=a", "users?reason=deleted", "users?changed_since=2020-01-01T00:00:00Z"] {
        let answer = get(&world, &token, &world.path(path)).await;
        assert!(answer.body.contains("\"items\":[]"), "{path}: {}", answer.body);
    }
    let user = world.ordinary_users()[1];
    assert_eq!(get(&world, &token, &world.path(&format!("users/{user}/access"))).await.status, StatusCode::NOT_FOUND);
    for what in ["users", "members"] {
        assert_eq!(get(&world, &token, &world.path(&format!("exports/{what}"))).await.body, "", "{what}");
    }
    let metrics = get(&world, &token, "/metrics").await.body;
    assert!(!metrics.contains("office365_sync_users{"), "{metrics}");
}

#[tokio::test]
async fn none_of_it_is_for_those_without_a_token_of_this_directory() {
    let world = World::synced(&small(), everything()).await;
    let user = world.ordinary_users()[0];
    let elsewhere = DirectoryId::new(Uuid::from_u128(7));
    let foreign = token_of(&world, Scope::Read, Some(elsewhere)).await;
    for path in [
        "changes".to_owned(),
        format!("users/{user}/access"),
        "users?q=a".to_owned(),
        "exports/users".to_owned(),
        "exports/members?format=csv".to_owned(),
    ] {
        let path = world.path(&path);
        for garbage in ["", "garbage", "o365sync_garbage"] {
            assert_eq!(get(&world, garbage, &path).await.status, StatusCode::UNAUTHORIZED, "{path}");
        }
        let refused = get(&world, &foreign, &path).await;
        let unknown = get(&world, &foreign, &path.replace(&world.directory, &Uuid::from_u128(8).to_string())).await;
        assert_eq!((refused.status, &refused.body), (StatusCode::NOT_FOUND, &unknown.body), "{path}");
    }
    let metrics = get(&world, &foreign, "/metrics").await;
    assert_eq!(metrics.status, StatusCode::OK);
    assert!(!metrics.body.contains(&world.directory), "{}", metrics.body);
}

/// All parts of an export.
async fn export(world: &World, token: &str, path: &str) -> Vec<String> {
    let mut path = world.path(path);
    let mut parts = Vec::new();
    loop {
        let part = get(world, token, &path).await;
        assert_eq!(part.status, StatusCode::OK, "{}", part.body);
        parts.push(part.body);
        let Some(link) = part.headers.get("link") else { return parts };
        let link = link.to_str().unwrap().strip_prefix('<').unwrap();
        link.split('>').next().unwrap().clone_into(&mut path);
    }
}

#[tokio::test]
async fn exports_have_everybody_and_every_membership_once() {
    let world = World::synced(&Sample { users: 120, groups: 14, ..Sample::default() }, everything()).await;
    let token = reader(&world).await;
    let users = export(&world, &token, "exports/users?limit=50").await;
    assert_eq!(users.len(), 3);
    let users: Vec<Value> = users.concat().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(users, world.list("users").await);

    let mut expected = BTreeSet::new();
    for group in world.list("groups").await {
        for member in world.list(&format!("groups/{}/members", id(&group))).await {
            expected.insert((id(&group), id(&member)));
        }
    }
    for limit in [7, 1_000] {
        let members = export(&world, &token, &format!("exports/members?limit={limit}")).await;
        let members: Vec<(String, String)> = members
            .concat()
            .lines()
            .map(|line| {
                let row: Value = serde_json::from_str(line).unwrap();
                (row["group"].as_str().unwrap().to_owned(), row["user"].as_str().unwrap().to_owned())
            })
            .collect();
        assert_eq!(members.len(), expected.len(), "{limit}");
        assert_eq!(members.into_iter().collect::<BTreeSet<_>>(), expected, "{limit}");
    }
    let csv = export(&world, &token, "exports/users?format=csv&limit=1000").await.concat();
    assert_eq!(csv.lines().count(), users.len() + 1);
    assert!(csv.starts_with("id,status,reason,group,display_name"), "{csv}");
    for (query, field) in [("format=xml", "format"), ("limit=0", "limit")] {
        let answer = get(&world, &token, &world.path(&format!("exports/users?{query}"))).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.body.contains(field), "{}", answer.body);
    }
    let first = world.get("groups?limit=1").await["items"][0]["id"].as_str().unwrap().to_owned();
    for cursor in ["x", "%7E%7E", "x~", &format!("~{first}~y")] {
        let answer = get(&world, &token, &world.path(&format!("exports/members?cursor={cursor}"))).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{cursor}: {}", answer.body);
    }
}

#[tokio::test]
async fn monitors_see_figures_and_strangers_only_that_we_are_here() {
    let world = World::synced(&small(), everything()).await;
    let health = ask(&world, Method::GET, "/healthz", &[], String::new()).await;
    assert_eq!((health.status, health.body.as_str()), (StatusCode::OK, "ok\n"));
    assert_eq!(ask(&world, Method::GET, "/metrics", &[], String::new()).await.status, StatusCode::UNAUTHORIZED);
    let token = reader(&world).await;
    let metrics = get(&world, &token, "/metrics").await;
    assert_eq!(metrics.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let active = world.active().await.len();
    let expected =
        format!("office365_sync_users{{directory=\"{}\",status=\"active\",reason=\"\"}} {active}\n", world.directory);
    assert!(metrics.body.contains(&expected), "{}", metrics.body);
    assert!(metrics.body.contains(&format!("office365_sync_health{{directory=\"{}\"}} 0\n", world.directory)));
    for line in metrics.body.lines().filter(|line| !line.starts_with('#')) {
        let (_, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
}

#[tokio::test]
async fn an_answer_that_has_not_changed_is_not_sent_again() {
    let world = World::synced(&small(), everything()).await;
    let token = reader(&world).await;
    let path = world.path("users?limit=10");
    let first = get(&world, &token, &path).await;
    let tag = first.headers["etag"].to_str().unwrap();
    assert_eq!(first.headers["cache-control"], "private, no-cache");
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("if-none-match", tag)];
    let again = ask(&world, Method::GET, &path, &headers, String::new()).await;
    assert_eq!((again.status, again.body.as_str()), (StatusCode::NOT_MODIFIED, ""));
    let first_user: Uuid =
        serde_json::from_str::<Value>(&first.body).unwrap()["items"][0]["id"].as_str().unwrap().parse().unwrap();
    world.apply(Action::Rename { id: first_user, display_name: "Another Name".to_owned() });
    world.sync().await;
    assert_eq!(ask(&world, Method::GET, &path, &headers, String::new()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn calls_read_no_more_of_the_table_than_the_documents_say() {
    let sample = Sample { users: 2_000, groups: 40, memberships_per_group: 60, ..Sample::default() };
    let lab = Lab::start(&sample, |_| {}).await;
    lab.world.authorize().await;
    lab.world.set(everything()).await;
    let app = status::App::new(lab.world.stack.store.clone(), lab.clock.clone(), &lab.world.stack.base_url);
    let api = Gateway::of("status", status::router(app));
    let token = token_of(&lab.world, Scope::Read, None).await;
    let truth = lab.world.tenant.truth();
    let group = truth.groups.iter().max_by_key(|group| group.members.len()).unwrap();
    let member = group.members.iter().find(|member| member.kind == tenant::MemberKind::User).unwrap().id;
    let name = lab.world.user(member).await["user_principal_name"].as_str().unwrap().replace('#', "%23");
    let group = group.id;
    let count = async |path: &str| {
        let process = Process::undisturbed();
        let path = match path.strip_prefix("scim/") {
            Some(of) => format!("/scim/v2/{}/{of}", lab.world.directory),
            None => lab.world.path(path),
        };
        let request = Request::builder().uri(&path).header("authorization", format!("Bearer {token}"));
        let answer = process.run(api.ask(request.body(Body::empty()).unwrap())).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        process.sent().len()
    };
    let cursor = lab.world.get("changes").await["next_cursor"].as_str().unwrap().to_owned();
    let position = position_of(&cursor);
    let early = cursor_of(&lab.world.directory, &format!("1.{}", position.split_once('.').unwrap().1));
    // That the token is used is noted once.
    count("users?limit=1").await;
    // The token and the directory are read for each.
    for (path, most) in [
        (format!("users/{member}/access"), 3),
        (format!("users/{member}/access?group={group}"), 4),
        (format!("users/{name}/access?group={group}"), 5),
        (format!("users/{member}"), 4),
        ("users?limit=100&fields=id,status".to_owned(), 20),
        ("users?limit=50&status=active&fields=id,status".to_owned(), 60),
        ("changes".to_owned(), 3),
        (format!("changes?since={early}&limit=100"), 6),
        (format!("changes?since={cursor}&limit=100"), 3),
        ("users?limit=50&status=inactive&fields=id,status".to_owned(), 64),
        ("users?changed_since=2020-01-01T00:00:00Z&limit=50&fields=id,status".to_owned(), 60),
        (format!("scim/Users/{member}"), 4),
        (format!("scim/Users?filter=userName+eq+%22{name}%22"), 6),
        ("scim/Users?cursor=&count=100&excludedAttributes=groups".to_owned(), 30),
        ("scim/Users?cursor=&count=100".to_owned(), 30),
        ("scim/Users?startIndex=1001&count=100&excludedAttributes=groups".to_owned(), 32),
        (format!("scim/Users?filter=groups+eq+%22{group}%22&count=50&excludedAttributes=groups"), 60),
        ("scim/Groups?count=20&excludedAttributes=members".to_owned(), 6),
        // It has most users of the directory.
        (format!("scim/Groups/{group}"), 400),
        ("scim/Schemas".to_owned(), 2),
    ] {
        let requests = count(&path).await;
        assert!(requests <= most, "{path}: {requests} requests, at most {most}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_during_a_run_sees_each_user_before_or_after_and_never_half() {
    let sample = Sample { users: 400, groups: 20, ..Sample::default() };
    let world = World::synced(&sample, everything()).await;
    let group = world.tenant.group_named(SERVICE_ACCOUNTS).unwrap();
    let told = |user: &Value, groups: &Value| {
        let in_it = groups.as_array().unwrap().iter().any(|one| one["id"] == group.to_string());
        (user["display_name"].clone(), user["status"].clone(), in_it)
    };
    let changed: Vec<Uuid> =
        world.ordinary_users().into_iter().filter(|user| !world.members_of(group).contains(user)).take(60).collect();
    let mut before = BTreeMap::new();
    for user in &changed {
        let user_now = world.user(*user).await;
        before.insert(*user, told(&user_now, &user_now["groups"]));
        world.apply(Action::Rename { id: *user, display_name: format!("After {user}") });
        world.apply(Action::DisableUser { user: *user });
        world.apply(Action::AddMember { group, member: *user });
    }
    let after = |user: &Uuid| (json!(format!("After {user}")), json!("inactive"), true);
    let (mut seen_before, mut seen_after, mut looks) = (0, 0, 0);
    let mut run = Box::pin(world.sync());
    let record = loop {
        let look = async {
            for user in &changed {
                let now = world.user(*user).await;
                let now = told(&now, &now["groups"]);
                assert!(now == before[user] || now == after(user), "{user} is half: {now:?}");
                seen_before += usize::from(now == before[user]);
                seen_after += usize::from(now == after(user));
            }
            looks += 1;
        };
        tokio::select! {
            biased;
            record = &mut run => break record,
            () = look => {}
        }
    };
    assert_eq!(record["state"], "succeeded");
    for user in &changed {
        let now = world.user(*user).await;
        assert_eq!(told(&now, &now["groups"]), after(user));
    }
    assert!(seen_before + seen_after > 0 || looks == 0);
    world.assert_idle().await;
}
