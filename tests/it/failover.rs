//! Administrators who stop working, and the backup that carries on.

use serde_json::json;
use tenant::{Action, Administrator, DeltaReset, Fault, Matcher, Refusal, RequestKind, What};

use crate::harness::{World, everything, small};

/// A synced world with two administrators authorized: the one that is used, and the backup.
async fn two_administrators() -> (World, Administrator, Administrator) {
    let world = World::synced(&small(), everything()).await;
    world.authorize_as(1).await;
    let run = world.sync().await;
    let (used, backup) =
        world.tenant.administrators().into_iter().take(2).partition(|one| run["credential"] == json!(one.id));
    let one = |mut list: Vec<Administrator>| list.pop().unwrap();
    (world, one(used), one(backup))
}

#[tokio::test]
async fn the_backup_carries_on_when_the_administrator_in_use_is_refused() {
    let (world, used, backup) = two_administrators().await;
    world.apply(Action::Refuse { administrator: used.id, refusal: Refusal::ConditionalAccess });
    let run = world.sync().await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    assert_eq!(run["credential"], json!(backup.id));
    let credentials = world.credentials().await;
    let failing = &credentials[&used.user_principal_name];
    assert_eq!(
        (&failing["state"], &failing["cause"]),
        (&json!("failing"), &json!("conditional_access")),
        "{failing:#}"
    );
    assert!(failing["advice"].as_str().is_some_and(|advice| !advice.is_empty()), "{failing:#}");
    assert_eq!(credentials[&backup.user_principal_name]["state"], "working");
    world.check(&everything()).await;
}

#[tokio::test]
async fn the_backup_carries_on_in_the_middle_of_a_run() {
    for (kind, nth) in
        [(RequestKind::Users, 1), (RequestKind::Groups, 1), (RequestKind::Members, 3), (RequestKind::UsersDelta, 2)]
    {
        let (world, used, backup) = two_administrators().await;
        world.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired });
        let action = Box::new(Action::DisableUser { user: used.id });
        let fault = world.tenant.inject(Fault::new(Matcher::on(kind).by(used.id).nth(nth), What::Then { action }));
        let run = world.sync().await;
        assert_eq!(world.tenant.times_used(fault), 1, "{kind:?}");
        assert_eq!((&run["state"], &run["credential"]), (&json!("succeeded"), &json!(backup.id)), "{kind:?}: {run:#}");
        let credentials = world.credentials().await;
        assert_eq!(credentials[&used.user_principal_name]["state"], "failing", "{kind:?}: {credentials:#?}");
        world.sync().await;
        world.check(&everything()).await;
    }
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
