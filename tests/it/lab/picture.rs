//! What is published and what the table holds, to be compared.

use std::collections::BTreeMap;

use shared::directory::{DirectoryCounts, UserRecord};
use shared::store::{DirectoryStore as _, List, MirrorStore as _};

use super::Lab;
use crate::coherence;

/// Each user's published status by id.
pub type Statuses = BTreeMap<String, String>;

/// All that must be the same after a disturbed run and after an undisturbed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// What consumers see of users.
    pub statuses: Statuses,
    /// How many users and groups consumers are told there are.
    pub counts: Option<DirectoryCounts>,
    /// The records of users, groups and members, but for the times in them.
    pub mirror: Vec<String>,
    /// The standing of each credential.
    pub credentials: BTreeMap<String, String>,
}

impl Lab {
    /// What consumers see of users; nothing before the first run has published.
    pub async fn statuses(&self) -> Statuses {
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let users = self.world.list("users").await;
        users.iter().map(|user| (text(&user["id"]), text(&user["status"]))).collect()
    }

    /// The whole picture, which must agree with itself.
    pub async fn picture(&self) -> Picture {
        coherence::check_often(&self.world.stack.store, self.directory()).await;
        let (store, directory) = (&self.world.stack.store, self.directory());
        let published = store.directory(directory).await.unwrap().unwrap().published;
        let counts = published.map(|published| published.counts);
        let mut mirror = Vec::new();
        for user in store.all_users(directory).await.unwrap() {
            // Which change of a run was whose is told by the order of writes, which a disturbed run has not kept to.
            mirror.push(without_times(&format!("{:?}", UserRecord { changed: None, ..user })));
        }
        for group in store.all_groups(directory).await.unwrap() {
            let members = store.listed(directory, &List::Members(group.id.clone())).await.unwrap();
            mirror.push(without_times(&format!("{group:?} with {members:?}")));
        }
        mirror.sort_unstable();
        let credentials = self.world.credentials().await;
        let state = |value: &serde_json::Value| value["state"].as_str().unwrap().to_owned();
        let credentials = credentials.iter().map(|(name, credential)| (name.clone(), state(credential))).collect();
        Picture { statuses: self.statuses().await, counts, mirror, credentials }
    }
}

/// The text with each time of day replaced: `2026-01-02T03:04:05.6Z` is one word that ends in `Z` and has a `T`.
fn without_times(text: &str) -> String {
    let is_time = |word: &str| {
        let digits =
            |part: &str| !part.is_empty() && part.chars().all(|one| one.is_ascii_digit() || "-:.".contains(one));
        word.strip_suffix('Z')
            .and_then(|word| word.split_once('T'))
            .is_some_and(|(day, time)| digits(day) && digits(time))
    };
    let words = text.split_inclusive(|one: char| !(one.is_ascii_alphanumeric() || "-:.".contains(one)));
    let shown = words.map(|word| {
        let end = word.trim_end_matches(|one: char| !(one.is_ascii_alphanumeric() || "-:.".contains(one)));
        if is_time(end) { word.replace(end, "(time)") } else { word.to_owned() }
    });
    shown.collect()
}
