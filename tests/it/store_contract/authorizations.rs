//! Authorizations, each usable once.

use jiff::SignedDuration;
use shared::oauth::{PendingAuthorization, Purpose, State, StateHash};
use shared::store::{AuthorizationStore as _, Consumed};
use tokio::task::JoinSet;

use super::fixtures::at;
use crate::dynamodb::{Table, number};

pub fn state(letter: char) -> StateHash {
    State::parse(&letter.to_string().repeat(43)).unwrap().hash()
}

pub async fn an_authorization_is_used_once(table: &Table) {
    let pending = PendingAuthorization::begin(Purpose::Authorize, at(0));
    table.store.begin_authorization(&state('A'), &pending).await.unwrap();
    let first = table.store.consume_authorization(&state('A'), at(1)).await.unwrap();
    assert!(matches!(first, Consumed::Taken(taken) if taken == pending));
    for _ in 0..2 {
        let again = table.store.consume_authorization(&state('A'), at(2)).await.unwrap();
        assert!(matches!(again, Consumed::AlreadyUsed), "{again:?}");
    }
}

pub async fn an_unknown_state_is_told_from_a_used_one(table: &Table) {
    for _ in 0..2 {
        let unknown = table.store.consume_authorization(&state('Q'), at(0)).await.unwrap();
        assert!(matches!(unknown, Consumed::Unknown), "{unknown:?}");
    }
    assert_eq!(table.items().await, []);
}

pub async fn of_sixteen_callbacks_with_one_state_one_gets_it(table: &Table) {
    table
        .store
        .begin_authorization(&state('A'), &PendingAuthorization::begin(Purpose::Authorize, at(0)))
        .await
        .unwrap();
    let mut callbacks = JoinSet::new();
    for _ in 0..16 {
        let store = table.store.clone();
        callbacks.spawn(async move { store.consume_authorization(&state('A'), at(1)).await.unwrap() });
    }
    let outcomes = callbacks.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Consumed::Taken(_))).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Consumed::AlreadyUsed)).count(), 15);
}

pub async fn an_authorization_is_forgotten_an_hour_after_its_end(table: &Table) {
    let pending = PendingAuthorization::begin(Purpose::Authorize, at(0));
    table.store.begin_authorization(&state('A'), &pending).await.unwrap();
    let end = pending.expires_at + SignedDuration::from_hours(1);
    assert_eq!(number(&table.items().await[0], "expires_at"), Some(end.as_second()));
}
