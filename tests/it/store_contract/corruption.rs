//! Items that make no sense are reported by name, never taken for absent.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use shared::access::TokenHash;
use shared::directory::{Directory, DirectoryId};
use shared::oauth::{PendingAuthorization, Purpose};
use shared::store::{
    AlertStore as _, AuthorizationStore as _, ChangeStore as _, Changes, CredentialStore as _, DirectoryStore as _,
    GroupFilter, List, MirrorStore as _, Publication, QueryStore as _, RunStore as _, StoreError, TokenStore as _,
    UserFilter, Write,
};
use shared::sync::{Run, RunId};

use super::alerts::record;
use super::authorizations::state;
use super::directories::{credential, token};
use super::fixtures::{
    apply, at, group, group_id, joined, lease, links, named, published, run, user, user_id, user_ids,
};
use crate::dynamodb::{Item, Table, key};

/// One of everything the store keeps.
struct Everything {
    directory: DirectoryId,
    run: Run,
    token: TokenHash,
}

impl Everything {
    async fn stored(table: &Table) -> Self {
        let store = &table.store;
        let directory = super::fixtures::directory(store).await;
        let lease = lease(store, directory).await;
        let [names, list, user] = named(&user(1));
        let writes = [names, list, user, Write::Group(group(1)), joined(1, user_ids(1..4))];
        apply(store, &lease, &writes, at(0)).await.unwrap();
        let publication = Publication::new(None, Some(links("one")), published(lease.run));
        store.publish(&lease, &publication).await.unwrap();
        let run = run(directory, 0);
        store.request_run(&run).await.unwrap();
        let hash = TokenHash::of("token");
        store.put_token(&hash, &token(None)).await.unwrap();
        store.put_credential(&credential(directory, 1)).await.unwrap();
        store.put_alerts(directory, &record(directory)).await.unwrap();
        store.begin_authorization(&state('A'), &PendingAuthorization::begin(Purpose::Authorize, at(0))).await.unwrap();
        Self { directory, run, token: hash }
    }

    /// Reads everything and returns the errors. Panics when something is taken for absent.
    async fn read(&self, table: &Table) -> Vec<StoreError> {
        let (store, directory) = (&table.store, self.directory);
        let present = |what: Option<()>| what.unwrap();
        let some = |what: bool| assert!(what, "taken for absent");
        let (user, group) = (BTreeSet::from([user_id(1)]), BTreeSet::from([group_id(1)]));
        let outcomes: Vec<Result<(), StoreError>> = vec![
            store.directory(directory).await.map(|one| present(one.map(drop))),
            store.directories().await.map(|all: Vec<Directory>| some(!all.is_empty())),
            store.run(directory, self.run.id).await.map(|one| present(one.map(drop))),
            store.runs(directory, 5, None).await.map(|page| some(!page.items.is_empty())),
            store.token(&self.token).await.map(|one| present(one.map(drop))),
            store.credential(directory, &user_id(1)).await.map(|one| present(one.map(drop))),
            store.credentials(directory).await.map(|all| some(!all.is_empty())),
            store.standing(directory).await.map(|standing| some(!standing.alerts.open.is_empty())),
            store.user(directory, &user_id(1)).await.map(|one| present(one.map(drop))),
            store.users(directory, &user).await.map(|all| some(!all.is_empty())),
            store.all_users(directory).await.map(|all| some(!all.is_empty())),
            store.group(directory, &group_id(1)).await.map(|one| present(one.map(drop))),
            store.groups(directory, &group).await.map(|all| some(!all.is_empty())),
            store.all_groups(directory).await.map(|all| some(!all.is_empty())),
            store.listed(directory, &List::Members(group_id(1))).await.map(|all| some(!all.is_empty())),
            store.list_members(directory, &group_id(1), 5, None).await.map(|page| some(!page.items.is_empty())),
            store.users_named(directory, "person.1@contoso.example").await.map(|all| some(!all.is_empty())),
            store
                .changes(directory, None, 5)
                .await
                .map(|found| some(found != Changes::Next { changes: Vec::new(), more: false })),
            store.list_users(directory, UserFilter::Active, 5, None).await.map(|page| some(!page.items.is_empty())),
            store
                .find_users(directory, "person 1", UserFilter::All, 5, None)
                .await
                .map(|found| some(!found.items.is_empty())),
            store.consume_authorization(&state('A'), at(1)).await.map(drop),
            // Once while it is held, and once when it is free.
            store.acquire_lease(directory, RunId::new(at(30)), at(30), at(60)).await.map(drop),
            store.acquire_lease(directory, RunId::new(at(90)), at(90), at(90)).await.map(drop),
            // Filtered by what the items say of themselves, so they may be left out.
            store.list_users(directory, UserFilter::All, 5, None).await.map(drop),
            store.list_groups(directory, GroupFilter::All, 5, None).await.map(drop),
        ];
        outcomes.into_iter().filter_map(Result::err).collect()
    }
}

/// Spoils each item in turn as told, and expects every read of it to name it.
async fn spoil(table: &Table, spoilt: impl Fn(&Item) -> Vec<Item>) {
    let everything = Everything::stored(table).await;
    // As they are before any authorization is used up.
    let items = table.items().await;
    assert!(everything.read(table).await.is_empty());
    assert!(items.len() >= 8, "{items:#?}");
    for item in &items {
        for spoilt in spoilt(item) {
            table.overwrite(&spoilt).await;
            let errors = everything.read(table).await;
            assert!(!errors.is_empty(), "nothing is said of {spoilt:#?}");
            for error in errors {
                let StoreError::Corrupt { key: named, reason } = &error else { panic!("{error:?} of {spoilt:#?}") };
                assert_eq!(*named, key(item), "{reason}");
                assert!(!reason.contains("contoso"), "{reason}");
            }
        }
        table.overwrite(item).await;
    }
    assert!(everything.read(table).await.is_empty());
}

pub async fn items_of_another_version_are_reported(table: &Table) {
    spoil(table, |item| {
        let mut later = item.clone();
        later.insert("v".to_owned(), AttributeValue::N("2".to_owned()));
        let mut none = item.clone();
        none.remove("v");
        vec![later, none]
    })
    .await;
}

pub async fn malformed_attributes_are_reported(table: &Table) {
    // Keys cannot be malformed, and these are only for DynamoDB or its conditions to look at.
    const OTHERS: [&str; 7] = ["pk", "sk", "expires_at", "consumed_at", "fence", "waiting_run", "select"];
    spoil(table, |item| {
        let names = item.keys().filter(|name| !OTHERS.contains(&name.as_str()));
        let with = |name: &String, value: AttributeValue| {
            let mut item = item.clone();
            item.insert(name.clone(), value);
            item
        };
        let text = AttributeValue::S("contoso".to_owned());
        let odd = AttributeValue::L(vec![AttributeValue::L(vec![text])]);
        names.flat_map(|name| [with(name, AttributeValue::Bool(true)), with(name, odd.clone())]).collect()
    })
    .await;
}
