//! One answer, while a whole run takes place between two of its requests of the table.

use std::sync::Arc;

use http::StatusCode;
use serde_json::json;
use tenant::{Action, SERVICE_ACCOUNTS};
use uuid::Uuid;

use super::truth::Moment;
use super::{Answered, Reader, walk};
use crate::harness::everything;
use crate::lab::{Lab, Process, tiny};

/// A world in which each run moves many users from one list to another.
struct Restless {
    lab: Lab,
    reader: Reader,
    /// Ignored users, who are inactive for one reason or another.
    ignored: Vec<Uuid>,
    /// Ordinary users, who are active or not.
    others: Vec<Uuid>,
    turn: usize,
}

impl Restless {
    async fn start() -> Self {
        let lab = Lab::start(&tiny(), |_| {}).await;
        lab.world.authorize().await;
        let group = lab.world.tenant.group_named(SERVICE_ACCOUNTS).unwrap();
        let ignored: Vec<Uuid> = lab.staff.iter().copied().take(4).collect();
        for member in &ignored {
            // Some are in the group already.
            let _ = lab.world.tenant.apply(Action::AddMember { group, member: *member });
        }
        let mut settings = everything();
        settings["ignored_groups"] = json!([group]);
        lab.change_settings(&settings).await;
        lab.run().await;
        let mut run = lab.run().await;
        while run["state"] == "held" {
            run = lab.world.approve(&run).await;
        }
        let members = lab.world.members_of(group);
        let others = lab.staff.iter().copied().filter(|user| !members.contains(user)).take(4).collect();
        let reader = Reader::of(&lab).await;
        let mut world = Self { lab, reader, ignored, others, turn: 0 };
        world.run().await;
        world
    }

    /// Every second user is enabled, the others are disabled; the next time the other way round.
    async fn run(&mut self) {
        self.turn += 1;
        for users in [&self.ignored, &self.others] {
            for (place, user) in users.iter().enumerate() {
                let user = *user;
                let is_enabled = (place + self.turn).is_multiple_of(2);
                let action = if is_enabled { Action::EnableUser { user } } else { Action::DisableUser { user } };
                self.lab.world.tenant.apply(action).unwrap();
            }
        }
        let run = self.lab.run().await;
        assert_eq!(run["state"], "succeeded", "{run:#}");
    }

    /// An answer before whose `n`-th request of the table a run takes place, and what there was before and after; `None` when the
    /// answer takes fewer requests.
    async fn interrupted(&mut self, path: &str, n: usize) -> Option<(Answered, [Moment; 2])> {
        let process = Process::frozen_at(n);
        let (reader, path) = (self.reader.clone(), path.to_owned());
        let asked = Arc::clone(&process);
        let mut answer = tokio::spawn(async move { reader.get_as(&asked, &path).await });
        tokio::select! {
            answer = &mut answer => {
                let answer = answer.unwrap();
                assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
                return None;
            }
            () = process.stands_still() => {}
        }
        let before = Moment::of(&self.lab).await;
        self.run().await;
        let after = Moment::of(&self.lab).await;
        process.wake();
        Some((answer.await.unwrap(), [before, after]))
    }
}

#[tokio::test]
async fn answer_during_run_has_everybody_once() {
    let mut world = Restless::start().await;
    for mut walk in walk::all(1_000) {
        let path = walk.first();
        // The first requests find out what there is; the later ones read it, and are many.
        for n in (1..12).chain((12..).step_by(7)) {
            let Some((answer, moments)) = world.interrupted(&path, n).await else { break };
            walk.check_whole(&answer, &moments);
        }
    }
    world.lab.assert_idle().await;
}

#[tokio::test]
async fn cursor_is_not_too_old_during_run() {
    let mut world = Restless::start().await;
    let cursor = world.reader.good("changes").await["next_cursor"].as_str().unwrap().to_owned();
    let as_of = world.reader.good("users?limit=1").await["as_of"].as_str().unwrap().to_owned();
    for (now, path) in [("changes", "changes?limit=1000&since="), ("users?limit=1", "users?limit=1000&changed_since=")]
    {
        let mut position = if now == "changes" { cursor.clone() } else { as_of.clone() };
        let mut interruptions = 0;
        // At the end of the log, where there is nothing yet.
        for n in 1.. {
            let Some((answer, _)) = world.interrupted(&format!("{path}{position}"), n).await else { break };
            interruptions += 1;
            assert_eq!(answer.status, StatusCode::OK, "request {n}: {}", answer.body);
            let body = answer.json();
            position = body.get("as_of").unwrap_or(&body["next_cursor"]).as_str().unwrap().to_owned();
            // What the answer has missed follows.
            let rest = world.reader.good(&format!("{path}{position}")).await;
            let both = [&body, &rest].map(|part| part["items"].as_array().unwrap().len());
            assert!(both.iter().sum::<usize>() > 0, "request {n}: the run is in neither answer");
            position = rest.get("as_of").unwrap_or(&rest["next_cursor"]).as_str().unwrap().to_owned();
        }
        assert!(interruptions > 2, "{path}");
    }
}
