//! What Graph says of its quota is heeded by all requests of a tenant.

use std::time::Duration;

use futures::future::join_all;

use super::stage::{START, done, error, first, group, last, stage};
use crate::clock::Clock as _;
use crate::sync::{DeltaLink, SourceError, TenantSource as _};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn one_throttled_request_lets_all_others_wait_too() {
    let stage = stage().await;
    for number in 0..60 {
        let members = format!("groups/{}/members", group(number));
        if number == 20 {
            let throttled = error(429, "TooManyRequests").insert_header("Retry-After", "17");
            stage.once(first(&members), throttled).await;
        }
        stage.once(first(&members), last(&[]).insert_header("x-ms-resource-unit", "3")).await;
    }
    let stage = &stage;
    let reads = (0..60).map(|number| async move { stage.members(&group(number)).await });
    assert!(join_all(reads).await.iter().all(Result::is_ok));

    let waits = stage.clock.waits();
    assert_eq!(waits.len(), 1, "nobody has asked in between: {waits:?}");
    assert!(waits[0] >= 17 * SECOND && waits[0] < 18 * SECOND, "{waits:?}");
    let effort = stage.tenant.effort();
    assert_eq!((effort.graph_requests, effort.throttled, effort.resource_units), (61, 1, 180));
    assert!((17_000..18_000).contains(&effort.waited_ms), "{effort:?}");
}

#[tokio::test]
async fn close_to_the_limit_requests_rest_before_they_are_refused() {
    let stage = stage().await;
    stage.once(first("users"), last(&[]).insert_header("x-ms-throttle-limit-percentage", "1.1")).await;
    stage.once(first("groups"), last(&[])).await;
    stage.users().await.unwrap();
    stage.groups().await.unwrap();
    let waited: Duration = stage.clock.waits().iter().sum();
    assert!(waited > SECOND && waited < 3 * SECOND, "two tenths of the bucket come back in two seconds: {waited:?}");
}

#[tokio::test]
async fn a_wait_that_would_end_after_the_run_is_not_begun_by_any_request() {
    let mut stage = stage().await;
    stage.tenant = stage.tenant.stopping_at(START.parse::<jiff::Timestamp>().unwrap() + 60 * SECOND);
    stage.once(first("users"), error(429, "TooManyRequests").insert_header("Retry-After", "90")).await;
    let Err(SourceError::Paused { wait }) = stage.users().await else { panic!("there is no time to wait") };
    assert!(wait >= 90 * SECOND, "{wait:?}");
    assert!(matches!(stage.groups().await, Err(SourceError::Paused { .. })));
    assert!(stage.clock.waits().is_empty());
    assert_eq!(stage.requests().await.len(), 1, "the other one was not sent");
}

#[tokio::test]
async fn waits_that_add_up_to_more_than_there_is_time_end_in_a_pause() {
    let mut stage = stage().await;
    stage.tenant = stage.tenant.stopping_at(START.parse::<jiff::Timestamp>().unwrap() + 60 * SECOND);
    stage.always(first("users"), error(429, "TooManyRequests").insert_header("Retry-After", "25")).await;
    assert!(matches!(stage.users().await, Err(SourceError::Paused { .. })));
    assert_eq!(stage.clock.waits().len(), 2);
}

#[tokio::test]
async fn throttling_that_outlasts_all_patience_is_a_pause_and_never_a_fault() {
    for answer in [error(429, ""), error(429, "").insert_header("Retry-After", "20"), error(509, "")] {
        let stage = stage().await;
        stage.always(first("users"), answer).await;
        let Err(SourceError::Paused { wait }) = stage.users().await else { panic!("it was to pause") };
        assert!(wait >= 20 * SECOND, "{wait:?}");
        assert_eq!(stage.requests().await.len(), 9);
    }
}

#[tokio::test]
async fn a_broken_graph_is_not_waited_for_beyond_the_end_of_the_run_either() {
    let mut stage = stage().await;
    stage.tenant = stage.tenant.stopping_at(START.parse().unwrap());
    stage.always(first("users"), error(500, "")).await;
    assert!(matches!(stage.users().await, Err(SourceError::Paused { .. })));
    assert!(stage.clock.waits().is_empty());
}

#[tokio::test]
async fn readings_of_everything_give_way_to_readings_of_changes() {
    let stage = stage().await;
    for list in ["users", "groups", &format!("groups/{}/members", group(1))] {
        stage.always(first(list), last(&[])).await;
    }
    let link = format!("{}/v1.0/users/delta?$deltatoken=now", stage.server.uri());
    stage.always(first("users/delta"), done(&[], &link)).await;
    stage.users().await.unwrap();
    stage.groups().await.unwrap();
    stage.members(&group(1)).await.unwrap();
    stage.user_changes(&DeltaLink::new(link)).await.unwrap();
    let requests = stage.requests().await;
    let priorities: Vec<_> = requests.iter().map(|request| &request.headers["x-ms-throttle-priority"]).collect();
    assert_eq!(priorities, ["low", "low", "low", "normal"]);
    assert!(stage.clock.now() == START.parse().unwrap());
}
