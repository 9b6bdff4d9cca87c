//! Where users or groups are found besides their own records: by their names, and in lists of those with the same
//! decision.

use std::collections::{BTreeMap, BTreeSet};

use crate::directory::{GroupRecord, NameKey, ObjectId, Presence, UserRecord};
use crate::store::{List, ListChange, NameIndex, NamesChange, Write};

/// How many names are written at once.
const NAMES_AT_ONCE: usize = 4_096;

/// What is found by indexes.
pub(super) trait Indexed {
    fn object(&self) -> &ObjectId;
    /// By what it is found; by nothing when nobody may find it.
    fn keys(&self) -> BTreeSet<NameKey>;
    /// By what earlier versions have it in the index.
    fn earlier_keys(&self) -> BTreeSet<NameKey>;
    /// The list it is in.
    fn list(&self) -> Option<List>;
}

impl Indexed for UserRecord {
    fn object(&self) -> &ObjectId {
        self.id.object()
    }

    fn keys(&self) -> BTreeSet<NameKey> {
        self.name_keys()
    }

    fn earlier_keys(&self) -> BTreeSet<NameKey> {
        self.earlier_name_keys()
    }

    fn list(&self) -> Option<List> {
        (self.presence != Presence::Unseen).then(|| List::Users(self.decision.outcome()))
    }
}

impl Indexed for GroupRecord {
    fn object(&self) -> &ObjectId {
        self.id.object()
    }

    fn keys(&self) -> BTreeSet<NameKey> {
        self.name_keys()
    }

    fn earlier_keys(&self) -> BTreeSet<NameKey> {
        self.earlier_name_keys()
    }

    fn list(&self) -> Option<List> {
        self.presence.is_present().then_some(List::Groups(self.decision))
    }
}

/// How the indexes of users, or of groups, change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Indexes {
    of: NameIndex,
    new_names: Vec<(NameKey, ObjectId)>,
    old_names: Vec<(NameKey, ObjectId)>,
    entering: Vec<(List, ObjectId)>,
    leaving: Vec<(List, ObjectId)>,
}

impl Indexes {
    pub(super) fn of(of: NameIndex) -> Self {
        Self { of, new_names: Vec::new(), old_names: Vec::new(), entering: Vec::new(), leaving: Vec::new() }
    }

    /// Adds what one object changes: `old` is what the indexes have of it, `new` what they have to have.
    pub(super) fn add<T: Indexed>(&mut self, old: Option<&T>, new: Option<&T>) {
        let Some(id) = old.or(new).map(Indexed::object) else { return };
        let [before, after] = [old, new].map(|one| one.map(T::keys).unwrap_or_default());
        self.new_names.extend(after.difference(&before).map(|key| (key.clone(), id.clone())));
        self.old_names.extend(before.difference(&after).map(|key| (key.clone(), id.clone())));
        let [before, after] = [old, new].map(|one| one.and_then(T::list));
        if before != after {
            self.entering.extend(after.map(|list| (list, id.clone())));
            self.leaving.extend(before.map(|list| (list, id.clone())));
        }
    }

    /// Adds one object whose entries have to be made again. What earlier versions have stored for `old` goes where it differs.
    pub(super) fn rebuild<T: Indexed>(&mut self, old: Option<&T>, new: &T) {
        self.add(None, Some(new));
        let (earlier, keys) = (old.map(T::earlier_keys).unwrap_or_default(), new.keys());
        self.old_names.extend(earlier.difference(&keys).map(|key| (key.clone(), new.object().clone())));
    }

    /// Takes these out of a list as well.
    pub(super) fn leave(&mut self, list: &List, ids: BTreeSet<ObjectId>) {
        self.leaving.extend(ids.into_iter().map(|id| (list.clone(), id)));
    }

    /// Leaves out what concerns others than these.
    pub(super) fn retain(&mut self, keep: impl Fn(&ObjectId) -> bool) {
        for names in [&mut self.new_names, &mut self.old_names] {
            names.retain(|(_, id)| keep(id));
        }
        for lists in [&mut self.entering, &mut self.leaving] {
            lists.retain(|(_, id)| keep(id));
        }
    }

    /// True when nothing changes.
    pub(super) fn is_empty(&self) -> bool {
        [&self.new_names, &self.old_names].iter().all(|names| names.is_empty())
            && [&self.entering, &self.leaving].iter().all(|lists| lists.is_empty())
    }

    /// What to write before the records, so that nothing is hidden that has been written; and what after them, when nobody has
    /// the name or decision any more.
    pub(super) fn into_writes(self) -> (impl Iterator<Item = Write>, impl Iterator<Item = Write>) {
        let of = self.of;
        let before = names(self.new_names, move |add| NamesChange { add, ..NamesChange::of(of) })
            .chain(lists(self.entering, |list, add| ListChange { add, ..ListChange::of(list) }));
        let after = names(self.old_names, move |remove| NamesChange { remove, ..NamesChange::of(of) })
            .chain(lists(self.leaving, |list, remove| ListChange { remove, ..ListChange::of(list) }));
        (before, after)
    }
}

/// Writes of some thousand names each, in the order in which they are stored.
fn names(
    mut names: Vec<(NameKey, ObjectId)>,
    change: impl Fn(BTreeSet<(NameKey, ObjectId)>) -> NamesChange,
) -> impl Iterator<Item = Write> {
    names.sort_unstable();
    let mut names = names.into_iter();
    std::iter::from_fn(move || {
        let part: BTreeSet<_> = names.by_ref().take(NAMES_AT_ONCE).collect();
        (!part.is_empty()).then(|| Write::Names(change(part)))
    })
}

fn lists(
    entries: Vec<(List, ObjectId)>,
    change: impl Fn(List, BTreeSet<ObjectId>) -> ListChange,
) -> impl Iterator<Item = Write> {
    let mut lists: BTreeMap<List, BTreeSet<ObjectId>> = BTreeMap::new();
    for (list, id) in entries {
        lists.entry(list).or_default().insert(id);
    }
    lists.into_iter().map(move |(list, ids)| Write::List(change(list, ids)))
}
