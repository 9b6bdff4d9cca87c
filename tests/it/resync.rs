//! Delta links that are refused, replays, throttling and other weather.

use jiff::SignedDuration;
use serde_json::json;
use tenant::{Action, DeltaReset, Fault, GroupKind, Matcher, NewGroup, Paging, RequestKind, What};

use crate::harness::{World, everything, small};

#[tokio::test]
async fn every_way_of_refusing_a_link_leads_to_a_full_run_that_writes_only_differences() {
    for answer in [DeltaReset::ResyncRequired, DeltaReset::StateNotFoundGone, DeltaReset::StateNotFoundBadRequest] {
        let world = World::synced(&small(), everything()).await;
        world.apply(Action::DisableUser { user: world.ordinary_users()[0] });
        world.apply(Action::ResetDelta { answer });
        let run = world.sync_and_check(&everything()).await;
        assert_eq!((&run["reading"], &run["full_reason"]), (&json!("full"), &json!("resync")), "{answer:?}");
        assert_eq!(run["effort"]["items_written"], 4, "{answer:?}: the user, two lists and the log: {run:#}");
    }
}

#[tokio::test]
async fn users_deleted_while_the_links_were_lost_become_inactive() {
    let world = World::synced(&small(), everything()).await;
    let user = world.ordinary_users()[0];
    world.apply(Action::Purge { id: user });
    world.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired });
    world.sync_and_check(&everything()).await;
    assert_eq!(world.user(user).await["reason"], "deleted");
}

#[tokio::test]
async fn tiny_pages_repeated_groups_and_replays_change_nothing_of_the_outcome() {
    let world = World::unauthorized(&small()).await;
    world.apply(Action::SetPaging {
        paging: Paging { list_default: 3, list_max: 7, delta_objects: 2, delta_members: 3 },
    });
    for what in [What::Replay, What::Duplicate, What::EmptyPageWithLink] {
        world.tenant.inject(Fault::new(Matcher::any().every(5), what));
    }
    world.authorize().await;
    assert_eq!(world.set(everything()).await["state"], "succeeded");
    world.tenant.clear_faults();
    world.check(&everything()).await;
    for user in &world.ordinary_users()[..6] {
        world.apply(Action::DisableUser { user: *user });
    }
    world.sync().await;
    world.check(&everything()).await;
}

#[tokio::test]
async fn throttling_and_broken_connections_delay_a_run_and_harm_nothing() {
    let world = World::synced(&small(), everything()).await;
    world.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired });
    let busy = What::Status { code: 429, retry_after: Some(0), body: None };
    world.tenant.inject(Fault::new(Matcher::on(RequestKind::Members).every(3), busy));
    world.tenant.inject(Fault::new(Matcher::on(RequestKind::Groups).nth(1), What::Disconnect));
    world.tenant.inject(Fault::new(
        Matcher::on(RequestKind::Users).nth(1),
        What::Status { code: 503, retry_after: None, body: None },
    ));
    let run = world.sync().await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    assert!(run["effort"]["throttled"].as_u64().unwrap() > 0, "{run:#}");
    world.tenant.clear_faults();
    world.check(&everything()).await;
}

#[tokio::test]
async fn a_page_token_that_expires_restarts_its_list() {
    let world = World::synced(&small(), everything()).await;
    world.apply(Action::SetPaging { paging: Paging { list_max: 20, ..Paging::default() } });
    world.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired });
    world.tenant.inject(Fault::new(Matcher::on(RequestKind::Users).page(2).nth(1), What::PageTokenExpired));
    world.sync_and_check(&everything()).await;
}

#[tokio::test]
async fn drift_for_a_long_time_ends_in_the_tenants_true_state() {
    use rand::SeedableRng as _;
    let world = World::synced(&small(), everything()).await;
    let mut rng = rand::rngs::SmallRng::seed_from_u64(7);
    for _ in 0..15 {
        world.tenant.drift(&mut rng, 4);
        let run = world.sync().await;
        assert!(run["state"] == "succeeded", "{run:#}");
    }
    world.check(&everything()).await;
    world.assert_idle().await;
}

#[tokio::test]
async fn a_weekly_reconciliation_mends_what_changes_have_left_out_and_says_what() {
    let world = World::unauthorized(&small()).await;
    let group = world.apply(Action::CreateGroup(NewGroup::named("Ignored", GroupKind::Security))).unwrap();
    let user = world.ordinary_users()[0];
    world.apply(Action::AddMember { group, member: user });
    // No list shows a deleted user's memberships, and when the user comes back no change tells of them.
    world.apply(Action::Delete { id: user });
    world.authorize().await;
    let mut settings = everything();
    settings["ignored_groups"] = json!([group]);
    world.set(settings.clone()).await;
    world.apply(Action::Restore { id: user });
    // Its memberships are asked for, and a well-formed answer says that there are none; so does their counter.
    let untrue = What::Status { code: 200, retry_after: None, body: Some(json!({"value": []})) };
    world.tenant.inject(Fault::new(Matcher::on(RequestKind::GroupsOf), untrue));
    let untrue = What::Status { code: 200, retry_after: None, body: Some(json!(0)) };
    world.tenant.inject(Fault::new(Matcher::on(RequestKind::Count).about(user), untrue));
    world.sync().await;
    world.tenant.clear_faults();
    assert_eq!(world.user(user).await["status"], "active", "nothing has said that it is a member again");

    // Not all at once: Microsoft forgets links that nobody has used for a week.
    for _ in 0..6 {
        world.clock.pass(SignedDuration::from_hours(24));
        world.assert_idle().await;
    }
    world.clock.pass(SignedDuration::from_hours(24));
    let run = world.sync().await;
    assert_eq!((&run["state"], &run["full_reason"]), (&json!("succeeded"), &json!("reconciliation")), "{run:#}");
    assert!(run["mended"]["memberships_added"].as_u64() >= Some(1), "{run:#}");
    assert_eq!(run["mended"]["deactivated"], 1, "{run:#}");
    world.check(&settings).await;
    world.assert_idle().await;
}
