//! Directories, credentials and access tokens.

use serde_json::{Value, json};
use shared::access::{AccessToken, Scope, TokenHash};
use shared::audit::Actor;
use shared::credentials::{Credential, CredentialState};
use shared::directory::{Directory, DirectoryId};
use shared::filter::Policy;
use shared::settings::CheckedSettings;
use shared::store::{
    AuditStore as _, CredentialStore as _, DirectoryStore as _, SettingsChange, StoreError, TokenStore as _,
};
use shared::sync::RunId;

use super::fixtures::{at, directory, directory_id, published, user_id};
use crate::dynamodb::{Table, number};
use crate::harness::checked;

pub async fn a_directory_is_created_once(table: &Table) {
    let first = Directory::new(directory_id(), "contoso.example".to_owned(), at(0));
    let second = Directory { name: "fabrikam.example".to_owned(), ..first.clone() };
    assert_eq!(table.store.directory(first.id).await.unwrap(), None);
    assert!(table.store.create_directory(&first).await.unwrap());
    assert!(!table.store.create_directory(&second).await.unwrap());
    assert_eq!(table.store.directory(first.id).await.unwrap(), Some(first));
}

pub async fn directories_are_listed_by_id(table: &Table) {
    assert_eq!(table.store.directories().await.unwrap(), []);
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(directory(&table.store).await);
    }
    ids.sort();
    let listed: Vec<_> = table.store.directories().await.unwrap().into_iter().map(|directory| directory.id).collect();
    assert_eq!(listed, ids);
}

pub async fn settings_are_changed_only_from_the_version_they_were_made_from(table: &Table) {
    let id = directory(&table.store).await;
    let change = |settings_version| {
        let directory = Directory { settings_version, ..Directory::new(id, String::new(), at(0)) };
        let settings = json!({"sync_users": true, "sync_groups": true, "group_prefixes": ["Straße"]});
        let by = Actor::Token { name: "payroll".to_owned() };
        SettingsChange::new(&directory, &checked(&directory, &settings), by, at(7))
    };
    assert_eq!(table.store.change_settings(id, &change(1)).await.unwrap(), 2);
    assert!(matches!(table.store.change_settings(id, &change(1)).await, Err(StoreError::Conflict)));
    let stored = table.store.directory(id).await.unwrap().unwrap();
    assert_eq!((stored.policy, stored.settings_version), (change(1).policy, 2));
    let entries = table.store.audit(id, 10, None).await.unwrap().items;
    assert!(matches!(&entries[..], [entry] if entry.at == at(7) && entry.by.name() == "payroll"), "{entries:?}");
    let unknown = table.store.change_settings(directory_id(), &change(1)).await;
    assert!(matches!(unknown, Err(StoreError::Conflict)));
}

pub async fn settings_are_changed_only_while_compared_state_is_current(table: &Table) {
    let created = Directory::new(directory_id(), String::new(), at(0));
    let current = Directory { published: Some(published(RunId::new(at(30)))), ..created.clone() };
    assert!(table.store.create_directory(&current).await.unwrap());
    let change = |compared: &Directory, settings: Value| {
        SettingsChange::new(
            compared,
            &checked(compared, &settings),
            Actor::Token { name: "payroll".to_owned() },
            at(40),
        )
    };
    let other = Directory { published: Some(published(RunId::new(at(20)))), ..created.clone() };
    for compared in [&other, &created] {
        let late = table.store.change_settings(created.id, &change(compared, json!({"sync_users": true}))).await;
        assert!(matches!(late, Err(StoreError::Conflict)), "{late:?}");
    }
    let change = change(&current, json!({"sync_users": true}));
    assert_eq!(table.store.change_settings(created.id, &change).await.unwrap(), 2);
    // What decides about no user needs no state.
    let stored = Directory { published: None, ..table.store.directory(created.id).await.unwrap().unwrap() };
    let prefixes = Policy::parse(&json!({"sync_users": true, "group_prefixes": ["VPN "]})).unwrap();
    let prefixes = CheckedSettings::without_effect_on_users(&stored, &prefixes).unwrap();
    let change = SettingsChange::new(&stored, &prefixes, Actor::Token { name: "payroll".to_owned() }, at(50));
    assert_eq!(table.store.change_settings(created.id, &change).await.unwrap(), 3);
}

pub async fn the_next_run_can_be_moved(table: &Table) {
    let id = directory(&table.store).await;
    table.store.schedule(id, at(900)).await.unwrap();
    assert_eq!(table.store.directory(id).await.unwrap().unwrap().next_sync_at, at(900));
    assert!(matches!(table.store.schedule(directory_id(), at(900)).await, Err(StoreError::Conflict)));
    assert_eq!(table.store.directories().await.unwrap().len(), 1);
}

pub fn credential(directory: DirectoryId, administrator: u32) -> Credential {
    Credential {
        directory,
        administrator: user_id(administrator),
        user_principal_name: format!("admin{administrator}@contoso.example"),
        display_name: String::new(),
        scopes: vec!["User.Read.All".to_owned()],
        missing_roles: Vec::new(),
        authorized_at: at(0),
        last_good_at: None,
        exercised_at: None,
        rejected_since: None,
        preferred_at: None,
        state: CredentialState::Working,
    }
}

pub async fn credentials_are_kept_apart_by_directory_and_administrator(table: &Table) {
    let (one, other) = (directory_id(), directory_id());
    let mut first = credential(one, 1);
    for credential in [&first, &credential(one, 2), &credential(other, 1)] {
        table.store.put_credential(credential).await.unwrap();
    }
    first.last_good_at = Some(at(5));
    table.store.put_credential(&first).await.unwrap();

    assert_eq!(table.store.credential(one, &user_id(1)).await.unwrap(), Some(first.clone()));
    assert_eq!(table.store.credential(one, &user_id(3)).await.unwrap(), None);
    let mut credentials = table.store.credentials(one).await.unwrap();
    credentials.sort_by_key(|credential| credential.administrator != user_id(1));
    assert_eq!(credentials, [first, credential(one, 2)]);
    assert_eq!(table.store.credentials(directory_id()).await.unwrap(), []);
}

pub async fn a_credential_that_was_removed_is_not_brought_back(table: &Table) {
    let directory = directory_id();
    let (first, second) = (credential(directory, 1), credential(directory, 2));
    table.store.put_credential(&first).await.unwrap();
    table.store.put_credential(&second).await.unwrap();
    let used = Credential { last_good_at: Some(at(7)), ..first.clone() };
    table.store.update_credential(&used).await.unwrap();
    assert_eq!(table.store.credential(directory, &user_id(1)).await.unwrap(), Some(used.clone()));
    assert!(table.store.remove_credential(directory, &user_id(1)).await.unwrap());
    assert!(!table.store.remove_credential(directory, &user_id(1)).await.unwrap());
    assert!(matches!(table.store.update_credential(&used).await, Err(StoreError::Conflict)));
    assert_eq!(table.store.credentials(directory).await.unwrap(), [second]);
}

pub fn token(directory: Option<DirectoryId>) -> AccessToken {
    AccessToken {
        name: "payroll".to_owned(),
        scope: Scope::Read,
        directory,
        created_at: at(0),
        expires_at: at(3_600),
        last_used_at: None,
    }
}

pub async fn tokens_are_found_by_their_hash_and_forgotten_after_their_end(table: &Table) {
    let (hash, other) = (TokenHash::of("one"), TokenHash::of("other"));
    let one = token(Some(directory_id()));
    table.store.put_token(&hash, &one).await.unwrap();
    table.store.put_token(&other, &token(None)).await.unwrap();
    assert_eq!(table.store.token(&hash).await.unwrap(), Some(one));
    assert_eq!(table.store.token(&other).await.unwrap(), Some(token(None)));
    assert_eq!(table.store.token(&TokenHash::of("third")).await.unwrap(), None);
    for item in table.items().await {
        assert_eq!(number(&item, "expires_at"), Some(at(3_600).as_second()));
    }
}
