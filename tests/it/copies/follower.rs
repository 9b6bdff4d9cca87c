//! Readers that keep a copy: by the feed of changes, and by `changed_since`. They do what `docs/api.md` says, a request at a time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use http::StatusCode;
use serde_json::Value;

use super::Reader;

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// A copy of users, groups and members that follows the feed.
#[derive(Default)]
pub struct FeedCopy {
    /// Status and reason of each user.
    users: BTreeMap<String, (Value, Value)>,
    groups: BTreeSet<String>,
    /// Group and user.
    members: BTreeSet<(String, String)>,
    cursor: String,
    /// Listings of the first reading that are still to be read.
    open: VecDeque<(Listed, String)>,
    pub restarts: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Listed {
    Cursor,
    Users,
    Groups,
    Members(String),
}

impl FeedCopy {
    pub fn new() -> Self {
        Self { open: VecDeque::from([(Listed::Cursor, "changes".to_owned())]), ..Self::default() }
    }

    /// Makes a request. Returns false when there was nothing new.
    pub async fn step(&mut self, reader: &Reader) -> bool {
        match self.open.pop_front() {
            Some((listed, path)) => {
                self.read(reader, listed, path).await;
                true
            }
            None => self.follow(reader).await,
        }
    }

    /// Steps until there is nothing new.
    pub async fn catch_up(&mut self, reader: &Reader) {
        while self.step(reader).await {}
    }

    async fn read(&mut self, reader: &Reader, listed: Listed, path: String) {
        let answer = reader.get(&path).await;
        if answer.status == StatusCode::NOT_FOUND {
            // The group is gone again, which the feed will say.
            assert!(matches!(listed, Listed::Members(_)), "{path}: {}", answer.body);
            return;
        }
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        let body = answer.json();
        if listed == Listed::Cursor {
            self.cursor = text(&body["next_cursor"]);
            self.open.push_back((Listed::Users, "users?limit=3".to_owned()));
            self.open.push_back((Listed::Groups, "groups?limit=3".to_owned()));
            return;
        }
        if let Some(next) = body["next_cursor"].as_str() {
            let first = path.split("&cursor=").next().unwrap();
            self.open.push_front((listed.clone(), format!("{first}&cursor={next}")));
        }
        for item in body["items"].as_array().unwrap() {
            let id = text(&item["id"]);
            match &listed {
                Listed::Cursor => {}
                Listed::Users => drop(self.users.insert(id, (item["status"].clone(), item["reason"].clone()))),
                Listed::Groups => {
                    self.open.push_back((Listed::Members(id.clone()), format!("groups/{id}/members?limit=3")));
                    self.groups.insert(id);
                }
                Listed::Members(group) => drop(self.members.insert((group.clone(), id))),
            }
        }
    }

    async fn follow(&mut self, reader: &Reader) -> bool {
        let answer = reader.get(&format!("changes?limit=3&since={}", self.cursor)).await;
        if answer.status == StatusCode::GONE {
            *self = Self { restarts: self.restarts + 1, ..Self::new() };
            return true;
        }
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let feed = answer.json();
        let before = std::mem::replace(&mut self.cursor, text(&feed["next_cursor"]));
        for change in feed["items"].as_array().unwrap() {
            if change.get("group").is_some() {
                self.take_group(reader, change).await;
            } else {
                self.take_user(reader, change).await;
            }
        }
        feed["more"] == true || before != self.cursor
    }

    async fn take_group(&mut self, reader: &Reader, change: &Value) {
        let group = text(&change["group"]);
        match change["type"].as_str().unwrap() {
            "group.appeared" => {
                self.members.retain(|(of, _)| *of != group);
                let mut open =
                    VecDeque::from([(Listed::Members(group.clone()), format!("groups/{group}/members?limit=3"))]);
                std::mem::swap(&mut self.open, &mut open);
                while let Some((listed, path)) = self.open.pop_front() {
                    self.read(reader, listed, path).await;
                }
                std::mem::swap(&mut self.open, &mut open);
                self.groups.insert(group);
            }
            "group.disappeared" => {
                self.members.retain(|(of, _)| *of != group);
                self.groups.remove(&group);
            }
            kind => {
                assert_eq!(kind, "group.changed");
                assert!(!change["properties"].as_array().unwrap().is_empty(), "nothing has changed: {change:#}");
            }
        }
    }

    async fn take_user(&mut self, reader: &Reader, change: &Value) {
        let user = text(&change["user"]);
        if change["type"] == "user.forgotten" {
            self.users.remove(&user);
            self.members.retain(|(_, member)| *member != user);
            return;
        }
        let was_deleted = self.users.get(&user).is_some_and(|(_, reason)| reason == "deleted");
        let is_deleted = change["reason"] == "deleted";
        let ids = |name: &str| change[name].as_array().unwrap().iter().map(text).collect::<Vec<_>>();
        assert!(!is_deleted || ids("joined").is_empty(), "whoever is deleted joins no group: {change:#}");
        self.users.insert(user.clone(), (change["status"].clone(), change["reason"].clone()));
        if change["type"] == "user.appeared" || was_deleted != is_deleted {
            let answer = reader.get(&format!("users/{user}")).await;
            self.members.retain(|(_, member)| *member != user);
            // Who is gone by now will be forgotten by a later change.
            if answer.status == StatusCode::OK {
                for group in answer.json()["groups"].as_array().unwrap() {
                    self.members.insert((text(&group["id"]), user.clone()));
                }
            }
        }
        self.members.extend(ids("joined").into_iter().map(|group| (group, user.clone())));
        for group in ids("left") {
            self.members.remove(&(group, user.clone()));
        }
    }

    /// At rest, the copy is what a fresh one is.
    pub async fn check(&self, reader: &Reader) {
        let mut fresh = Self::new();
        fresh.catch_up(reader).await;
        assert_eq!(self.users, fresh.users, "users by the feed");
        assert_eq!(self.groups, fresh.groups, "groups by the feed");
        assert_eq!(self.members, fresh.members, "members by the feed");
    }
}

/// A copy of users that asks who has changed since the last time.
#[derive(Default)]
pub struct SinceCopy {
    users: BTreeMap<String, Value>,
    /// What to send next as `changed_since`; before the first reading has ended, `None`.
    as_of: Option<String>,
    /// The listing that is being read, its next page, and the `as_of` of its first page.
    open: Option<(String, Option<String>, String)>,
    pub restarts: usize,
}

impl SinceCopy {
    /// Makes a request. Returns false when there was nothing new.
    pub async fn step(&mut self, reader: &Reader) -> bool {
        let (first, path, begun) = if let Some((first, Some(cursor), as_of)) = self.open.take() {
            (first.clone(), format!("{first}&cursor={cursor}"), Some(as_of))
        } else {
            let since = self.as_of.as_ref().map(|as_of| format!("&changed_since={as_of}")).unwrap_or_default();
            let first = format!("users?limit=3{since}");
            (first.clone(), first, None)
        };
        let answer = reader.get(&path).await;
        if answer.status == StatusCode::GONE {
            *self = Self { restarts: self.restarts + 1, ..Self::default() };
            return true;
        }
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        let body = answer.json();
        assert_eq!(body["as_of"].is_string(), begun.is_none(), "the first page has it, and no other");
        let as_of = begun.unwrap_or_else(|| text(&body["as_of"]));
        for user in body["items"].as_array().unwrap() {
            // What a group is called, and whether it is published, is no change of the users who are ignored for it.
            let mut user = user.clone();
            user.as_object_mut().unwrap().remove("group");
            self.users.insert(text(&user["id"]), user);
        }
        if let Some(cursor) = body["next_cursor"].as_str() {
            self.open = Some((first, Some(cursor.to_owned()), as_of));
            return true;
        }
        self.as_of.replace(as_of.clone()) != Some(as_of)
    }

    /// Steps until there is nothing new.
    pub async fn catch_up(&mut self, reader: &Reader) {
        while self.step(reader).await {}
    }

    /// At rest, the copy is what a fresh one is, but for users who were forgotten 30 days after their deletion.
    pub async fn check(&self, reader: &Reader) {
        let mut fresh = Self::default();
        fresh.catch_up(reader).await;
        let kept = self.users.iter().filter(|(id, user)| user["reason"] != "deleted" || fresh.users.contains_key(*id));
        assert_eq!(
            kept.map(|(id, user)| (id.clone(), user.clone())).collect::<BTreeMap<_, _>>(),
            fresh.users,
            "users by time"
        );
    }
}
