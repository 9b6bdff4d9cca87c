//! Cursors and `as_of`: which are taken, and where they lead.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use jiff::SignedDuration;
use local::aws::TABLE;
use serde_json::{Value, json};
use shared::clock::Clock as _;
use shared::store::ChangeStore as _;
use tenant::{Action, GroupKind, MemberKind, NewGroup};
use uuid::Uuid;

use super::Reader;
use crate::harness::everything;
use crate::lab::{Lab, Process, client, tiny};
use crate::queries::id;

async fn lab() -> (Lab, Reader) {
    let lab = Lab::start(&tiny(), |_| {}).await;
    lab.world.authorize().await;
    lab.change_settings(&everything()).await;
    lab.run().await;
    let reader = Reader::of(&lab).await;
    (lab, reader)
}

async fn as_of(reader: &Reader) -> String {
    reader.good("users?limit=1").await["as_of"].as_str().unwrap().to_owned()
}

async fn changed_since(reader: &Reader, since: &str) -> BTreeSet<String> {
    let users = reader.good(&format!("users?limit=1000&changed_since={since}")).await;
    users["items"].as_array().unwrap().iter().map(id).collect()
}

/// The cursor with its position altered and its check as it was.
fn altered(cursor: &str, alter: impl FnOnce(String) -> String) -> String {
    let (position, check) = cursor.split_once('.').unwrap();
    let position = String::from_utf8(URL_SAFE_NO_PAD.decode(position).unwrap()).unwrap();
    format!("{}.{check}", URL_SAFE_NO_PAD.encode(alter(position)))
}

#[tokio::test]
async fn altered_or_foreign_cursor_is_rejected() {
    let (lab, reader) = lab().await;
    let raise = |position: String| {
        let (number, rest) = position.split_once('.').unwrap();
        format!("{}.{rest}", number.parse::<u64>().unwrap() + 3)
    };
    let feed = reader.good("changes").await["next_cursor"].as_str().unwrap().to_owned();
    let group = reader.good("groups?limit=1").await["items"][0]["id"].as_str().unwrap().to_owned();
    let mut members = format!("groups/{group}/members?limit=1");
    for group in reader.good("groups?limit=100").await["items"].as_array().unwrap() {
        let path = format!("groups/{}/members?limit=1", id(group));
        if reader.good(&path).await["next_cursor"].is_string() {
            members = path;
        }
    }
    let mut cursors =
        vec![("changes?".to_owned(), "since", feed.clone()), ("users?".to_owned(), "changed_since", feed.clone())];
    for (path, name) in [
        ("users?limit=1", "next_cursor"),
        ("users?limit=1&status=active", "next_cursor"),
        ("groups?limit=1", "next_cursor"),
        (&members, "next_cursor"),
        ("runs?limit=1", "next_cursor"),
        ("scim/Users?count=1&cursor=", "nextCursor"),
        ("scim/Users?count=1&filter=active+eq+true&cursor=", "nextCursor"),
        ("scim/Groups?count=1&cursor=", "nextCursor"),
    ] {
        let cursor = reader.good(path).await[name].as_str().unwrap_or_else(|| panic!("{path}")).to_owned();
        let path = path.trim_end_matches("cursor=");
        cursors.push((format!("{path}&").replace("&&", "&"), "cursor", cursor));
    }
    for what in ["users", "members"] {
        let path = format!("exports/{what}?limit=1");
        let link = reader.get(&path).await.headers["link"].to_str().unwrap().to_owned();
        let cursor = link.split("cursor=").nth(1).unwrap().split('>').next().unwrap().to_owned();
        cursors.push((format!("{path}&"), "cursor", cursor));
    }
    for (place, (path, name, cursor)) in cursors.iter().enumerate() {
        for (other, (.., foreign)) in cursors.iter().enumerate() {
            let is_own = foreign == cursor;
            let answer = reader.get(&format!("{path}{name}={foreign}")).await;
            let expected = if is_own { StatusCode::OK } else { StatusCode::BAD_REQUEST };
            assert_eq!(answer.status, expected, "{path}{name} {place} with the cursor of {other}: {}", answer.body);
        }
        let nudged = if *name == "cursor" {
            altered(cursor, |position| {
                let other = if position.starts_with('0') { '1' } else { '0' };
                format!("{other}{}", &position[1..])
            })
        } else {
            altered(cursor, raise)
        };
        let answer = reader.get(&format!("{path}{name}={nudged}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}{name}: {}", answer.body);
    }
    // Written by earlier versions: nothing tells whether the number was altered.
    let early = format!("3.-.{}", feed.len());
    assert_eq!(reader.get(&format!("changes?since={early}")).await.status, StatusCode::GONE);
    lab.assert_idle().await;
}

#[tokio::test]
async fn as_of_has_what_run_under_way_writes_later() {
    let (lab, reader) = lab().await;
    let users: Vec<Uuid> = lab.staff.iter().copied().take(5).collect();
    for user in &users {
        lab.world.tenant.apply(Action::Rename { id: *user, display_name: format!("New {user}") }).unwrap();
    }
    let lab = lab.writing_one_by_one();
    let request = lab.request().await;
    let _ = lab.mailbox.take();
    let process = Process::stepping();
    let mut work = lab.begin(&request, &process);
    // At each write a reader asks for everything; the changes since then must lead to what there is in the end.
    let mut copies = Vec::new();
    loop {
        tokio::select! {
            _ = &mut work => break,
            () = process.stands_still() => {}
        }
        let page = reader.good("users?limit=1000").await;
        copies.push((page["as_of"].as_str().unwrap().to_owned(), lab.clock.now(), page["items"].clone()));
        process.wake();
    }
    lab.settle().await;
    assert!(copies.len() > 5, "{}", copies.len());
    let name = |user: &Value| (id(user), user["display_name"].clone());
    let names = |users: &Value| users.as_array().unwrap().iter().map(name).collect::<BTreeMap<_, _>>();
    let end = names(&reader.good("users?limit=1000").await["items"]);
    for (as_of, time, users) in copies {
        // The time of the asker's clock is good enough, too: it leads back to the beginning of the run.
        for since in [as_of, time.to_string()] {
            let mut copy = names(&users);
            copy.extend(names(&reader.good(&format!("users?limit=1000&changed_since={since}")).await["items"]));
            assert_eq!(copy, end, "{since}");
        }
    }
}

#[tokio::test]
async fn changed_since_across_switched_users_is_gone() {
    let (lab, reader) = lab().await;
    let (position, time) = (as_of(&reader).await, lab.clock.now());
    let since = async |since: &str| reader.get(&format!("users?changed_since={since}")).await.status;
    assert_eq!((since(&position).await, since(&time.to_string()).await), (StatusCode::OK, StatusCode::OK));
    let mut off = everything();
    off["sync_users"] = json!(false);
    for settings in [off, everything()] {
        lab.change_settings(&settings).await;
        lab.run().await;
        assert_eq!(since(&position).await, StatusCode::GONE, "{settings}");
        assert_eq!(since(&time.to_string()).await, StatusCode::GONE, "{settings}");
    }
    lab.clock.pass(SignedDuration::from_secs(1));
    assert_eq!(since(&lab.clock.now().to_string()).await, StatusCode::OK);
    assert_eq!(since(&as_of(&reader).await).await, StatusCode::OK);
}

/// What has expired may be removed in any order.
#[tokio::test]
async fn changed_since_does_not_end_at_a_gap_of_the_log() {
    let (lab, reader) = lab().await;
    let position = as_of(&reader).await;
    for user in &lab.staff[..3] {
        lab.world.apply(Action::DisableUser { user: *user });
        lab.run().await;
    }
    let last = lab.world.stack.store.last_change(lab.directory()).await.unwrap().unwrap();
    let text = |text: String| AttributeValue::S(text);
    let delete = client(&lab.world.stack.aws).delete_item().table_name(TABLE);
    let delete = delete.key("pk", text(format!("DIRECTORY#{}#CHANGES", lab.world.directory)));
    let delete = delete.key("sk", text(format!("{:016x}", last.number() - 1)));
    let deleted = delete.return_values(ReturnValue::AllOld).send().await.unwrap();
    assert!(deleted.attributes.is_some(), "the change in the middle is an item of its own");

    let first = reader.good(&format!("users?limit=1000&changed_since={position}")).await;
    assert_eq!(first["items"].as_array().unwrap().iter().map(id).collect::<Vec<_>>(), [lab.staff[0].to_string()]);
    let cursor = first["next_cursor"].as_str().expect("there is more");
    let rest = reader.get(&format!("users?limit=1000&changed_since={position}&cursor={cursor}")).await;
    assert_eq!(rest.status, StatusCode::GONE, "{}", rest.body);
}

#[tokio::test]
async fn time_before_the_log_is_answered_while_the_log_is_whole() {
    let (lab, reader) = lab().await;
    let early = lab.clock.now() - SignedDuration::from_hours(31 * 24);
    let everybody: BTreeSet<String> = lab.world.list("users").await.iter().map(id).collect();
    assert_eq!(changed_since(&reader, &early.to_string()).await, everybody);
}

#[tokio::test]
async fn memberships_of_unpublished_groups_change_nobody() {
    let (lab, reader) = lab().await;
    let mut settings = everything();
    settings["group_prefixes"] = json!(["Seen "]);
    lab.change_settings(&settings).await;
    let [seen, hidden, nested] = ["Seen One", "Hidden", "Seen Two"].map(|name| {
        let group = NewGroup::named(name, GroupKind::Microsoft365);
        lab.world.tenant.apply(Action::CreateGroup(group)).unwrap().unwrap()
    });
    lab.run().await;
    let [kim, lee] = [lab.staff[0], lab.staff[1]];
    let (since, cursor) =
        (as_of(&reader).await, reader.good("changes").await["next_cursor"].as_str().unwrap().to_owned());
    for (group, member) in [(hidden, kim), (seen, hidden)] {
        lab.world.tenant.apply(Action::AddMember { group, member }).unwrap();
    }
    lab.run().await;
    assert_eq!(changed_since(&reader, &since).await, BTreeSet::new());
    assert_eq!(reader.good(&format!("changes?since={cursor}")).await["items"], json!([]));
    for (group, member) in [(seen, lee), (seen, nested)] {
        lab.world.tenant.apply(Action::AddMember { group, member }).unwrap();
    }
    lab.run().await;
    assert_eq!(changed_since(&reader, &since).await, BTreeSet::from([lee.to_string()]));
    let feed = reader.good(&format!("changes?since={cursor}")).await;
    let items = feed["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{feed:#}");
    assert_eq!((&items[0]["user"], &items[0]["joined"]), (&json!(lee), &json!([seen])));
    assert_eq!((&items[1]["group"], &items[1]["properties"]), (&json!(seen), &json!(["groups"])));
    let members = lab.world.tenant.truth().groups.into_iter().find(|one| one.id == seen).unwrap().members;
    assert!(members.iter().any(|member| member.kind == MemberKind::Group));
    lab.assert_idle().await;
}

#[tokio::test]
async fn deleted_user_leaves_groups_and_returns_to_them() {
    let (lab, reader) = lab().await;
    let kim = lab
        .staff
        .iter()
        .copied()
        .find(|user| {
            !lab.world.tenant.truth().groups.iter().all(|group| group.members.iter().all(|member| member.id != *user))
        })
        .unwrap();
    let groups = async || {
        let user = reader.good(&format!("users/{kim}")).await;
        user["groups"].as_array().unwrap().iter().map(id).collect::<BTreeSet<_>>()
    };
    let before = groups().await;
    assert!(!before.is_empty());
    let mut cursor = reader.good("changes").await["next_cursor"].as_str().unwrap().to_owned();
    let mut moved = async || {
        let feed = reader.good(&format!("changes?since={cursor}")).await;
        feed["next_cursor"].as_str().unwrap().clone_into(&mut cursor);
        let change =
            feed["items"].as_array().unwrap().iter().find(|change| change["user"] == json!(kim)).unwrap().clone();
        ["joined", "left"].map(|name| {
            change[name]
                .as_array()
                .unwrap()
                .iter()
                .map(|group| group.as_str().unwrap().to_owned())
                .collect::<BTreeSet<_>>()
        })
    };
    lab.world.tenant.apply(Action::Delete { id: kim }).unwrap();
    lab.run().await;
    assert_eq!(moved().await, [BTreeSet::new(), before.clone()]);
    lab.world.tenant.apply(Action::Restore { id: kim }).unwrap();
    lab.run().await;
    let [joined, left] = moved().await;
    assert_eq!((joined, left), (groups().await, BTreeSet::new()));
    lab.assert_idle().await;
}

#[tokio::test]
async fn changes_of_one_run_come_in_their_order() {
    let (lab, reader) = lab().await;
    let world = &lab.world;
    let disabled = lab.staff[0];
    world.apply(Action::DisableUser { user: disabled });
    lab.run().await;
    let since = reader.good("changes").await["next_cursor"].as_str().unwrap().to_owned();
    // In one run somebody comes, somebody goes, and a group appears.
    world.apply(Action::CreateGroup(NewGroup::named("New Group", GroupKind::Security)));
    world.apply(Action::DisableUser { user: lab.staff[1] });
    world.apply(Action::EnableUser { user: disabled });
    lab.run().await;
    let feed = reader.good(&format!("changes?since={since}")).await;
    let kind = |change: &Value| match (change.get("group").is_some(), change["status"] == "inactive") {
        (true, _) => "group",
        (false, true) => "deactivation",
        (false, false) => "activation",
    };
    let kinds: Vec<&str> = feed["items"].as_array().unwrap().iter().map(kind).collect();
    assert_eq!(kinds, ["activation", "deactivation", "group"], "{feed:#}");
}
