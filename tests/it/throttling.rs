//! A tenant that throttles, withholds and fails, and a run that lives with it.

use serde_json::{Value, json};
use tenant::{ALL_EMPLOYEES, Action, DeltaReset, Fault, Matcher, RequestKind, Sample, Seen, Throttle, What};

use crate::harness::{World, everything, members_on_record, small};

/// A tenant of 600 groups whose next run must read everything.
async fn before_a_full_run() -> World {
    let sample = Sample { users: 100, groups: 600, ..Sample::default() };
    let world = World::synced(&sample, everything()).await;
    world.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired });
    world
}

/// Syncs while the tenant allows so many resource units in ten seconds, and takes for each answer about as long as Graph does;
/// answers the run's record and the requests.
async fn sync_throttled(world: &World, units: u32) -> (Value, Vec<Seen>) {
    world.tenant.inject(Fault::new(Matcher::any(), What::Delay { milliseconds: 200 }));
    world.apply(Action::SetThrottle { throttle: Throttle::Units(units) });
    world.tenant.forget_requests();
    let run = world.sync().await;
    let requests = world.tenant.requests();
    world.apply(Action::SetThrottle { throttle: Throttle::Off });
    world.tenant.clear_faults();
    (run, requests)
}

#[tokio::test]
async fn a_small_quota_is_used_up_but_hardly_ever_exceeded() {
    let world = before_a_full_run().await;
    let (run, requests) = sync_throttled(&world, 150).await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    let refused = requests.iter().filter(|seen| seen.status == 429).count();
    // Two dozen requests are sent before anything is known of the tenant, and those alone cost half of this quota.
    assert!(refused * 10 < requests.len(), "{refused} of {} requests were refused", requests.len());
    let units: u64 = requests.iter().filter(|seen| seen.status == 200).map(|seen| u64::from(seen.resource_units)).sum();
    let counted = run["effort"]["resource_units"].as_u64().unwrap();
    assert!(units > 600 && counted >= units, "{units} units were granted, {counted} counted");
}

#[tokio::test]
async fn throttling_that_lasts_for_minutes_delays_a_run_and_does_not_fail_it() {
    let world = World::synced(&small(), everything()).await;
    world.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired });
    let busy = What::Status { code: 429, retry_after: Some(30), body: None };
    let fault = world.tenant.inject(Fault::new(Matcher::on(RequestKind::Members).times(20), busy));
    let run = world.sync().await;
    assert_eq!((&run["state"], &run["effort"]["throttled"]), (&json!("succeeded"), &json!(20)), "{run:#}");
    assert_eq!(world.tenant.times_used(fault), 20);
    assert!(run["effort"]["waited_ms"].as_u64().unwrap() > 60_000, "{run:#}");
    world.check(&everything()).await;
}

#[tokio::test]
async fn when_one_request_is_told_to_wait_no_other_is_sent_meanwhile() {
    let world = World::synced(&Sample { groups: 100, ..small() }, everything()).await;
    world.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired });
    world.tenant.forget_requests();
    let busy = What::Status { code: 429, retry_after: Some(200), body: None };
    world.tenant.inject(Fault::new(Matcher::on(RequestKind::Members).nth(40), busy));
    let run = world.sync().await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    let requests = world.tenant.requests();
    let refused = requests.iter().find(|seen| seen.status == 429).unwrap().at;
    let early = |seen: &&Seen| {
        let after = seen.at.duration_since(refused).as_secs();
        seen.kind.is_graph() && (1..200).contains(&after)
    };
    assert_eq!(requests.iter().filter(early).count(), 0, "only what was under way may still come in");
    assert!(requests.iter().any(|seen| seen.at.duration_since(refused).as_secs() >= 200));
    assert_eq!(run["effort"]["throttled"], 1, "{run:#}");
}

#[tokio::test]
async fn one_forbidden_group_is_a_gap_with_a_name_and_no_fault_of_the_credential() {
    let world = World::synced(&small(), everything()).await;
    world.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired });
    let group = world.tenant.group_named(ALL_EMPLOYEES).unwrap();
    let members = members_on_record(&world, group).await;
    world.tenant.inject(Fault::new(Matcher::on(RequestKind::Members).about(group), forbidden()));
    let run = world.sync().await;
    assert_eq!(run["state"], "completed_with_gaps", "{run:#}");
    assert_eq!(run["gaps"].as_array().unwrap().len(), 1, "{run:#}");
    assert!(run["gaps"][0].as_str().unwrap().contains(&group.to_string()), "{run:#}");
    assert_eq!(members_on_record(&world, group).await, members);
    assert!(world.credentials().await.values().all(|credential| credential["state"] == "working"));
    world.tenant.clear_faults();
    world.sync_and_check(&everything()).await;
}

#[tokio::test]
async fn forbidden_groups_do_not_double_the_requests() {
    let world = World::synced(&Sample { groups: 100, ..small() }, everything()).await;
    world.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired });
    world.tenant.inject(Fault::new(Matcher::on(RequestKind::Members), forbidden()));
    world.tenant.forget_requests();
    let run = world.sync().await;
    assert_eq!(run["state"], "completed_with_gaps", "{run:#}");
    let summary = world.tenant.summary();
    assert_eq!(summary.count(RequestKind::Members), 100);
    assert_eq!(summary.count(RequestKind::Users), 2, "the list, and one check for all groups");
    assert!(world.credentials().await.values().all(|credential| credential["state"] == "working"));
}

#[tokio::test]
async fn a_group_that_graph_keeps_failing_for_is_a_gap_and_no_failed_run() {
    for code in [500, 504] {
        let world = World::synced(&small(), everything()).await;
        world.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired });
        let group = world.tenant.group_named(ALL_EMPLOYEES).unwrap();
        let members = members_on_record(&world, group).await;
        let broken = What::Status { code, retry_after: None, body: None };
        world.tenant.inject(Fault::new(Matcher::on(RequestKind::Members).about(group), broken));
        let run = world.sync().await;
        assert_eq!(run["state"], "completed_with_gaps", "{run:#}");
        assert!(run["gaps"][0].as_str().unwrap().contains(&group.to_string()), "{run:#}");
        assert_eq!(members_on_record(&world, group).await, members);
    }
}

fn forbidden() -> What {
    What::Status { code: 403, retry_after: None, body: None }
}
