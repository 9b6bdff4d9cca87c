//! What is open in a directory, changed by one at a time.

use std::collections::BTreeSet;

use shared::alerts::{Alert, AlertRecord, Change, Condition, Outgoing};
use shared::directory::DirectoryId;
use shared::store::{AlertStore as _, StoreError};
use tokio::task::JoinSet;

use super::fixtures::{at, directory_id, user_id};
use crate::dynamodb::Table;

/// A record with something of everything.
pub fn record(directory: DirectoryId) -> AlertRecord {
    let failing = Condition::CredentialFailing { administrator: user_id(1) };
    let alert = Alert {
        directory,
        condition: failing.clone(),
        change: Change::Opened,
        at: at(0),
        subject: "an authorization has stopped working".to_owned(),
        body: "What happened".to_owned(),
    };
    AlertRecord {
        version: 0,
        open: BTreeSet::from([failing, Condition::Held, Condition::ClientSecretExpiring { days: 7 }]),
        outgoing: vec![Outgoing { alert, attempts: 1, retry_at: at(300) }],
    }
}

pub async fn a_directory_without_a_record_has_nothing_open(table: &Table) {
    assert_eq!(table.store.alerts(directory_id()).await.unwrap(), AlertRecord::default());
}

pub async fn a_record_is_read_back_under_the_next_version(table: &Table) {
    let directory = directory_id();
    let mut expected = record(directory);
    for version in 1..4 {
        table.store.put_alerts(directory, &expected).await.unwrap();
        expected.version = version;
        assert_eq!(table.store.alerts(directory).await.unwrap(), expected);
    }
    assert_eq!(table.store.alerts(directory_id()).await.unwrap(), AlertRecord::default());
}

pub async fn a_record_is_stored_only_over_the_one_it_was_made_from(table: &Table) {
    let directory = directory_id();
    let first = record(directory);
    table.store.put_alerts(directory, &first).await.unwrap();
    for stale in [first.clone(), AlertRecord { version: 7, ..first }] {
        let outcome = table.store.put_alerts(directory, &stale).await;
        assert!(matches!(outcome, Err(StoreError::Conflict)), "{outcome:?}");
    }
}

pub async fn of_sixteen_records_of_the_same_version_one_is_stored(table: &Table) {
    let directory = directory_id();
    let mut writers = JoinSet::new();
    for _ in 0..16 {
        let store = table.store.clone();
        writers.spawn(async move { store.put_alerts(directory, &record(directory)).await.is_ok() });
    }
    assert_eq!(writers.join_all().await.into_iter().filter(|stored| *stored).count(), 1);
}
