//! Records of users and groups.

use std::collections::BTreeSet;

use shared::directory::{Presence, Text, UserRecord};
use shared::filter::{GroupDecision, InactiveReason, SkipReason, UserDecision};
use shared::store::{MirrorStore as _, QueryStore as _, UserFilter, Write};

use super::fixtures::{apply, as_written, at, directory_id, group, group_id, lease, members, user, user_id, user_ids};
use crate::dynamodb::{Table, number};

fn inactive(number: u32, reason: InactiveReason) -> UserRecord {
    UserRecord { decision: UserDecision::Inactive(reason), ..user(number) }
}

/// Users of every kind.
fn users() -> Vec<UserRecord> {
    let mut plain = user(1);
    plain.profile.proxy_addresses = Some(vec!["SMTP:person@contoso.example".into(), Text::default()]);
    plain.profile.job_title = Some(Text::default());
    let mut strange = user(2);
    strange.id = "not-a-guid".parse().unwrap();
    strange.groups.insert("neither.is_this".parse().unwrap());
    let bare = UserRecord {
        profile: shared::directory::UserProfile::default(),
        presence: Presence::Unseen,
        groups: BTreeSet::new(),
        ..user(3)
    };
    let deleted = UserRecord { presence: Presence::Deleted { since: at(3) }, ..inactive(4, InactiveReason::Deleted) };
    vec![
        plain,
        strange,
        bare,
        deleted,
        inactive(5, InactiveReason::MemberOfIgnoredGroup { group: group_id(5) }),
        inactive(6, InactiveReason::NotInAllowedGroup),
        inactive(7, InactiveReason::DisabledInOffice365),
    ]
}

fn by_id(mut users: Vec<UserRecord>) -> Vec<UserRecord> {
    users.sort_by(|a, b| a.id.cmp(&b.id));
    users
}

pub async fn what_was_written_is_read_back(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let mut skipped = group(2);
    skipped.decision = GroupDecision::Skipped { reason: SkipReason::PrefixNotAllowed };
    skipped.children = BTreeSet::from(["odd".parse().unwrap()]);
    skipped.presence = Presence::Deleted { since: at(1) };
    let groups = [group(1), skipped];
    let writes: Vec<Write> =
        groups.iter().cloned().map(Write::Group).chain(by_id(users()).into_iter().map(Write::User)).collect();
    for written in [11, 0] {
        // The second time nothing changes.
        assert!(apply(&table.store, &lease, &writes, at(0)).await.unwrap() <= written);
        assert_eq!(by_id(as_written(table.store.all_users(directory).await.unwrap())), by_id(users()));
        let ids = users().into_iter().map(|user| user.id).collect();
        assert_eq!(by_id(as_written(table.store.users(directory, &ids).await.unwrap())), by_id(users()));
        assert_eq!(table.store.all_groups(directory).await.unwrap().len(), 2);
        for group in &groups {
            let one = BTreeSet::from([group.id.clone()]);
            assert_eq!(table.store.groups(directory, &one).await.unwrap(), std::slice::from_ref(group));
            assert_eq!(table.store.groups_by_id(directory, &one).await.unwrap(), std::slice::from_ref(group));
            assert_eq!(table.store.group(directory, &group.id).await.unwrap().as_ref(), Some(group));
        }
    }
    for user in users() {
        assert_eq!(as_written(table.store.user(directory, &user.id).await.unwrap()), [user]);
    }
}

pub async fn unknown_users_and_groups_are_left_out(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    apply(&table.store, &lease, &[Write::User(user(1))], at(0)).await.unwrap();
    assert_eq!(as_written(table.store.users(directory, &user_ids(0..250)).await.unwrap()), [user(1)]);
    assert_eq!(table.store.users(directory, &BTreeSet::new()).await.unwrap(), []);
    assert_eq!(table.store.user(directory, &user_id(2)).await.unwrap(), None);
    assert_eq!(table.store.groups(directory, &BTreeSet::from([group_id(1)])).await.unwrap(), []);
    assert_eq!(table.store.group(directory, &group_id(1)).await.unwrap(), None);
    assert_eq!(members(table, directory, 1).await, BTreeSet::new());
}

pub async fn directories_do_not_see_each_other(table: &Table) {
    let (one, other) = (directory_id(), directory_id());
    let lease = lease(&table.store, one).await;
    apply(&table.store, &lease, &[Write::User(user(1)), Write::Group(group(1))], at(0)).await.unwrap();
    assert_eq!(table.store.all_users(other).await.unwrap(), []);
    assert_eq!(table.store.all_groups(other).await.unwrap(), []);
    assert_eq!(table.store.users_named(other, "person.1@contoso.example").await.unwrap(), []);
}

pub async fn of_two_writes_about_the_same_the_later_one_stays(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let later = inactive(1, InactiveReason::DisabledInOffice365);
    let writes = [Write::User(user(1)), Write::User(user(2)), Write::User(later.clone())];
    apply(&table.store, &lease, &writes, at(0)).await.unwrap();
    assert_eq!(as_written(table.store.user(directory, &user_id(1)).await.unwrap()), [later]);
    assert_eq!(as_written(table.store.user(directory, &user_id(2)).await.unwrap()), [user(2)]);
}

pub async fn writes_beyond_one_transaction_all_arrive(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let writes: Vec<Write> = (0..250).map(|number| Write::User(user(number))).collect();
    apply(&table.store, &lease, &writes, at(0)).await.unwrap();
    let found = table.store.users(directory, &user_ids(0..250)).await.unwrap();
    assert_eq!(by_id(as_written(found)), by_id((0..250).map(user).collect()));
    assert_eq!(table.store.all_users(directory).await.unwrap().len(), 250);
    assert_eq!(apply(&table.store, &lease, &[], at(0)).await.unwrap(), 0);
}

pub async fn writes_of_many_bytes_all_arrive(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let groups: BTreeSet<_> = (0..4_000).map(group_id).collect();
    let writes: Vec<Write> =
        (0..80).map(|number| Write::User(UserRecord { groups: groups.clone(), ..user(number) })).collect();
    apply(&table.store, &lease, &writes, at(0)).await.unwrap();
    let users = table.store.all_users(directory).await.unwrap();
    assert_eq!(users.iter().filter(|user| user.groups == groups).count(), 80);
}

pub async fn deleted_groups_are_forgotten_after_thirty_days(table: &Table) {
    let lease = lease(&table.store, directory_id()).await;
    let presence = Presence::Deleted { since: at(0) };
    let writes = [Write::Group(shared::directory::GroupRecord { presence, ..group(1) }), Write::Group(group(2))];
    apply(&table.store, &lease, &writes, at(0)).await.unwrap();
    let end = at(30 * 24 * 3_600).as_second();
    for (id, expected) in [(group_id(1), Some(end)), (group_id(2), None)] {
        assert_eq!(number(&table.items_at(&id.to_string()).await[0], "expires_at"), expected);
    }
    // A group that is restored is not forgotten.
    apply(&table.store, &lease, &[Write::Group(group(1))], at(0)).await.unwrap();
    assert_eq!(number(&table.items_at(&group_id(1).to_string()).await[0], "expires_at"), None);
}

pub async fn a_user_who_is_forgotten_is_gone_and_nobody_else(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let writes: Vec<Write> = by_id((0..100).map(user).collect()).into_iter().map(Write::User).collect();
    apply(&table.store, &lease, &writes, at(0)).await.unwrap();
    for _ in 0..2 {
        apply(&table.store, &lease, &[Write::ForgetUser(user_id(7))], at(0)).await.unwrap();
        assert_eq!(table.store.user(directory, &user_id(7)).await.unwrap(), None);
        assert_eq!(table.store.all_users(directory).await.unwrap().len(), 99);
    }
    let all = user_ids(0..100).into_iter().map(Write::ForgetUser).collect::<Vec<_>>();
    apply(&table.store, &lease, &all, at(0)).await.unwrap();
    assert_eq!(table.store.all_users(directory).await.unwrap(), []);
    assert_eq!(table.store.list_users(directory, UserFilter::All, 5, None).await.unwrap().items, []);
}

pub async fn overlong_names_are_kept(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let mut odd = user(1);
    odd.profile.user_principal_name = Some(format!("{}@contoso.example", "x".repeat(3_000)).into());
    odd.profile.mail = Some(Text::default());
    apply(&table.store, &lease, &[Write::User(odd.clone())], at(0)).await.unwrap();
    assert_eq!(as_written(table.store.user(directory, &odd.id).await.unwrap()), [odd]);
}
