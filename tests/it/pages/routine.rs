//! What administrators do on other days, in a browser.

use http::StatusCode;
use serde_json::json;
use shared::clock::Clock as _;
use shared::session::{Role, SESSION_IDLE, Session};
use tenant::{Action, SERVICE_ACCOUNTS};

use super::browser::{Browser, Setup, in_a_browser};
use super::visit::{Visitor, ask};
use crate::harness::{World, everything, small};

/// A browser of an administrator, on the Sync page.
async fn as_administrator<F: Future<Output = ()>>(world: &World, test: impl FnOnce(std::sync::Arc<Browser>) -> F) {
    let admin = Visitor::new(world, Role::Administrator).await;
    let base = world.stack.base_url.clone();
    in_a_browser(&base, Setup::default(), async |browser| {
        browser.be(&admin).await;
        browser.open_page(&sync_page(world)).await;
        test(browser).await;
    })
    .await;
}

fn sync_page(world: &World) -> String {
    format!("/directories/{}", world.directory)
}

async fn preview_says(browser: &Browser, expected: &str) {
    browser.press("Preview the changes").await;
    browser.wait_for("What saving would change").await;
    let text = browser.text().await.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains(expected), "expected {expected:?} in {text}");
}

/// Saves, and waits for the run that applies it.
async fn save(browser: &Browser, world: &World) {
    browser.press("Save the settings").await;
    browser.wait_for("The settings are saved").await;
    world.settle().await;
    browser.open_page(&sync_page(world)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_setting_is_previewed_before_it_is_saved() {
    let world = World::synced(&small(), everything()).await;
    let (groups, active) = (world.list("groups").await, world.active().await.len());
    let mailed = groups.iter().filter(|group| !group["mail"].is_null()).count();
    let named = |prefix: &str| {
        let begins = |name: &str| name.to_lowercase().starts_with(prefix);
        groups.iter().filter(|group| group["display_name"].as_str().is_some_and(begins)).count()
    };
    let bots = world.list(&format!("groups/{}/members", world.tenant.group_named(SERVICE_ACCOUNTS).unwrap())).await;
    let bots = bots.iter().filter(|bot| bot["status"] == "active").count();
    let (all, vpn) = (groups.len(), named("vpn"));
    assert!(mailed < all && vpn > 0 && bots > 0);

    as_administrator(&world, async |browser| {
        browser.choose("sync_groups_without_email", "no").await;
        preview_says(&browser, &format!("Synced groups {all} → {mailed} ")).await;
        save(&browser, &world).await;
        browser.choose("sync_groups_without_email", "yes").await;
        browser.fill("group_prefixes", "VPN").await;
        preview_says(&browser, &format!("Synced groups {mailed} → {vpn} ")).await;
        save(&browser, &world).await;
        browser.fill("group_prefixes", " ").await;
        browser.choose("nested_groups", "yes").await;
        preview_says(&browser, &format!("Synced groups {vpn} → {all} ")).await;
        save(&browser, &world).await;

        browser.fill("q", "accounts").await;
        browser.press("Find").await;
        browser.find("input[aria-label='Ignore Service Accounts']").await.click().await.unwrap();
        preview_says(&browser, &format!("Active users {active} → {} ", active - bots)).await;
        save(&browser, &world).await;
        assert_eq!(world.active().await.len(), active - bots);
        browser.find("input[name=ignored_groups]:checked").await.click().await.unwrap();
        browser.fill("q", "accounts").await;
        browser.press("Find").await;
        browser.find("input[aria-label='Allow Service Accounts']").await.click().await.unwrap();
        preview_says(&browser, &format!("Active users {} → {bots} ", active - bots)).await;
        browser.fill("number", &(active - bots).to_string()).await;
        save(&browser, &world).await;
        assert_eq!(world.active().await.len(), bots);
        browser.find("input[name=allowed_groups]:checked").await.click().await.unwrap();
        browser.fill("percent", "100").await;
        browser.fill("at_least", "7").await;
        browser.choose("every", "15").await;
        preview_says(&browser, &format!("Active users {bots} → {active} ")).await;
        save(&browser, &world).await;

        browser.choose("sync_users", "no").await;
        preview_says(&browser, &format!("{active} users: user sync would be off")).await;
        // A limit of 100 percent lets everything go, but not everybody unasked.
        browser.fill("number", &active.to_string()).await;
        save(&browser, &world).await;
        assert_eq!(world.list("groups").await.len(), all);
        browser.choose("sync_groups", "no").await;
        preview_says(&browser, &format!("Synced groups {all} → 0 ")).await;
        save(&browser, &world).await;
    })
    .await;
    let settings = &world.get("settings").await["settings"];
    assert_eq!(settings["safety_limit"], json!({"percent": 100, "at_least": 7}));
    assert_eq!(settings["sync_every_minutes"], 15);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_administrator_is_the_backup_when_the_first_is_disabled() {
    let world = World::synced(&small(), everything()).await;
    as_administrator(&world, async |browser| {
        browser.wait_for("Have a second administrator authorize as a backup").await;
        browser.press("Add backup account").await;
        browser.sign_in("backup@contoso.example").await;
        browser.wait_for("Your account passes synchronization validation").await;
        browser.press("Go to the Sync page").await;
        browser.wait_for("Bo Backup").await;
        world.settle().await;
        // Whoever authorized last was good last.
        browser.press("Try first").await;
        world.apply(Action::DisableUser { user: world.tenant.administrators()[0].id });
        browser.press("Sync now").await;
        browser.wait_for("The account is disabled in Microsoft 365").await;
        world.settle().await;
        browser.open_page(&sync_page(&world)).await;
        let text = browser.text().await;
        assert!(text.contains("The sync works, but somebody should look"), "{text}");
        let run = &world.list("runs").await[0];
        assert_eq!(run["state"], "succeeded", "{run:#}");
        assert_eq!(run["credential"], json!(world.tenant.administrators()[1].id));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_hold_is_discarded_and_the_next_one_applied() {
    let world = World::synced(&small(), everything()).await;
    let active = world.active().await.len();
    let leaving: Vec<_> = world.ordinary_users().into_iter().take(20).collect();
    for user in &leaving {
        world.apply(Action::Delete { id: *user });
    }
    as_administrator(&world, async |browser| {
        for (press, left) in [("Discard", active), ("Apply", active - 20)] {
            world.sync().await;
            browser.open_page(&sync_page(&world)).await;
            browser.press("Look at what waits for an answer").await;
            browser.wait_for("20 users would become inactive").await;
            browser.press(press).await;
            browser.wait_for(if press == "Apply" { "has been applied" } else { "has been discarded" }).await;
            world.settle().await;
            assert_eq!(world.active().await.len(), left, "after {press}");
        }
        let user = leaving[0];
        browser.open_page(&format!("{}/users/{user}", sync_page(&world))).await;
        browser.wait_for("became inactive: deleted in the tenant").await;
    })
    .await;
    world.assert_idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_made_used_with_the_api_and_revoked() {
    let world = World::synced(&small(), everything()).await;
    let status = async |token: &str| {
        let path = format!("/api/v1/directories/{}/users?limit=1", world.directory);
        let bearer = format!("Bearer {token}");
        ask(&world, http::Method::GET, &path, &[("authorization", &bearer)], String::new()).await.status
    };
    as_administrator(&world, async |browser| {
        browser.press("API tokens").await;
        browser.fill("name", "VPN gateway").await;
        browser.press("Make the token").await;
        let token = browser.find(".secret").await.text().await.unwrap();
        assert_eq!(status(&token).await, StatusCode::OK);
        browser.press("API tokens").await;
        browser.press("Revoke").await;
        browser.wait_for("There are no tokens.").await;
        assert_eq!(status(&token).await, StatusCode::UNAUTHORIZED);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_the_settings_and_can_press_nothing_that_changes_them() {
    let world = World::synced(&small(), everything()).await;
    let reader = Visitor::new(&world, Role::Reader).await;
    let base = world.stack.base_url.clone();
    in_a_browser(&base, Setup::default(), async |browser| {
        browser.be(&reader).await;
        browser.open_page(&sync_page(&world)).await;
        browser.wait_for("You may look, but not change settings.").await;
        assert!(!browser.find("select[name=sync_users]").await.is_enabled().await.unwrap());
        let text = browser.text().await;
        for button in ["Preview the changes", "Sync now", "Add backup account", "Remove"] {
            assert!(!text.contains(button), "{button} in {text}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_session_has_ended_signs_in_again_and_is_back_on_the_page() {
    let world = World::synced(&small(), everything()).await;
    let fresh = Visitor::new(&world, Role::Administrator).await.session;
    let now = world.clock.now();
    let old = Session { begun_at: now - SESSION_IDLE, seen_at: now - SESSION_IDLE, ..fresh };
    let old = Visitor::with(&world, old).await;
    let base = world.stack.base_url.clone();
    in_a_browser(&base, Setup::default(), async |browser| {
        browser.be(&old).await;
        let page = format!("{}/groups", sync_page(&world));
        browser.open_page(&page).await;
        browser.sign_in("admin@contoso.example").await;
        browser.wait_for("Every group of the tenant").await;
        assert_eq!(browser.path().await, page);
    })
    .await;
}
