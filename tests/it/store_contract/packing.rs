//! Records and names many to an item: what that costs, and that nobody is lost in it.

use aws_sdk_dynamodb::types::AttributeValue;
use shared::directory::{ObjectId, UserRecord};
use shared::filter::{InactiveReason, UserDecision};
use shared::store::{MirrorStore as _, NameIndex, NamesChange, QueryStore as _, Write};
use uuid::Uuid;

use super::fixtures::{apply, as_written, at, directory_id, group_id, lease, names, user};
use crate::dynamodb::{Item, Table};

/// Users in the order of their ids, as runs write them.
fn sorted(number: u32) -> Vec<UserRecord> {
    let mut users: Vec<UserRecord> = (0..number).map(user).collect();
    users.sort_by(|a, b| a.id.cmp(&b.id));
    users
}

pub async fn users_of_one_shard_close_together_are_all_kept(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let users: Vec<UserRecord> = (0..500_u128)
        .map(|number| UserRecord { id: ObjectId::from(Uuid::from_u128(number)).into(), ..user(1) })
        .collect();
    let writes: Vec<Write> = users.iter().cloned().map(Write::User).collect();
    apply(&table.store, &lease, &writes, at(0)).await.unwrap();
    assert_eq!(as_written(table.store.all_users(directory).await.unwrap()), users);
    for user in users.iter().step_by(83) {
        assert_eq!(as_written(table.store.user(directory, &user.id).await.unwrap()), std::slice::from_ref(user));
    }
}

pub async fn a_change_of_one_user_touches_one_item_and_the_log_however_many_there_are(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let writes: Vec<Write> = sorted(2_000).into_iter().map(Write::User).collect();
    let written = apply(&table.store, &lease, &writes, at(0)).await.unwrap();
    assert!(written * 7 < 2_000, "{written} items for 2,000 users");
    let decision = UserDecision::Inactive(InactiveReason::DisabledInOffice365);
    let changed = UserRecord { decision, ..user(1_234) };
    assert_eq!(apply(&table.store, &lease, &[Write::User(changed.clone())], at(0)).await.unwrap(), 2, "and the log");
    assert_eq!(apply(&table.store, &lease, &[Write::User(changed.clone())], at(0)).await.unwrap(), 0);
    assert_eq!(as_written(table.store.user(directory, &changed.id).await.unwrap()), [changed]);
    assert_eq!(table.store.all_users(directory).await.unwrap().len(), 2_000);
}

/// What writing so many bytes costs in a transaction: two units for each KB begun (Amazon DynamoDB developer guide, "Read and
/// write operations").
fn units(bytes: usize) -> usize {
    2 * bytes.div_ceil(1_024)
}

pub async fn a_first_write_costs_about_a_unit_for_each_user_with_names(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let users: Vec<UserRecord> = sorted(3_000)
        .into_iter()
        .enumerate()
        .map(|(number, mut user)| {
            let alias = format!("smtp:alias.{number}@contoso.example");
            let login = user.profile.user_principal_name.clone().unwrap_or_default();
            user.profile.proxy_addresses = Some(vec![format!("SMTP:{login}").into(), alias.into()]);
            user.profile.department = Some(format!("Department {}", number % 40).into());
            user.profile.job_title = Some("Engineer".into());
            user.groups = (0..10).map(|group| group_id(u32::try_from(number).unwrap() * 7 % 500 + group)).collect();
            user
        })
        .collect();
    let mut writes = vec![Write::Names(NamesChange { add: names(&users), ..NamesChange::of(NameIndex::Users) })];
    writes.extend(users.iter().cloned().map(Write::User));
    for some in writes.chunks(500) {
        apply(&table.store, &lease, some, at(0)).await.unwrap();
    }
    let items = table.items().await;
    let of_kind = |kind: &str| {
        let items = items.iter().filter(|item| item["pk"].as_s().unwrap().contains(kind));
        items.map(|item| units(size(item))).sum::<usize>()
    };
    let (of_users, of_names) = (of_kind("#USERS#"), of_kind("#NAMES#"));
    // The last bucket of each part is written once more with the next part.
    assert!((of_users + of_names) * 100 <= 3_000 * 115, "{of_users} for users, {of_names} for names");
    assert_eq!(table.store.all_users(directory).await.unwrap().len(), 3_000);
}

fn size(item: &Item) -> usize {
    let value = |value: &AttributeValue| match value {
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::S(text) | AttributeValue::N(text) => text.len(),
        _ => 100,
    };
    item.iter().map(|(name, of)| name.len() + value(of)).sum()
}
