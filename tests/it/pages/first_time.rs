//! From nothing to the first sync, as an administrator would.

use super::browser::{Setup, in_a_browser};
use crate::harness::{World, small};

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_gets_from_signing_in_to_a_green_check_and_a_first_sync() {
    let world = World::unauthorized(&small()).await;
    let base = world.stack.base_url.clone();
    in_a_browser(&base, Setup::default(), async |browser| {
        browser.open_page("/").await;
        browser.sign_in("admin@contoso.example").await;
        browser.wait_for("Your tenant is not connected yet").await;
        browser.picture("welcome").await;
        browser.press("Authorize Account for User Sync").await;
        browser.sign_in("admin@contoso.example").await;
        browser.wait_for("Your account passes synchronization validation").await;
        browser.press("Go to the Sync page").await;
        browser.wait_for("To the first sync").await;
        // Groups can be found when they have been read.
        world.settle().await;
        browser.picture("sync-first").await;
        browser.choose("sync_users", "yes").await;
        browser.choose("sync_groups", "yes").await;
        browser.fill("q", "service").await;
        browser.press("Find").await;
        browser.wait_for("Service Accounts").await;
        browser.picture("settings-found").await;
        browser.find("input[aria-label='Ignore Service Accounts']").await.click().await.unwrap();
        browser.press("Preview the changes").await;
        browser.wait_for("What saving would change").await;
        browser.picture("preview").await;
        browser.press("Save the settings").await;
        browser.wait_for("The settings are saved").await;
        browser.picture("sync").await;
        browser.wait_for("Active users").await;
        for tab in ["Users", "Groups", "Runs", "Holds", "Audit", "API tokens"] {
            browser.press(tab).await;
            browser.find("main h1").await;
            browser.picture(tab).await;
        }
        browser.press("Sign out").await;
        browser.wait_for("You are signed out").await;
        browser.picture("signed-out").await;
        browser.open_page("/").await;
        assert!(!browser.path().await.starts_with("/directories"));
    })
    .await;
}
