//! A listing that is read page by page.

use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::Value;

use super::truth::{Moment, What, membership};
use super::{Answered, Reader};

/// How the next page is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By the `next_cursor` of the JSON API.
    Json,
    /// By the `nextCursor` of SCIM.
    Scim,
    /// By counting positions, as SCIM allows.
    Counted,
    /// By the link of an export.
    Link,
}

/// A listing, and how far it has been read.
pub struct Walk {
    path: String,
    way: Way,
    what: What,
    /// The first moment of the walk, if it has begun.
    begin: Option<usize>,
    next: Option<String>,
    seen: Vec<String>,
    place: usize,
}

/// All listings, in pages of so many.
pub fn all(page: usize) -> Vec<Walk> {
    let json = |path: &str, what| (Way::Json, format!("{path}limit={page}"), what);
    let scim = |path: &str, what| (Way::Scim, format!("scim/{path}count={page}&cursor="), what);
    let counted = |path: &str, what| (Way::Counted, format!("scim/{path}count={page}&startIndex="), what);
    let link = |path: &str, what| (Way::Link, format!("{path}?limit={page}"), what);
    let inactive_with_name = "Users?filter=active+eq+false+and+displayName+pr&";
    let walks = [
        json("users?", What::Users),
        json("users?status=active&", What::Active),
        json("users?status=inactive&", What::Inactive),
        json("users?reason=disabled_in_office_365&", What::Disabled),
        json("groups?", What::Groups),
        scim("Users?", What::Users),
        scim("Users?filter=active+eq+true&", What::Active),
        scim("Users?filter=active+eq+false&", What::Inactive),
        scim(inactive_with_name, What::InactiveWithName),
        scim("Groups?", What::GroupsWithMembers),
        counted("Users?", What::Users),
        counted("Users?filter=active+eq+false&", What::Inactive),
        counted("Groups?", What::GroupsWithMembers),
        link("exports/users", What::Users),
        link("exports/members", What::Members),
    ];
    walks
        .into_iter()
        .map(|(way, path, what)| Walk { path, way, what, begin: None, next: None, seen: Vec::new(), place: 1 })
        .collect()
}

impl Walk {
    /// The path of the first page.
    pub fn first(&self) -> String {
        match self.way {
            Way::Counted => format!("{}1", self.path),
            Way::Json | Way::Scim | Way::Link => self.path.clone(),
        }
    }

    /// Reads one page at the last of these moments. At the end of the listing, what was there at all moments must have come once,
    /// and nothing twice.
    pub async fn step(&mut self, reader: &Reader, moments: &[Moment]) {
        let now = moments.len() - 1;
        let begin = *self.begin.get_or_insert(now);
        let path = self.next.take().unwrap_or_else(|| self.first());
        let answer = reader.get(&path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        self.next = self.take(&answer);
        if self.next.is_none() {
            self.check(&moments[begin..], false);
            (self.begin, self.place) = (None, 1);
            self.seen.clear();
        }
    }

    /// Takes what a page has, and returns the path of the next one.
    fn take(&mut self, answer: &Answered) -> Option<String> {
        let before = self.seen.len();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        if self.way == Way::Link {
            for line in answer.body.lines() {
                let row: Value = serde_json::from_str(line).unwrap();
                self.seen.push(match self.what {
                    What::Members => membership(&text(&row["group"]), &text(&row["user"])),
                    _ => text(&row["id"]),
                });
            }
            let link = answer.headers.get("link")?.to_str().unwrap();
            return Some(link.trim_start_matches('<').split('>').next().unwrap().to_owned());
        }
        let body = answer.json();
        let items = if self.way == Way::Json { &body["items"] } else { &body["Resources"] };
        for item in items.as_array().unwrap() {
            let id = text(&item["id"]);
            if self.what == What::GroupsWithMembers {
                let members = item["members"].as_array().into_iter().flatten();
                let users = members.filter(|member| member["type"] == "User");
                self.seen.extend(users.map(|user| membership(&id, &text(&user["value"]))));
            }
            self.seen.push(id);
        }
        match self.way {
            Way::Json => Some(format!("{}&cursor={}", self.path, body["next_cursor"].as_str()?)),
            Way::Scim => Some(format!("{}{}", self.path, body["nextCursor"].as_str()?)),
            Way::Counted => {
                self.place += items.as_array().unwrap().len();
                (self.seen.len() > before).then(|| format!("{}{}", self.path, self.place))
            }
            Way::Link => None,
        }
    }

    /// Takes a whole listing in one answer, and checks it against the moments at which it was read.
    pub fn check_whole(&mut self, answer: &Answered, moments: &[Moment]) {
        assert_eq!(answer.status, StatusCode::OK, "{}: {}", self.path, answer.body);
        let next = self.take(answer);
        assert!(self.way == Way::Counted || next.is_none(), "{}: {}", self.path, answer.body);
        self.check(moments, true);
        (self.begin, self.place) = (None, 1);
        self.seen.clear();
    }

    fn check(&self, moments: &[Moment], is_one_answer: bool) {
        let (path, mut once) = (&self.path, BTreeSet::new());
        let keys: Vec<BTreeSet<String>> = moments.iter().map(|moment| moment.keys(self.what)).collect();
        // Between two answers that count positions, whoever comes or goes moves all that follow.
        let is_moved = self.way == Way::Counted && !is_one_answer && keys.iter().any(|of_moment| *of_moment != keys[0]);
        if is_moved {
            return;
        }
        for key in &self.seen {
            assert!(once.insert(key), "{path}: {key} comes twice");
        }
        let all_the_while = keys.iter().skip(1).fold(keys[0].clone(), |all, keys| &all & keys);
        for key in &all_the_while {
            assert!(once.contains(key), "{path}: {key} is left out");
        }
    }
}
