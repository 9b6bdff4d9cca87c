//! Searches by name and decision.
//!
//! A page goes through candidates in the order in which users, or groups, are listed. The index of names and the lists of decisions
//! tell the candidates, as far as they are short enough to be read for one page; where neither is, all records are candidates. A
//! candidate counts by its record. The order is always the same, so that a search that grows between two pages loses nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use super::keys::shard;
use super::queries::LOOK_AHEAD;
use super::store::DynamoStore;
use crate::directory::{
    Change, ChangeId, DirectoryId, GroupId, GroupRecord, NameKey, ObjectId, Presence, UserId, UserRecord,
};
use crate::store::{
    ChangeStore as _, Changes, Found, GroupFilter, List, MirrorStore as _, NameIndex, Page, QueryStore as _,
    StoreError, UserFilter,
};

/// Maximum number of ids read of one list, to find those with a name among them.
const MAX_LISTED: usize = 4_096;
/// Maximum number of candidates that one page reads by their ids before it ends, full or not.
const MAX_LOOKED_UP: usize = 400;
/// Maximum number of records that one page reads one after the other before it ends, full or not.
const MAX_WALKED: usize = 4_000;
/// Number of changes read together.
const CHANGES_AT_ONCE: usize = 1_000;
/// Number of records read together, one after the other.
const WALKED_AT_ONCE: usize = 500;

/// Records that are found by name: users or groups.
pub(super) trait Searched: Sized + Send {
    const INDEX: NameIndex;

    fn object(&self) -> &ObjectId;

    /// Whether one of the names begins like this, of an object that may be found at all.
    fn is_found_by(&self, prefix: &str) -> bool;

    /// These records, as far as they are known.
    fn with_ids(
        store: &DynamoStore,
        directory: DirectoryId,
        ids: BTreeSet<ObjectId>,
    ) -> impl Future<Output = Result<Vec<Self>, StoreError>> + Send;

    /// A page of all records behind one.
    fn behind(
        store: &DynamoStore,
        directory: DirectoryId,
        after: Option<&ObjectId>,
    ) -> impl Future<Output = Result<Page<Self>, StoreError>> + Send;
}

impl Searched for UserRecord {
    const INDEX: NameIndex = NameIndex::Users;

    fn object(&self) -> &ObjectId {
        self.id.object()
    }

    fn is_found_by(&self, prefix: &str) -> bool {
        self.presence != Presence::Unseen && self.profile.is_found_by(prefix)
    }

    async fn with_ids(
        store: &DynamoStore,
        directory: DirectoryId,
        ids: BTreeSet<ObjectId>,
    ) -> Result<Vec<Self>, StoreError> {
        store.users_by_id(directory, &ids.into_iter().map(UserId::from).collect()).await
    }

    async fn behind(
        store: &DynamoStore,
        directory: DirectoryId,
        after: Option<&ObjectId>,
    ) -> Result<Page<Self>, StoreError> {
        let after = after.cloned().map(UserId::from);
        store.list_users(directory, UserFilter::All, WALKED_AT_ONCE, after.as_ref()).await
    }
}

impl Searched for GroupRecord {
    const INDEX: NameIndex = NameIndex::Groups;

    fn object(&self) -> &ObjectId {
        self.id.object()
    }

    fn is_found_by(&self, prefix: &str) -> bool {
        self.presence.is_present() && self.profile.is_found_by(prefix)
    }

    async fn with_ids(
        store: &DynamoStore,
        directory: DirectoryId,
        ids: BTreeSet<ObjectId>,
    ) -> Result<Vec<Self>, StoreError> {
        store.groups(directory, &ids.into_iter().map(GroupId::from).collect()).await
    }

    async fn behind(
        store: &DynamoStore,
        directory: DirectoryId,
        after: Option<&ObjectId>,
    ) -> Result<Page<Self>, StoreError> {
        let after = after.cloned().map(GroupId::from);
        store.list_groups(directory, GroupFilter::All, WALKED_AT_ONCE, after.as_ref()).await
    }
}

/// What is searched for.
pub(super) struct Search<'a, F> {
    pub(super) directory: DirectoryId,
    pub(super) prefix: &'a str,
    /// The lists that all wanted records are in; none when every decision is wanted.
    pub(super) lists: Vec<List>,
    /// Whether a record has the wanted decision.
    pub(super) takes: F,
    pub(super) limit: usize,
}

/// A page that is being filled.
struct Filling<T> {
    items: Vec<T>,
    /// The last id that was looked at.
    last: Option<ObjectId>,
    looked_at: usize,
}

impl<T: Searched> Filling<T> {
    fn look_at(&mut self, id: ObjectId, record: Option<T>, search: &Search<'_, impl Fn(&T) -> bool>) {
        self.last = Some(id);
        self.looked_at += 1;
        let counts = |record: &T| (search.takes)(record) && record.is_found_by(search.prefix);
        self.items.extend(record.filter(counts));
    }

    /// The page. One item more than it has room for tells that there is another.
    fn page(mut self, limit: usize, at_end: bool) -> Found<T> {
        let next = if self.items.len() > limit {
            self.items.truncate(limit);
            self.items.last().map(|item| item.object().clone())
        } else {
            self.last.filter(|_| !at_end)
        };
        Found { items: self.items, next }
    }
}

impl DynamoStore {
    /// A page of what is searched for.
    pub(super) async fn search<T: Searched>(
        &self,
        search: Search<'_, impl Fn(&T) -> bool + Send + Sync>,
        after: Option<&ObjectId>,
    ) -> Result<Found<T>, StoreError> {
        let candidates = self.candidates::<T>(&search, after).await?;
        let filling = Filling { items: Vec::new(), last: after.cloned(), looked_at: 0 };
        match candidates {
            Some(ids) => self.look_up(&search, ids, filling).await,
            None => self.walk(&search, filling).await,
        }
    }

    /// The ids behind `after` that records may be found by, in the order of their places; `None` when there are too many to tell.
    async fn candidates<T: Searched>(
        &self,
        search: &Search<'_, impl Fn(&T) -> bool + Send + Sync>,
        after: Option<&ObjectId>,
    ) -> Result<Option<Vec<ObjectId>>, StoreError> {
        if NameKey::of(search.prefix).as_str().is_empty() {
            return Ok(Some(Vec::new()));
        }
        // All records are listed shard by shard.
        let place = |id: &ObjectId| (shard(id), id.clone());
        let behind = |ids: BTreeSet<ObjectId>| {
            let after = after.map(place);
            let mut ids: Vec<_> = ids.into_iter().filter(|id| Some(place(id)) > after).collect();
            ids.sort_by_cached_key(place);
            ids
        };
        // Indexes are not read in one moment. An object whose name or decision changes meanwhile may move from a part that is not read
        // yet to one that has been read, and be in neither; then the change is in the log.
        let before = self.last_change(search.directory).await?;
        let named = self.any_named_like(search.directory, T::INDEX, search.prefix).await?;
        let are_few = named.as_ref().is_some_and(|ids| ids.len() <= search.limit + LOOK_AHEAD);
        let listed = if are_few { None } else { self.listed_in(search.directory, &search.lists).await? };
        let found = match (named, listed) {
            (Some(named), Some(listed)) => named.intersection(&listed).cloned().collect(),
            (Some(ids), None) | (None, Some(ids)) => ids,
            (None, None) => return Ok(None),
        };
        let moved = self.changed_after(search.directory, T::INDEX, before).await?;
        Ok(Some(behind(found.into_iter().chain(moved).collect())))
    }

    /// The ids in any of these lists; `None` when they are too many, or when there are no lists.
    async fn listed_in(
        &self,
        directory: DirectoryId,
        lists: &[List],
    ) -> Result<Option<BTreeSet<ObjectId>>, StoreError> {
        let mut all = BTreeSet::new();
        for list in lists {
            let ids = self.some_in(directory, list, None, MAX_LISTED + 1).await?;
            if ids.len() > MAX_LISTED {
                return Ok(None);
            }
            all.extend(ids);
        }
        Ok(Some(all).filter(|_| !lists.is_empty()))
    }

    /// The objects that have changed after a change.
    pub(super) async fn changed_after(
        &self,
        directory: DirectoryId,
        of: NameIndex,
        mut after: Option<ChangeId>,
    ) -> Result<Vec<ObjectId>, StoreError> {
        let mut ids = Vec::new();
        while let Changes::Next { changes, .. } = self.changes(directory, after, CHANGES_AT_ONCE).await? {
            let Some(last) = changes.last() else { break };
            after = Some(last.id);
            ids.extend(changes.into_iter().filter_map(|logged| match (logged.change, of) {
                (Change::User(user), NameIndex::Users) => Some(user.id.object().clone()),
                (Change::Group(group), NameIndex::Groups) => Some(group.id.object().clone()),
                _ => None,
            }));
        }
        Ok(ids)
    }

    /// The ids of those who have a name that begins like this, or had one; `None` when they are too many.
    async fn any_named_like(
        &self,
        directory: DirectoryId,
        of: NameIndex,
        prefix: &str,
    ) -> Result<Option<BTreeSet<ObjectId>>, StoreError> {
        let (key, earlier) = (NameKey::of(prefix), NameKey::earlier(prefix));
        let Some(mut ids) = self.named_like(directory, of, &key).await? else { return Ok(None) };
        if earlier != key && !earlier.as_str().is_empty() {
            // The index may be one of an earlier version, until a run has rebuilt it.
            let Some(more) = self.named_like(directory, of, &earlier).await? else { return Ok(None) };
            ids.extend(more);
        }
        Ok(Some(ids))
    }

    async fn look_up<T: Searched>(
        &self,
        search: &Search<'_, impl Fn(&T) -> bool + Send + Sync>,
        ids: Vec<ObjectId>,
        mut filling: Filling<T>,
    ) -> Result<Found<T>, StoreError> {
        let mut ids = ids.into_iter();
        while filling.items.len() <= search.limit && filling.looked_at < MAX_LOOKED_UP {
            let some: Vec<_> = ids.by_ref().take(search.limit + 1 - filling.items.len() + LOOK_AHEAD).collect();
            if some.is_empty() {
                break;
            }
            let records = T::with_ids(self, search.directory, some.iter().cloned().collect()).await?;
            let mut records: BTreeMap<_, _> =
                records.into_iter().map(|record| (record.object().clone(), record)).collect();
            for id in some {
                let record = records.remove(&id);
                filling.look_at(id, record, search);
            }
        }
        Ok(filling.page(search.limit, ids.len() == 0))
    }

    async fn walk<T: Searched>(
        &self,
        search: &Search<'_, impl Fn(&T) -> bool + Send + Sync>,
        mut filling: Filling<T>,
    ) -> Result<Found<T>, StoreError> {
        let mut at_end = false;
        while !at_end && filling.items.len() <= search.limit && filling.looked_at < MAX_WALKED {
            let page = T::behind(self, search.directory, filling.last.as_ref()).await?;
            at_end = !page.more;
            for record in page.items {
                filling.look_at(record.object().clone(), Some(record), search);
            }
        }
        Ok(filling.page(search.limit, at_end))
    }
}
