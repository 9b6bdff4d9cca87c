//! Authorized accounts by the pages: seen, and removed.

use http::StatusCode;
use serde_json::json;
use shared::secrets::SecretStore as _;
use shared::session::Role;
use tenant::Action;

use super::visit::Visitor;
use crate::harness::{World, everything, small};

#[tokio::test]
async fn a_removed_account_is_not_used_any_more_and_its_token_is_gone() {
    let world = World::synced(&small(), everything()).await;
    world.authorize_as(1).await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    let first = world.tenant.administrators()[0].id;
    let (directory, administrator) = (world.directory.parse().unwrap(), first.to_string().parse().unwrap());
    let page = admin.get("").await.text();
    assert!(page.contains("Ada Admin admin@contoso.example working") && page.contains("Bo Backup"), "{page}");
    let place = format!("/credentials/{first}/remove");
    let asked = admin.get(&place).await.text();
    assert!(
        asked.contains("Remove the authorization of Ada Admin?") && !asked.contains("No other account works"),
        "{asked}"
    );

    for _ in 0..2 {
        assert_eq!(admin.post(&place, &[]).await.status, StatusCode::SEE_OTHER, "twice is as once");
        assert!(world.stack.secrets.refresh_token(directory, &administrator).await.unwrap().is_none());
    }
    assert_eq!(world.credentials().await.len(), 1);
    assert_eq!(
        admin.get("/audit").await.text().matches("Removed the authorization of admin@contoso.example").count(),
        1
    );
    let run = world.sync().await;
    assert_eq!(run["state"], json!("succeeded"), "{run:#}");
    assert_eq!(world.credentials().await.len(), 1, "a run does not bring it back");
    world.assert_idle().await;
}

#[tokio::test]
async fn an_account_can_be_put_first_and_is_used_first_from_then_on() {
    let world = World::synced(&small(), everything()).await;
    world.authorize_as(1).await;
    let [first, second] = [0, 1].map(|place: usize| world.tenant.administrators()[place].id);
    let admin = Visitor::new(&world, Role::Administrator).await;
    let reader = Visitor::new(&world, Role::Reader).await;
    for (administrator, names) in [(first, ["Ada Admin", "Bo Backup"]), (second, ["Bo Backup", "Ada Admin"])] {
        let place = format!("/credentials/{administrator}/prefer");
        assert_eq!(reader.post(&place, &[]).await.status, StatusCode::FORBIDDEN);
        for _ in 0..2 {
            assert_eq!(admin.post(&place, &[]).await.status, StatusCode::SEE_OTHER);
        }
        let page = admin.get("").await.text();
        let places = names.map(|name| page.find(&format!("{name} ")).unwrap());
        assert!(places[0] < places[1], "{page}");
        assert_eq!(world.sync().await["credential"], json!(administrator));
    }
    assert_eq!(admin.post("/credentials/nobody/prefer", &[]).await.status, StatusCode::NOT_FOUND);
    assert!(admin.get("/audit").await.text().contains("Said to try the authorization of admin@contoso.example first"));
}

#[tokio::test]
async fn removing_the_last_account_is_warned_of_and_nobody_is_lost_by_it() {
    let world = World::synced(&small(), everything()).await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    let active = world.active().await;
    let place = format!("/credentials/{}/remove", world.tenant.administrators()[0].id);
    assert!(admin.get(&place).await.text().contains("No other account works"));
    assert_eq!(admin.post(&place, &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(world.active().await, active);
    let page = admin.get("").await.text();
    assert!(page.contains("Nobody has authorized the sync yet") && !page.contains("Sync now"), "{page}");
    assert!(page.contains("for User Sync Authorize Account for Group Sync One authorization serves both."), "{page}");
    assert_eq!(admin.post("/sync", &[]).await.status, StatusCode::CONFLICT);
    world.authorize().await;
    assert_eq!(world.sync().await["state"], json!("succeeded"), "the same account may come back");
}

#[tokio::test]
async fn a_failing_account_says_what_to_do() {
    let world = World::synced(&small(), everything()).await;
    let first = world.tenant.administrators()[0].id;
    world.apply(Action::DisableUser { user: first });
    world.sync().await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    let page = admin.get("").await.text();
    assert!(page.contains("The sync needs you") && page.contains("The account is disabled in Microsoft 365"), "{page}");
}
