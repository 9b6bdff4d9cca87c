//! What an earlier version has left in the table is brought up to date by the next run.

use aws_sdk_dynamodb::types::AttributeValue;
use local::aws::TABLE;
use tenant::Action;

use crate::coherence;
use crate::harness::{World, everything, small};
use crate::lab::client;

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
    let table = client(&world.stack.dynamodb_url);
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
