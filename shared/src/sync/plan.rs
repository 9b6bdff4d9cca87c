//! The plan of a run: what to write, in which order, and what it means. Pure and total; applying it makes no
//! choices.

use std::collections::{BTreeMap, BTreeSet};

use super::indexes::Indexes;
use super::known::Known;
use super::outlook::Outlook;
use super::record::ChangeCounts;
use super::sizes::Sizes;
use crate::directory::{
    DirectoryCounts, GroupId, GroupRecord, Membership, ObjectId, Presence, UnknownCause, UserId, UserRecord,
};
use crate::filter::{GroupDecision, InactiveReason, Reach, SkipReason, UserDecision};
use crate::store::{List, ListChange, NameIndex, Write};

/// What a run will write. Empty when nothing has changed. The records themselves are in the [`Outlook`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    /// Groups that change.
    pub(super) groups: Vec<GroupId>,
    /// Changes of groups' lists of members.
    pub(super) members: BTreeMap<GroupId, Moves>,
    /// Users whose record changes, but for those who become inactive.
    pub(super) users: Vec<UserId>,
    /// Users who become inactive.
    pub(super) deactivations: Vec<UserId>,
    /// Users who were deleted so long ago that nobody needs their records any more.
    pub(super) forgotten: Vec<UserId>,
    /// Where users are found.
    user_indexes: Indexes,
    /// Where groups are found.
    group_indexes: Indexes,
    /// How many members groups have.
    sizes: Sizes,
    /// Groups whose records are to be left as they are, but for their size.
    left: BTreeSet<GroupId>,
    /// Those of the deactivations that what Microsoft says has caused, not a change of the settings.
    pub(super) caused_by_tenant: BTreeSet<UserId>,
    /// What changes, by kind.
    pub(super) changes: ChangeCounts,
    /// How the counts of the published state change; of a complete reading, what they are.
    pub(super) counts: DirectoryCounts,
    /// Groups the settings name that the tenant does not have.
    pub(super) vanished_groups: BTreeSet<GroupId>,
    /// Groups whose members each run reads: see [`watched`].
    pub(super) watched_groups: BTreeMap<GroupId, Membership>,
}

/// Who joins a group and who leaves it, each in the order of ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Moves {
    pub(super) joined: Vec<UserId>,
    pub(super) left: Vec<UserId>,
}

impl Plan {
    /// Plans a run.
    pub(super) fn new(outlook: &Outlook<'_>) -> Self {
        let mut plan = Self::empty(outlook);
        for id in outlook.touched() {
            let old = outlook.known.users.get(id);
            match outlook.user(id) {
                Some(new) if outlook.is_forgotten(old, &new) => {
                    plan.user_indexes.add(old, None);
                    plan.forgotten.push(new.id);
                }
                Some(new) => plan.add_user(outlook, old, new),
                None => {}
            }
        }
        for (id, new) in &outlook.groups {
            plan.add_group(outlook.known, outlook.known.groups.get(id), new);
        }
        plan
    }

    fn empty(outlook: &Outlook<'_>) -> Self {
        Self {
            groups: Vec::new(),
            members: BTreeMap::new(),
            users: Vec::new(),
            deactivations: Vec::new(),
            forgotten: Vec::new(),
            user_indexes: Indexes::of(NameIndex::Users),
            group_indexes: Indexes::of(NameIndex::Groups),
            sizes: Sizes::default(),
            left: BTreeSet::new(),
            caused_by_tenant: BTreeSet::new(),
            changes: ChangeCounts::default(),
            counts: DirectoryCounts::default(),
            vanished_groups: outlook.reach.vanished().clone(),
            watched_groups: watched(&outlook.reach, &outlook.groups),
        }
    }

    /// True when there is nothing to write.
    pub(super) fn is_empty(&self, outlook: &Outlook<'_>) -> bool {
        let indexes = [&self.user_indexes, &self.group_indexes];
        self.len() == 0 && indexes.iter().all(|indexes| indexes.is_empty()) && self.sizes.differing(outlook).is_empty()
    }

    /// How many records and lists of members it writes; those lists twice that some join and others leave.
    pub(super) fn len(&self) -> usize {
        let writes = |moves: &Moves| usize::from(!moves.joined.is_empty()) + usize::from(!moves.left.is_empty());
        self.members.values().map(writes).sum::<usize>()
            + self.users.len()
            + self.deactivations.len()
            + self.forgotten.len()
            + self.groups.len()
    }

    /// All writes in the order in which they must be made. New entries of lists and indexes come before the users' records that
    /// they lead to, so that nobody is hidden who has been written; old ones go when they lead to nobody any more. So whenever a
    /// run is cut off, lists have too many rather than too few. Users' records come before those of groups, because a run decides
    /// a group's members anew when the group's record shows a change. Of the users, deactivations come last.
    pub(super) fn into_writes<'a>(self, outlook: &'a Outlook<'_>) -> impl Iterator<Item = Write> + use<'a> {
        let (mut joined, mut left) = (Vec::new(), Vec::new());
        for (group, moves) in self.members {
            if !moves.left.is_empty() {
                left.push((List::Members(group.clone()), moves.left));
            }
            if !moves.joined.is_empty() {
                joined.push((List::Members(group), moves.joined));
            }
        }
        let entering = |(list, users)| Write::List(ListChange { add: objects(users), ..ListChange::of(list) });
        let leaving = |(list, users)| Write::List(ListChange { remove: objects(users), ..ListChange::of(list) });
        let (joined, left) = (joined.into_iter().map(entering), left.into_iter().map(leaving));
        let (new_users, old_users) = self.user_indexes.into_writes();
        let (new_groups, old_groups) = self.group_indexes.into_writes();
        let users = self.users.into_iter().chain(self.deactivations);
        let users = users.filter_map(|user| outlook.user(&user).map(Write::User));
        let forgotten = self.forgotten.into_iter().map(Write::ForgetUser);
        let (sizes, as_before) = (self.sizes.differing(outlook), self.left);
        let groups: BTreeSet<GroupId> = self.groups.into_iter().chain(sizes.keys().cloned()).collect();
        let groups = groups.into_iter().filter_map(move |id| {
            let group = if as_before.contains(&id) { outlook.known.groups.get(&id) } else { outlook.groups.get(&id) }?;
            let members = sizes.get(&id).copied().unwrap_or(group.members);
            Some(Write::Group(GroupRecord { members, ..group.clone() }))
        });
        let users = joined.chain(new_users).chain(users).chain(forgotten).chain(left).chain(old_users);
        users.chain(new_groups).chain(groups).chain(old_groups)
    }

    /// Takes entries out of lists that no record confirms.
    pub(super) fn drop_strays(&mut self, strays: BTreeMap<List, BTreeSet<ObjectId>>) {
        for (list, ids) in strays {
            match &list {
                List::Members(group) => self.moves(group).left.extend(ids.into_iter().map(UserId::from)),
                List::Users(_) => self.user_indexes.leave(&list, ids),
                List::Groups(_) => self.group_indexes.leave(&list, ids),
            }
        }
    }

    /// The known users whose activity changes.
    pub(super) fn turned(&self, outlook: &Outlook<'_>) -> impl Iterator<Item = UserId> {
        let turns = |user: &&UserId| {
            let old = outlook.known.users.get(user).filter(|old| old.presence != Presence::Unseen);
            let new = outlook.user(user);
            old.zip(new).is_some_and(|(old, new)| old.decision.is_active() != new.decision.is_active())
        };
        self.users.iter().chain(&self.deactivations).filter(turns).cloned()
    }

    /// Takes these known users out, with all that concerns them, so that the rest can be applied without.
    pub(super) fn keep_users(&mut self, kept: &BTreeSet<UserId>, outlook: &Outlook<'_>) {
        for user in kept {
            let (old, new) = (outlook.known.users.get(user), outlook.user(user));
            self.count_sizes(outlook.known, old, new.as_ref(), -1);
            // What stays as it is counts as it is.
            self.count_sizes(outlook.known, old, old, 1);
            if let Some(new) = &new {
                count_user(&mut self.counts, new, -1);
            }
            if let Some(old) = old {
                count_user(&mut self.counts, old, 1);
            }
            self.caused_by_tenant.remove(user);
        }
        let deactivated = self.deactivations.extract_if(.., |user| kept.contains(user)).count() as u64;
        self.changes.deactivated -= deactivated;
        self.changes.users_changed -= deactivated;
        for user in self.users.extract_if(.., |user| kept.contains(user)) {
            self.changes.users_changed -= 1;
            if outlook.user(&user).is_some_and(|user| user.decision.is_active())
                && outlook.known.users.get(&user).is_some_and(|user| !user.decision.is_active())
            {
                self.changes.activated -= 1;
            }
        }
        self.user_indexes.retain(|id| !kept.contains(&UserId::from(id.clone())));
        for moves in self.members.values_mut() {
            let joined = moves.joined.extract_if(.., |user| kept.contains(user)).count() as u64;
            let left = moves.left.extract_if(.., |user| kept.contains(user)).count() as u64;
            self.changes.memberships_added -= joined;
            self.changes.memberships_removed -= left;
        }
        self.members.retain(|_, moves| !moves.joined.is_empty() || !moves.left.is_empty());
    }

    /// Takes these groups' records out.
    pub(super) fn leave_groups(&mut self, left: &BTreeSet<GroupId>, outlook: &Outlook<'_>) {
        for id in self.groups.extract_if(.., |group| left.contains(group)) {
            let Some(new) = outlook.groups.get(&id) else { continue };
            count_group(&mut self.counts, new, -1);
            if let Some(old) = outlook.known.groups.get(&id) {
                count_group(&mut self.counts, old, 1);
                self.changes.groups_changed -= 1;
                self.changes.memberships_added -= size(new.children.difference(&old.children));
                self.changes.memberships_removed -= size(old.children.difference(&new.children));
            } else {
                self.changes.groups_added -= 1;
                self.changes.memberships_added -= new.children.len() as u64;
            }
            self.group_indexes.retain(|left| left != id.object());
            self.left.insert(id);
        }
        let stays = |id: &GroupId| self.left.contains(id);
        self.watched_groups.retain(|id, _| !stays(id));
        self.watched_groups
            .extend(watched(&outlook.reach_before, &outlook.known.groups).into_iter().filter(|(id, _)| stays(id)));
    }

    fn add_user(&mut self, outlook: &Outlook<'_>, old: Option<&UserRecord>, new: UserRecord) {
        count_user(&mut self.counts, &new, 1);
        if let Some(old) = old.filter(|_| !outlook.known.complete) {
            count_user(&mut self.counts, old, -1);
        }
        self.count_sizes(outlook.known, old, Some(&new), 1);
        let is_new = old != Some(&new);
        if outlook.known.unindexed {
            self.user_indexes.rebuild(old, &new);
        } else if is_new {
            self.user_indexes.add(old, Some(&new));
        }
        if !is_new {
            return;
        }
        self.add_moves(old, &new);
        let changes = ChangeCounts::of_user(old, &new);
        self.changes += changes;
        if changes.deactivated > 0 {
            if old.is_some_and(|old| outlook.is_active_before(old)) {
                self.caused_by_tenant.insert(new.id.clone());
            }
            self.deactivations.push(new.id);
        } else {
            self.users.push(new.id);
        }
    }

    fn add_moves(&mut self, old: Option<&UserRecord>, new: &UserRecord) {
        let none = BTreeSet::new();
        let old = old.map_or(&none, |old| &old.groups);
        for group in new.groups.difference(old) {
            self.moves(group).joined.push(new.id.clone());
        }
        for group in old.difference(&new.groups) {
            self.moves(group).left.push(new.id.clone());
        }
    }

    fn count_sizes(&mut self, known: &Known, old: Option<&UserRecord>, new: Option<&UserRecord>, by: i64) {
        if let Some(new) = new {
            self.sizes.count(new, by, |_| true);
        }
        if let Some(old) = old.filter(|_| !known.complete) {
            // A group may have members before it has a record, in which it has none.
            self.sizes.count(old, -by, |group| known.groups.contains_key(group));
        }
    }

    fn moves(&mut self, group: &GroupId) -> &mut Moves {
        self.members.entry(group.clone()).or_default()
    }

    fn add_group(&mut self, known: &Known, old: Option<&GroupRecord>, new: &GroupRecord) {
        count_group(&mut self.counts, new, 1);
        if let Some(old) = old.filter(|_| !known.complete) {
            count_group(&mut self.counts, old, -1);
        }
        if known.unindexed {
            self.group_indexes.rebuild(old, new);
        } else {
            self.group_indexes.add(old, Some(new));
        }
        if old == Some(new) {
            return;
        }
        self.changes += ChangeCounts::of_group(old, new);
        self.groups.push(new.id.clone());
    }
}

/// The most groups that are watched: each costs a run a request or a few, and the directory's record a line. Beyond it, the
/// next full reading finds what has changed.
pub(super) const MAX_WATCHED: usize = 200;

/// As many of these groups as can be watched: first those whose members are unknown.
pub(super) fn watchable(groups: &BTreeMap<GroupId, Membership>) -> BTreeMap<GroupId, Membership> {
    let (known, unknown): (Vec<_>, Vec<_>) = groups.iter().partition(|(_, membership)| membership.is_known());
    let first = unknown.into_iter().chain(known).take(MAX_WATCHED);
    first.map(|(group, membership)| (group.clone(), *membership)).collect()
}

/// The groups whose members each run reads, since no change may tell of them: those that decide and are hidden or unknown, and
/// those that could not be read although they show their members.
fn watched(reach: &Reach, groups: &BTreeMap<GroupId, GroupRecord>) -> BTreeMap<GroupId, Membership> {
    let in_doubt = |group: &&GroupRecord| {
        let decides = reach.reaches(&group.id) && (group.profile.hides_members() || !group.membership.is_known());
        decides || (group.presence.is_present() && group.membership == UnknownCause::Unreadable.into())
    };
    let watched = groups.values().filter(in_doubt);
    watched.map(|group| (group.id.clone(), group.membership)).collect()
}

fn objects(users: Vec<UserId>) -> BTreeSet<ObjectId> {
    users.iter().map(|user| user.object().clone()).collect()
}

fn size<'a>(groups: impl Iterator<Item = &'a GroupId>) -> u64 {
    groups.count() as u64
}

fn count_user(counts: &mut DirectoryCounts, user: &UserRecord, by: i64) {
    if user.presence == Presence::Unseen {
        return;
    }
    *match &user.decision {
        UserDecision::Active => &mut counts.active,
        UserDecision::Inactive(reason) => inactive(counts, reason),
    } += by;
}

fn inactive<'a>(counts: &'a mut DirectoryCounts, reason: &InactiveReason) -> &'a mut i64 {
    match reason {
        InactiveReason::Deleted => &mut counts.deleted,
        InactiveReason::DisabledInOffice365 => &mut counts.disabled_in_office_365,
        InactiveReason::MemberOfIgnoredGroup { .. } => &mut counts.member_of_ignored_group,
        InactiveReason::NotInAllowedGroup => &mut counts.not_in_allowed_group,
        InactiveReason::MembershipUnknown { .. } => &mut counts.membership_unknown,
    }
}

fn count_group(counts: &mut DirectoryCounts, group: &GroupRecord, by: i64) {
    if !group.presence.is_present() {
        return;
    }
    *match group.decision {
        GroupDecision::Synced => &mut counts.groups_synced,
        GroupDecision::Skipped { reason: SkipReason::GroupSyncOff } => &mut counts.group_sync_off,
        GroupDecision::Skipped { reason: SkipReason::NoEmail } => &mut counts.no_email,
        GroupDecision::Skipped { reason: SkipReason::PrefixNotAllowed } => &mut counts.prefix_not_allowed,
    } += by;
}
