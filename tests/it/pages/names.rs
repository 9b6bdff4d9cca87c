//! Searches by name on the pages, and names with characters that cannot be seen.

use std::collections::BTreeSet;

use serde_json::json;
use shared::session::Role;
use tenant::{Action, GroupKind, NewGroup, Sample};

use super::visit::Visitor;
use crate::harness::{World, everything, small};

/// The ids that a list links to, page by page until there is no next one, and the number of pages.
async fn linked(admin: &Visitor<'_>, kind: &str, query: &str) -> (Vec<String>, usize) {
    let (mut path, mut ids, mut pages) = (format!("/{kind}?{query}"), Vec::new(), 0);
    loop {
        let answer = admin.get(&path).await;
        pages += 1;
        let table = answer.body.split_once("<tbody>").map_or("", |(_, table)| table);
        let link = format!("/{kind}/");
        ids.extend(table.split(&link).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()));
        let Some((_, next)) = answer.body.split_once("rel=\"next\" href=\"") else { return (ids, pages) };
        let next = next.split('"').next().unwrap().replace("&amp;", "&");
        path = next.split_once(&format!("/{kind}?")).map(|(_, query)| format!("/{kind}?{query}")).unwrap();
    }
}

#[tokio::test]
async fn users_are_found_by_name_and_decision_over_all_pages() {
    let world = World::synced(&Sample { users: 400, groups: 16, ..Sample::default() }, everything()).await;
    let sought: Vec<_> = world.ordinary_users().into_iter().step_by(2).collect();
    for (number, user) in sought.iter().enumerate() {
        let value = json!(format!("Zöx Example {number}"));
        world.apply(Action::SetProperty { id: *user, property: "displayName".to_owned(), value });
    }
    // Few enough not to be held, and the last ones in the order of ids.
    let disabled: BTreeSet<_> = sought.iter().max().into_iter().chain(sought.iter().min()).copied().collect();
    for user in &disabled {
        world.apply(Action::DisableUser { user: *user });
    }
    assert_eq!(world.sync().await["state"], "succeeded");
    let admin = Visitor::new(&world, Role::Administrator).await;
    for query in ["q=z%C3%B6x&status=disabled", "q=ZOX&status=inactive"] {
        let (found, pages) = linked(&admin, "users", query).await;
        let expected: BTreeSet<String> = disabled.iter().map(ToString::to_string).collect();
        assert_eq!((found.into_iter().collect::<BTreeSet<_>>(), pages), (expected, 1), "{query}");
    }
    let (found, pages) = linked(&admin, "users", "q=zox&status=active").await;
    assert_eq!(found.len(), sought.len() - disabled.len());
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>().len(), sought.len() - disabled.len());
    assert!(pages > 1, "{pages}");
    let nobody = admin.get("/users?q=zox&status=deleted").await.text();
    assert!(nobody.contains("Nobody’s name or mail address begins with “zox”"), "{nobody}");
}

#[tokio::test]
async fn groups_with_hidden_characters_are_marked_and_listed_by_filter() {
    let world = World::unauthorized(&small()).await;
    let group = |name: &str| world.apply(Action::CreateGroup(NewGroup::named(name, GroupKind::Security))).unwrap();
    let marked = group("\u{feff} Zone\u{a0}A");
    let plain = group("Zone B");
    let mut settings = everything();
    settings["group_prefixes"] = json!(["zone b"]);
    world.authorize().await;
    world.set(settings).await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    let list = admin.get("/groups?q=zone").await;
    assert_eq!(list.body.matches("hidden characters in its name").count(), 1, "{}", list.text());
    let page = admin.get(&format!("/groups/{marked}")).await.text();
    for told in [
        "byte order mark (U+ FEFF ) at position 1",
        "space (U+ 0020 ) at position 2",
        "no-break space (U+ 00A0 ) at position 7",
    ] {
        let plain = |text: &str| text.replace(' ', "");
        assert!(plain(&page).contains(&plain(told)), "{told} in {page}");
    }
    assert!(!admin.get(&format!("/groups/{plain}")).await.text().contains("cannot be seen"));
    for (show, expected) in [("synced", plain), ("prefix", marked)] {
        let (found, _) = linked(&admin, "groups", &format!("q=zone&show={show}")).await;
        assert_eq!(found, [expected.to_string()], "{show}");
    }
}
