//! The main pages as they read, from the first line to the last.

use http::StatusCode;
use shared::session::Role;
use tenant::{Action, SERVICE_ACCOUNTS, Sample};

use super::visit::{Answer, Visitor};
use crate::harness::{World, everything};

/// Elements that begin a line.
const LINES: [&str; 17] = [
    "h1", "h2", "p", "ul", "li", "tr", "dt", "form", "button", "div", "section", "label", "caption", "fieldset",
    "legend", "option", "figure",
];

/// What the page says, a line for each piece of it, without what is another each time.
fn lines(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let main = answer.body.split_once("<main").unwrap().1;
    let mut text = String::new();
    for piece in main.split('<').skip(1) {
        let (tag, words) = piece.split_once('>').unwrap_or((piece, ""));
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        text += if LINES.contains(&name) { "\n" } else { " " };
        if name == "input" && tag.contains(" checked") {
            text += "[x] ";
        }
        if name == "option" && tag.contains(" selected") {
            text += "* ";
        }
        text += words;
    }
    let lines = text.lines().map(without_times).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

/// The line with each time, duration and id replaced.
fn without_times(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut said: Vec<&str> = Vec::new();
    for (place, word) in words.iter().enumerate() {
        let is_number = word.chars().all(|one| one.is_ascii_digit() || "-:.,".contains(one));
        let next = words.get(place + 1).map_or("", |next| next.trim_end_matches(['.', ',']));
        let after = words.get(place + 2).map_or("", |after| after.trim_end_matches(['.', ',']));
        match word.trim_end_matches(['.', ',']) {
            "ms" | "s" | "UTC" if said.last() == Some(&"…") => {}
            bare if is_number && (matches!(next, "ms" | "s" | "UTC") || after == "UTC") => {
                if !bare.is_empty() && said.last() != Some(&"…") {
                    said.push("…");
                }
            }
            _ => said.push(word),
        }
    }
    said.join(" ")
}

/// A small world with a bit of everything.
async fn world() -> World {
    let world = World::synced(&Sample { users: 12, groups: 7, ..Sample::default() }, everything()).await;
    world.apply(Action::DisableUser { user: world.ordinary_users()[0] });
    world.sync().await;
    world
}

#[tokio::test]
async fn the_main_pages_read_as_they_should() {
    let world = world().await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    let user = world.list("users?status=inactive").await[0]["id"].as_str().unwrap().to_owned();
    let group = world.tenant.group_named(SERVICE_ACCOUNTS).unwrap();
    for (name, path) in [
        ("sync", String::new()),
        ("users", "/users?status=inactive".to_owned()),
        ("user", format!("/users/{user}")),
        ("groups", "/groups".to_owned()),
        ("group", format!("/groups/{group}")),
        ("audit", "/audit".to_owned()),
        ("tokens", "/tokens".to_owned()),
        ("holds", "/holds".to_owned()),
    ] {
        insta::assert_snapshot!(name, lines(&admin.get(&path).await));
    }
    let fields = [
        ("sync_users", "yes"),
        ("sync_groups", "yes"),
        ("percent", "20"),
        ("at_least", "5"),
        ("ignored_groups", &group.to_string()),
    ];
    let drafted = admin.post("/settings", &fields).await;
    insta::assert_snapshot!("preview", lines(&admin.at(drafted.location()).await));
}
