//! The log of changes, some hundred to an item: what is in one transaction with the records is in one item.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::error::unavailable;
use super::item::{Item, Stored};
use super::keys::{Key, changes};
use super::lease;
use super::packing::{pack, unpack};
use super::store::DynamoStore;
use super::write::back_off;
use crate::directory::{Change, ChangeId, ChangedGroup, ChangedUser, DirectoryId, GroupRecord, UserRecord};
use crate::http::fingerprint;
use crate::store::{Before, ChangeStore, Changes, LOG_RETENTION, Lease, Logged, StoreError};
use crate::sync::RunId;

/// The most bytes of changes in an item before they are packed, unless it has a single one. Packed, they have less than half of
/// it: whoever wants one change reads no more.
pub(super) const MAX_BYTES: usize = 100_000;

/// How often the log is looked at for a change that must be there, before it counts as no longer kept: a query may see a part of
/// a transaction, but not for long.
const LOOKS: u32 = 4;

/// Where the log of a directory ends.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LogEnd {
    /// The last change.
    last: Option<ChangeId>,
    /// Its time; `None` in logs of earlier versions.
    at: Option<Timestamp>,
}

impl LogEnd {
    fn read(sync: &Stored) -> Result<Self, StoreError> {
        let last = lease::state(sync)?.logged;
        let at = if sync.optional_text("logged_at")?.is_some() { Some(sync.parsed("logged_at")?) } else { None };
        Ok(Self { last, at })
    }
}

/// A change with its number.
pub(super) type Numbered = (ChangeId, Change);

/// Numbers changes in the order in which they are written.
pub(super) struct Log {
    last: Option<ChangeId>,
    /// The time of the changes that are written now.
    at: Timestamp,
}

impl Log {
    /// Goes on where the log ends. Clocks of two machines differ, but times never go backwards in the log: it is searched by time.
    pub(super) fn behind(end: LogEnd, now: Timestamp) -> Self {
        Self { last: end.last, at: end.at.map_or(now, |at| at.max(now)) }
    }

    /// The time of the changes that are written now.
    pub(super) fn at(&self) -> Timestamp {
        self.at
    }

    /// Numbers what becomes of a user, and notes it in the new record.
    pub(super) fn user(&mut self, old: Option<&UserRecord>, new: Option<&mut UserRecord>) -> Vec<Numbered> {
        let mut previous = old.and_then(|user| user.changed);
        let mut numbered = Vec::new();
        for change in ChangedUser::between(old, new.as_deref()) {
            let id = self.next();
            numbered.push((id, Change::User(ChangedUser { previous, ..change })));
            previous = Some(id);
        }
        if let Some(new) = new {
            new.changed = previous;
        }
        numbered
    }

    /// Numbers what becomes of a group.
    pub(super) fn group(&mut self, old: Option<&GroupRecord>, new: &GroupRecord) -> Vec<Numbered> {
        let change = ChangedGroup::between(old, new).map(|change| (self.next(), Change::Group(change)));
        change.into_iter().collect()
    }

    fn next(&mut self) -> ChangeId {
        let next = self.last.map_or(ChangeId::FIRST, ChangeId::next);
        self.last = Some(next);
        next
    }
}

/// About how many bytes a change takes.
pub(super) fn size(change: &Change) -> usize {
    match change {
        Change::User(user) => user.size(),
        Change::Group(group) => group.size(),
    }
}

/// The items that have these changes.
pub(super) fn items(lease: &Lease, changes: &[Numbered], now: Timestamp) -> Result<Vec<Item>, StoreError> {
    let mut items = Vec::new();
    let mut rest = changes;
    while let Some((first, _)) = rest.first() {
        let mut bytes = 0;
        let fitting = rest.iter().take_while(|(_, change)| {
            bytes += size(change);
            bytes <= MAX_BYTES
        });
        let (some, others) = rest.split_at(fitting.count().max(1));
        items.push(item(lease, *first, some, now)?);
        rest = others;
    }
    Ok(items)
}

fn item(lease: &Lease, first: ChangeId, changes: &[Numbered], now: Timestamp) -> Result<Item, StoreError> {
    let key = Key::change(lease.directory, first);
    let changes: Vec<&Change> = changes.iter().map(|(_, change)| change).collect();
    let packed =
        pack(&changes).map_err(|error| StoreError::Corrupt { key: key.to_string(), reason: error.to_string() })?;
    let item = Item::new(&key).text("run", lease.run.to_string()).text("at", now.to_string());
    item.bytes_of("changes", &packed).expires_after(now, LOG_RETENTION).storable()
}

/// All changes of an item, in their order.
pub(super) fn read(item: &Stored) -> Result<Vec<Logged>, StoreError> {
    let (run, at): (RunId, Timestamp) = (item.parsed("run")?, item.parsed("at")?);
    let first = u64::from_str_radix(item.sort_key()?, 16).ok().and_then(ChangeId::new);
    let first = first.ok_or_else(|| item.corrupt("its sort key is not one of a change".to_owned()))?;
    let changes: Vec<Change> =
        unpack(item.bytes("changes")?).ok_or_else(|| item.corrupt("changes is malformed".to_owned()))?;
    let numbers = std::iter::successors(Some(first), |id| Some(id.next()));
    Ok(numbers.zip(changes).map(|(id, change)| Logged { id, run, at, change }).collect())
}

#[async_trait]
impl ChangeStore for DynamoStore {
    /// Of the table's name, which a restored table cannot share.
    fn log_name(&self) -> String {
        fingerprint(self.table.as_bytes())
    }

    async fn last_change(&self, directory: DirectoryId) -> Result<Option<ChangeId>, StoreError> {
        Ok(self.log_end(directory).await?.last)
    }

    async fn changes(
        &self,
        directory: DirectoryId,
        after: Option<ChangeId>,
        limit: usize,
    ) -> Result<Changes, StoreError> {
        let first = after.map_or(ChangeId::FIRST, ChangeId::next);
        for look in 0..LOOKS {
            back_off(look).await;
            // Before the log itself: whatever is written after this moment is for the next time, not a sign that something is gone.
            let last = self.last_change(directory).await?;
            if after == last {
                return Ok(Changes::Next { changes: Vec::new(), more: false });
            }
            let Some(last) = last.filter(|last| first <= *last) else { return Ok(Changes::NotReached) };
            let changes = self.run_of_changes(directory, first, last, limit).await?;
            if let Some(end) = changes.last().map(|logged| logged.id) {
                return Ok(Changes::Next { changes, more: end < last });
            }
        }
        Ok(Changes::TooOld)
    }

    async fn change_before(&self, directory: DirectoryId, at: Timestamp) -> Result<Before, StoreError> {
        let Some(last) = self.last_change(directory).await? else { return Ok(Before::Change(None)) };
        let oldest = self.some_items(directory, "pk = :pk AND sk >= :sk", ChangeId::FIRST, true).await?;
        let Some(oldest) = oldest.first() else { return Ok(Before::TooOld) };
        if oldest.at >= at {
            let is_first = oldest.id == ChangeId::FIRST;
            return Ok(if is_first { Before::Change(None) } else { Before::TooOld });
        }
        // Times never go backwards in the log: between a change before that time and the first one that is not.
        let (mut before, mut end) = (oldest.id, last.next());
        while before.next() < end {
            let Some(middle) = ChangeId::new(before.number().midpoint(end.number())) else { break };
            let found = self.item_with(directory, middle).await?;
            let (Some(first), Some(last)) = (found.first(), found.last()) else { break };
            // All of an item are of one time.
            if first.at < at { before = last.id } else { end = first.id }
        }
        Ok(Before::Change(Some(before)))
    }

    async fn change(&self, directory: DirectoryId, id: ChangeId) -> Result<Option<Logged>, StoreError> {
        Ok(self.item_with(directory, id).await?.into_iter().find(|logged| logged.id == id))
    }
}

impl DynamoStore {
    /// Where the log ends.
    pub(super) async fn log_end(&self, directory: DirectoryId) -> Result<LogEnd, StoreError> {
        let sync = self.get(&Key::sync(directory)).await?;
        Ok(sync.as_ref().map(LogEnd::read).transpose()?.unwrap_or_default())
    }

    /// The changes from one to another, at most `limit`, as far as they follow each other: an item may be gone before an older one
    /// is, and a query may see only a part of a transaction.
    async fn run_of_changes(
        &self,
        directory: DirectoryId,
        first: ChangeId,
        last: ChangeId,
        limit: usize,
    ) -> Result<Vec<Logged>, StoreError> {
        let mut found = self.item_with(directory, first).await?;
        found.retain(|logged| logged.id >= first);
        while let Some(end) = found.last().map(|logged| logged.id).filter(|end| *end < last)
            && found.len() < limit
        {
            let more = self.items_behind(directory, end).await?;
            if more.first().is_none_or(|next| next.id != end.next()) {
                break;
            }
            found.extend(more);
        }
        found.retain(|logged| logged.id <= last);
        found.truncate(limit);
        Ok(found)
    }

    /// What is in the last item that begins at or before a change.
    async fn item_with(&self, directory: DirectoryId, id: ChangeId) -> Result<Vec<Logged>, StoreError> {
        self.some_items(directory, "pk = :pk AND sk <= :sk", id, false).await
    }

    /// What is in the first item that begins behind a change.
    async fn items_behind(&self, directory: DirectoryId, id: ChangeId) -> Result<Vec<Logged>, StoreError> {
        self.some_items(directory, "pk = :pk AND sk > :sk", id, true).await
    }

    async fn some_items(
        &self,
        directory: DirectoryId,
        condition: &str,
        id: ChangeId,
        forward: bool,
    ) -> Result<Vec<Logged>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression(condition)
            .expression_attribute_values(":pk", AttributeValue::S(changes(directory)))
            .expression_attribute_values(":sk", AttributeValue::S(Key::change(directory, id).sk))
            .scan_index_forward(forward)
            .consistent_read(true)
            .limit(1);
        let found = query.send().await.map_err(unavailable)?;
        found.items.unwrap_or_default().pop().map_or_else(|| Ok(Vec::new()), |item| read(&Stored::new(item)?))
    }
}
