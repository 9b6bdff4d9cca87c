//! The feed of changes, as somebody follows it.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use local::api::ApiError;
use serde_json::{Value, json};
use shared::http::Listing;
use shared::store::ChangeStore as _;
use tenant::{Action, SERVICE_ACCOUNTS};

use crate::harness::{World, everything, small};
use crate::queries::{get, id, ignoring};
use crate::tokens::reader;

/// Who follows the feed: what is known of users and groups, by what the feed has said.
struct Follower<'a> {
    world: &'a World,
    cursor: String,
    active: BTreeMap<String, bool>,
    groups: BTreeSet<String>,
    members: BTreeSet<(String, String)>,
}

impl<'a> Follower<'a> {
    /// Takes a cursor, and then reads everything.
    async fn begin(world: &'a World) -> Self {
        let feed = world.get("changes").await;
        assert_eq!((&feed["items"], &feed["more"]), (&json!([]), &json!(false)));
        let mut follower = Self {
            world,
            cursor: feed["next_cursor"].as_str().unwrap().to_owned(),
            active: BTreeMap::new(),
            groups: BTreeSet::new(),
            members: BTreeSet::new(),
        };
        for user in world.list("users").await {
            follower.active.insert(id(&user), user["status"] == "active");
        }
        for group in world.list("groups").await {
            follower.read_members(id(&group)).await;
        }
        follower
    }

    async fn read_members(&mut self, group: String) {
        for member in self.world.list(&format!("groups/{group}/members")).await {
            self.members.insert((group.clone(), id(&member)));
        }
        self.groups.insert(group);
    }

    /// Follows to the end, a few at a time.
    async fn follow(&mut self) {
        loop {
            let feed = self.world.get(&format!("changes?since={}&limit=3", self.cursor)).await;
            for change in feed["items"].as_array().unwrap() {
                self.take(change).await;
            }
            feed["next_cursor"].as_str().unwrap().clone_into(&mut self.cursor);
            if feed["more"] == false {
                return;
            }
        }
    }

    async fn take(&mut self, change: &Value) {
        let text = |name: &str| change[name].as_str().unwrap().to_owned();
        match change["type"].as_str().unwrap() {
            "user.forgotten" => drop(self.active.remove(&text("user"))),
            "group.appeared" => self.read_members(text("group")).await,
            "group.disappeared" => {
                let group = text("group");
                self.members.retain(|(of, _)| *of != group);
                self.groups.remove(&group);
            }
            "group.changed" => {}
            kind => {
                let user = text("user");
                if kind == "user.appeared" {
                    for group in self.world.get(&format!("users/{user}")).await["groups"].as_array().unwrap() {
                        self.members.insert((id(group), user.clone()));
                    }
                }
                self.active.insert(user.clone(), change["status"] == "active");
                for group in change["joined"].as_array().unwrap() {
                    self.members.insert((group.as_str().unwrap().to_owned(), user.clone()));
                }
                for group in change["left"].as_array().unwrap() {
                    self.members.remove(&(group.as_str().unwrap().to_owned(), user.clone()));
                }
                // Who is deleted is in no group, as long as that lasts.
                if change["reason"] == "deleted" {
                    self.members.retain(|(_, member)| *member != user);
                }
            }
        }
    }

    async fn check(&self) {
        let fresh = Self::begin(self.world).await;
        assert_eq!(self.active, fresh.active);
        assert_eq!(self.groups, fresh.groups);
        assert_eq!(self.members, fresh.members);
    }
}

/// The position that a cursor of the feed names.
pub fn position_of(cursor: &str) -> String {
    String::from_utf8(URL_SAFE_NO_PAD.decode(cursor.split('.').next().unwrap()).unwrap()).unwrap()
}

/// The cursor of the feed for a position, as the API would make it.
pub fn cursor_of(directory: &str, position: &str) -> String {
    Listing::new(directory.parse().unwrap(), "changes", &[]).cursor(&position)
}

#[tokio::test]
async fn whoever_follows_the_feed_knows_what_whoever_reads_everything_knows() {
    let world = World::synced(&small(), everything()).await;
    let mut follower = Follower::begin(&world).await;
    let users = world.ordinary_users();
    let group = world.tenant.group_named(SERVICE_ACCOUNTS).unwrap();
    let members = world.members_of(group);
    let stranger = *users[3..].iter().find(|user| !members.contains(user)).unwrap();
    let new = world.tenant.apply(Action::CreateUser(tenant::NewUser::named("New Colleague"))).unwrap().unwrap();
    for action in [
        Action::DisableUser { user: users[0] },
        Action::Delete { id: users[1] },
        Action::Rename { id: users[2], display_name: "Married Name".to_owned() },
        Action::AddMember { group, member: new },
        Action::AddMember { group, member: stranger },
        Action::RemoveMember { group, member: members[0] },
    ] {
        world.apply(action);
    }
    world.sync().await;
    follower.follow().await;
    follower.check().await;

    world.set(ignoring(&world)).await;
    let mut settings = ignoring(&world);
    settings["sync_groups_without_email"] = json!(false);
    world.set(settings).await;
    follower.follow().await;
    follower.check().await;
    world.set(everything()).await;
    world.assert_idle().await;
    follower.follow().await;
    follower.check().await;
    let at_rest = world.get(&format!("changes?since={}", follower.cursor)).await;
    assert_eq!(at_rest["items"], json!([]));
}

#[tokio::test]
async fn a_cursor_that_leads_nowhere_says_how_to_start_over() {
    let world = World::synced(&small(), everything()).await;
    let token = reader(&world).await;
    let cursor = world.get("changes").await["next_cursor"].as_str().unwrap().to_owned();
    let mut settings = everything();
    settings["sync_users"] = json!(false);
    world.set(settings).await;
    let gone = get(&world, &token, &world.path(&format!("changes?since={cursor}"))).await;
    assert_eq!(gone.status, StatusCode::GONE, "{}", gone.body);
    assert!(gone.body.contains("Ask without `since` for a new cursor"), "{}", gone.body);
    world.set(everything()).await;
    let gone = get(&world, &token, &world.path(&format!("changes?since={cursor}"))).await;
    assert_eq!(gone.status, StatusCode::GONE, "users have been hidden in between");
    for nonsense in ["", "7", "7.", "07.-", "-1.-", "x.-", "7.x", "99999999999999999999999.-"] {
        let answer = get(&world, &token, &world.path(&format!("changes?since={nonsense}"))).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{nonsense}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_cursor_from_before_a_restore_starts_over() {
    let world = World::synced(&small(), everything()).await;
    let cursor = world.get("changes").await["next_cursor"].as_str().unwrap().to_owned();
    let position = position_of(&cursor);
    let (place, log) = position.rsplit_once('.').unwrap();
    assert_eq!(log, world.stack.store.log_name());
    for earlier in [format!("{place}.anotherlog"), format!("{place}.")] {
        let earlier = cursor_of(&world.directory, &earlier);
        let answer = world.api.get(&world.path(&format!("changes?since={earlier}"))).await.unwrap_err();
        assert!(matches!(answer, ApiError::Refused { status: StatusCode::GONE, .. }), "{answer}");
    }
}
