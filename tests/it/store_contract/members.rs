//! Groups' lists of members.

use std::collections::BTreeSet;

use shared::directory::{ObjectId, UserId};
use shared::store::{List, ListChange, Write};
use uuid::Uuid;

use super::fixtures::{apply, at, directory_id, group_id, joined, lease, left, members, objects, user_id, user_ids};
use crate::dynamodb::Table;

fn one(number: u32) -> BTreeSet<UserId> {
    BTreeSet::from([user_id(number)])
}

pub async fn members_join_and_leave(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    apply(&table.store, &lease, &[joined(1, user_ids(0..10)), joined(2, user_ids(5..15))], at(0)).await.unwrap();
    let change = ListChange {
        list: List::Members(group_id(1)),
        add: objects(user_ids(10..12)),
        remove: objects(user_ids(0..3)),
    };
    assert_eq!(apply(&table.store, &lease, &[Write::List(change)], at(0)).await.unwrap(), 1);
    assert_eq!(members(table, directory, 1).await, user_ids(3..12));
    assert_eq!(members(table, directory, 2).await, user_ids(5..15));
    assert_eq!(members(table, directory, 3).await, BTreeSet::new());
}

pub async fn what_changes_no_membership_writes_nothing(table: &Table) {
    let lease = lease(&table.store, directory_id()).await;
    assert_eq!(apply(&table.store, &lease, &[joined(1, user_ids(0..10))], at(0)).await.unwrap(), 1);
    let before = table.items().await;
    let nothing = [joined(1, user_ids(2..5)), left(1, user_ids(20..30)), joined(2, BTreeSet::new()), left(3, one(1))];
    assert_eq!(apply(&table.store, &lease, &nothing, at(0)).await.unwrap(), 0);
    assert_eq!(table.items().await, before);
}

pub async fn changes_of_the_same_group_in_one_call_add_up(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let writes = [joined(1, user_ids(0..4)), joined(2, one(9)), joined(1, user_ids(4..8)), left(1, user_ids(2..6))];
    apply(&table.store, &lease, &writes, at(0)).await.unwrap();
    let expected: BTreeSet<UserId> = [0, 1, 6, 7].map(user_id).into();
    assert_eq!(members(table, directory, 1).await, expected);
}

pub async fn one_membership_of_a_large_group_touches_one_item(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let items = apply(&table.store, &lease, &[joined(1, user_ids(0..5_000))], at(0)).await.unwrap();
    assert!((26..=30).contains(&items), "{items} items");
    assert_eq!(members(table, directory, 1).await, user_ids(0..5_000));

    assert_eq!(apply(&table.store, &lease, &[joined(1, user_ids(0..5_000))], at(0)).await.unwrap(), 0);
    assert_eq!(apply(&table.store, &lease, &[joined(1, one(5_000))], at(0)).await.unwrap(), 1);
    assert_eq!(apply(&table.store, &lease, &[left(1, one(0))], at(0)).await.unwrap(), 1);
    assert_eq!(members(table, directory, 1).await, user_ids(1..5_001));

    // It grows in several steps as well as in one.
    for begin in (5_001..9_001).step_by(1_000) {
        apply(&table.store, &lease, &[joined(1, user_ids(begin..begin + 1_000))], at(0)).await.unwrap();
    }
    assert_eq!(members(table, directory, 1).await, user_ids(1..9_001));
}

pub async fn ids_close_together_are_split_all_the_same(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let users = |numbers: std::ops::Range<u128>| {
        numbers.map(|number| ObjectId::from(Uuid::from_u128(number)).into()).collect::<BTreeSet<UserId>>()
    };
    for begin in (0..3_000).step_by(600) {
        apply(&table.store, &lease, &[joined(1, users(begin..begin + 600))], at(0)).await.unwrap();
    }
    assert_eq!(members(table, directory, 1).await, users(0..3_000));
    assert_eq!(apply(&table.store, &lease, &[left(1, users(2_999..3_000))], at(0)).await.unwrap(), 1);
}

pub async fn a_large_group_can_be_emptied(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    apply(&table.store, &lease, &[joined(1, user_ids(0..3_000))], at(0)).await.unwrap();
    apply(&table.store, &lease, &[left(1, user_ids(0..3_000))], at(0)).await.unwrap();
    assert_eq!(members(table, directory, 1).await, BTreeSet::new());
    assert_eq!(table.items_at("MEMBERS").await, []);
    assert_eq!(apply(&table.store, &lease, &[joined(1, one(7))], at(0)).await.unwrap(), 1);
    assert_eq!(members(table, directory, 1).await, one(7));
}

pub async fn more_members_than_fit_one_transaction_all_join(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    apply(&table.store, &lease, &[joined(1, user_ids(0..40_000))], at(0)).await.unwrap();
    assert_eq!(members(table, directory, 1).await, user_ids(0..40_000));
    apply(&table.store, &lease, &[left(1, user_ids(0..39_990))], at(0)).await.unwrap();
    assert_eq!(members(table, directory, 1).await, user_ids(39_990..40_000));
}

pub async fn ids_that_are_no_guids_are_members_like_others(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let odd: BTreeSet<UserId> = (0..1_500).map(|number| format!("person-{number}").parse().unwrap()).collect();
    let all: BTreeSet<UserId> = odd.iter().cloned().chain(user_ids(0..1_500)).collect();
    apply(&table.store, &lease, &[joined(1, all.clone())], at(0)).await.unwrap();
    assert_eq!(members(table, directory, 1).await, all);
    assert_eq!(
        apply(&table.store, &lease, &[left(1, BTreeSet::from(["person-7".parse().unwrap()]))], at(0)).await.unwrap(),
        1
    );
    assert_eq!(members(table, directory, 1).await.len(), 2_999);
}
