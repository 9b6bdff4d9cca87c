//! What a tenant can put into names: it is shown as text, whatever it is.

use http::StatusCode;
use serde_json::json;
use shared::session::Role;
use tenant::{Action, GroupKind, NewGroup, NewUser};

use super::visit::Visitor;
use crate::harness::{World, everything, small};

/// Names that would do something if they were not text.
const NAMES: [&str; 5] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</title></textarea><svg onload=alert(1)>",
    "\u{202e}gro.elpmaxe\u{2066} 👩‍👩‍👧‍👦 مرحبا",
];

#[tokio::test]
async fn names_of_users_and_groups_are_text_on_every_page() {
    let world = World::synced(&small(), everything()).await;
    let mut users = Vec::new();
    for name in NAMES {
        let mail = Some(format!("odd{}@contoso.example", users.len()));
        let user = NewUser { user_principal_name: mail.clone(), mail, ..NewUser::named(name) };
        let user = world.tenant.apply(Action::CreateUser(user)).unwrap().unwrap();
        let group = NewGroup::named(name, GroupKind::Security);
        let group = world.tenant.apply(Action::CreateGroup(group)).unwrap().unwrap();
        world.apply(Action::AddMember { group, member: user });
        users.push((user, group));
    }
    let long = NewUser { ..NewUser::named("very long ".repeat(25)) };
    users.push((world.tenant.apply(Action::CreateUser(long)).unwrap().unwrap(), users[0].1));
    assert_eq!(world.sync().await["state"], json!("succeeded"));

    let admin = Visitor::new(&world, Role::Administrator).await;
    let mut pages =
        vec![String::new(), "/users?q=odd0%40contoso.example".to_owned(), "/groups".to_owned(), "/tokens".to_owned()];
    let run = world.list("runs").await[0]["id"].as_str().unwrap().to_owned();
    pages.extend(["/groups?q=script".to_owned(), format!("/runs/{run}")]);
    pages.push(format!("/users?q={}", "%3Cscript%3Ealert(1)%3C%2Fscript%3E"));
    for (user, group) in &users {
        pages.extend([format!("/users/{user}"), format!("/groups/{group}")]);
    }
    let ids: Vec<String> = users.iter().map(|(_, group)| group.to_string()).collect();
    let mut fields = vec![
        ("sync_users", "yes"),
        ("sync_groups", "yes"),
        ("percent", "20"),
        ("at_least", "5"),
        ("group_prefixes", NAMES[3]),
    ];
    fields.extend(ids.iter().map(|id| ("ignored_groups", id.as_str())));
    let searched = admin.post("/settings", &[&fields[..], &[("search", "1"), ("q", NAMES[1])]].concat()).await;
    let drafted = admin.post("/settings", &fields).await;
    let draft = drafted.location().rsplit('/').next().unwrap();
    pages.extend(
        ["", "?q=%22%3E%3Cimg", "?q=odd0%40contoso.example", "?q=script"].map(|q| format!("/drafts/{draft}{q}")),
    );
    let mut bodies = vec![searched.body];
    for page in pages {
        let answer = admin.get(&page).await;
        assert_eq!(answer.status, StatusCode::OK, "{page}: {}", answer.text());
        bodies.push(answer.body);
    }
    for body in &bodies {
        for harm in ["<script>alert", "<img", "<svg onload", "' onmouseover='alert(1)'", "</textarea><svg"] {
            assert!(!body.contains(harm), "{harm} in {body}");
        }
    }
    assert!(bodies.iter().any(|body| body.contains("&lt;script&gt;alert(1)&lt;/script&gt;")), "the names were shown");
    assert!(bodies.iter().any(|body| body.contains("👩‍👩‍👧‍👦 مرحبا")), "the names were shown");
}
