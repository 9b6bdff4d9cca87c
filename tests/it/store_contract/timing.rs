//! How long a first sync takes to write. Run by hand: nothing is asserted, since machines differ.

use std::path::Path;
use std::time::Instant;

use shared::store::{MirrorStore as _, Write};
use tempfile::tempdir;

use super::fixtures::{apply, at, directory_id, group, joined, lease, user, user_ids};
use crate::dynamodb::Table;

#[tokio::test]
#[ignore = "measures, and takes a while"]
async fn writing_ten_thousand_users_and_a_thousand_groups() {
    let folder = tempdir().unwrap();
    measure("in memory", None).await;
    measure("in a file", Some(&folder.path().join("dynamodb.sqlite"))).await;
}

#[expect(clippy::print_stderr, clippy::disallowed_methods, reason = "it measures the machine, for people to read")]
async fn measure(place: &str, file: Option<&Path>) {
    let table = Table::embedded_in(file).await;
    let directory = directory_id();
    let lease = lease(&table.store, directory).await;
    let groups: Vec<Write> = (0..1_000).map(|number| Write::Group(group(number))).collect();
    let members: Vec<Write> = (0..1_000).map(|number| joined(number, user_ids(number * 9..number * 9 + 50))).collect();
    let users: Vec<Write> = (0..10_000).map(|number| Write::User(user(number))).collect();
    for (what, writes) in [("groups", groups), ("lists of members", members), ("users", users)] {
        let begun = Instant::now();
        let items = apply(&table.store, &lease, &writes, at(0)).await.unwrap();
        eprintln!("{place}: {items} items for {} {what} in {:?}", writes.len(), begun.elapsed());
    }
    let begun = Instant::now();
    let users = table.store.all_users(directory).await.unwrap();
    eprintln!("{place}: {} users read in {:?}", users.len(), begun.elapsed());
}
