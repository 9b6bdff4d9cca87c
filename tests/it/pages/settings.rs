//! Settings by the pages: looked at before they are saved, and saved once.

use http::StatusCode;
use serde_json::json;
use shared::clock::Clock as _;
use shared::directory::Directory;
use shared::session::Role;
use shared::store::DirectoryStore as _;
use tenant::{Action, SERVICE_ACCOUNTS};

use super::visit::{Answer, Visitor};
use crate::harness::{World, everything, small};

/// The form with user and group sync switched on.
const ON: [(&str, &str); 5] = [
    ("sync_users", "yes"),
    ("sync_groups", "yes"),
    ("sync_groups_without_email", "yes"),
    ("percent", "20"),
    ("at_least", "5"),
];

async fn version(world: &World) -> u64 {
    world.stack.store.directory(world.directory.parse().unwrap()).await.unwrap().unwrap().settings_version
}

/// Fills in the form and returns the draft's place below the directory.
async fn draft(visitor: &Visitor<'_>, fields: &[(&str, &str)]) -> String {
    let answer = visitor.post("/settings", fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    format!("/drafts/{}", answer.location().rsplit('/').next().unwrap())
}

async fn save(visitor: &Visitor<'_>, draft: &str, number: &str) -> Answer {
    visitor.post(&format!("{draft}/save"), &[("number", number)]).await
}

#[tokio::test]
async fn nothing_is_saved_before_the_preview_and_saving_twice_is_the_same_as_once() {
    let world = World::unauthorized(&small()).await;
    world.authorize().await;
    world.settle().await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    let before = version(&world).await;
    let draft = draft(&admin, &ON).await;
    assert_eq!(version(&world).await, before);
    let preview = admin.get(&draft).await;
    assert!(preview.text().contains("Active users 0 → 59 Become active 59"), "{}", preview.text());

    let saved = save(&admin, &draft, "").await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.text());
    assert_eq!(version(&world).await, before + 1);
    world.settle().await;
    assert_eq!(world.active().await.len(), 59);

    let again = save(&admin, &draft, "").await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.text().contains("These settings are saved"), "{}", again.text());
    assert_eq!(version(&world).await, before + 1);
    let trail = admin.get("/audit").await.text();
    assert!(
        trail.contains("ann@contoso.example Changed the settings") && trail.contains("sync users: no → yes"),
        "{trail}"
    );
    world.assert_idle().await;
}

#[tokio::test]
async fn what_would_take_much_away_must_be_said_by_its_number() {
    let world = World::synced(&small(), everything()).await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    let off = draft(&admin, &[("sync_users", "no"), ("percent", "20"), ("at_least", "5")]).await;
    let preview = admin.get(&off).await.text();
    assert!(preview.contains("59 users: user sync would be off"), "{preview}");
    for number in ["", "yes", "58", "-59"] {
        let refused = save(&admin, &off, number).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{number:?}");
        assert!(refused.text().contains("type the number 59"), "{}", refused.text());
    }
    assert_eq!(world.active().await.len(), 59);
    assert_eq!(save(&admin, &off, "59").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_preview_tells_what_would_become_of_somebody_and_of_a_group() {
    let world = World::synced(&small(), everything()).await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    let group = world.tenant.group_named(SERVICE_ACCOUNTS).unwrap().to_string();
    let members = world.get(&format!("groups/{group}/members")).await;
    let bot = members["items"][0]["display_name"].as_str().unwrap();
    let fields = [&ON[..], &[("ignored_groups", group.as_str()), ("group_prefixes", "VPN")]].concat();
    let draft = draft(&admin, &fields).await;
    let found = admin.get(&format!("{draft}?q={}", bot.replace(' ', "+"))).await.text();
    assert!(found.contains(&format!("{bot} active inactive member of an ignored group")), "{found}");
    let found = admin.get(&format!("{draft}?q=service+acc")).await.text();
    assert!(found.contains("Service Accounts synced skipped its name begins with no allowed prefix"), "{found}");
    let found = admin.get(&format!("{draft}?q=nobody+like+that")).await.text();
    assert!(found.contains("No user’s and no group’s name"), "{found}");
    for page in ["99999999999999999999", "18446744073709551615", "-1", "x"] {
        let shown = admin.get(&format!("{draft}?list=deactivated&page={page}")).await;
        assert!(shown.text().contains("Not active any more: "), "{page}: {}", shown.text());
    }
    // A run has published something else since: it is worked out anew.
    world.apply(Action::DisableUser { user: world.ordinary_users()[0] });
    world.sync().await;
    let preview = admin.get(&draft).await.text();
    assert!(preview.contains("Active users 58 → "), "{preview}");
    assert!(save(&admin, &draft, "").await.status.is_redirection());
}

#[tokio::test]
async fn two_people_at_once_are_told_and_neither_overwrites_the_other() {
    let world = World::synced(&small(), everything()).await;
    let (ann, mut bob) =
        (Visitor::new(&world, Role::Administrator).await, Visitor::new(&world, Role::Administrator).await);
    bob.session.user = "bob".parse().unwrap();
    let bob = Visitor::with(&world, bob.session).await;
    let of_ann = draft(&ann, &[&ON[..], &[("nested_groups", "yes")]].concat()).await;
    let of_bob = draft(&bob, &[&ON[..], &[("group_prefixes", "VPN")]].concat()).await;

    let foreign = save(&bob, &of_ann, "").await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN, "a draft is its author's: {}", foreign.text());
    assert_eq!(save(&ann, &of_ann, "").await.status, StatusCode::SEE_OTHER);
    let late = save(&bob, &of_bob, "").await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.text().contains("The settings were changed meanwhile"), "{}", late.text());
    let directory = world.stack.store.directory(world.directory.parse().unwrap()).await.unwrap().unwrap();
    assert!(directory.policy.nested_groups() && directory.policy.group_prefixes().next().is_none());
}

#[tokio::test]
async fn faults_are_named_as_the_form_names_them_and_what_was_filled_in_stays() {
    let world = World::synced(&small(), everything()).await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    let answer = admin
        .post("/settings", &[("sync_groups", "yes"), ("percent", "120"), ("at_least", "no"), ("group_prefixes", "VPN")])
        .await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let text = answer.text();
    assert!(text.contains("Percent of the active users: expected a whole number from 0 to 100; found 120"), "{text}");
    assert!(text.contains("And at least so many: expected a whole number from 1 to 4294967295"), "{text}");
    assert!(answer.body.contains("VPN") && answer.body.contains("value=\"120\""));

    // The settings' own guard: turning group sync off may not let those in whom a list keeps out.
    let group = world.tenant.truth().groups[0].id.to_string();
    let opening = admin
        .post("/settings", &[("sync_groups", "no"), ("ignored_groups", &group), ("percent", "20"), ("at_least", "5")])
        .await;
    assert_eq!(opening.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(opening.text().contains("Group sync: expected"), "{}", opening.text());
}

#[tokio::test]
async fn before_the_first_sync_it_is_said_that_groups_are_not_read_yet() {
    let world = World::unauthorized(&small()).await;
    let directory = Directory::new(world.directory.parse().unwrap(), "contoso.example".to_owned(), world.clock.now());
    world.stack.store.create_directory(&directory).await.unwrap();
    let admin = Visitor::new(&world, Role::Administrator).await;
    let found = admin.post("/settings", &[&ON[..], &[("search", "1"), ("q", "service")]].concat()).await;
    assert!(found.text().contains("groups are being read for the first time"), "{}", found.text());
}

#[tokio::test]
async fn groups_are_found_by_the_words_of_their_names_and_kept_on_their_lists() {
    let world = World::synced(&small(), everything()).await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    let group = world.tenant.truth().groups[0].id.to_string();
    let search = |words| [&ON[..], &[("allowed_groups", group.as_str()), ("search", "1"), ("q", words)]].concat();
    for words in ["SERVICE acc", "acc"] {
        let found = admin.post("/settings", &search(words)).await;
        assert_eq!(found.status, StatusCode::OK);
        assert!(found.body.contains("aria-label=\"Ignore Service Accounts\""), "{}", found.text());
    }
    let found = admin.post("/settings", &search("service")).await;
    let members = world.get(&format!("groups/{}/members", world.tenant.group_named(SERVICE_ACCOUNTS).unwrap())).await;
    let members = members["items"].as_array().unwrap().len();
    assert!(found.text().contains(&format!("Service Accounts security {members} ")), "{}", found.text());
    assert!(found.body.contains(&format!("name=\"allowed_groups\" value=\"{group}\" checked")));
    let none = admin.post("/settings", &[&ON[..], &[("search", "1"), ("q", "nothing like it")]].concat()).await;
    assert!(none.text().contains("begins with “nothing like it”"), "{}", none.text());
}

/// What the form has in its field for prefixes, as a browser sends it.
fn prefixes_of(page: &Answer) -> String {
    let field = page.body.split("name=\"group_prefixes\"").nth(1).unwrap();
    let text = field.split_once('>').unwrap().1.split("</textarea>").next().unwrap();
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    text.replace("\r\n", "\n").replace('\n', "\r\n")
}

#[tokio::test]
async fn white_space_of_prefixes_survives_form_preview_and_api() {
    // In the order in which they are shown.
    let prefixes = ["\"Q\"", "A & B ", " lead", "nbsp\u{a0}", "two\nlines", "two\r\nlines", "VPN ", "zero\u{200b}"];
    let mut settings = everything();
    settings["group_prefixes"] = json!(prefixes);
    let world = World::synced(&small(), settings).await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    assert_eq!(world.get("settings").await["settings"]["group_prefixes"], json!(prefixes));
    let before = version(&world).await;

    // Sent unchanged, it is unchanged.
    let shown = prefixes_of(&admin.get("").await);
    let unchanged = draft(&admin, &[&ON[..], &[("group_prefixes", &shown)]].concat()).await;
    let preview = admin.get(&unchanged).await.text();
    assert!(preview.contains("These are the settings as they are"), "{preview}");
    assert_eq!(save(&admin, &unchanged, "").await.status, StatusCode::SEE_OTHER);
    assert_eq!(version(&world).await, before);
    // Nor is it trimmed when the form comes back, for a search or with a fault.
    let search = [&ON[..], &[("group_prefixes", &shown), ("search", "1"), ("q", "x")]].concat();
    assert_eq!(prefixes_of(&admin.post("/settings", &search).await), shown);

    // A changed one is shown so that its white space can be seen.
    let typed = shown.replace("\"VPN \"", "VPN  ");
    let changed = draft(&admin, &[&ON[..], &[("group_prefixes", &typed)]].concat()).await;
    let preview = admin.get(&changed).await.body;
    assert!(preview.contains("group prefixes: added &quot;VPN  &quot;; removed &quot;VPN &quot;"), "{preview}");
    assert_eq!(save(&admin, &changed, "").await.status, StatusCode::SEE_OTHER);
    let now = world.get("settings").await["settings"]["group_prefixes"].clone();
    assert!(now.as_array().unwrap().contains(&json!("VPN  ")), "{now}");
    assert!(admin.get("/audit").await.body.contains("added &quot;VPN  &quot;"));

    // Written otherwise it matches the same names, and is saved all the same.
    let typed = typed.replace("VPN  ", "vpn  ");
    let changed = draft(&admin, &[&ON[..], &[("group_prefixes", &typed)]].concat()).await;
    assert_eq!(save(&admin, &changed, "").await.status, StatusCode::SEE_OTHER);
    let now = world.get("settings").await["settings"]["group_prefixes"].clone();
    assert!(now.as_array().unwrap().contains(&json!("vpn  ")), "{now}");
    world.settle().await;
    world.assert_idle().await;
}

#[tokio::test]
async fn number_typed_is_compared_with_what_would_happen_now() {
    let world = World::synced(&small(), everything()).await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    let off = draft(&admin, &[("sync_users", "no"), ("percent", "100"), ("at_least", "5")]).await;
    assert!(admin.get(&off).await.text().contains("(59):"));
    world.apply(Action::DisableUser { user: world.ordinary_users()[0] });
    world.sync().await;
    let late = save(&admin, &off, "59").await;
    assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(late.text().contains("type the number 58"), "{}", late.text());
    assert_eq!(save(&admin, &off, "58").await.status, StatusCode::SEE_OTHER);
}
