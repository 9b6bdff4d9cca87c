//! Access tokens by the pages: shown once, good for this directory, revoked at once.

use http::{Method, StatusCode};
use shared::session::Role;

use super::visit::{Visitor, ask};
use crate::harness::{World, everything, small};

async fn status(world: &World, token: &str) -> StatusCode {
    let path = format!("/api/v1/directories/{}/users?limit=1", world.directory);
    ask(world, Method::GET, &path, &[("authorization", &format!("Bearer {token}"))], String::new()).await.status
}

#[tokio::test]
async fn a_token_is_made_shown_once_used_and_revoked() {
    let world = World::synced(&small(), everything()).await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    let made = admin.post("/tokens", &[("name", "VPN <gateway>"), ("scope", "read"), ("days", "90")]).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let token = made.body.split("o365sync_").nth(1).unwrap().split('<').next().unwrap();
    let token = format!("o365sync_{token}");
    assert!(made.body.contains("VPN &lt;gateway&gt;"), "names are text");

    let list = admin.get("/tokens").await;
    assert!(!list.body.contains("o365sync_"), "shown once");
    assert!(list.text().contains("never"), "not used yet: {}", list.text());
    assert_eq!(status(&world, &token).await, StatusCode::OK);
    assert!(!admin.get("/tokens").await.text().contains("never"), "its use was noted");
    let settings = format!("/api/v1/directories/{}/settings", world.directory);
    let bearer = format!("Bearer {token}");
    let refused = ask(&world, Method::GET, &settings, &[("authorization", &bearer)], String::new()).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "it may only read");

    let form = list.body.split("/tokens/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let revoke = format!("/tokens/{form}/revoke");
    assert_eq!(admin.post(&revoke, &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(status(&world, &token).await, StatusCode::UNAUTHORIZED);
    assert_eq!(admin.post(&revoke, &[]).await.status, StatusCode::SEE_OTHER, "twice is as once");
    let trail = admin.get("/audit").await.text();
    assert!(trail.contains("Made the API token “VPN &lt;gateway&gt;”, which may read"), "{trail}");
    assert_eq!(trail.matches("Revoked the API token").count(), 1, "{trail}");
}

#[tokio::test]
async fn what_makes_no_token_is_said() {
    let world = World::synced(&small(), everything()).await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    for fields in [
        &[("name", ""), ("scope", "read"), ("days", "90")],
        &[("name", "x\u{7}"), ("scope", "read"), ("days", "90")],
        &[("name", "x"), ("scope", "all"), ("days", "90")],
        &[("name", "x"), ("scope", "read"), ("days", "36500")],
    ] {
        let answer = admin.post("/tokens", fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields:?}");
        assert!(answer.text().contains("Expected"), "{}", answer.text());
    }
    assert!(admin.get("/tokens").await.text().contains("There are no tokens."));
}
