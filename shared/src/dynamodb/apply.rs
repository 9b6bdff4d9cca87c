//! Fenced writes: transactions that only go through while the lease is held.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use jiff::Timestamp;

use super::changes::{self, Log, Numbered};
use super::error::unavailable;
use super::item::{Item, key_attributes};
use super::keys::Key;
use super::records::{read_group, write_group};
use super::store::{AT_ONCE, DynamoStore};
use crate::directory::{DirectoryId, GroupId, GroupRecord, ObjectId, UserId};
use crate::store::{Counting, Lease, ListChange, StoreError, Write};
use crate::sync::ChangeCounts;

/// The most writes of a transaction: 100 actions, one of which checks the lease (Amazon DynamoDB API reference,
/// `TransactWriteItems`).
pub(super) const MOST_WRITES: usize = 99;
/// The most bytes of a transaction: 4 MB by the same source, less a third, because emulators count packed ids as the
/// base64 they travel in.
const MOST_BYTES: usize = 2_500_000;
/// The most ids that enter or leave a list in one step, so that what becomes of one bucket fits into one transaction.
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

/// What goes into one transaction.
#[derive(Default)]
pub(super) struct Unit {
    pub(super) actions: Vec<Action>,
    /// What it means for users and groups.
    pub(super) logged: Vec<Numbered>,
    /// How much that is.
    pub(super) changes: ChangeCounts,
}

impl From<Vec<Action>> for Unit {
    fn from(actions: Vec<Action>) -> Self {
        Self { actions, ..Self::default() }
    }
}

impl Unit {
    fn add(&mut self, more: Self) {
        self.actions.extend(more.actions);
        self.logged.extend(more.logged);
        self.changes += more.changes;
    }

    /// How many writes it takes at most.
    fn writes(&self) -> usize {
        // Besides the records, the items of the log: not all of one are full.
        self.actions.len() + usize::from(!self.logged.is_empty()) + 2 * self.bytes_of_log() / changes::MAX_BYTES
    }

    fn bytes_of_log(&self) -> usize {
        self.logged.iter().map(|(_, change)| changes::size(change)).sum()
    }

    fn bytes(&self) -> usize {
        let bytes = |action: &Action| if let Action::Put(item) = action { item.bytes() } else { 0 };
        self.actions.iter().map(bytes).sum::<usize>() + self.bytes_of_log()
    }
}

/// Whether two units go into a transaction together.
fn fit(a: &Unit, b: &Unit, most_writes: usize) -> bool {
    a.writes() + b.writes() <= most_writes && a.bytes() + b.bytes() <= MOST_BYTES
}

impl DynamoStore {
    /// Makes the changes in their order, as many at once as a transaction takes.
    pub(super) async fn apply_writes(
        &self,
        lease: &Lease,
        writes: &[Write],
        count: &mut Counting,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let writes: Vec<Cow<'_, Write>> = writes.iter().flat_map(pieces).collect();
        let mut log = Log::behind(self.log_end(lease.directory).await?, now);
        for stretch in stretches(&writes) {
            let mut batch = Unit::default();
            for unit in self.prepare(lease.directory, stretch, &mut log).await? {
                if !fit(&batch, &unit, self.most_writes) {
                    self.commit_counted(lease, std::mem::take(&mut batch), count, log.at()).await?;
                }
                batch.add(unit);
            }
            self.commit_counted(lease, batch, count, log.at()).await?;
        }
        Ok(())
    }

    /// What becomes of a stretch.
    async fn prepare(
        &self,
        directory: DirectoryId,
        stretch: &[Cow<'_, Write>],
        log: &mut Log,
    ) -> Result<Vec<Unit>, StoreError> {
        let mut users = BTreeMap::new();
        let mut groups = BTreeMap::new();
        let mut lists = Vec::new();
        let mut units = Vec::new();
        for write in stretch {
            match write.as_ref() {
                Write::User(user) => drop(users.insert(user.id.clone(), Some(user.clone()))),
                Write::ForgetUser(id) => drop(users.insert(id.clone(), None)),
                Write::Group(group) => drop(groups.insert(group.id.clone(), group)),
                Write::Names(change) => units.append(&mut self.name_actions(directory, change).await?),
                Write::List(change) => lists.push(self.list_actions(directory, change)),
            }
        }
        let of_lists: Vec<Vec<Vec<Action>>> = stream::iter(lists).buffered(AT_ONCE).try_collect().await?;
        units.extend(of_lists.into_iter().flatten());
        let mut units: Vec<Unit> = units.into_iter().map(Unit::from).collect();
        units.append(&mut self.user_units(directory, users.into_iter(), log).await?);
        units.append(&mut self.group_units(directory, groups, log).await?);
        Ok(units)
    }

    /// The items of groups that change.
    async fn group_units(
        &self,
        directory: DirectoryId,
        groups: BTreeMap<GroupId, &GroupRecord>,
        log: &mut Log,
    ) -> Result<Vec<Unit>, StoreError> {
        let keys = groups.keys().map(|id| Key::group(directory, id)).collect();
        let known = self.get_all(keys).await?;
        let known: Vec<GroupRecord> = known.iter().map(read_group).collect::<Result<_, _>>()?;
        let known: BTreeMap<&GroupId, &GroupRecord> = known.iter().map(|group| (&group.id, group)).collect();
        let mut units = Vec::new();
        for (id, group) in &groups {
            let old = known.get(id).copied();
            if old != Some(*group) {
                let actions = vec![Action::Put(write_group(directory, group)?)];
                let changes = ChangeCounts::of_group(old, group);
                units.push(Unit { actions, logged: log.group(old, group), changes });
            }
        }
        Ok(units)
    }

    /// Runs a transaction, unless there is nothing to write.
    pub(super) async fn commit(&self, lease: &Lease, actions: Vec<Action>) -> Result<(), StoreError> {
        if actions.is_empty() {
            return Ok(());
        }
        self.commit_with(self.check_of(lease)?, actions).await
    }

    /// Runs a transaction that logs and counts what it changes.
    async fn commit_counted(
        &self,
        lease: &Lease,
        unit: Unit,
        count: &mut Counting,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let Unit { mut actions, logged, changes } = unit;
        actions.extend(changes::items(lease, &logged, at)?.into_iter().map(Action::Put));
        if actions.is_empty() {
            return Ok(());
        }
        let last = logged.last().map(|(last, _)| (*last, at));
        let written = count.written.with(actions.len() as u64, changes, count.reconciles);
        self.commit_with(self.note_written(lease, &written, last)?, actions).await?;
        count.written = written;
        Ok(())
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

/// Cuts a change of a very long list into several.
fn pieces(write: &Write) -> Vec<Cow<'_, Write>> {
    let Write::List(change) = write else { return vec![Cow::Borrowed(write)] };
    if change.add.len() + change.remove.len() <= MOST_MEMBERS {
        return vec![Cow::Borrowed(write)];
    }
    let piece = |add, remove| Cow::Owned(Write::List(ListChange { list: change.list.clone(), add, remove }));
    let entering = chunks(&change.add).into_iter().map(|ids| piece(ids, BTreeSet::new()));
    let leaving = chunks(&change.remove).into_iter().map(|ids| piece(BTreeSet::new(), ids));
    entering.chain(leaving).collect()
}

fn chunks(ids: &BTreeSet<ObjectId>) -> Vec<BTreeSet<ObjectId>> {
    let ids: Vec<&ObjectId> = ids.iter().collect();
    ids.chunks(MOST_MEMBERS).map(|ids| ids.iter().copied().cloned().collect()).collect()
}

/// Whether a write may be prepared together with the one before it. Lists and buckets have to be read after the write before
/// that touches them, so each object comes once in a stretch; and where the order of ids begins anew, as with the
/// deactivations after the other users, that order is kept.
fn goes_with(write: &Write, before: &Write) -> bool {
    match (write, before) {
        (Write::Group(group), Write::Group(before)) => group.id > before.id,
        (Write::List(change), Write::List(before)) => change.list > before.list,
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
