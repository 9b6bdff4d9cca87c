//! Records to store, obviously made up.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use shared::directory::{
    Directory, DirectoryCounts, DirectoryId, GroupId, GroupProfile, GroupRecord, Membership, NameKey, ObjectId,
    Presence, Published, UnknownCause, UserId, UserProfile, UserRecord,
};
use shared::dynamodb::DynamoStore;
use shared::filter::{GroupDecision, UserDecision};
use shared::store::{
    Counting, DirectoryStore as _, Lease, Leased, List, ListChange, MirrorStore as _, NameIndex, NamesChange,
    StoreError, Write,
};
use shared::sync::{DeltaLink, DeltaLinks, Run, RunId, Trigger, Written};
use uuid::Uuid;

use crate::dynamodb::Table;

/// The time at the beginning of each test, in seconds since 1970: far ahead, so that no emulator forgets what expires.
const BEGIN: i64 = 4_000_000_000;

/// So many seconds after the beginning.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(BEGIN).unwrap() + SignedDuration::from_secs(seconds)
}

/// Makes changes, and returns how many items that wrote.
pub async fn apply(store: &DynamoStore, lease: &Lease, writes: &[Write], now: Timestamp) -> Result<u64, StoreError> {
    let run = Run { id: lease.run, ..run(lease.directory, 0) };
    let mut count = Counting { written: Written::continued(&run, None), reconciles: false };
    store.apply(lease, writes, &mut count, now).await?;
    Ok(count.written.items)
}

/// Ends the run that has the lease, and returns the runs that wait.
pub async fn release(store: &DynamoStore, lease: &Lease) -> BTreeSet<RunId> {
    store.release_lease(lease, &BTreeSet::from([lease.run])).await.unwrap()
}

/// Ids far apart, as Microsoft's are.
fn scattered(number: u32) -> ObjectId {
    ObjectId::from(Uuid::from_u128(u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)))
}

pub fn user_id(number: u32) -> UserId {
    scattered(number).into()
}

pub fn user_ids(numbers: std::ops::Range<u32>) -> BTreeSet<UserId> {
    numbers.map(user_id).collect()
}

pub fn group_id(number: u32) -> GroupId {
    scattered(1_000_000 + number).into()
}

pub fn directory_id() -> DirectoryId {
    DirectoryId::new(Uuid::new_v4())
}

/// An active user whose mail address is the sign-in name.
pub fn user(number: u32) -> UserRecord {
    let login = format!("Person.{number}@contoso.example");
    UserRecord {
        id: user_id(number),
        profile: UserProfile {
            account_enabled: Some(true),
            display_name: Some(format!("Person {number}").into()),
            user_principal_name: Some(login.as_str().into()),
            mail: Some(login.into()),
            ..UserProfile::default()
        },
        presence: Presence::Present,
        groups: BTreeSet::from([group_id(1), group_id(2)]),
        decision: UserDecision::Active,
        changed: None,
    }
}

/// The names of users, to be found by.
pub fn names<'a>(users: impl IntoIterator<Item = &'a UserRecord>) -> BTreeSet<(NameKey, ObjectId)> {
    let of_one = |user: &'a UserRecord| user.name_keys().into_iter().map(|key| (key, user.id.object().clone()));
    users.into_iter().flat_map(of_one).collect()
}

/// The writes that a new user takes.
pub fn named(user: &UserRecord) -> [Write; 3] {
    let add = names([user]);
    let enters = BTreeSet::from([user.id.object().clone()]);
    [
        Write::Names(NamesChange { add, ..NamesChange::of(NameIndex::Users) }),
        Write::List(ListChange { add: enters, ..ListChange::of(List::Users(user.decision.outcome())) }),
        Write::User(user.clone()),
    ]
}

/// Users as they were before it was noted when they changed.
pub fn as_written(users: impl IntoIterator<Item = UserRecord>) -> Vec<UserRecord> {
    users.into_iter().map(|user| UserRecord { changed: None, ..user }).collect()
}

/// A synced group.
pub fn group(number: u32) -> GroupRecord {
    GroupRecord {
        id: group_id(number),
        profile: GroupProfile { display_name: Some(format!("Team {number}").into()), ..GroupProfile::default() },
        presence: Presence::Present,
        children: BTreeSet::from([group_id(number + 1)]),
        decision: GroupDecision::Synced,
        members: 3,
        membership: Membership::Known,
    }
}

pub fn joined(group: u32, users: BTreeSet<UserId>) -> Write {
    Write::List(ListChange { add: objects(users), ..ListChange::of(List::Members(group_id(group))) })
}

pub fn left(group: u32, users: BTreeSet<UserId>) -> Write {
    Write::List(ListChange { remove: objects(users), ..ListChange::of(List::Members(group_id(group))) })
}

/// The users in a group's list of members.
pub async fn members(table: &Table, directory: DirectoryId, group: u32) -> BTreeSet<UserId> {
    let listed = table.store.listed(directory, &List::Members(group_id(group))).await.unwrap();
    listed.into_iter().map(UserId::from).collect()
}

pub fn objects(users: BTreeSet<UserId>) -> BTreeSet<ObjectId> {
    users.iter().map(|user| user.object().clone()).collect()
}

/// A run that was asked for so many seconds after the beginning.
pub fn run(directory: DirectoryId, seconds: i64) -> Run {
    Run::requested(directory, Trigger::Manual, at(seconds))
}

/// A new directory, stored.
pub async fn directory(store: &DynamoStore) -> DirectoryId {
    let directory = Directory::new(directory_id(), "contoso.example".to_owned(), at(0));
    assert!(store.create_directory(&directory).await.unwrap());
    directory.id
}

/// Takes the lease for a new run from the beginning on, for a minute.
pub async fn lease(store: &DynamoStore, directory: DirectoryId) -> Lease {
    taken(store.acquire_lease(directory, RunId::new(at(0)), at(0), at(60)).await.unwrap())
}

pub fn taken(leased: Leased) -> Lease {
    match leased {
        Leased::Taken(lease, _) => lease,
        Leased::Held { until } => panic!("the lease is held until {until}"),
    }
}

pub fn links(name: &str) -> DeltaLinks {
    let link = |kind| DeltaLink::new(format!("https://graph.example/v1.0/{kind}/delta?$deltatoken={name}"));
    let (users, groups) = (link("users"), link("groups"));
    DeltaLinks { users, groups, select: "id|id".to_owned(), hidden_members: true }
}

pub fn published(run: RunId) -> Published {
    Published {
        run,
        at: at(30),
        settings_version: 1,
        users: true,
        users_since: None,
        counts: DirectoryCounts { active: 7, deleted: 1, ..DirectoryCounts::default() },
        vanished_groups: vec![group_id(9)],
        watched_groups: Some(BTreeMap::from([(group_id(8), UnknownCause::Hidden.into())])),
        uncompared_groups: BTreeSet::from([group_id(3)]),
        groups_in_doubt: BTreeSet::from([group_id(4)]),
    }
}
