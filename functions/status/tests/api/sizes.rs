//! Lists with names at their limits: each answer fits what Lambda passes on, and says where to go on. The gateway before the
//! function answers 502 to what does not fit.

use std::collections::BTreeSet;

use axum::body::{Body, to_bytes};
use gateway::Gateway;
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use shared::directory::{
    Change, ChangeId, ChangedUser, DirectoryCounts, GroupId, GroupProfile, GroupRecord, Membership, Presence, Text,
    UserProfile, UserRecord,
};
use shared::filter::{GroupDecision, UserDecision};
use shared::store::Logged;

use crate::world::{HERE, World, now, path};

/// The longest name that Entra takes, in characters.
const NAME_CHARS: usize = 256;
/// Further mail addresses of each user.
const ADDRESSES: usize = 60;
/// Changes in a feed: as many as there may be in one part of it.
const CHANGES: usize = 1_000;

fn id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

/// A directory in which every name is as long as it may be, of one letter.
fn directory_of(letter: char, users: usize, groups: usize) -> World {
    let name = |number: usize| -> Text {
        let number = number.to_string();
        let letters = std::iter::repeat_n(letter, NAME_CHARS - number.len());
        letters.chain(number.chars()).collect::<String>().into()
    };
    let mut world = World::new();
    let all: BTreeSet<_> = (0..groups).map(|number| id(0x20_0000 + number).parse().unwrap()).collect();
    world.0.groups = (0..groups)
        .map(|number| GroupRecord {
            id: id(0x20_0000 + number).parse().unwrap(),
            profile: GroupProfile {
                display_name: Some(name(number)),
                description: Some(name(number)),
                mail: Some(name(number)),
                ..GroupProfile::default()
            },
            presence: Presence::Present,
            children: BTreeSet::new(),
            decision: GroupDecision::Synced,
            members: users as u64,
            membership: Membership::Known,
        })
        .collect();
    world.0.users = (0..users)
        .map(|number| UserRecord {
            id: id(0x10_0000 + number).parse().unwrap(),
            profile: UserProfile {
                account_enabled: Some(true),
                display_name: Some(name(number)),
                given_name: Some(name(number)),
                surname: Some(name(number)),
                user_principal_name: Some(name(number)),
                mail: Some(name(number)),
                proxy_addresses: Some(
                    (0..ADDRESSES).map(|other| format!("smtp:{other}{}", name(number)).into()).collect(),
                ),
                job_title: Some(name(number)),
                department: Some(name(number)),
                company_name: Some(name(number)),
                ..UserProfile::default()
            },
            presence: Presence::Present,
            groups: all.clone(),
            decision: UserDecision::Active,
            changed: None,
        })
        .collect();
    let (active, groups_synced) = (i64::try_from(users).unwrap(), i64::try_from(groups).unwrap());
    world.published().counts = DirectoryCounts { active, groups_synced, ..DirectoryCounts::default() };
    world
}

/// Has the users change this often, one after the other, and join all groups each time.
fn log_changes(world: &mut World, changes: usize) {
    let run = world.0.runs[0].id;
    let joined: Vec<GroupId> = world.0.groups.iter().map(|group| group.id.clone()).collect();
    let change = |(number, user): (u64, &UserRecord)| Logged {
        id: ChangeId::new(number).unwrap(),
        run,
        at: now(),
        change: Change::User(ChangedUser {
            id: user.id.clone(),
            before: Some(user.decision.clone()),
            after: Some(user.decision.clone()),
            properties: Vec::new(),
            joined: joined.clone(),
            left: Vec::new(),
            previous: None,
        }),
    };
    world.0.log = (1..).zip(world.0.users.iter().cycle()).take(changes).map(change).collect();
}

async fn get(gateway: &Gateway, target: &str) -> (HeaderMap, String) {
    let request = Request::get(target).header("authorization", "Bearer reader").body(Body::empty()).unwrap();
    let (parts, body) = gateway.ask(request).await.into_parts();
    let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
    assert_eq!(parts.status, StatusCode::OK, "{target}: {}", &body[..body.len().min(500)]);
    (parts.headers, body)
}

/// The ids of a list of the JSON API, page by page.
async fn listed(gateway: &Gateway, of: &str) -> (Vec<String>, usize) {
    let (mut ids, mut pages, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let joint = if of.contains('?') { '&' } else { '?' };
        let page: Value =
            serde_json::from_str(&get(gateway, &path(&format!("{of}{joint}limit=1000{cursor}"))).await.1).unwrap();
        ids.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        pages += 1;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (ids, pages),
        }
    }
}

/// The numbers of the changes of a feed from its beginning on, part by part.
async fn followed(gateway: &Gateway) -> (Vec<u64>, usize) {
    // Where nothing has changed yet, a cursor of now is one of the beginning.
    let begin: Value = serde_json::from_str(&get(&World::new().gateway(), &path("/changes")).await.1).unwrap();
    let mut since = begin["next_cursor"].as_str().unwrap().to_owned();
    let (mut numbers, mut parts) = (Vec::new(), 0);
    loop {
        let target = path(&format!("/changes?limit=1000&since={since}"));
        let part: Value = serde_json::from_str(&get(gateway, &target).await.1).unwrap();
        numbers.extend(part["items"].as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()));
        parts += 1;
        if part["more"] == false {
            return (numbers, parts);
        }
        part["next_cursor"].as_str().unwrap().clone_into(&mut since);
    }
}

/// The address in a `Link` header.
fn linked(header: &HeaderValue) -> String {
    header.to_str().unwrap().split(['<', '>']).nth(1).unwrap().to_owned()
}

/// The rows of an export, part by part, by what is in them in these fields.
async fn exported(gateway: &Gateway, what: &str, fields: &[&str]) -> (Vec<String>, usize) {
    let (mut rows, mut parts) = (Vec::new(), 0);
    let mut target = path(&format!("/exports/{what}?limit=1000"));
    loop {
        let (headers, body) = get(gateway, &target).await;
        for line in body.lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            rows.push(fields.iter().map(|field| row[field].as_str().unwrap()).collect::<Vec<_>>().join(" "));
        }
        parts += 1;
        match headers.get("link") {
            Some(link) => target = linked(link),
            None => return (rows, parts),
        }
    }
}

/// The bytes of an export as CSV, and in how many parts it came.
async fn exported_as_csv(gateway: &Gateway) -> (usize, usize) {
    let (mut bytes, mut parts) = (0, 0);
    let mut target = path("/exports/users?limit=1000&format=csv");
    loop {
        let (headers, body) = get(gateway, &target).await;
        bytes += body.len();
        parts += 1;
        match headers.get("link") {
            Some(link) => target = linked(link),
            None => return (bytes, parts),
        }
    }
}

/// The ids of a list of SCIM, page by page.
async fn scim(gateway: &Gateway, of: &str, by_cursor: bool) -> (Vec<String>, usize) {
    let (mut ids, mut pages, mut cursor): (Vec<String>, usize, String) = (Vec::new(), 0, String::new());
    loop {
        let place = if by_cursor { format!("cursor={cursor}") } else { format!("startIndex={}", ids.len() + 1) };
        let target = format!("/scim/v2/{HERE}/{of}?count=1000&{place}");
        let page: Value = serde_json::from_str(&get(gateway, &target).await.1).unwrap();
        let resources = page["Resources"].as_array().unwrap();
        ids.extend(resources.iter().map(|resource| resource["id"].as_str().unwrap().to_owned()));
        pages += 1;
        let is_last = if by_cursor {
            page["nextCursor"].is_null()
        } else {
            resources.is_empty() || ids.len() as u64 >= page["totalResults"].as_u64().unwrap()
        };
        if is_last {
            return (ids, pages);
        }
        page["nextCursor"].as_str().unwrap_or_default().clone_into(&mut cursor);
    }
}

async fn check(letter: char, users: usize, groups: usize) {
    let mut world = directory_of(letter, users, groups);
    log_changes(&mut world, users);
    let gateway = world.gateway();
    let user_ids: Vec<String> = (0..users).map(|number| id(0x10_0000 + number)).collect();
    let group_ids: Vec<String> = (0..groups).map(|number| id(0x20_0000 + number)).collect();
    let first = &group_ids[0];
    for of in [
        "/users".to_owned(),
        format!("/users?group={first}"),
        // The further mail addresses begin with their numbers.
        "/users?q=0".to_owned(),
        // The log has each user once, in the order of ids.
        "/users?changed_since=2026-01-01T00:00:00Z".to_owned(),
        format!("/groups/{first}/members"),
    ] {
        let (ids, pages) = listed(&gateway, &of).await;
        assert_eq!(ids, user_ids, "{of}");
        assert!(pages > 1, "{of}: {users} users do not fit one answer");
    }
    assert_eq!(listed(&gateway, "/groups").await.0, group_ids);
    assert_eq!(exported(&gateway, "users", &["id"]).await.0, user_ids);
    let memberships: Vec<String> =
        group_ids.iter().flat_map(|group| user_ids.iter().map(move |user| format!("{group} {user}"))).collect();
    assert_eq!(exported(&gateway, "members", &["group", "user"]).await.0, memberships);
    exported_as_csv(&gateway).await;
    for by_cursor in [true, false] {
        let (ids, pages) = scim(&gateway, "Users", by_cursor).await;
        assert_eq!(ids, user_ids);
        assert!(pages > 1, "{users} users with {groups} groups each do not fit one answer");
        assert_eq!(scim(&gateway, "Groups", by_cursor).await.0, group_ids);
    }
}

/// A feed has no names, so that only many groups make it large.
async fn check_feed(groups: usize) {
    let mut world = directory_of('a', 1, groups);
    log_changes(&mut world, CHANGES);
    let (numbers, parts) = followed(&world.gateway()).await;
    assert_eq!(numbers, (1..=CHANGES as u64).collect::<Vec<_>>());
    assert!(parts > 1, "{CHANGES} changes of {groups} groups each do not fit one answer");
}

/// The bytes of a character of a name in the JSON that wraps the answer.
fn wrapped_bytes(letter: char) -> usize {
    let wrapped = |name: &str| Value::from(Value::from(name).to_string()).to_string().len();
    wrapped(&letter.to_string()) - wrapped("")
}

#[test]
fn every_list_ends_within_one_answer_and_goes_on() {
    let letters = prop::sample::select(vec!['ö', '山', '😀', '"', '\\', '\u{1}', '\n', '<', 'a']);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 4, failure_persistence: None, ..Config::default() });
    let checked = runner.run(&(letters, 450_usize..600, 30_usize..=40), |(letter, users, groups)| {
        // As few users as it takes to fill more than one answer.
        runtime.block_on(check(letter, users / wrapped_bytes(letter) + 1, groups));
        runtime.block_on(check_feed(groups * 8));
        Ok(())
    });
    checked.unwrap();
}

#[tokio::test]
async fn a_single_user_beyond_an_answer_is_refused_with_advice() {
    let gateway = directory_of('\u{1}', 1, 5_000).gateway();
    let base = format!("/scim/v2/{HERE}/Users");
    let ask = async |target: &str| {
        let request = Request::get(target).header("authorization", "Bearer reader").body(Body::empty()).unwrap();
        let answer = gateway.ask(request).await;
        let status = answer.status();
        (status, serde_json::from_slice::<Value>(&to_bytes(answer.into_body(), usize::MAX).await.unwrap()).unwrap())
    };
    for target in [format!("{base}?cursor="), format!("{base}/{}", id(0x10_0000))] {
        let (status, error) = ask(&target).await;
        assert_eq!((status, &error["scimType"]), (StatusCode::BAD_REQUEST, &Value::from("tooMany")), "{error}");
    }
    assert_eq!(ask(&format!("{base}?excludedAttributes=groups")).await.0, StatusCode::OK);
    let (status, problem) = ask(&path(&format!("/users/{}", id(0x10_0000)))).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
    assert_eq!(problem["type"], "urn:office365-sync:problem:too-many");
}
