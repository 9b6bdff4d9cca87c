//! Authorizations, each usable once.

use jiff::SignedDuration;
use shared::credentials::Cause;
use shared::oauth::{
    Conclusion, Connected, Denial, HeldRoles, LocalPath, NextSync, PendingAuthorization, Position, Purpose,
    RoleAssessment, State, StateHash,
};
use shared::store::{AuthorizationStore as _, Consumed, KnownAuthorization};
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

pub async fn authorization_is_shown_without_being_used(table: &Table) {
    assert_eq!(table.store.authorization(&state('A')).await.unwrap(), None);
    let pending = PendingAuthorization::begin(Purpose::Authorize, at(0));
    table.store.begin_authorization(&state('A'), &pending).await.unwrap();
    let known = KnownAuthorization { pending: pending.clone(), used: false, conclusion: None };
    for _ in 0..2 {
        assert_eq!(table.store.authorization(&state('A')).await.unwrap(), Some(known.clone()));
    }
    assert!(matches!(table.store.consume_authorization(&state('A'), at(1)).await.unwrap(), Consumed::Taken(_)));
    let known = table.store.authorization(&state('A')).await.unwrap().unwrap();
    assert!(known.used && known.pending == pending);
}

pub async fn conclusion_is_kept_with_a_used_authorization(table: &Table) {
    let denied = |denial| Conclusion::Denied { denial, clock_skew: Some(-420) };
    let pending = PendingAuthorization::begin(Purpose::Authorize, at(0));
    table.store.begin_authorization(&state('A'), &pending).await.unwrap();
    // Only what was used can have ended, and nothing is made for what was never begun.
    for letter in ['A', 'Q'] {
        table.store.conclude_authorization(&state(letter), &denied(Denial::Expired)).await.unwrap();
    }
    assert_eq!(table.store.authorization(&state('A')).await.unwrap().unwrap().conclusion, None);
    assert_eq!(table.store.authorization(&state('Q')).await.unwrap(), None);

    table.store.consume_authorization(&state('A'), at(1)).await.unwrap();
    let connected = Conclusion::Connected(Box::new(Connected {
        tenant: "22222222-2222-2222-2222-222222222222".parse().unwrap(),
        user_principal_name: "ann@contoso.example".to_owned(),
        display_name: "Ann".to_owned(),
        directory_name: "contoso.example".to_owned(),
        roles: RoleAssessment::of(Some(HeldRoles::default())),
        position: Position::Backup { others: 2 },
        next: NextSync::Soon,
    }));
    let refused = denied(Denial::Refused { cause: Cause::Disabled, aadsts: Some(50057) });
    let missing = denied(Denial::ScopesMissing { scopes: vec!["User.Read.All".to_owned()] });
    for conclusion in [refused, missing, Conclusion::SignedIn { return_to: LocalPath::home() }, connected] {
        table.store.conclude_authorization(&state('A'), &conclusion).await.unwrap();
        assert_eq!(table.store.authorization(&state('A')).await.unwrap().unwrap().conclusion, Some(conclusion));
    }
    let again = table.store.consume_authorization(&state('A'), at(2)).await.unwrap();
    assert!(matches!(again, Consumed::AlreadyUsed), "{again:?}");
}

pub async fn an_authorization_is_forgotten_an_hour_after_its_end(table: &Table) {
    let pending = PendingAuthorization::begin(Purpose::Authorize, at(0));
    table.store.begin_authorization(&state('A'), &pending).await.unwrap();
    let end = pending.expires_at + SignedDuration::from_hours(1);
    assert_eq!(number(&table.items().await[0], "expires_at"), Some(end.as_second()));
}
