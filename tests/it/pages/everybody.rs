//! Pages for everybody: with a screen reader, by keyboard alone, without scripts, on a narrow screen, in the dark.

use http::StatusCode;
use serde_json::{Value, json};
use shared::session::Role;
use tenant::Action;

use super::browser::{Browser, Setup, in_a_browser};
use super::visit::Visitor;
use crate::harness::{World, everything, small};

/// A world with something on every page, and the paths of all its pages.
async fn full() -> (World, Vec<(&'static str, String)>) {
    let world = World::synced(&small(), everything()).await;
    for user in world.ordinary_users().into_iter().take(20) {
        world.apply(Action::Delete { id: user });
    }
    let run = world.sync().await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    let made = admin.post("/tokens", &[("name", "VPN gateway"), ("scope", "read"), ("days", "90")]).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let ignored = world.tenant.group_named("Service Accounts").unwrap().to_string();
    let fields = [
        ("sync_users", "yes"),
        ("sync_groups", "yes"),
        ("percent", "20"),
        ("at_least", "5"),
        ("ignored_groups", &ignored),
    ];
    let draft = admin.post("/settings", &fields).await;
    let id = |value: &Value| value.as_str().unwrap().to_owned();
    let user = world.list("users").await[0]["id"].clone();
    let group = world.list("groups").await[0]["id"].clone();
    let directory = format!("/directories/{}", world.directory);
    let pages = vec![
        ("sync", directory.clone()),
        ("users", format!("{directory}/users")),
        ("user", format!("{directory}/users/{}", id(&user))),
        ("groups", format!("{directory}/groups")),
        ("group", format!("{directory}/groups/{}", id(&group))),
        ("runs", format!("{directory}/runs")),
        ("run", format!("{directory}/runs/{}", id(&run["id"]))),
        ("holds", format!("{directory}/holds")),
        ("hold", format!("{directory}/holds/{}", id(&run["hold"]["id"]))),
        ("audit", format!("{directory}/audit")),
        ("tokens", format!("{directory}/tokens")),
        ("preview", draft.location().to_owned()),
        ("not-found", format!("{directory}/users/nobody")),
        ("signed-out", "/signed-out".to_owned()),
    ];
    (world, pages)
}

async fn look_at_all(browser: &Browser, pages: &[(&'static str, String)], suffix: &str) {
    for (name, path) in pages {
        browser.open_page(path).await;
        browser.find("main h1").await;
        let violations = browser.violations().await;
        assert!(violations.is_empty(), "{name}{suffix}: {violations:#?}");
        assert!(!browser.is_too_wide().await, "{name}{suffix} is wider than the window");
        browser.picture(&format!("{name}{suffix}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_accessible_in_light_and_dark_and_fits_a_narrow_screen() {
    let (world, pages) = full().await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    let base = world.stack.base_url.clone();
    for (setup, suffix) in [
        (Setup::default(), ""),
        (Setup { dark: true, ..Setup::default() }, "-dark"),
        (Setup { width: 360, ..Setup::default() }, "-narrow"),
    ] {
        in_a_browser(&base, setup, async |browser| {
            browser.be(&admin).await;
            look_at_all(&browser, &pages, suffix).await;
            browser.spoil().await;
            assert_eq!(browser.violations().await.len(), 2, "the checker notices what is wrong");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_changed_without_scripts() {
    let world = World::synced(&small(), everything()).await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    let base = world.stack.base_url.clone();
    in_a_browser(&base, Setup { scripts: false, ..Setup::default() }, async |browser| {
        browser.be(&admin).await;
        browser.open_page(&format!("/directories/{}", world.directory)).await;
        browser.choose("nested_groups", "yes").await;
        browser.fill("q", "service").await;
        browser.press("Find").await;
        browser.find("input[aria-label='Ignore Service Accounts']").await.click().await.unwrap();
        browser.press("Preview the changes").await;
        browser.wait_for("What saving would change").await;
        browser.press("Save the settings").await;
        browser.wait_for("The settings are saved").await;
        assert!(browser.text().await.contains(" UTC"), "times are in UTC");
        world.settle().await;
        let settings = world.get("settings").await;
        assert_eq!(settings["settings"]["nested_groups"], json!(true));
        assert_eq!(settings["settings"]["ignored_groups"].as_array().unwrap().len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_made_by_keyboard_alone() {
    let world = World::synced(&small(), everything()).await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    let base = world.stack.base_url.clone();
    in_a_browser(&base, Setup::default(), async |browser| {
        browser.be(&admin).await;
        browser.open_page(&format!("/directories/{}", world.directory)).await;
        let tab_to = async |wanted: &str| {
            for _ in 0..60 {
                browser.keys("\u{e004}").await;
                if browser.focused().await.trim().starts_with(wanted) {
                    return;
                }
            }
            panic!("{wanted} cannot be reached by the Tab key");
        };
        tab_to("Skip to the content").await;
        tab_to("API tokens").await;
        browser.keys("\u{e007}").await;
        browser.wait_for("There are no tokens.").await;
        tab_to("Name").await;
        browser.keys("VPN gateway").await;
        tab_to("Make the token").await;
        browser.keys("\u{e007}").await;
        browser.wait_for("Copy it now").await;
        assert!(browser.text().await.contains("o365sync_"));
    })
    .await;
}
