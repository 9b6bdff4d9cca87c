//! What is open in a directory, changed by one at a time.

use std::collections::BTreeSet;

use shared::alerts::{Alert, AlertRecord, Change, Condition, Outgoing};
use shared::directory::DirectoryId;
use shared::store::{AlertStore as _, CheckpointStore as _, CredentialStore as _, RunStore as _, Standing, StoreError};
use tokio::task::JoinSet;

use super::checkpoints::head;
use super::directories::credential;
use super::fixtures::{at, directory, directory_id, lease, user_id};
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
    assert_eq!(table.store.standing(directory_id()).await.unwrap(), Standing::default());
}

pub async fn a_record_is_read_back_under_the_next_version(table: &Table) {
    let directory = directory_id();
    let mut expected = record(directory);
    for version in 1..4 {
        table.store.put_alerts(directory, &expected).await.unwrap();
        expected.version = version;
        assert_eq!(table.store.standing(directory).await.unwrap().alerts, expected);
    }
    assert_eq!(table.store.standing(directory_id()).await.unwrap(), Standing::default());
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

pub async fn the_record_comes_with_the_credentials_and_nothing_else(table: &Table) {
    let directory = directory(&table.store).await;
    let lease = lease(&table.store, directory).await;
    // Neighbours of theirs in the table.
    table.store.save_checkpoint(&lease, &head(lease.run), 0, b"read").await.unwrap();
    table.store.count_manual_run(directory, 1).await.unwrap();
    table.store.put_credential(&credential(directory_id(), 1)).await.unwrap();
    assert_eq!(table.store.standing(directory).await.unwrap(), Standing::default());

    let credentials = vec![credential(directory, 1), credential(directory, 2)];
    for credential in &credentials {
        table.store.put_credential(credential).await.unwrap();
    }
    let found = table.store.standing(directory).await.unwrap();
    assert_eq!(found.credentials, table.store.credentials(directory).await.unwrap());
    assert_eq!((found.credentials.len(), found.alerts), (2, AlertRecord::default()));

    table.store.put_alerts(directory, &record(directory)).await.unwrap();
    let found = table.store.standing(directory).await.unwrap();
    assert_eq!((found.credentials.len(), found.alerts), (2, AlertRecord { version: 1, ..record(directory) }));
}
