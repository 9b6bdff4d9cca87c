//! Pages of users, groups and members, and users by name.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use shared::directory::{
    DirectoryId, GroupId, GroupProfile, GroupRecord, NameKey, ObjectId, Presence, Text, UserId, UserProfile, UserRecord,
};
use shared::dynamodb::DynamoStore;
use shared::filter::{GroupDecision, InactiveReason, SkipReason, UserDecision, UserOutcome};
use shared::store::{
    GroupFilter, List, ListChange, Listed, NameIndex, NamesChange, QueryStore as _, UserFilter, Write,
};

use super::fixtures::named as with_names;
use super::fixtures::names as name_keys;
use super::fixtures::{apply, as_written, at, directory_id, group, group_id, joined, lease, user, user_id, user_ids};
use crate::dynamodb::Table;

/// All users of a listing, page by page, each page but the last full.
async fn users(store: &DynamoStore, directory: DirectoryId, filter: UserFilter, limit: usize) -> Vec<UserId> {
    let mut ids = Vec::new();
    let mut after = None;
    loop {
        let page = store.list_users(directory, filter, limit, after.as_ref()).await.unwrap();
        assert!(page.items.len() == limit || !page.more);
        after = page.end().map(|user| user.id.clone());
        ids.extend(page.items.into_iter().map(|user| user.id));
        if after.is_none() {
            return ids;
        }
    }
}

pub async fn users_come_in_full_pages_in_the_order_of_ids(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let writes: Vec<Write> = (0..300).map(|number| Write::User(user(number))).collect();
    apply(&table.store, &lease, &writes, at(0)).await.unwrap();
    let expected: Vec<UserId> = user_ids(0..300).into_iter().collect();
    for limit in [1_000, 300, 150, 77] {
        assert_eq!(users(&table.store, directory, UserFilter::All, limit).await, expected, "pages of {limit}");
    }
    assert!(users(&table.store, directory_id(), UserFilter::All, 10).await.is_empty());

    // A page ends where it ended, whatever was added since.
    let first = table.store.list_users(directory, UserFilter::All, 10, None).await.unwrap();
    let added: Vec<Write> = (300..310).map(|number| Write::User(user(number))).collect();
    apply(&table.store, &lease, &added, at(0)).await.unwrap();
    let second =
        table.store.list_users(directory, UserFilter::All, 10, first.end().map(|user| &user.id)).await.unwrap();
    assert!(first.items.last().unwrap().id < second.items[0].id);
}

/// The list that has these.
fn listed(list: List, ids: impl Iterator<Item = ObjectId>) -> Write {
    Write::List(ListChange { add: ids.collect(), ..ListChange::of(list) })
}

pub async fn users_are_filtered_by_decision_and_reason(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let reasons = [InactiveReason::NotInAllowedGroup, InactiveReason::Deleted];
    let decision = |number: u32| match number % 50 {
        0 => UserDecision::Inactive(reasons[0].clone()),
        1 => UserDecision::Inactive(reasons[1].clone()),
        _ => UserDecision::Active,
    };
    let all: Vec<UserRecord> =
        (0..300).map(|number| UserRecord { decision: decision(number), ..user(number) }).collect();
    let mut writes = Vec::new();
    for outcome in [UserOutcome::Active, UserOutcome::NotInAllowedGroup, UserOutcome::Deleted] {
        // Lists may have users whose record says something else by now, or who are not there.
        let stale = |number: u32| number.is_multiple_of(7);
        let ids = (0..310).filter(|number| stale(*number) || decision(*number).outcome() == outcome);
        writes.push(listed(List::Users(outcome), ids.map(|number| user_id(number).object().clone())));
    }
    writes.extend(all.iter().cloned().map(Write::User));
    apply(&table.store, &lease, &writes, at(0)).await.unwrap();
    let expected = |outcome| {
        let ids = all.iter().filter(|user| user.decision.outcome() == outcome).map(|user| user.id.clone());
        ids.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    };
    let [not_allowed, deleted] = [UserOutcome::NotInAllowedGroup, UserOutcome::Deleted].map(expected);
    assert_eq!(users(&table.store, directory, UserFilter::With(UserOutcome::Deleted), 4).await, deleted);
    assert_eq!(users(&table.store, directory, UserFilter::With(UserOutcome::DisabledInOffice365), 4).await, []);
    // By id, and not list by list: whoever moves from one list to another keeps their position.
    let inactive: BTreeSet<UserId> = deleted.into_iter().chain(not_allowed).collect();
    let inactive: Vec<UserId> = inactive.into_iter().collect();
    assert_eq!(users(&table.store, directory, UserFilter::Inactive, 4).await, inactive);
    assert_eq!(users(&table.store, directory, UserFilter::Active, 100).await, expected(UserOutcome::Active));
}

pub async fn unseen_users_are_never_listed(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let unseen = UserRecord { presence: Presence::Unseen, ..user(1) };
    let deleted = UserRecord { presence: Presence::Deleted { since: at(0) }, ..user(2) };
    let active = user_ids(1..4).into_iter().map(|user| user.object().clone());
    let active = listed(List::Users(UserOutcome::Active), active);
    let writes = [active, Write::User(unseen), Write::User(deleted), Write::User(user(3))];
    apply(&table.store, &lease, &writes, at(0)).await.unwrap();
    let expected: Vec<UserId> = user_ids(2..4).into_iter().collect();
    assert_eq!(users(&table.store, directory, UserFilter::All, 10).await, expected);
    assert!(!users(&table.store, directory, UserFilter::Active, 10).await.contains(&user_id(1)));
    assert_eq!(table.store.users_named(directory, "person.1@contoso.example").await.unwrap(), []);
}

pub async fn groups_are_filtered_by_presence_and_decision(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let mut writes: Vec<Write> = (0..40).map(|number| Write::Group(group(number))).collect();
    let decision = GroupDecision::Skipped { reason: SkipReason::NoEmail };
    writes.extend((40..60).map(|number| Write::Group(GroupRecord { decision, ..group(number) })));
    writes.push(Write::Group(GroupRecord { presence: Presence::Unseen, ..group(60) }));
    writes.push(Write::Group(GroupRecord { presence: Presence::Deleted { since: at(0) }, ..group(61) }));
    for decision in [GroupDecision::Synced, decision] {
        let ids = (0..65).map(|number| group_id(number).object().clone());
        writes.push(listed(List::Groups(decision), ids));
    }
    apply(&table.store, &lease, &writes, at(0)).await.unwrap();
    let skipped = table.store.list_groups(directory, GroupFilter::With(decision), 100, None).await.unwrap();
    assert_eq!(skipped.items.len(), 20);
    for (filter, expected) in [(GroupFilter::All, 0..60), (GroupFilter::SYNCED, 0..40)] {
        let expected: BTreeSet<_> = expected.map(group_id).collect();
        let first = table.store.list_groups(directory, filter, 25, None).await.unwrap();
        let after = first.end().map(|group| &group.id);
        let rest = table.store.list_groups(directory, filter, 100, after).await.unwrap();
        assert_eq!((first.items.len(), rest.more), (25, false));
        let listed: Vec<_> = first.items.into_iter().chain(rest.items).map(|group| group.id).collect();
        assert_eq!(listed, expected.into_iter().collect::<Vec<_>>());
    }
}

pub async fn members_come_in_full_pages_of_those_who_are_there(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let mut writes: Vec<Write> = (0..700).map(|number| Write::User(user(number))).collect();
    writes.push(Write::User(UserRecord { presence: Presence::Unseen, ..user(700) }));
    writes.push(Write::User(UserRecord { presence: Presence::Deleted { since: at(0) }, ..user(701) }));
    // Most members of the group have no record.
    writes.push(joined(1, user_ids(100..3_000)));
    apply(&table.store, &lease, &writes, at(0)).await.unwrap();
    let expected: Vec<UserId> = user_ids(100..700).into_iter().collect();
    for limit in [250, 600] {
        let mut listed = Vec::new();
        let mut after = None;
        loop {
            let page = table.store.list_members(directory, &group_id(1), limit, after.as_ref()).await.unwrap();
            assert!(page.items.len() == limit || !page.more);
            after = page.end().map(|user| user.id.clone());
            listed.extend(page.items.into_iter().map(|user| user.id));
            if after.is_none() {
                break;
            }
        }
        assert_eq!(listed, expected, "pages of {limit}");
    }
    assert_eq!(table.store.list_members(directory, &group_id(2), 10, None).await.unwrap().items, []);
}

fn named(number: u32, login: &str, mail: Option<&str>) -> UserRecord {
    let profile =
        UserProfile { user_principal_name: Some(login.into()), mail: mail.map(Text::from), ..UserProfile::default() };
    UserRecord { profile, ..user(number) }
}

async fn found(table: &Table, directory: DirectoryId, name: &str) -> Vec<UserRecord> {
    as_written(table.store.users_named(directory, name).await.unwrap())
}

pub async fn users_are_found_by_any_name_in_any_case(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let one = named(1, "Kim@contoso.example", Some("Kim.Lind@Contoso.example"));
    let same = named(2, "LEE@contoso.example", Some("lee@contoso.example"));
    let accented = named(3, "Ærø@contoso.example", None);
    let gone = UserRecord { presence: Presence::Deleted { since: at(0) }, ..named(4, "lee@contoso.example", None) };
    let writes = [&one, &same, &accented, &gone].map(with_names).concat();
    apply(&table.store, &lease, &writes, at(0)).await.unwrap();

    assert_eq!(found(table, directory, "kim@CONTOSO.example").await, std::slice::from_ref(&one));
    assert_eq!(found(table, directory, "KIM.LIND@contoso.EXAMPLE").await, [one]);
    assert_eq!(found(table, directory, "ÆRØ@contoso.example").await, [accented]);
    let both: BTreeSet<UserId> =
        found(table, directory, "Lee@contoso.example").await.into_iter().map(|user| user.id).collect();
    assert_eq!(both, BTreeSet::from([same.id, gone.id]));
    for nobody in ["nobody@contoso.example", "", "kim"] {
        assert_eq!(found(table, directory, nobody).await, []);
    }
}

pub async fn users_are_not_found_by_names_they_no_longer_have(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let before = named(1, "kim@contoso.example", Some("mail@contoso.example"));
    let after = named(1, "kim.lind@contoso.example", None);
    apply(&table.store, &lease, &with_names(&before), at(0)).await.unwrap();
    apply(&table.store, &lease, &with_names(&after), at(0)).await.unwrap();
    let remove = name_keys([&before]);
    // The index has the old names before they are taken out of it and not afterwards, and it makes no difference.
    for writes in [vec![], vec![Write::Names(NamesChange { remove, ..NamesChange::of(NameIndex::Users) })]] {
        apply(&table.store, &lease, &writes, at(0)).await.unwrap();
        assert_eq!(found(table, directory, "kim@contoso.example").await, []);
        assert_eq!(found(table, directory, "mail@contoso.example").await, []);
        assert_eq!(found(table, directory, "kim.lind@contoso.example").await, std::slice::from_ref(&after));
    }
}

pub async fn users_who_swap_names_are_found_by_their_new_ones(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let users = |[one, other]: [&str; 2]| [named(1, one, None), named(2, other, None)];
    for names in [["kim@contoso.example", "lee@contoso.example"], ["lee@contoso.example", "kim@contoso.example"]] {
        let users = users(names);
        apply(&table.store, &lease, &users.each_ref().map(with_names).concat(), at(0)).await.unwrap();
        for (name, user) in names.into_iter().zip(users) {
            assert_eq!(found(table, directory, name).await, [user]);
        }
    }
}

pub async fn users_are_found_by_each_of_their_mail_addresses(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let addresses = ["SMTP:kim@contoso.example", "smtp:k.lind@contoso.example", "SIP:kim@sip.example"];
    let mut kim = named(1, "kim@contoso.example", None);
    kim.profile.proxy_addresses = Some(addresses.map(Text::from).to_vec());
    // With an id that is no GUID.
    let odd = UserRecord { id: "odd".parse().unwrap(), ..named(2, "odd@contoso.example", None) };
    apply(&table.store, &lease, &[&kim, &odd].map(with_names).concat(), at(0)).await.unwrap();
    assert_eq!(found(table, directory, "K.Lind@contoso.example").await, [kim]);
    assert_eq!(found(table, directory, "odd@contoso.example").await, [odd]);
    assert_eq!(found(table, directory, "kim@sip.example").await, []);
}

pub async fn users_are_found_by_the_beginning_of_a_name_or_word(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let person = |number, name: &str, login: &str| {
        let mut user = named(number, login, None);
        user.profile.display_name = Some(name.into());
        user
    };
    let people = [
        person(1, "Kim Lind", "kl@contoso.example"),
        person(2, "Ann KIMBALL", "ann@contoso.example"),
        person(3, "Lee !odd", "kimono@contoso.example"),
        UserRecord { presence: Presence::Unseen, ..person(4, "Kim Ghost", "ghost@contoso.example") },
    ];
    apply(&table.store, &lease, &people.each_ref().map(with_names).concat(), at(0)).await.unwrap();
    let found = async |beginning: &str| -> Vec<String> {
        let users = table.store.find_users(directory, beginning, UserFilter::All, 50, None).await.unwrap().items;
        let mut names: Vec<String> =
            users.into_iter().map(|user| user.profile.display_name.unwrap().to_string()).collect();
        names.sort();
        names
    };
    assert_eq!(found("KIM").await, ["Ann KIMBALL", "Kim Lind", "Lee !odd"]);
    assert_eq!(found("kim l").await, ["Kim Lind"]);
    assert_eq!(found("!").await, ["Lee !odd"]);
    assert_eq!(found("ann@contoso.example").await, ["Ann KIMBALL"]);
    for nobody in ["im", "kim  lind", "", " ", "kim@", "\u{10ffff}"] {
        assert_eq!(found(nobody).await, [""; 0], "{nobody:?}");
    }
    // A name that was taken away finds nobody, though the index has it still.
    let renamed = person(1, "Pat Lind", "kl@contoso.example");
    apply(&table.store, &lease, &[Write::User(renamed)], at(0)).await.unwrap();
    assert_eq!(found("kim l").await, [""; 0]);
    assert_eq!(table.store.find_users(directory_id(), "kim", UserFilter::All, 50, None).await.unwrap().items, []);
}

pub async fn of_many_with_the_same_beginning_some_are_found(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let users: Vec<UserRecord> = (0..1_500).map(user).collect();
    let mut writes = vec![Write::Names(NamesChange { add: name_keys(&users), ..NamesChange::of(NameIndex::Users) })];
    writes.extend(users.into_iter().map(Write::User));
    apply(&table.store, &lease, &writes, at(0)).await.unwrap();
    let some = table.store.find_users(directory, "person", UserFilter::All, 20, None).await.unwrap().items;
    assert_eq!(some.len(), 20);
    let one = table.store.find_users(directory, "Person 1234", UserFilter::All, 20, None).await.unwrap().items;
    assert_eq!(one.len(), 1);
    let names: Vec<String> = table
        .store
        .find_users(directory, "person 14", UserFilter::All, 200, None)
        .await
        .unwrap()
        .items
        .into_iter()
        .map(|user| user.profile.display_name.unwrap().to_string())
        .collect();
    assert_eq!(names.len(), 111, "14, 140 to 149, 1400 to 1499");
}

/// All pages of a search, each with how many it had.
async fn searched(
    table: &Table,
    directory: DirectoryId,
    prefix: &str,
    filter: UserFilter,
    limit: usize,
) -> (Vec<UserId>, Vec<usize>) {
    let (mut ids, mut pages, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let found = table.store.find_users(directory, prefix, filter, limit, after.as_ref()).await.unwrap();
        assert!(found.items.len() <= limit);
        pages.push(found.items.len());
        ids.extend(found.items.into_iter().map(|user| user.id));
        match found.next {
            None => return (ids, pages),
            next => after = next,
        }
        assert!(pages.len() < 1_000, "a search without end");
    }
}

pub async fn names_are_found_in_any_encoding_and_searched_without_marks(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let decomposed = named(1, "jo\u{308}rg@contoso.example", None);
    let mut marked = named(2, "novák@contoso.example", None);
    marked.profile.display_name = Some("Jan Novák".into());
    let plain = named(3, "novak@contoso.example", None);
    apply(&table.store, &lease, &[&decomposed, &marked, &plain].map(with_names).concat(), at(0)).await.unwrap();
    for name in ["j\u{f6}rg@contoso.example", "JO\u{308}RG@contoso.example", "J\u{d6}rg@contoso.example"] {
        assert_eq!(found(table, directory, name).await, std::slice::from_ref(&decomposed), "{name}");
    }
    assert_eq!(found(table, directory, "jorg@contoso.example").await, []);
    assert_eq!(found(table, directory, "NOVÁK@contoso.example").await, std::slice::from_ref(&marked));
    assert_eq!(found(table, directory, "novak@contoso.example").await, std::slice::from_ref(&plain));
    let ids = |users: &[&UserRecord]| users.iter().map(|user| user.id.clone()).collect::<BTreeSet<_>>();
    for (typed, expected) in
        [("novak", ids(&[&marked, &plain])), ("NOVÁ", ids(&[&marked, &plain])), ("jörg", ids(&[&decomposed]))]
    {
        let (found, _) = searched(table, directory, typed, UserFilter::All, 10).await;
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected, "{typed}");
    }
}

pub async fn entries_of_an_earlier_version_are_found(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let mut user = named(1, "JÖRG@contoso.example", Some("Ærø@contoso.example"));
    user.profile.display_name = Some("Jörg Novák".into());
    let add = user.earlier_name_keys().into_iter().map(|key| (key, user.id.object().clone())).collect();
    let names = Write::Names(NamesChange { add, ..NamesChange::of(NameIndex::Users) });
    apply(&table.store, &lease, &[names, Write::User(user.clone())], at(0)).await.unwrap();
    for name in ["jörg@contoso.example", "ÆRØ@contoso.example"] {
        assert_eq!(found(table, directory, name).await, std::slice::from_ref(&user), "{name}");
    }
    for typed in ["Jör", "NOVÁK", "ærø@"] {
        assert_eq!(searched(table, directory, typed, UserFilter::All, 10).await.0, [user.id.clone()], "{typed}");
    }
}

pub async fn a_search_by_name_and_decision_finds_all_page_by_page(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let decision = |number: u32| match number {
        n if n.is_multiple_of(40) => {
            UserDecision::Inactive(InactiveReason::MemberOfIgnoredGroup { group: group_id(7) })
        }
        n if n.is_multiple_of(41) => UserDecision::Inactive(InactiveReason::Deleted),
        _ => UserDecision::Active,
    };
    let mut users: Vec<UserRecord> =
        (0..1_400).map(|number| UserRecord { decision: decision(number), ..user(number) }).collect();
    // Ids that are not GUIDs have positions of their own.
    for (number, user) in users.iter_mut().enumerate().filter(|(number, _)| number % 100 == 0) {
        user.id = format!("odd-{number}").parse().unwrap();
    }
    let mut writes = vec![Write::Names(NamesChange { add: name_keys(&users), ..NamesChange::of(NameIndex::Users) })];
    for outcome in UserOutcome::ALL {
        let of = users.iter().filter(|user| user.decision.outcome() == outcome);
        writes.push(listed(
            List::Users(outcome),
            of.map(|user| user.id.object().clone()).collect::<Vec<_>>().into_iter(),
        ));
    }
    writes.extend(users.iter().cloned().map(Write::User));
    apply(&table.store, &lease, &writes, at(0)).await.unwrap();

    let all = [UserFilter::All, UserFilter::Active, UserFilter::Inactive];
    let outcomes = UserOutcome::INACTIVE.map(UserFilter::With);
    for filter in all.into_iter().chain(outcomes) {
        for (prefix, limit) in [("person", 50), ("person 1", 7), ("p", 1_000)] {
            let expected: BTreeSet<UserId> = users
                .iter()
                .filter(|user| filter.takes(&user.decision) && user.profile.is_found_by(prefix))
                .map(|user| user.id.clone())
                .collect();
            let (found, pages) = searched(table, directory, prefix, filter, limit).await;
            assert_eq!(found.len(), expected.len(), "{filter:?} {prefix}: nothing comes twice");
            assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected, "{filter:?} {prefix}");
            let full = pages.iter().rev().skip(1).all(|page| *page == limit);
            assert!(full, "{filter:?} {prefix}: pages of {pages:?}");
        }
    }
}

pub async fn a_search_for_very_many_finds_all_in_bounded_pages(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    // So many names begin like this that no page can read all their entries; most lead to users who are gone.
    let names = (0..16_000_u32).map(|number| {
        let id = if number < 300 { user_id(number) } else { user_id(100_000 + number) };
        (NameKey::of(&format!("Person {number}")), id.object().clone())
    });
    let users: Vec<UserRecord> = (0..300).map(user).collect();
    let quiet = |number: u32| UserRecord {
        decision: UserDecision::Inactive(InactiveReason::Deleted),
        profile: UserProfile { display_name: Some("Quiet".into()), ..UserProfile::default() },
        ..user(number)
    };
    let mut writes = vec![Write::Names(NamesChange { add: names.collect(), ..NamesChange::of(NameIndex::Users) })];
    let active = users.iter().map(|user| user.id.object().clone()).collect::<Vec<_>>();
    writes.push(listed(List::Users(UserOutcome::Active), active.into_iter()));
    writes.extend(users.iter().cloned().map(Write::User));
    writes.extend((1_000..1_100).map(|number| Write::User(quiet(number))));
    apply(&table.store, &lease, &writes, at(0)).await.unwrap();
    let expected: BTreeSet<UserId> = users.into_iter().map(|user| user.id).collect();
    for (filter, expected) in
        [(UserFilter::All, expected.clone()), (UserFilter::Active, expected), (UserFilter::Inactive, BTreeSet::new())]
    {
        let (found, _) = searched(table, directory, "person", filter, 40).await;
        assert_eq!(found.len(), expected.len(), "{filter:?}: nothing comes twice");
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected, "{filter:?}");
    }
}

pub async fn groups_are_found_by_the_beginning_of_their_name_a_word_or_their_address(table: &Table) {
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let named = |number, name: &str, mail: Option<&str>, presence| {
        let profile =
            GroupProfile { display_name: Some(name.into()), mail: mail.map(Text::from), ..GroupProfile::default() };
        GroupRecord { profile, presence, ..group(number) }
    };
    let groups = [
        named(1, "SG_VPN-Berlin (admins)", None, Presence::Present),
        named(2, "Vorstand", Some("berlin@contoso.example"), Presence::Present),
        named(3, "Berlin, gone", None, Presence::Deleted { since: at(0) }),
        named(4, "Münster", None, Presence::Present),
    ];
    let mut add: BTreeSet<_> = BTreeSet::from([(NameKey::of("berlin"), group_id(3).object().clone())]);
    for group in &groups {
        add.extend(group.name_keys().into_iter().map(|key| (key, group.id.object().clone())));
    }
    let mut writes = vec![Write::Names(NamesChange { add, ..NamesChange::of(NameIndex::Groups) })];
    writes.extend(groups.into_iter().map(Write::Group));
    apply(&table.store, &lease, &writes, at(0)).await.unwrap();
    let found = async |beginning: &str| -> Vec<String> {
        let groups = table.store.find_groups(directory, beginning, GroupFilter::All, 50, None).await.unwrap().items;
        let mut names: Vec<String> =
            groups.into_iter().map(|group| group.profile.display_name.unwrap().to_string()).collect();
        names.sort();
        names
    };
    assert_eq!(found("BERL").await, ["SG_VPN-Berlin (admins)", "Vorstand"]);
    assert_eq!(found("vpn").await, ["SG_VPN-Berlin (admins)"]);
    assert_eq!(found("sg_vpn-b").await, ["SG_VPN-Berlin (admins)"]);
    assert_eq!(found("MÜN").await, ["Münster"]);
    for none in ["erlin", "", " ", "admins)"] {
        assert_eq!(found(none).await, [""; 0], "{none:?}");
    }
    assert!(
        table.store.find_users(directory, "berlin", UserFilter::All, 9, None).await.unwrap().items.is_empty(),
        "users have an index of their own"
    );
}

pub async fn places_are_counted_as_pages_list_them(table: &Table) {
    let store = &table.store;
    let directory = directory_id();
    let lease = lease(store, directory).await;
    let deleted = |number: u32| number.is_multiple_of(9);
    let record = |number: u32| {
        let since = Presence::Deleted { since: at(0) };
        let decision = UserDecision::Inactive(InactiveReason::Deleted);
        let groups = if number < 450 { [1, 2].map(group_id).into() } else { BTreeSet::new() };
        let user = UserRecord { groups, ..user(number) };
        if deleted(number) { UserRecord { presence: since, decision, ..user } } else { user }
    };
    let ids = |numbers: &dyn Fn(&u32) -> bool| {
        (0..500).filter(numbers).map(|number| user_id(number).object().clone()).collect::<Vec<_>>().into_iter()
    };
    let mut writes: Vec<Write> = (0..500).map(|number| Write::User(record(number))).collect();
    writes.push(listed(List::Users(UserOutcome::Active), ids(&|number| !deleted(*number))));
    writes.push(listed(List::Users(UserOutcome::Deleted), ids(&|number| deleted(*number))));
    writes.push(listed(List::Groups(GroupDecision::Synced), (1..30).map(|number| group_id(number).object().clone())));
    let present = (0..450).filter(|number| !deleted(*number)).count() as u64;
    // Of the second group, members are named who were never read.
    let members = |number: u32| if matches!(number, 1 | 2) { present } else { 0 };
    writes.extend((1..30).map(|number| Write::Group(GroupRecord { members: members(number), ..group(number) })));
    writes.push(joined(1, user_ids(0..450)));
    writes.push(joined(2, user_ids(0..450).into_iter().chain(user_ids(600..650)).collect()));
    apply(store, &lease, &writes, at(0)).await.unwrap();

    for listed in [
        Listed::Users(UserFilter::All),
        Listed::Users(UserFilter::Active),
        Listed::Users(UserFilter::Inactive),
        Listed::Groups(GroupFilter::All),
        Listed::Groups(GroupFilter::SYNCED),
        Listed::Members(group_id(1)),
        Listed::Members(group_id(2)),
        Listed::Members(group_id(9)),
    ] {
        let page = async |after: Option<ObjectId>| -> Vec<String> {
            match &listed {
                Listed::Users(filter) => {
                    let after = after.map(UserId::from);
                    let page = store.list_users(directory, *filter, 5_000, after.as_ref()).await.unwrap();
                    page.items.into_iter().map(|user| user.id.to_string()).collect()
                }
                Listed::Groups(filter) => {
                    let after = after.map(GroupId::from);
                    let page = store.list_groups(directory, *filter, 5_000, after.as_ref()).await.unwrap();
                    page.items.into_iter().map(|group| group.id.to_string()).collect()
                }
                Listed::Members(group) => {
                    let after = after.map(UserId::from);
                    let page = store.list_members(directory, group, 5_000, after.as_ref()).await.unwrap();
                    page.items.into_iter().map(|user| user.id.to_string()).collect()
                }
            }
        };
        let all = page(None).await;
        for place in [1, 2, all.len() / 2, all.len().saturating_sub(1), all.len(), all.len() + 1, 5_000] {
            let Some(count) = NonZeroUsize::new(place) else { continue };
            let rest = match store.skip(directory, &listed, count).await.unwrap() {
                Some(id) => page(Some(id)).await,
                None => Vec::new(),
            };
            assert_eq!(rest, all.get(place..).unwrap_or_default(), "{listed:?} behind {place} of {}", all.len());
        }
    }
}
