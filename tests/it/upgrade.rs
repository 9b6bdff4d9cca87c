//! What an earlier version has left in the table is brought up to date by the next run.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use local::aws::TABLE;
use serde_json::json;
use shared::clock::Clock as _;
use shared::directory::{GroupRecord, NameKey, ObjectId, UserRecord};
use shared::store::{
    Counting, GroupFilter, Leased, MirrorStore as _, NameIndex, NamesChange, QueryStore as _, UserFilter, Write,
};
use shared::sync::{Run, Trigger, Written};
use tenant::{Action, GroupKind, NewGroup, NewUser};

use crate::coherence;
use crate::harness::{World, everything, small};
use crate::lab::client;
use crate::queries::get;
use crate::tokens::reader;

/// What the partitions of indexes, and of the log, have in their keys.
const NEW: [&str; 12] = [
    "#ACTIVE",
    "#DELETED",
    "#DISABLED",
    "#IGNORED",
    "#NOT_ALLOWED",
    "#SYNCED",
    "#NO_EMAIL",
    "#PREFIX_NOT_ALLOWED",
    "#GROUP_SYNC_OFF",
    "#GROUP_NAMES#",
    "#NAMES#",
    "#CHANGES",
];

#[tokio::test]
async fn a_table_without_indexes_and_counts_gets_them_with_the_next_run_and_nobody_changes() {
    let world = World::synced(&small(), everything()).await;
    let active = world.active().await;
    let table = client(&world.stack.aws);
    let items = table.scan().table_name(TABLE).consistent_read(true).send().await.unwrap().items.unwrap_or_default();
    for item in items {
        let (pk, sk) = (item["pk"].as_s().unwrap(), item["sk"].as_s().unwrap());
        if NEW.iter().any(|part| pk.contains(part)) {
            let delete = table.delete_item().table_name(TABLE);
            delete.key("pk", item["pk"].clone()).key("sk", item["sk"].clone()).send().await.unwrap();
            continue;
        }
        let mut earlier = item.clone();
        if sk == "SYNC" {
            earlier.insert("layout".to_owned(), AttributeValue::N("3".to_owned()));
            earlier.remove("logged");
        } else if pk.contains("#GROUPS#") {
            earlier.remove("members");
        }
        table.put_item().table_name(TABLE).set_item(Some(earlier)).send().await.unwrap();
    }
    world.apply(Action::DisableUser { user: world.ordinary_users()[0] });
    let run = world.sync().await;
    assert_eq!((&run["state"], &run["reading"]), (&"succeeded".into(), &"full".into()), "{run:#}");
    assert_eq!(run["changes"]["users_changed"], 1, "{run:#}");
    assert_eq!(world.active().await.len(), active.len() - 1);
    let (store, directory) = (&world.stack.store, world.directory.parse().unwrap());
    coherence::check_indexes(store, directory).await;
    world.assert_idle().await;
}

/// The items of the indexes of names, by their keys.
async fn names(world: &World) -> BTreeMap<(String, String), AttributeValue> {
    let table = client(&world.stack.aws);
    let items = table.scan().table_name(TABLE).consistent_read(true).send().await.unwrap().items.unwrap_or_default();
    let key = |item: &HashMap<String, AttributeValue>, name: &str| item[name].as_s().unwrap().clone();
    let items = items.into_iter().filter(|item| key(item, "pk").contains("NAMES#"));
    items.map(|item| ((key(&item, "pk"), key(&item, "sk")), item["names"].clone())).collect()
}

/// What an index has of an object with these keys.
fn entries(keys: BTreeSet<NameKey>, id: &ObjectId) -> impl Iterator<Item = (NameKey, ObjectId)> {
    keys.into_iter().map(move |key| (key, id.clone()))
}

/// Replaces the indexes of names by those that version 4 of the layout has.
async fn put_earlier_names(world: &World) {
    let (store, directory) = (&world.stack.store, world.directory.parse().unwrap());
    let table = client(&world.stack.aws);
    for (pk, sk) in names(world).await.into_keys() {
        let delete = table.delete_item().table_name(TABLE);
        delete.key("pk", AttributeValue::S(pk)).key("sk", AttributeValue::S(sk)).send().await.unwrap();
    }
    let (users, groups) = (store.all_users(directory).await.unwrap(), store.all_groups(directory).await.unwrap());
    let users = users.iter().flat_map(|user: &UserRecord| entries(user.earlier_name_keys(), user.id.object()));
    let groups = groups.iter().flat_map(|group: &GroupRecord| entries(group.earlier_name_keys(), group.id.object()));
    let now = world.clock.now();
    let run = Run::requested(directory, Trigger::Manual, now);
    let leased = store.acquire_lease(directory, run.id, now, now + SignedDuration::from_secs(60)).await;
    let Leased::Taken(lease, _) = leased.unwrap() else { panic!("the lease is held") };
    let writes = [
        Write::Names(NamesChange { add: users.collect(), ..NamesChange::of(NameIndex::Users) }),
        Write::Names(NamesChange { add: groups.collect(), ..NamesChange::of(NameIndex::Groups) }),
    ];
    let mut count = Counting { written: Written::continued(&run, None), reconciles: false };
    store.apply(&lease, &writes, &mut count, now).await.unwrap();
    store.release_lease(&lease, &BTreeSet::from([lease.run])).await.unwrap();
    let key = AttributeValue::S(format!("DIRECTORY#{}", world.directory));
    let update = table.update_item().table_name(TABLE).key("pk", key).key("sk", AttributeValue::S("SYNC".to_owned()));
    let update = update.update_expression("SET layout = :layout");
    update.expression_attribute_values(":layout", AttributeValue::N("4".to_owned())).send().await.unwrap();
}

#[tokio::test]
async fn names_of_the_earlier_folding_are_found_until_the_next_run_rebuilds_them() {
    let world = World::unauthorized(&small()).await;
    let login = Some("jörg@contoso.example".to_owned());
    let jorg = NewUser { user_principal_name: login, ..NewUser::named("Jörg Novák") };
    let jorg = world.apply(Action::CreateUser(jorg)).unwrap();
    let group = world.apply(Action::CreateGroup(NewGroup::named("Équipe", GroupKind::Security))).unwrap();
    world.authorize().await;
    world.set(everything()).await;
    let rebuilt = names(&world).await;
    put_earlier_names(&world).await;
    assert_ne!(names(&world).await, rebuilt);

    let token = reader(&world).await;
    let (store, directory) = (&world.stack.store, world.directory.parse().unwrap());
    let access = async || {
        let path = world.path("users/J%C3%96RG@contoso.example/access?answer=status");
        get(&world, &token, &path).await.status.as_u16()
    };
    let users = async |typed: &str| {
        let found = store.find_users(directory, typed, UserFilter::All, 10, None).await.unwrap();
        found.items.into_iter().map(|user| user.id.to_string()).collect::<Vec<_>>()
    };
    let groups = async |typed: &str| {
        let found = store.find_groups(directory, typed, GroupFilter::All, 10, None).await.unwrap();
        found.items.into_iter().map(|group| group.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(access().await, 204);
    assert_eq!((users("jörg n").await, groups("équ").await), (vec![jorg.to_string()], vec![group.to_string()]));

    let run = world.sync().await;
    assert_eq!((&run["state"], &run["reading"]), (&"succeeded".into(), &"full".into()), "{run:#}");
    assert_eq!(run["changes"]["users_changed"], 0, "{run:#}");
    assert_eq!(names(&world).await, rebuilt, "nothing of the earlier folding is left");
    assert_eq!(access().await, 204);
    assert_eq!((users("jorg n").await, groups("equ").await), (vec![jorg.to_string()], vec![group.to_string()]));
    coherence::check_indexes(store, directory).await;
    world.assert_idle().await;
}

#[tokio::test]
async fn hidden_group_stored_as_empty_becomes_unknown() {
    let world = World::synced(&small(), everything()).await;
    let closed = world.apply(Action::CreateGroup(NewGroup::named("Closed", GroupKind::Security))).unwrap();
    world.sync().await;
    let mut ignoring = everything();
    ignoring["ignored_groups"] = json!([closed]);
    world.set(ignoring).await;
    let active = world.active().await;
    let visibility =
        Action::SetProperty { id: closed, property: "visibility".into(), value: "HiddenMembership".into() };
    world.apply(visibility);
    world.sync().await;
    // An earlier version took it for a group of nobody, and watched none.
    let table = client(&world.stack.aws);
    let items = table.scan().table_name(TABLE).consistent_read(true).send().await.unwrap().items.unwrap_or_default();
    for mut item in items {
        let is_group =
            item["sk"].as_s().unwrap() == &closed.to_string() && item["pk"].as_s().unwrap().contains("#GROUPS#");
        let is_changed = match item.get_mut("published") {
            Some(AttributeValue::M(published)) => published.remove("watched_groups").is_some(),
            _ => is_group && item.remove("membership").is_some(),
        };
        if is_changed {
            table.put_item().table_name(TABLE).set_item(Some(item)).send().await.unwrap();
        }
    }
    let run = world.sync().await;
    assert_eq!((&run["state"], &run["reading"]), (&"completed_with_gaps".into(), &"incremental".into()), "{run:#}");
    assert!(run["gaps"].to_string().contains(&closed.to_string()), "{run:#}");
    assert_eq!(world.active().await, active, "no decision changes");
}
