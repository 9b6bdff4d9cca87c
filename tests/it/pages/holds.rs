//! Holds by the pages: seen, applied, discarded.

use http::StatusCode;
use shared::session::Role;
use tenant::{Action, Sample};

use super::visit::Visitor;
use crate::harness::{World, everything, small};

/// A world where twenty users have been deleted at once, and the run that held that.
async fn held() -> (World, String) {
    let world = World::synced(&small(), everything()).await;
    for user in world.ordinary_users().into_iter().take(20) {
        world.apply(Action::Delete { id: user });
    }
    let run = world.sync().await;
    let hold = run["hold"]["id"].as_str().unwrap().to_owned();
    (world, hold)
}

#[tokio::test]
async fn a_hold_is_shown_with_names_and_applied() {
    let (world, hold) = held().await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    assert!(admin.get("").await.body.contains(&format!("/holds/{hold}")), "the first page leads to it");
    let shown = admin.get(&format!("/holds/{hold}")).await;
    assert!(shown.text().contains("20 users would become inactive"), "{}", shown.text());
    assert_eq!(shown.body.matches("would become inactive: deleted in the tenant").count(), 20);
    assert_eq!(shown.body.matches("@contoso.example").count(), 20, "each with the sign-in name: {}", shown.text());
    let active = world.active().await.len();

    assert_eq!(admin.post(&format!("/holds/{hold}/apply"), &[]).await.status, StatusCode::SEE_OTHER);
    world.settle().await;
    assert_eq!(world.active().await.len(), active - 20);
    let again = admin.post(&format!("/holds/{hold}/discard"), &[]).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.text().contains("It has been applied."), "{}", again.text());
    assert!(admin.get("/audit").await.text().contains("Applied a hold"));
    world.assert_idle().await;
}

#[tokio::test]
async fn a_hold_of_very_many_is_shown_page_by_page() {
    let world = World::synced(&Sample { users: 260, groups: 14, ..Sample::default() }, everything()).await;
    for user in world.ordinary_users().into_iter().take(220) {
        world.apply(Action::Delete { id: user });
    }
    let run = world.sync().await;
    let hold = run["hold"]["id"].as_str().unwrap();
    let admin = Visitor::new(&world, Role::Administrator).await;
    let mut seen = 0;
    for page in ["", "?page=1", "?page=2"] {
        let shown = admin.get(&format!("/holds/{hold}{page}")).await;
        seen += shown.body.matches("would become inactive: deleted in the tenant").count();
        assert_eq!(shown.text().contains("Next page"), page != "?page=2", "{page}");
    }
    assert_eq!(seen, 220);
    for page in ["?page=99999999999999999999", "?page=18446744073709551615", "?page=-1", "?page=7"] {
        assert_eq!(admin.get(&format!("/holds/{hold}{page}")).await.status, StatusCode::OK, "{page}");
    }
}

#[tokio::test]
async fn a_discarded_hold_has_everything_read_anew() {
    let (world, hold) = held().await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    let active = world.active().await;
    assert_eq!(admin.post(&format!("/holds/{hold}/discard"), &[]).await.status, StatusCode::SEE_OTHER);
    world.settle().await;
    assert_eq!(world.active().await, active);
    assert!(admin.get("/runs").await.text().contains("answered hold"));
    assert!(admin.get("/audit").await.text().contains("Discarded a hold"));
}
