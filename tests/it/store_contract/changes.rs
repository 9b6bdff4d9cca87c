//! The log of changes.

use std::collections::BTreeSet;

use shared::directory::{
    Change, ChangeId, ChangedGroup, ChangedUser, DirectoryId, GroupId, GroupRecord, ObjectId, Presence, UserRecord,
};
use shared::filter::{GroupDecision, InactiveReason, SkipReason, UserDecision};
use shared::store::{ChangeStore as _, Changes, Logged, MirrorStore as _, QueryStore as _, StoreError, Write, history};
use uuid::Uuid;

use super::fixtures::{apply, at, directory_id, group, group_id, lease, user, user_id};
use crate::dynamodb::{Table, number};

fn inactive(number: u32) -> UserRecord {
    UserRecord { decision: UserDecision::Inactive(InactiveReason::DisabledInOffice365), ..user(number) }
}

/// The end of the log.
const NONE: Changes = Changes::Next { changes: Vec::new(), more: false };

/// All changes after one, some at a time.
async fn after(table: &Table, directory: DirectoryId, mut place: Option<ChangeId>, some: usize) -> Vec<Logged> {
    let mut all = Vec::new();
    loop {
        match table.store.changes(directory, place, some).await.unwrap() {
            Changes::Next { changes, more } => {
                assert!(changes.len() <= some);
                place = changes.last().map(|logged| logged.id).or(place);
                all.extend(changes);
                if !more {
                    assert_eq!(table.store.changes(directory, place, some).await.unwrap(), NONE);
                    return all;
                }
            }
            other => panic!("{place:?}: {other:?}"),
        }
    }
}

pub async fn what_becomes_of_users_and_groups_is_logged_with_the_records(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    assert_eq!(table.store.changes(directory, None, 9).await.unwrap(), NONE);
    assert_eq!(table.store.last_change(directory).await.unwrap(), None);
    let skipped = GroupDecision::Skipped { reason: SkipReason::NoEmail };
    apply(&table.store, &lease, &[Write::User(user(1)), Write::Group(group(1))], at(1)).await.unwrap();
    let writes = [Write::User(inactive(1)), Write::Group(GroupRecord { decision: skipped, ..group(1) })];
    apply(&table.store, &lease, &writes, at(2)).await.unwrap();
    apply(&table.store, &lease, &[Write::ForgetUser(user_id(1))], at(3)).await.unwrap();
    // Nothing changes, and nothing is logged.
    apply(&table.store, &lease, &[Write::ForgetUser(user_id(1)), writes[1].clone()], at(4)).await.unwrap();

    let all = after(table, directory, None, 100).await;
    let numbers: Vec<u64> = all.iter().map(|logged| logged.id.number()).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    assert!(all.iter().all(|logged| logged.run == lease.run));
    assert_eq!(all.iter().map(|logged| logged.at).collect::<Vec<_>>(), [at(1), at(1), at(2), at(2), at(3)]);
    let of_user = |before, after, previous| {
        let (properties, joined, left) = (vec![], vec![], vec![]);
        Change::User(ChangedUser { id: user_id(1), before, after, properties, joined, left, previous })
    };
    let of_group = |before, after| {
        Change::Group(ChangedGroup {
            id: group_id(1),
            before,
            after,
            properties: vec![],
            nesting: false,
            joined: vec![],
            left: vec![],
        })
    };
    let (active, inactive) = (Some(user(1).decision), Some(inactive(1).decision));
    let expected = [
        of_user(None, active.clone(), None),
        of_group(None, Some(GroupDecision::Synced)),
        of_user(active, inactive.clone(), ChangeId::new(1)),
        of_group(Some(GroupDecision::Synced), Some(skipped)),
        of_user(inactive, None, ChangeId::new(3)),
    ];
    assert_eq!(all.into_iter().map(|logged| logged.change).collect::<Vec<_>>(), expected);
    assert_eq!(table.store.last_change(directory).await.unwrap(), ChangeId::new(5));
}

pub async fn the_log_is_followed_without_gaps_in_pages_of_any_size(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    // Ids that are no GUIDs are spread otherwise than they sort.
    let odd = (0..40).map(|number| UserRecord { id: format!("user-{number}").parse().unwrap(), ..user(1) });
    let mut users: Vec<UserRecord> = (0..400).map(user).chain(odd).collect();
    users.sort_by(|a, b| a.id.cmp(&b.id));
    for (second, step) in [(1, 1), (2, 3), (3, 7)] {
        let title = Some(format!("Title {second}").into());
        let changed = users.iter_mut().step_by(step).map(|user| {
            user.profile.job_title.clone_from(&title);
            Write::User(user.clone())
        });
        let changed: Vec<Write> = changed.collect();
        apply(&table.store, &lease, &changed, at(second)).await.unwrap();
    }
    let all = after(table, directory, None, 10_000).await;
    assert_eq!(all.len(), 440 + 147 + 63);
    assert!(all.iter().zip(1..).all(|(logged, number)| logged.id.number() == number));
    for some in [1, 7, 50] {
        assert_eq!(after(table, directory, ChangeId::new(600), some).await, all[600..], "{some} at a time");
    }
    for logged in all.iter().step_by(97) {
        assert_eq!(table.store.change(directory, logged.id).await.unwrap().as_ref(), Some(logged));
    }
    assert_eq!(table.store.change(directory, ChangeId::new(10_000).unwrap()).await.unwrap(), None);
}

pub async fn a_user_has_a_history(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let others: Vec<Write> = (10..200).map(|number| Write::User(user(number))).collect();
    for (second, record) in [user(1), inactive(1), user(1), inactive(1)].into_iter().enumerate() {
        let second = i64::try_from(second).unwrap();
        apply(&table.store, &lease, &[Write::User(record)], at(second)).await.unwrap();
        apply(&table.store, &lease, &others, at(second)).await.unwrap();
    }
    let user = table.store.user(directory, &user_id(1)).await.unwrap().unwrap();
    let history = async |limit| history(&table.store, directory, &user.id, user.changed, limit).await.unwrap();
    let times: Vec<_> = history(10).await.into_iter().map(|logged| logged.at).collect();
    assert_eq!(times, [at(3), at(2), at(1), at(0)]);
    assert_eq!(history(2).await.len(), 2);
}

pub async fn changes_are_forgotten_after_thirty_days_and_that_is_told(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    apply(&table.store, &lease, &[Write::User(user(1))], at(0)).await.unwrap();
    let items = table.items_at("CHANGES").await;
    assert_eq!(number(&items[0], "expires_at"), Some(at(30 * 24 * 3_600).as_second()));
    apply(&table.store, &lease, &[Write::User(inactive(1))], at(1)).await.unwrap();
    table.remove(&items[0]).await;
    assert_eq!(table.store.changes(directory, None, 9).await.unwrap(), Changes::TooOld);
    let Changes::Next { changes: next, more } = table.store.changes(directory, ChangeId::new(1), 9).await.unwrap()
    else {
        panic!()
    };
    assert_eq!((next.len(), more), (1, false));
    let user = table.store.user(directory, &user_id(1)).await.unwrap().unwrap();
    let history = history(&table.store, directory, &user.id, user.changed, 9).await.unwrap();
    assert_eq!(history.len(), 1, "what is kept");

    table.remove(&table.items_at("CHANGES").await[0]).await;
    assert_eq!(table.store.changes(directory, ChangeId::new(1), 9).await.unwrap(), Changes::TooOld);
    assert_eq!(table.store.changes(directory, ChangeId::new(2), 9).await.unwrap(), NONE);
}

pub async fn missing_items_of_the_log_are_never_skipped(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    for second in 0..3 {
        apply(&table.store, &lease, &[Write::User(user(second))], at(second.into())).await.unwrap();
    }
    // Expired items are removed in any order.
    table.remove(&table.items_at("CHANGES").await[1]).await;
    let Changes::Next { changes: next, more } = table.store.changes(directory, None, 9).await.unwrap() else {
        panic!()
    };
    assert_eq!(next.iter().map(|logged| logged.id.number()).collect::<Vec<_>>(), [1]);
    assert!(more, "there is something behind it, kept or not");
    assert_eq!(table.store.changes(directory, ChangeId::new(1), 9).await.unwrap(), Changes::TooOld);
    let Changes::Next { changes: next, more } = table.store.changes(directory, ChangeId::new(2), 9).await.unwrap()
    else {
        panic!()
    };
    assert_eq!((next.len(), more), (1, false));
}

pub async fn numbers_beyond_the_log_are_not_reached(table: &Table) {
    let directory = directory_id();
    assert_eq!(table.store.changes(directory, ChangeId::new(1), 9).await.unwrap(), Changes::NotReached);
    let lease = lease(&table.store, directory).await;
    apply(&table.store, &lease, &[Write::User(user(1))], at(0)).await.unwrap();
    assert_eq!(table.store.changes(directory, ChangeId::new(1), 9).await.unwrap(), NONE);
    assert_eq!(table.store.changes(directory, ChangeId::new(4), 9).await.unwrap(), Changes::NotReached);
}

pub async fn times_never_go_backwards_in_the_log(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    // The second writer's clock is behind.
    for (number, second) in [(1, 10), (2, 5), (3, 11)] {
        apply(&table.store, &lease, &[Write::User(user(number))], at(second)).await.unwrap();
    }
    let times: Vec<_> = after(table, directory, None, 9).await.into_iter().map(|logged| logged.at).collect();
    assert_eq!(times, [at(10), at(10), at(11)]);
}

pub async fn a_stale_holder_logs_nothing(table: &Table) {
    let directory = directory_id();
    let old = lease(&table.store, directory).await;
    let new =
        table.store.acquire_lease(directory, super::fixtures::run(directory, 61).id, at(61), at(99)).await.unwrap();
    let new = super::fixtures::taken(new);
    let refused = apply(&table.store, &old, &[Write::User(user(1))], at(62)).await;
    assert!(matches!(refused, Err(StoreError::LeaseLost)), "{refused:?}");
    apply(&table.store, &new, &[Write::User(user(2))], at(63)).await.unwrap();
    let all = after(table, directory, None, 9).await;
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].run, new.run);
}

pub async fn very_many_memberships_of_one_user_are_logged_whole(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let groups = |begin: u128| -> BTreeSet<GroupId> {
        (begin..begin + 8_000).map(|number| ObjectId::from(Uuid::from_u128(number << 64 | number)).into()).collect()
    };
    for begin in [0, 4_000] {
        let record = UserRecord { groups: groups(begin), presence: Presence::Present, ..user(1) };
        apply(&table.store, &lease, &[Write::User(record)], at(0)).await.unwrap();
    }
    let mut member = groups(0);
    for logged in after(table, directory, ChangeId::new(1), 100).await {
        let Change::User(change) = logged.change else { panic!("{logged:?}") };
        member.extend(change.joined);
        member.retain(|group| !change.left.contains(group));
    }
    assert_eq!(member, groups(4_000));
    let user = table.store.user(directory, &user_id(1)).await.unwrap().unwrap();
    assert_eq!(user.changed, table.store.last_change(directory).await.unwrap());
}
