//! All that a run has read so far, and its way into a checkpoint and back.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::record::{FullReason, RunId};
use super::source::{Counted, DeltaLinks, GroupChange, GroupEvent, UserChange};
use super::trail::{ReadPage, Trail, Unsaved};
use crate::directory::{GroupId, GroupPatch, Member, ObjectId, UserId, UserPatch};

/// The version of what checkpoints hold that this program writes and reads. Another one is not continued.
pub const CHECKPOINT_FORMAT: u32 = 1;

/// What a reading began with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reading", rename_all = "snake_case")]
pub enum Basis {
    /// Reads what has changed since these links.
    Incremental {
        /// The links the directory had.
        from: DeltaLinks,
    },
    /// Reads everything, and then what has changed since `links`.
    Full {
        /// The links the directory had.
        from: Option<DeltaLinks>,
        /// Why everything.
        reason: FullReason,
        /// Made before the first list was read.
        links: DeltaLinks,
        /// Taken before the first list was read.
        counted: Counted,
    },
}

impl Basis {
    /// The links the directory had when the reading began. Once it has others, the reading is out of date.
    #[must_use]
    pub fn from(&self) -> Option<&DeltaLinks> {
        match self {
            Self::Incremental { from } => Some(from),
            Self::Full { from, .. } => from.as_ref(),
        }
    }

    /// The tenant's own counters, where everything is read.
    pub(super) fn counted(&self) -> Counted {
        match self {
            Self::Incremental { .. } => Counted::default(),
            Self::Full { counted, .. } => *counted,
        }
    }

    /// Where the changes begin that are read last.
    #[must_use]
    pub fn links(&self) -> &DeltaLinks {
        match self {
            Self::Incremental { from } => from,
            Self::Full { links, .. } => links,
        }
    }
}

/// What a checkpoint says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointHead {
    /// The [`CHECKPOINT_FORMAT`] of its content.
    pub format: u32,
    /// The run that began the reading.
    pub begun_by: RunId,
    /// When the reading began.
    pub begun_at: Timestamp,
    /// What it began with.
    pub basis: Basis,
}

/// A page of one of the lists, as a line of a checkpoint.
#[derive(Serialize, Deserialize)]
enum Entry {
    Users(usize, Arc<ReadPage<(UserId, UserPatch)>>),
    Groups(usize, Arc<ReadPage<(GroupId, GroupPatch)>>),
    Members(GroupId, usize, Arc<ReadPage<Member>>),
    GroupsOfUser(UserId, usize, Arc<ReadPage<GroupId>>),
    GroupsOfGroup(GroupId, usize, Arc<ReadPage<GroupId>>),
    UserChanges(usize, Arc<ReadPage<UserChange>>),
    GroupChanges(usize, Arc<ReadPage<GroupChange>>),
}

/// A checkpoint that cannot be continued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the checkpoint's content makes no sense")]
pub struct UnreadableCheckpoint;

/// What one run, or several that continue each other, have read.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) head: CheckpointHead,
    pub(super) users: Trail<(UserId, UserPatch)>,
    pub(super) groups: Trail<(GroupId, GroupPatch)>,
    pub(super) user_changes: Trail<UserChange>,
    pub(super) group_changes: Trail<GroupChange>,
    members: Trails<GroupId, Member>,
    groups_of_users: Trails<UserId, GroupId>,
    groups_of_groups: Trails<GroupId, GroupId>,
    grown: Arc<Notify>,
}

/// One trail for each object.
#[derive(Debug)]
struct Trails<K, T>(Mutex<BTreeMap<K, Arc<Trail<T>>>>);

impl<K: Ord + Clone, T> Trails<K, T> {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<K, Arc<Trail<T>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, object: &K, grown: &Arc<Notify>) -> Arc<Trail<T>> {
        let mut trails = self.lock();
        Arc::clone(trails.entry(object.clone()).or_insert_with(|| Arc::new(Trail::new(Arc::clone(grown)))))
    }

    fn all(&self) -> Vec<(K, Arc<Trail<T>>)> {
        self.lock().iter().map(|(object, trail)| (object.clone(), Arc::clone(trail))).collect()
    }

    /// Adds what a checkpoint does not have yet to its lines.
    fn unsaved(&self, lines: &mut Lines, entry: fn(K, usize, Arc<ReadPage<T>>) -> Entry) -> io::Result<Grown<T>> {
        let mut unsaved = Vec::new();
        for (object, trail) in self.all() {
            let pages = trail.unsaved();
            if !pages.pages.is_empty() {
                let pages = lines.add(pages, |place, page| entry(object.clone(), place, page))?;
                unsaved.push((trail, pages));
            }
        }
        Ok(unsaved)
    }
}

impl<K, T> Default for Trails<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// Trails with pages that a checkpoint does not have yet.
type Grown<T> = Vec<(Arc<Trail<T>>, Unsaved<T>)>;

/// What a checkpoint does not have yet, compressed; and how to remember that it has it now.
pub(super) struct Growth {
    pub(super) bytes: Vec<u8>,
    users: Unsaved<(UserId, UserPatch)>,
    groups: Unsaved<(GroupId, GroupPatch)>,
    members: Grown<Member>,
    groups_of: Grown<GroupId>,
    user_changes: Unsaved<UserChange>,
    group_changes: Unsaved<GroupChange>,
}

impl Ledger {
    /// Nothing has been read.
    pub(super) fn new(begun_by: RunId, begun_at: Timestamp, basis: Basis) -> Self {
        let head = CheckpointHead { format: CHECKPOINT_FORMAT, begun_by, begun_at, basis };
        Self::with_head(head)
    }

    fn with_head(head: CheckpointHead) -> Self {
        let grown = Arc::new(Notify::new());
        Self {
            head,
            users: Trail::new(Arc::clone(&grown)),
            groups: Trail::new(Arc::clone(&grown)),
            user_changes: Trail::new(Arc::clone(&grown)),
            group_changes: Trail::new(Arc::clone(&grown)),
            members: Trails::default(),
            groups_of_users: Trails::default(),
            groups_of_groups: Trails::default(),
            grown,
        }
    }

    /// What a checkpoint holds.
    pub(super) fn restore(head: CheckpointHead, content: &[u8]) -> Result<Self, UnreadableCheckpoint> {
        let ledger = Self::with_head(head);
        if content.is_empty() {
            return Ok(ledger);
        }
        for line in BufReader::new(MultiGzDecoder::new(content)).lines() {
            let line = line.map_err(|_| UnreadableCheckpoint)?;
            let entry = serde_json::from_str(&line).map_err(|_| UnreadableCheckpoint)?;
            let replayed = match entry {
                Entry::Users(place, page) => ledger.users.replay(place, page),
                Entry::Groups(place, page) => ledger.groups.replay(place, page),
                Entry::Members(group, place, page) => ledger.members(&group).replay(place, page),
                Entry::GroupsOfUser(user, place, page) => ledger.groups_of_user(&user).replay(place, page),
                Entry::GroupsOfGroup(group, place, page) => ledger.groups_of_group(&group).replay(place, page),
                Entry::UserChanges(place, page) => ledger.user_changes.replay(place, page),
                Entry::GroupChanges(place, page) => ledger.group_changes.replay(place, page),
            };
            replayed.map_err(|_| UnreadableCheckpoint)?;
        }
        Ok(ledger)
    }

    /// The trail of a group's members.
    pub(super) fn members(&self, group: &GroupId) -> Arc<Trail<Member>> {
        self.members.of(group, &self.grown)
    }

    /// The trail of the groups a user is in.
    pub(super) fn groups_of_user(&self, user: &UserId) -> Arc<Trail<GroupId>> {
        self.groups_of_users.of(user, &self.grown)
    }

    /// The trail of the groups a group is in.
    pub(super) fn groups_of_group(&self, group: &GroupId) -> Arc<Trail<GroupId>> {
        self.groups_of_groups.of(group, &self.grown)
    }

    /// The users that the changes show as they are now: not those deleted last.
    pub(super) fn users_seen(&self) -> BTreeSet<UserId> {
        let said = self.user_changes.map(|change| match change {
            UserChange::Seen(id, _) => (id.clone(), true),
            UserChange::Removed(id, _) => (id.clone(), false),
        });
        last_seen(said)
    }

    /// The groups that the changes show as they are now: not those deleted last.
    pub(super) fn groups_seen(&self) -> BTreeSet<GroupId> {
        last_seen(self.group_changes.map(|change| (change.id.clone(), matches!(change.what, GroupEvent::Seen(_)))))
    }

    /// The users whom any change says were deleted.
    pub(super) fn users_deleted(&self) -> BTreeSet<UserId> {
        let deleted = self.user_changes.map(|change| match change {
            UserChange::Removed(id, _) => Some(id.clone()),
            UserChange::Seen(..) => None,
        });
        deleted.into_iter().flatten().collect()
    }

    /// The groups of which any change says that they were deleted.
    pub(super) fn groups_deleted(&self) -> BTreeSet<GroupId> {
        let is_deleted = |change: &GroupChange| matches!(change.what, GroupEvent::Removed(_));
        self.group_changes.map(|change| is_deleted(change).then(|| change.id.clone())).into_iter().flatten().collect()
    }

    /// The groups of which any change says that they hide their members.
    pub(super) fn hiding(&self) -> BTreeSet<GroupId> {
        let hides = self.group_changes.map(|change| {
            let hides = matches!(&change.what, GroupEvent::Seen(patch) if patch.hides_members());
            hides.then(|| change.id.clone())
        });
        hides.into_iter().flatten().collect()
    }

    /// True when the list of groups has this one.
    pub(super) fn has_listed(&self, group: &GroupId) -> bool {
        self.groups.map(|(id, _)| id == group).contains(&true)
    }

    /// The ids of users and groups that the changes name.
    pub(super) fn changed(&self) -> BTreeSet<ObjectId> {
        let users = self.user_changes.map(|change| match change {
            UserChange::Seen(id, _) | UserChange::Removed(id, _) => id.object().clone(),
        });
        let groups = self.group_changes.map(|change| change.id.object().clone());
        users.into_iter().chain(groups).collect()
    }

    /// True when everything is read for this reason.
    pub(super) fn is_for(&self, why: FullReason) -> bool {
        matches!(self.head.basis, Basis::Full { reason, .. } if reason == why)
    }

    /// True when anything has been read.
    pub(super) fn has_pages(&self) -> bool {
        self.users.pages() + self.groups.pages() + self.user_changes.pages() + self.group_changes.pages() > 0
    }

    /// Resolves when another page has been read.
    pub(super) async fn grown(&self) {
        self.grown.notified().await;
    }

    /// What a checkpoint does not have yet.
    pub(super) fn growth(&self) -> io::Result<Growth> {
        let mut lines = Lines::default();
        let users = lines.add(self.users.unsaved(), Entry::Users)?;
        let groups = lines.add(self.groups.unsaved(), Entry::Groups)?;
        let user_changes = lines.add(self.user_changes.unsaved(), Entry::UserChanges)?;
        let group_changes = lines.add(self.group_changes.unsaved(), Entry::GroupChanges)?;
        let members = self.members.unsaved(&mut lines, Entry::Members)?;
        let mut groups_of = self.groups_of_users.unsaved(&mut lines, Entry::GroupsOfUser)?;
        groups_of.append(&mut self.groups_of_groups.unsaved(&mut lines, Entry::GroupsOfGroup)?);
        Ok(Growth { bytes: lines.finish()?, users, groups, members, groups_of, user_changes, group_changes })
    }

    /// Remembers that the checkpoint has it now.
    pub(super) fn mark_saved(&self, growth: &Growth) {
        self.users.mark_saved(&growth.users);
        self.groups.mark_saved(&growth.groups);
        self.user_changes.mark_saved(&growth.user_changes);
        self.group_changes.mark_saved(&growth.group_changes);
        for (trail, pages) in &growth.members {
            trail.mark_saved(pages);
        }
        for (trail, pages) in &growth.groups_of {
            trail.mark_saved(pages);
        }
    }
}

/// The objects of which it was last said that they are there.
fn last_seen<K: Ord>(said: Vec<(K, bool)>) -> BTreeSet<K> {
    let last: BTreeMap<K, bool> = said.into_iter().collect();
    last.into_iter().filter_map(|(id, is_there)| is_there.then_some(id)).collect()
}

/// Compressed lines of JSON. What is appended later is a member of its own, which decompresses as one with the others.
#[derive(Default)]
struct Lines(Option<GzEncoder<Vec<u8>>>);

impl Lines {
    fn add<T>(
        &mut self,
        unsaved: Unsaved<T>,
        entry: impl Fn(usize, Arc<ReadPage<T>>) -> Entry,
    ) -> io::Result<Unsaved<T>> {
        for (place, page) in &unsaved.pages {
            let out = self.0.get_or_insert_with(|| GzEncoder::new(Vec::new(), Compression::fast()));
            serde_json::to_writer(&mut *out, &entry(*place, Arc::clone(page)))?;
            out.write_all(b"\n")?;
        }
        Ok(unsaved)
    }

    fn finish(self) -> io::Result<Vec<u8>> {
        self.0.map_or_else(|| Ok(Vec::new()), GzEncoder::finish)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::directory::{MemberKind, Patch};
    use crate::sync::{DeltaLink, Next, PageLink, Removal, UnreadObject};

    fn basis() -> Basis {
        let link = |name: &str| DeltaLink::new(format!("https://graph.example/{name}"));
        let (users, groups) = (link("u"), link("g"));
        Basis::Incremental { from: DeltaLinks { users, groups, select: "id".to_owned(), hidden_members: false } }
    }

    fn ledger() -> Ledger {
        Ledger::new(RunId::new(Timestamp::UNIX_EPOCH), Timestamp::UNIX_EPOCH, basis())
    }

    fn page<T>(objects: Vec<T>, next: Next) -> ReadPage<T> {
        ReadPage { objects, unread: Vec::new(), odd: Vec::new(), counted: None, next }
    }

    fn next() -> Next {
        Next::Page(PageLink::new("https://graph.example/next".to_owned()))
    }

    fn member(n: u8) -> Member {
        Member { id: format!("m{n}").parse().unwrap(), kind: MemberKind::Unknown("robot".into()) }
    }

    /// Saves what is new, as a store would append it.
    fn save(ledger: &Ledger, stored: &mut Vec<u8>) {
        let growth = ledger.growth().unwrap();
        stored.extend_from_slice(&growth.bytes);
        ledger.mark_saved(&growth);
    }

    #[test]
    fn what_was_saved_bit_by_bit_is_restored_whole() {
        let (ledger, mut stored) = (ledger(), Vec::new());
        let patch = UserPatch { mail: Patch::Clear, display_name: Patch::Set("Kim".into()), ..Default::default() };
        ledger.users.add(page(vec![("u1".parse().unwrap(), patch.clone())], next()));
        save(&ledger, &mut stored);
        let unread = vec![UnreadObject { id: None, note: "odd".to_owned() }];
        ledger.users.add(ReadPage { unread: unread.clone(), ..page(Vec::new(), Next::End) });
        let group: GroupId = "g1".parse().unwrap();
        ledger.members(&group).add(page(vec![member(1)], next()));
        save(&ledger, &mut stored);
        ledger.user_changes.add(page(vec![UserChange::Removed("u2".parse().unwrap(), Removal::Soft)], next()));
        let user: UserId = "u1".parse().unwrap();
        ledger.groups_of_user(&user).add(page(vec![group.clone()], Next::End));
        ledger.groups_of_group(&group).add(page(vec!["g2".parse().unwrap()], Next::End));
        save(&ledger, &mut stored);

        let restored = Ledger::restore(ledger.head.clone(), &stored).unwrap();
        assert!(restored.growth().unwrap().bytes.is_empty(), "nothing is saved twice");
        let users = restored.users.take();
        assert_eq!((users.objects, users.unread), (vec![("u1".parse().unwrap(), patch)], unread));
        assert_eq!(restored.members(&group).take().objects, [member(1)]);
        assert!(!restored.members(&group).is_complete());
        assert_eq!(restored.groups_of_user(&user).take().objects, std::slice::from_ref(&group));
        assert_eq!(restored.groups_of_group(&group).take().objects, ["g2".parse().unwrap()]);
        assert_eq!(restored.user_changes.pages(), 1);
        assert_eq!(restored.group_changes.pages(), 0);
    }

    #[test]
    fn a_list_that_started_again_is_restored_as_it_was_read_last() {
        let (ledger, mut stored) = (ledger(), Vec::new());
        let group: GroupId = "g1".parse().unwrap();
        ledger.members(&group).add(page(vec![member(1)], next()));
        ledger.members(&group).add(page(vec![member(2)], next()));
        save(&ledger, &mut stored);
        ledger.members(&group).restart();
        ledger.members(&group).add(page(vec![member(3)], Next::End));
        save(&ledger, &mut stored);
        let restored = Ledger::restore(ledger.head.clone(), &stored).unwrap();
        assert_eq!(restored.members(&group).take().objects, [member(3)]);
    }

    #[test]
    fn what_is_no_checkpoint_is_refused() {
        let head = ledger().head;
        assert_eq!(Ledger::restore(head.clone(), b"no gzip").err(), Some(UnreadableCheckpoint));
        let mut other = Lines(Some(GzEncoder::new(Vec::new(), Compression::fast())));
        other.0.as_mut().unwrap().write_all(br#"{"Robots":[0,{}]}"#).unwrap();
        assert_eq!(Ledger::restore(head, &other.finish().unwrap()).err(), Some(UnreadableCheckpoint));
    }

    proptest! {
        #[test]
        fn a_checkpoint_cut_anywhere_is_refused_or_a_beginning(pages in 1_usize..6, cut in any::<prop::sample::Index>()) {
            let (ledger, mut stored) = (ledger(), Vec::new());
            for n in 0..pages {
                ledger.user_changes.add(page(vec![UserChange::Removed(format!("u{n}").parse().unwrap(), Removal::Soft)], next()));
                save(&ledger, &mut stored);
            }
            stored.truncate(cut.index(stored.len()));
            if let Ok(restored) = Ledger::restore(ledger.head.clone(), &stored) {
                prop_assert!(restored.user_changes.pages() <= pages);
            }
        }
    }
}
