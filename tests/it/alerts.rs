//! What administrators are told: once when something begins, and once when it is over.

use std::sync::Arc;

use jiff::SignedDuration;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};
use shared::alerts::{Alert, Change, Condition};
use sync::SyncEvent;
use tenant::{Action, Administrator, DeltaReset, Fault, Matcher, Refusal, RequestKind, What};

use crate::harness::{World, everything, small};

/// A synced world with the first administrators authorized, after the alerts of its beginnings.
async fn world(administrators: usize) -> World {
    let world = World::synced(&small(), everything()).await;
    for administrator in 1..administrators {
        world.authorize_as(administrator).await;
    }
    world.sync().await;
    told(&world).await;
    world
}

/// What was told since the last time this was asked.
async fn told(world: &World) -> Vec<Alert> {
    // What a run has to tell is told after its record is written.
    for _ in 0..20 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    world.alerts.take()
}

fn brief(alerts: &[Alert]) -> Vec<(Change, Condition)> {
    alerts.iter().map(|alert| (alert.change, alert.condition.clone())).collect()
}

/// One tick of the schedule that finds nothing due but what is looked at at every tick, and what it has queued.
async fn tick(world: &World) {
    let event = json!({"detail-type": "Scheduled Event", "source": "aws.scheduler", "detail": {}});
    invoke(world, event).await;
}

async fn exercise(world: &World) {
    let body = json!({"exercise": world.directory}).to_string();
    invoke(world, json!({"Records": [{"messageId": "m", "body": body, "eventSource": "aws:sqs", "attributes": {}, "messageAttributes": {}}]})).await;
}

async fn invoke(world: &World, event: Value) {
    let event: SyncEvent = serde_json::from_value(event).unwrap();
    let app = Arc::clone(&world.stack.sync);
    let answer = sync::handle(&app, LambdaEvent::new(event, Context::default())).await.unwrap();
    assert!(answer.batch_item_failures.is_empty());
}

/// The administrator whose credential the runs use, and the others who have authorized.
async fn in_use(world: &World, administrators: usize) -> (Administrator, Vec<Administrator>) {
    let run = world.sync().await;
    let all = world.tenant.administrators().into_iter().take(administrators);
    let (mut used, others): (Vec<_>, _) = all.partition(|one| run["credential"] == json!(one.id));
    (used.pop().unwrap(), others)
}

async fn shown(world: &World) -> Value {
    world.api.get(&format!("/api/v1/directories/{}", world.directory)).await.unwrap()
}

#[tokio::test]
async fn a_disabled_administrator_is_told_of_once_and_again_when_he_is_enabled() {
    let world = world(2).await;
    let (first, _) = in_use(&world, 2).await;
    told(&world).await;
    world.apply(Action::DisableUser { user: first.id });
    for _ in 0..3 {
        assert_eq!(world.sync().await["state"], "succeeded");
    }
    let alerts = told(&world).await;
    assert_eq!(brief(&alerts), [(Change::Opened, Condition::OneCredentialLeft)]);
    let body = &alerts[0].body;
    for part in [&first.user_principal_name, "is disabled in Microsoft 365", "Enable the account", &world.directory] {
        assert!(body.contains(part), "{body}");
    }
    let directory = shown(&world).await;
    assert_eq!(directory["open_alerts"][0]["condition"], "one_credential_left", "{directory:#}");
    let status = world.api.get("/api/v1/status").await.unwrap();
    assert!(status.to_string().contains("one_credential_left"), "{status:#}");

    world.apply(Action::EnableUser { user: first.id });
    world.clock.pass(SignedDuration::from_mins(16));
    exercise(&world).await;
    for _ in 0..2 {
        world.sync().await;
    }
    assert_eq!(brief(&told(&world).await), [(Change::Recovered, Condition::OneCredentialLeft)]);
    assert_eq!(shown(&world).await["open_alerts"], json!([]));
}

#[tokio::test]
async fn the_last_administrator_is_told_of_as_the_last() {
    let world = world(1).await;
    let first = world.tenant.administrators().swap_remove(0);
    world.apply(Action::Refuse { administrator: first.id, refusal: Refusal::Mfa });
    for _ in 0..3 {
        assert_eq!(world.sync().await["state"], "failed");
    }
    assert_eq!(brief(&told(&world).await), [(Change::Opened, Condition::NoWorkingCredential)]);
    world.apply(Action::Accept { administrator: first.id });
    world.authorize().await;
    world.sync().await;
    assert_eq!(brief(&told(&world).await), [(Change::Recovered, Condition::NoWorkingCredential)]);
}

#[tokio::test]
async fn a_dead_backup_is_found_by_the_exercise_and_told_of_before_it_is_needed() {
    let world = world(2).await;
    let (used, backups) = in_use(&world, 2).await;
    told(&world).await;
    let backup = &backups[0];
    world.apply(Action::RevokeSessions { administrator: backup.id });
    assert_eq!(world.sync().await["credential"], json!(used.id));
    exercise(&world).await;
    assert_eq!(brief(&told(&world).await), [], "it has been used within the day");

    world.clock.pass(SignedDuration::from_hours(25));
    world.sync().await;
    told(&world).await;
    // The tick finds it due and puts it into the queue, whose end is the running stack.
    tick(&world).await;
    for _ in 0..100 {
        if world.credentials().await[&backup.user_principal_name]["state"] == "failing" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let credential = world.credentials().await[&backup.user_principal_name].clone();
    assert_eq!(credential["cause"], "session_revoked", "{credential:#}");
    let opened: Vec<_> =
        brief(&told(&world).await).into_iter().filter(|(change, _)| *change == Change::Opened).collect();
    assert_eq!(opened, [(Change::Opened, Condition::OneCredentialLeft)]);
    assert_eq!(world.sync().await["credential"], json!(used.id));
}

#[tokio::test]
async fn a_backup_that_works_is_exercised_daily_and_its_rotated_token_is_kept() {
    let world = world(2).await;
    let (_, backups) = in_use(&world, 2).await;
    for _ in 0..3 {
        world.clock.pass(SignedDuration::from_hours(25));
        exercise(&world).await;
    }
    let credential = world.credentials().await[&backups[0].user_principal_name].clone();
    assert_eq!(credential["state"], "working", "{credential:#}");
    assert!(credential["exercised_at"].is_string(), "{credential:#}");
    told(&world).await;
    world.sync().await;
    assert!(brief(&told(&world).await).iter().all(|(change, _)| *change == Change::Recovered));
}

#[tokio::test]
async fn a_hold_is_told_of_when_it_opens_and_when_it_is_gone() {
    let world = world(1).await;
    let users: Vec<_> = world.ordinary_users().into_iter().take(25).collect();
    for user in &users {
        world.apply(Action::Delete { id: *user });
    }
    for _ in 0..3 {
        assert_eq!(world.sync().await["state"], "held");
    }
    let alerts = told(&world).await;
    assert_eq!(brief(&alerts), [(Change::Opened, Condition::Held)]);
    assert!(alerts[0].body.contains("25 users"), "{}", alerts[0].body);
    for user in users {
        world.apply(Action::Restore { id: user });
    }
    assert_eq!(world.sync().await["state"], "succeeded");
    assert_eq!(brief(&told(&world).await), [(Change::Recovered, Condition::Held)]);
}

#[tokio::test]
async fn gaps_are_told_of_once_however_many_runs_meet_them() {
    let world = world(1).await;
    let group = world.tenant.truth().groups[0].id;
    world.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired });
    let what = What::Status { code: 503, retry_after: None, body: None };
    world.tenant.inject(Fault::new(Matcher::on(RequestKind::Members).about(group), what));
    for _ in 0..2 {
        assert_eq!(world.sync().await["state"], "completed_with_gaps");
    }
    let alerts = told(&world).await;
    assert_eq!(brief(&alerts), [(Change::Opened, Condition::Gaps)]);
    assert!(alerts[0].body.contains(&group.to_string()), "{}", alerts[0].body);
    world.tenant.clear_faults();
    assert_eq!(world.sync().await["state"], "succeeded");
    assert_eq!(brief(&told(&world).await), [(Change::Recovered, Condition::Gaps)]);
}

#[tokio::test]
async fn a_directory_that_was_not_synced_for_three_intervals_is_told_of_at_a_tick() {
    let world = world(1).await;
    let what = What::Status { code: 503, retry_after: None, body: None };
    world.tenant.inject(Fault::new(Matcher::on(RequestKind::UsersDelta), what));
    for _ in 0..3 {
        world.clock.pass(SignedDuration::from_mins(4));
        tick(&world).await;
        world.settle().await;
    }
    assert_eq!(brief(&told(&world).await), [], "twelve minutes are less than three intervals of five");
    for _ in 0..3 {
        world.clock.pass(SignedDuration::from_mins(4));
        tick(&world).await;
        world.settle().await;
    }
    assert_eq!(brief(&told(&world).await), [(Change::Opened, Condition::NotSynced)]);
    world.tenant.clear_faults();
    assert_eq!(world.sync().await["state"], "succeeded");
    assert_eq!(brief(&told(&world).await), [(Change::Recovered, Condition::NotSynced)]);
}
