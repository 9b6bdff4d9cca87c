//! Fenced writes: transactions that only go through while the lease is held.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::error::unavailable;
use super::item::{Item, key_attributes};
use super::keys::Key;
use super::records::write_group;
use super::store::{AT_ONCE, DynamoStore};
use crate::directory::{DirectoryId, UserId};
use crate::store::{GroupMembersChange, Lease, StoreError, Write};

/// The most writes of a transaction: 100 actions, one of which checks the lease (Amazon DynamoDB API reference,
/// `TransactWriteItems`).
pub(super) const MOST_WRITES: usize = 99;
/// The most bytes of a transaction: 4 MB by the same source, less a third, because emulators count packed ids as the
/// base64 they travel in.
const MOST_BYTES: usize = 2_500_000;
/// The most users that join or leave a group in one step, so that what becomes of one bucket fits into one transaction.
const MOST_MEMBERS: usize = 16_384;
/// How many writes are prepared at once, which bounds the memory they take: five full transactions.
const AT_A_TIME: usize = 5 * MOST_WRITES;

/// What is done with one item.
pub(super) enum Action {
    /// Write it.
    Put(Item),
    /// Take it away.
    Delete(Key),
}

/// A transaction in the making.
#[derive(Default)]
struct Batch {
    actions: Vec<Action>,
    bytes: usize,
}

impl Batch {
    fn add(&mut self, actions: Vec<Action>) {
        self.bytes += bytes(&actions);
        self.actions.extend(actions);
    }

    fn has_room_for(&self, more: &[Action], most_writes: usize) -> bool {
        self.actions.len() + more.len() <= most_writes && self.bytes + bytes(more) <= MOST_BYTES
    }
}

fn bytes(actions: &[Action]) -> usize {
    let bytes = |action: &Action| if let Action::Put(item) = action { item.bytes() } else { 0 };
    actions.iter().map(bytes).sum()
}

impl DynamoStore {
    /// Makes the changes in their order, as many at once as a transaction takes.
    pub(super) async fn apply_writes(&self, lease: &Lease, writes: &[Write]) -> Result<u64, StoreError> {
        let writes: Vec<Cow<'_, Write>> = writes.iter().flat_map(pieces).collect();
        let mut written = 0;
        for stretch in stretches(&writes) {
            let mut batch = Batch::default();
            for unit in self.prepare(lease.directory, stretch).await? {
                if !batch.has_room_for(&unit, self.most_writes) {
                    written += self.commit(lease, std::mem::take(&mut batch).actions).await?;
                }
                batch.add(unit);
            }
            written += self.commit(lease, batch.actions).await?;
        }
        Ok(written)
    }

    /// The actions of a stretch, in units that go into one transaction each.
    async fn prepare(
        &self,
        directory: DirectoryId,
        stretch: &[Cow<'_, Write>],
    ) -> Result<Vec<Vec<Action>>, StoreError> {
        let mut users = BTreeMap::new();
        let mut units = Vec::new();
        let mut members = Vec::new();
        for write in stretch {
            match write.as_ref() {
                Write::User(user) => drop(users.insert(user.id.clone(), Some(user.clone()))),
                Write::ForgetUser(id) => drop(users.insert(id.clone(), None)),
                Write::Names(change) => units.append(&mut self.name_actions(directory, change).await?),
                Write::Group(group) => units.push(vec![Action::Put(write_group(directory, group)?)]),
                Write::GroupMembers(change) => members.push(self.member_actions(directory, change)),
            }
        }
        units.append(&mut self.user_actions(directory, users.into_iter()).await?);
        let of_groups: Vec<Vec<Vec<Action>>> = stream::iter(members).buffered(AT_ONCE).try_collect().await?;
        units.extend(of_groups.into_iter().flatten());
        Ok(units)
    }

    /// Runs a transaction and returns how many items it wrote.
    pub(super) async fn commit(&self, lease: &Lease, writes: Vec<Action>) -> Result<u64, StoreError> {
        let count = writes.len() as u64;
        if count > 0 {
            self.commit_with(self.check_of(lease)?, writes).await?;
        }
        Ok(count)
    }

    /// Runs a transaction whose first action fails unless the lease is held.
    pub(super) async fn commit_with(&self, fence: TransactWriteItem, writes: Vec<Action>) -> Result<(), StoreError> {
        let mut actions = vec![fence];
        for action in writes {
            actions.push(self.transacted(action)?);
        }
        // Only the lease's action has a condition.
        self.transact(actions).await.map_err(|refused| refused.because(StoreError::LeaseLost))
    }

    fn transacted(&self, action: Action) -> Result<TransactWriteItem, StoreError> {
        Ok(match action {
            Action::Put(item) => {
                let put = Put::builder().table_name(&self.table).set_item(Some(item.into_attributes())).build();
                TransactWriteItem::builder().put(put.map_err(unavailable)?).build()
            }
            Action::Delete(key) => {
                let delete = Delete::builder().table_name(&self.table).set_key(Some(key_attributes(&key))).build();
                TransactWriteItem::builder().delete(delete.map_err(unavailable)?).build()
            }
        })
    }
}

/// Cuts a change of very many members into several.
fn pieces(write: &Write) -> Vec<Cow<'_, Write>> {
    let Write::GroupMembers(change) = write else { return vec![Cow::Borrowed(write)] };
    if change.add.len() + change.remove.len() <= MOST_MEMBERS {
        return vec![Cow::Borrowed(write)];
    }
    let piece =
        |add, remove| Cow::Owned(Write::GroupMembers(GroupMembersChange { group: change.group.clone(), add, remove }));
    let joined = chunks(&change.add).into_iter().map(|users| piece(users, BTreeSet::new()));
    let left = chunks(&change.remove).into_iter().map(|users| piece(BTreeSet::new(), users));
    joined.chain(left).collect()
}

fn chunks(users: &BTreeSet<UserId>) -> Vec<BTreeSet<UserId>> {
    let users: Vec<&UserId> = users.iter().collect();
    users.chunks(MOST_MEMBERS).map(|users| users.iter().copied().cloned().collect()).collect()
}

/// Whether a write may be prepared together with the one before it. Lists and buckets have to be read after the write before
/// that touches them, so each object comes once in a stretch; and where the order of ids begins anew, as with the
/// deactivations after the other users, that order is kept.
fn goes_with(write: &Write, before: &Write) -> bool {
    match (write, before) {
        (Write::Group(group), Write::Group(before)) => group.id > before.id,
        (Write::GroupMembers(change), Write::GroupMembers(before)) => change.group > before.group,
        (Write::User(_) | Write::ForgetUser(_), Write::User(_) | Write::ForgetUser(_)) => user(write) > user(before),
        _ => false,
    }
}

fn user(write: &Write) -> Option<&UserId> {
    match write {
        Write::User(user) => Some(&user.id),
        Write::ForgetUser(id) => Some(id),
        _ => None,
    }
}

/// Cuts the writes into stretches that can be prepared together.
fn stretches<'a>(writes: &'a [Cow<'a, Write>]) -> Vec<&'a [Cow<'a, Write>]> {
    let together = writes.chunk_by(|before, write| goes_with(write, before));
    together.flat_map(|stretch| stretch.chunks(AT_A_TIME)).collect()
}
