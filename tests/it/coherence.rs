//! What the store keeps in more than one place must agree: records, indexes, sizes of groups, and the log.

use std::collections::{BTreeMap, BTreeSet};

use shared::directory::{Change, DirectoryId, GroupId, GroupRecord, ObjectId, Presence, UserId, UserRecord};
use shared::dynamodb::DynamoStore;
use shared::filter::{GroupDecision, UserDecision, UserOutcome};
use shared::store::{ChangeStore as _, Changes, GroupFilter, List, MirrorStore as _, QueryStore as _, UserFilter};

/// How many users and groups are looked up by their names.
const LOOKED_UP: usize = 3;

/// Compares everything that was derived with the records.
pub async fn check(store: &DynamoStore, directory: DirectoryId) {
    let (users, groups) = check_indexes(store, directory).await;
    check_log(store, directory, &users, &groups).await;
}

/// The same but for the log. Returns the records.
pub async fn check_indexes(store: &DynamoStore, directory: DirectoryId) -> (Vec<UserRecord>, Vec<GroupRecord>) {
    let users = store.all_users(directory).await.unwrap();
    let groups = store.all_groups(directory).await.unwrap();
    check_lists(store, directory, &users, &groups).await;
    check_members(store, directory, &users, &groups).await;
    check_names(store, directory, &users, &groups).await;
    check_sizes(&users, &groups);
    (users, groups)
}

/// Lists have nobody whose record does not say so: nothing was left behind.
pub async fn check_exactly(store: &DynamoStore, directory: DirectoryId) {
    let users = store.all_users(directory).await.unwrap();
    let groups = store.all_groups(directory).await.unwrap();
    for outcome in UserOutcome::ALL {
        let is_in = |user: &UserRecord| user.presence != Presence::Unseen && user.decision.outcome() == outcome;
        check_list(store, directory, List::Users(outcome), &users, is_in, |user| user.id.object()).await;
    }
    for decision in GroupDecision::ALL {
        let is_in = |group: &GroupRecord| group.presence.is_present() && group.decision == decision;
        check_list(store, directory, List::Groups(decision), &groups, is_in, |group| group.id.object()).await;
    }
    for group in &groups {
        let is_in = |user: &UserRecord| user.groups.contains(&group.id);
        check_list(store, directory, List::Members(group.id.clone()), &users, is_in, |user| user.id.object()).await;
    }
}

async fn check_list<T>(
    store: &DynamoStore,
    directory: DirectoryId,
    list: List,
    records: &[T],
    is_in: impl Fn(&T) -> bool,
    id: impl Fn(&T) -> &ObjectId,
) {
    let expected: BTreeSet<ObjectId> = records.iter().filter(|one| is_in(one)).map(|one| id(one).clone()).collect();
    assert_eq!(store.listed(directory, &list).await.unwrap(), expected, "{list:?}");
}

/// The part that takes few requests, for tests that check very often.
pub async fn check_often(store: &DynamoStore, directory: DirectoryId) {
    let users = store.all_users(directory).await.unwrap();
    let groups = store.all_groups(directory).await.unwrap();
    check_sizes(&users, &groups);
    check_log(store, directory, &users, &groups).await;
}

fn check_sizes(users: &[UserRecord], groups: &[GroupRecord]) {
    for group in groups.iter().filter(|group| group.presence.is_present()) {
        let members = users.iter().filter(|user| user.presence.is_present() && user.groups.contains(&group.id));
        assert_eq!(group.members, members.count() as u64, "members of {}", group.id);
    }
}

async fn check_lists(store: &DynamoStore, directory: DirectoryId, users: &[UserRecord], groups: &[GroupRecord]) {
    for outcome in UserOutcome::ALL {
        let is_listed = |user: &&UserRecord| user.presence != Presence::Unseen && user.decision.outcome() == outcome;
        let expected: BTreeSet<UserId> = users.iter().filter(is_listed).map(|user| user.id.clone()).collect();
        let mut listed = BTreeSet::new();
        let mut after: Option<UserId> = None;
        loop {
            let page = store.list_users(directory, UserFilter::With(outcome), 500, after.as_ref()).await.unwrap();
            after = page.end().map(|user| user.id.clone());
            listed.extend(page.items.into_iter().map(|user| user.id));
            if after.is_none() {
                break;
            }
        }
        assert_eq!(listed, expected, "{outcome:?}");
    }
    for decision in GroupDecision::ALL {
        let is_listed = |group: &&GroupRecord| group.presence.is_present() && group.decision == decision;
        let expected: BTreeSet<GroupId> = groups.iter().filter(is_listed).map(|group| group.id.clone()).collect();
        let page = store.list_groups(directory, GroupFilter::With(decision), 5_000, None).await.unwrap();
        assert_eq!(page.items.into_iter().map(|group| group.id).collect::<BTreeSet<_>>(), expected, "{decision:?}");
    }
}

/// Who is in a group by the records is in its list, and nobody else is found by it.
async fn check_members(store: &DynamoStore, directory: DirectoryId, users: &[UserRecord], groups: &[GroupRecord]) {
    for group in groups.iter().filter(|group| group.presence.is_present()) {
        let members = || users.iter().filter(|user| user.groups.contains(&group.id));
        let listed = store.listed(directory, &List::Members(group.id.clone())).await.unwrap();
        assert!(members().all(|user| listed.contains(user.id.object())), "the list of {} lacks members", group.id);
        let expected: BTreeSet<UserId> =
            members().filter(|user| user.presence.is_present()).map(|user| user.id.clone()).collect();
        let found = store.list_members(directory, &group.id, 100_000, None).await.unwrap().items;
        assert_eq!(found.into_iter().map(|user| user.id).collect::<BTreeSet<_>>(), expected, "{}", group.id);
    }
}

async fn check_names(store: &DynamoStore, directory: DirectoryId, users: &[UserRecord], groups: &[GroupRecord]) {
    for user in users.iter().filter(|user| user.presence != Presence::Unseen).take(LOOKED_UP) {
        for name in user.profile.names() {
            let found = store.users_named(directory, name).await.unwrap();
            assert!(found.iter().any(|found| found.id == user.id), "{} is not found by {name}", user.id);
        }
    }
    for group in groups.iter().filter(|group| group.presence.is_present()).take(LOOKED_UP) {
        if let Some(name) = group.profile.display_name.as_deref().filter(|name| !name.trim().is_empty()) {
            let found = store.find_groups(directory, name, GroupFilter::All, 200, None).await.unwrap().items;
            assert!(found.iter().any(|found| found.id == group.id), "{} is not found by {name}", group.id);
        }
    }
}

/// Whoever follows the log from its beginning knows every decision.
async fn check_log(store: &DynamoStore, directory: DirectoryId, users: &[UserRecord], groups: &[GroupRecord]) {
    let Changes::Next { changes: log, .. } = store.changes(directory, None, 1_000_000).await.unwrap() else {
        panic!("too old")
    };
    let mut followed: BTreeMap<UserId, UserDecision> = BTreeMap::new();
    let mut followed_groups: BTreeMap<GroupId, GroupDecision> = BTreeMap::new();
    let mut last = BTreeMap::new();
    for (logged, number) in log.into_iter().zip(1_u64..) {
        assert_eq!(logged.id.number(), number, "a number is left out");
        match logged.change {
            Change::User(change) => {
                assert_eq!(followed.get(&change.id), change.before.as_ref(), "change {number}");
                assert_eq!(last.insert(change.id.clone(), logged.id), change.previous, "change {number}");
                if let Some(decision) = change.after {
                    followed.insert(change.id, decision);
                } else {
                    last.remove(&change.id);
                    followed.remove(&change.id);
                }
            }
            Change::Group(change) => {
                assert_eq!(followed_groups.get(&change.id), change.before.as_ref(), "change {number}");
                match change.after {
                    Some(decision) => drop(followed_groups.insert(change.id, decision)),
                    None => drop(followed_groups.remove(&change.id)),
                }
            }
        }
    }
    let seen = users.iter().filter(|user| user.presence != Presence::Unseen);
    assert_eq!(followed, seen.map(|user| (user.id.clone(), user.decision.clone())).collect());
    assert!(users.iter().all(|user| user.changed == last.get(&user.id).copied()), "a record names another last change");
    let seen = groups.iter().filter(|group| group.presence.is_present());
    assert_eq!(followed_groups, seen.map(|group| (group.id.clone(), group.decision)).collect());
}
