//! Administrators who stop working, and the backup that carries on.

use jiff::SignedDuration;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::json;
use shared::clock::Clock as _;
use tenant::{Action, Administrator, DeltaReset, Fault, Matcher, Paging, Refusal, RequestKind, What};

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
    let first_page_and_middle_page = [(RequestKind::Users, 1), (RequestKind::Users, 2), (RequestKind::Groups, 1)];
    let members_and_changes = [(RequestKind::Members, 3), (RequestKind::UsersDelta, 2), (RequestKind::GroupsDelta, 2)];
    for (kind, nth) in first_page_and_middle_page.into_iter().chain(members_and_changes) {
        let (world, used, backup) = two_administrators().await;
        let paging = Paging { list_max: 20, ..Paging::default() };
        world.apply(Action::SetPaging { paging });
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

#[tokio::test]
async fn an_administrator_who_may_no_longer_read_is_passed_over_in_the_middle_of_a_run() {
    for (kind, nth) in [(RequestKind::Users, 2), (RequestKind::Members, 3)] {
        let (world, used, backup) = two_administrators().await;
        world.apply(Action::SetPaging { paging: Paging { list_max: 20, ..Paging::default() } });
        world.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired });
        let action = Box::new(Action::AllowReading { administrator: used.id, allowed: false });
        world.tenant.inject(Fault::new(Matcher::on(kind).by(used.id).nth(nth), What::Then { action }));
        let run = world.sync().await;
        assert_eq!((&run["state"], &run["credential"]), (&json!("succeeded"), &json!(backup.id)), "{kind:?}: {run:#}");
        let failing = world.credentials().await[&used.user_principal_name].clone();
        assert_eq!(failing["cause"], "read_refused", "{kind:?}: {failing:#}");
    }
}

#[tokio::test]
async fn a_failing_administrator_is_tried_again_at_growing_intervals_and_no_refresh_token_is_lost() {
    let (world, used, _) = two_administrators().await;
    world.apply(Action::Refuse { administrator: used.id, refusal: Refusal::Revoked });
    world.sync().await;
    let mut waits = Vec::new();
    for _ in 0..6 {
        let failing = world.credentials().await[&used.user_principal_name].clone();
        let retry_at: jiff::Timestamp = failing["retry_at"].as_str().unwrap().parse().unwrap();
        let wait = retry_at.duration_since(world.clock.now());
        waits.push(wait.as_secs().div_euclid(60) + 1);
        world.clock.pass(wait + SignedDuration::from_millis(1));
        exercise(&world).await;
    }
    assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]), "{waits:?}");
    assert_eq!(waits[0], 15, "{waits:?}");
    assert!(waits[5] >= 240, "{waits:?}");

    // The account mends itself: the refresh token that was refused all the time works again, without a new sign-in.
    world.apply(Action::Accept { administrator: used.id });
    world.clock.pass(SignedDuration::from_hours(24));
    exercise(&world).await;
    assert_eq!(world.credentials().await[&used.user_principal_name]["state"], "working");
}

/// Delivers the message that asks for an exercise.
async fn exercise(world: &World) {
    let body = json!({"exercise": world.directory}).to_string();
    let message =
        json!({"messageId": "m", "body": body, "eventSource": "aws:sqs", "attributes": {}, "messageAttributes": {}});
    let event: sync::SyncEvent = serde_json::from_value(json!({"Records": [message]})).unwrap();
    sync::handle(&world.stack.sync, LambdaEvent::new(event, Context::default())).await.unwrap();
}
