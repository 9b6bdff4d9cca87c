//! Administrators who stop working, and the backup that carries on.

use serde_json::json;
use tenant::{Action, DeltaReset, Fault, Matcher, Refusal, RequestKind, What};

use crate::harness::{World, everything, small};

/// A synced world with two administrators authorized, of whom the first is used.
async fn two_administrators() -> (World, tenant::Administrator, tenant::Administrator) {
    let world = World::synced(&small(), everything()).await;
    world.authorize_as(1).await;
    let mut administrators = world.tenant.administrators().into_iter();
    let (first, second) = (administrators.next().unwrap(), administrators.next().unwrap());
    (world, first, second)
}

#[tokio::test]
async fn the_backup_carries_on_when_the_first_administrator_is_refused() {
    let (world, first, second) = two_administrators().await;
    for administrator in [&first, &second] {
        world.apply(Action::ExpireAccessTokens { administrator: Some(administrator.id) });
    }
    world.apply(Action::Refuse { administrator: first.id, refusal: Refusal::ConditionalAccess });
    world.sync().await;
    let run = world.sync().await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    assert_eq!(run["credential"], json!(second.id));
    let credentials = world.credentials().await;
    let failing = &credentials[&first.user_principal_name];
    assert_eq!(
        (&failing["state"], &failing["cause"]),
        (&json!("failing"), &json!("conditional_access")),
        "{failing:#}"
    );
    assert!(failing["advice"].as_str().is_some_and(|advice| !advice.is_empty()), "{failing:#}");
    assert_eq!(credentials[&second.user_principal_name]["state"], "working");
    world.check(&everything()).await;
}

#[tokio::test]
async fn the_backup_carries_on_in_the_middle_of_a_run() {
    let (world, first, second) = two_administrators().await;
    // Make sure that the first one is the one in use.
    world.apply(Action::Refuse { administrator: second.id, refusal: Refusal::ConditionalAccess });
    world.sync().await;
    world.apply(Action::Accept { administrator: second.id });
    world.authorize_as(1).await;
    world.authorize_as(0).await;
    world.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired });
    for at in [(RequestKind::Users, 1), (RequestKind::Groups, 1), (RequestKind::Members, 3)] {
        let (kind, nth) = at;
        world.tenant.inject(Fault::new(
            Matcher::on(kind).nth(nth),
            What::Then { action: Box::new(Action::DisableUser { user: first.id }) },
        ));
    }
    let run = world.sync().await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    assert_eq!(run["credential"], json!(second.id), "{run:#}");
    let credentials = world.credentials().await;
    assert_eq!(credentials[&first.user_principal_name]["state"], "failing", "{credentials:#?}");
    world.tenant.clear_faults();
    world.check(&everything()).await;
}

#[tokio::test]
async fn without_a_working_administrator_the_run_fails_and_nothing_is_unpublished() {
    let world = World::synced(&small(), everything()).await;
    let active = world.active().await;
    let first = world.tenant.administrators().into_iter().next().unwrap();
    world.apply(Action::Refuse { administrator: first.id, refusal: Refusal::Mfa });
    world.apply(Action::ExpireAccessTokens { administrator: None });
    let run = world.sync().await;
    assert_eq!(
        (&run["state"], &run["failure"]["code"]),
        (&json!("failed"), &json!("no_working_credential")),
        "{run:#}"
    );
    assert_eq!(world.active().await, active);
    let status = world.api.get("/api/v1/status").await.unwrap();
    assert_eq!(status["status"], "failing", "{status:#}");

    world.apply(Action::Accept { administrator: first.id });
    world.authorize().await;
    world.sync_and_check(&everything()).await;
}

#[tokio::test]
async fn a_wrong_client_secret_is_nobodys_fault_and_marks_no_administrator() {
    let world = World::synced(&small(), everything()).await;
    world.apply(Action::SetSecretStanding { standing: tenant::SecretStanding::Expired });
    world.apply(Action::ExpireAccessTokens { administrator: None });
    let run = world.sync().await;
    assert_eq!(run["failure"]["code"], "application_refused", "{run:#}");
    assert!(world.credentials().await.values().all(|credential| credential["state"] == "working"));
    world.apply(Action::SetSecretStanding { standing: tenant::SecretStanding::Accepted });
    world.sync_and_check(&everything()).await;
}

#[tokio::test]
async fn revoked_access_tokens_are_refreshed_without_anybody_noticing() {
    let world = World::synced(&small(), everything()).await;
    world.apply(Action::ExpireAccessTokens { administrator: None });
    world.sync_and_check(&everything()).await;
}
