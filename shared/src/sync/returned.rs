//! Users and groups whose memberships are read: those that have come back, or come for the first time, and changed groups whose
//! members were unknown or begin to be hidden.
//!
//! Graph shows a restored object as if it were new. No document says that its memberships show again, or that those it lost
//! while it was deleted show at all. The same holds for an object that was deleted before the first sync.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::changes::NetChanges;
use super::error::{ListKind, RunError};
use super::known::Known;
use super::ledger::{Basis, Ledger};
use super::source::{GroupEvent, MemberChange, SourceError, TenantSource, UserChange};
use super::trail::Trail;
use super::work::Work;
use crate::directory::{
    GroupId, GroupPatch, GroupRecord, Member, MemberKind, Membership, ObjectId, UnknownCause, UserId, UserPatch,
    UserRecord,
};

/// How many objects may come back at once before everything is read instead: about as many requests as the lists of members of
/// a medium-sized tenant take.
pub(super) const MOST: usize = 1_000;
/// How many are read at once. The source has a closer limit of its own.
const AT_ONCE: usize = 16;

/// The objects whose memberships are read, and what is known of them.
#[derive(Debug, Default)]
pub(super) struct Returned {
    users: BTreeSet<UserId>,
    groups: BTreeSet<GroupId>,
    /// Those of the groups that were there all the time.
    stayed: BTreeSet<GroupId>,
    /// Those of the groups that hide their members.
    hidden: BTreeSet<GroupId>,
    /// Who was in the groups.
    members: BTreeMap<GroupId, BTreeSet<UserId>>,
    unread_users: BTreeSet<UserId>,
    /// What is unknown of groups whose members could not be read.
    unread_groups: BTreeMap<GroupId, UnknownCause>,
}

impl Work<'_> {
    /// Finds what has come back in the changes that were read, and loads what is known of it; `None` when it is too much to be
    /// read one by one. The members of `watched` groups are read anyway.
    pub(super) async fn find_returned(
        &self,
        ledger: &Ledger,
        known: &mut Known,
        watched: &[GroupId],
    ) -> Result<Option<Returned>, RunError> {
        let (mut users, mut groups) = (ledger.users_seen(), ledger.groups_seen());
        if users.is_empty() && groups.is_empty() {
            return Ok(Some(Returned::default()));
        }
        let (mirror, directory) = (&self.ports.mirror, self.lease.directory);
        let is_full = matches!(ledger.head.basis, Basis::Full { .. });
        if !is_full && !known.complete {
            let (users, groups) =
                futures::try_join!(mirror.users(directory, &users), mirror.groups(directory, &groups))?;
            known.add_users(users);
            known.add_groups(groups);
        }
        let (mut stayed, hidden) = (BTreeSet::new(), hidden_by(ledger, known));
        if is_full {
            // Of every user who changed while the lists were read it is unknown whether they were there all the time.
            groups.retain(|group| !ledger.has_listed(group));
        } else {
            let (deleted_users, deleted_groups) = (ledger.users_deleted(), ledger.groups_deleted());
            let is_there = |user: &UserId| known.users.get(user).is_some_and(|user| user.presence.is_present());
            users.retain(|user| deleted_users.contains(user) || !is_there(user));
            let there = |group: &GroupId| known.groups.get(group).filter(|group| group.presence.is_present());
            let is_in_doubt = |group: &GroupRecord| {
                let begins_to_hide = hidden.contains(&group.id) && !group.profile.hides_members();
                (begins_to_hide || !group.membership.is_known()) && !watched.contains(&group.id)
            };
            stayed = groups.iter().filter(|group| there(group).is_some_and(is_in_doubt)).cloned().collect();
            let is_back = |group: &GroupId| deleted_groups.contains(group) || there(group).is_none();
            groups.retain(|group| stayed.contains(group) || is_back(group));
            if users.len() + groups.len() > MOST {
                return Ok(None);
            }
            // What shows without any change may have been away between two runs. Graph also repeats objects for no reason.
            let same_users = unchanged_users(ledger, known);
            let same_groups = unchanged_groups(ledger, known, watched);
            if users.len() + groups.len() + same_users.len() + same_groups.len() <= MOST {
                users.extend(same_users);
                groups.extend(same_groups);
            }
        }
        // Also of groups without a record: users may have come back as members of one before it was read.
        let mut members = self.members_of(groups.iter().cloned()).await?;
        members.retain(|group, members| known.groups.contains_key(group) || !members.is_empty());
        let mut returned = Returned { users, groups, stayed, hidden, members, ..Returned::default() };
        if !known.complete {
            self.load_around(&returned, known).await?;
        }
        // Lists may have others than the records say.
        let is_in = |user: &UserId, group| known.users.get(user).is_some_and(|user| user.groups.contains(group));
        for (group, members) in &mut returned.members {
            members.retain(|user| is_in(user, group));
        }
        Ok(Some(returned))
    }

    /// Loads the members and the groups that memberships may have been lost of.
    async fn load_around(&self, returned: &Returned, known: &mut Known) -> Result<(), RunError> {
        let (mirror, directory) = (&self.ports.mirror, self.lease.directory);
        let members: BTreeSet<UserId> = returned.members.values().flatten().cloned().collect();
        if !members.is_empty() {
            known.add_users(mirror.users(directory, &members).await?);
        }
        if returned.members.is_empty() {
            let of_users = returned.users.iter().filter_map(|user| known.users.get(user)).flat_map(|user| &user.groups);
            let groups: BTreeSet<GroupId> =
                of_users.filter(|group| !known.groups.contains_key(*group)).cloned().collect();
            if !groups.is_empty() {
                known.add_groups(mirror.groups(directory, &groups).await?);
            }
        } else {
            // Which groups a group is nested in is kept with those.
            known.add_groups(mirror.all_groups(directory).await?);
        }
        Ok(())
    }
}

/// The groups that hide their members once the changes are in.
fn hidden_by(ledger: &Ledger, known: &Known) -> BTreeSet<GroupId> {
    let mut patches: BTreeMap<GroupId, GroupPatch> = BTreeMap::new();
    let said = ledger.group_changes.map(|change| match &change.what {
        GroupEvent::Seen(patch) => {
            let patch = GroupPatch { visibility: patch.visibility.clone(), ..GroupPatch::default() };
            Some((change.id.clone(), patch))
        }
        GroupEvent::Removed(_) => None,
    });
    for (group, patch) in said.into_iter().flatten() {
        patches.entry(group).or_default().merge(patch);
    }
    let hides = |(group, patch): (GroupId, GroupPatch)| known.hides_members(&group, &patch).then_some(group);
    patches.into_iter().filter_map(hides).collect()
}

/// The users that the changes show exactly as they are known.
fn unchanged_users(ledger: &Ledger, known: &Known) -> BTreeSet<UserId> {
    let is_known = |id: &UserId, patch: &UserPatch| {
        let is_same = |user: &UserRecord| user.presence.is_present() && patch.agrees_with(&user.profile);
        known.users.get(id).is_some_and(is_same)
    };
    let shown = ledger.user_changes.map(|change| match change {
        UserChange::Seen(id, patch) if is_known(id, patch) => Some(id.clone()),
        _ => None,
    });
    let seen = ledger.users_seen();
    shown.into_iter().flatten().filter(|user| seen.contains(user)).collect()
}

/// The groups that the changes show exactly as they are known, whose members are known and which are not read anyway.
fn unchanged_groups(ledger: &Ledger, known: &Known, watched: &[GroupId]) -> BTreeSet<GroupId> {
    let is_known = |id: &GroupId, patch: &GroupPatch| {
        let is_same = |group: &GroupRecord| {
            let shows_members = group.membership.is_known() && !group.profile.hides_members();
            group.presence.is_present() && shows_members && patch.agrees_with(&group.profile)
        };
        known.groups.get(id).is_some_and(is_same) && !watched.contains(id)
    };
    let said = ledger.group_changes.map(|change| {
        let is_same = matches!(&change.what, GroupEvent::Seen(patch) if is_known(&change.id, patch));
        (change.id.clone(), is_same && change.members.is_empty())
    });
    let changed: BTreeSet<GroupId> =
        said.iter().filter(|(_, is_same)| !is_same).map(|(group, _)| group.clone()).collect();
    said.into_iter().map(|(group, _)| group).filter(|group| !changed.contains(group)).collect()
}

impl Returned {
    /// Reads the memberships into the ledger, as far as it does not have them. What one object's answers leave unknown is noted.
    pub(super) async fn read(&mut self, source: &dyn TenantSource, ledger: &Ledger) -> Result<(), SourceError> {
        let users = stream::iter(self.users.iter().cloned())
            .map(|user| async move {
                let is_read = known_or_error(read_user(source, ledger, &user).await)?;
                Ok::<_, SourceError>((user, is_read))
            })
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<(UserId, bool)>>();
        let groups = stream::iter(self.groups.iter().cloned())
            .map(|group| async move {
                let read = read_group(source, ledger, &group).await;
                // What an account may not see is refused, or comes empty.
                let is_refused = matches!(&read, Err(SourceError::Withheld | SourceError::Rejected(_)));
                let is_read = known_or_error(read)?;
                Ok::<_, SourceError>((group, is_read, is_refused))
            })
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<(GroupId, bool, bool)>>();
        let (users, groups) = futures::try_join!(users, groups)?;
        self.unread_users = users.into_iter().filter(|(_, is_read)| !is_read).map(|(user, _)| user).collect();
        for (group, _, is_refused) in groups.into_iter().filter(|(_, is_read, _)| !is_read) {
            let is_hidden = is_refused && self.hidden.contains(&group);
            let cause = if is_hidden { UnknownCause::Hidden } else { UnknownCause::Unreadable };
            self.unread_groups.insert(group, cause);
        }
        Ok(())
    }

    /// Says what was read, before the changes say theirs: those are older or newer, and what they leave out is what this is for.
    /// `silent` tells what is known of the [silent groups](Self::silent_groups).
    pub(super) fn say(
        &self,
        ledger: &Ledger,
        known: &Known,
        silent: &BTreeMap<GroupId, Membership>,
        net: &mut NetChanges,
    ) {
        for user in self.users.difference(&self.unread_users) {
            say_user(user, ledger, known, net);
        }
        for group in self.read_groups() {
            match silent.get(group) {
                Some(Membership::Unknown { cause }) => drop(net.membership.insert(group.clone(), (*cause).into())),
                None | Some(Membership::Known) => self.say_members(group, ledger, known, net),
            }
            say_parents(group, ledger, known, net);
        }
        for group in &self.stayed {
            if let Some(cause) = self.unread_groups.get(group) {
                net.membership.insert(group.clone(), (*cause).into());
            }
        }
    }

    /// Groups that hide their members and have shown none.
    pub(super) fn silent_groups(&self, ledger: &Ledger) -> BTreeSet<GroupId> {
        let is_silent = |group: &GroupId| self.hidden.contains(group) && ledger.members(group).objects() == 0;
        self.read_groups().filter(|group| is_silent(group)).cloned().collect()
    }

    fn read_groups(&self) -> impl Iterator<Item = &GroupId> {
        self.groups.iter().filter(|group| !self.unread_groups.contains_key(*group))
    }

    fn say_members(&self, group: &GroupId, ledger: &Ledger, known: &Known, net: &mut NetChanges) {
        let (no_users, no_groups) = (BTreeSet::new(), BTreeSet::new());
        let before = self.members.get(group).unwrap_or(&no_users);
        let children_before = known.groups.get(group).map_or(&no_groups, |group| &group.children);
        let (mut users, mut children) = (BTreeSet::new(), BTreeSet::new());
        let listed = ledger.members(group);
        for member in listed.map(Clone::clone) {
            // What was a user or group is still one, whatever the name of its type. Of others the changes may say what they are.
            let kind = match member.kind {
                MemberKind::Unknown(_) if known.has_user(&UserId::from(member.id.clone())) => MemberKind::User,
                MemberKind::Unknown(_) if known.has_group(&GroupId::from(member.id.clone())) => MemberKind::Group,
                kind => kind,
            };
            match kind {
                MemberKind::User => drop(users.insert(UserId::from(member.id))),
                MemberKind::Group => drop(children.insert(GroupId::from(member.id))),
                kind => net.add_member(group, MemberChange { id: member.id, kind, removed: false }),
            }
        }
        for user in users.difference(before) {
            net.memberships.set(user.clone(), group, true);
        }
        for child in children.difference(children_before) {
            net.set_nesting(group.clone(), child.clone(), true);
        }
        if listed.unread() > 0 {
            // What could not be understood may be any of those who are not listed.
            net.membership.insert(group.clone(), UnknownCause::Unreadable.into());
            return;
        }
        if self.hidden.contains(group) || known.groups.get(group).is_some_and(|group| !group.membership.is_known()) {
            net.membership.insert(group.clone(), Membership::Known);
        }
        // Deleted members are not listed and keep their memberships.
        let is_there = |user: &&UserId| known.users.get(user).is_some_and(|user| user.presence.is_present());
        for user in before.difference(&users).filter(is_there) {
            net.memberships.set(user.clone(), group, false);
        }
        let is_there = |child: &&GroupId| known.groups.get(*child).is_some_and(|child| child.presence.is_present());
        for child in children_before.difference(&children).filter(is_there) {
            net.set_nesting(group.clone(), child.clone(), false);
        }
    }

    /// Takes back what was said of objects whose memberships are unknown: they stay as they were. Names them.
    pub(super) fn leave_unread(&self, net: &mut NetChanges) -> Vec<String> {
        let mut gaps = Vec::new();
        for user in &self.unread_users {
            net.users.remove(user);
            gaps.push(format!("the memberships of user {user} could not be read; the user stays as it was"));
        }
        for group in self.unread_groups.keys().filter(|group| !self.stayed.contains(*group)) {
            net.groups.remove(group);
            gaps.push(format!("the members of group {group}, which is back, could not be read; it stays as it was"));
        }
        gaps
    }
}

fn say_user(user: &UserId, ledger: &Ledger, known: &Known, net: &mut NetChanges) {
    let none = BTreeSet::new();
    let before = known.users.get(user).map_or(&none, |user| &user.groups);
    let now: BTreeSet<GroupId> = ledger.groups_of_user(user).map(Clone::clone).into_iter().collect();
    // Whatever lists have said before, this was read later.
    let said: BTreeSet<GroupId> = net.memberships.of(user).map(|(group, _)| group.clone()).collect();
    for group in &said {
        net.memberships.forget(user, group);
    }
    for group in before.union(&now) {
        let is_in = now.contains(group);
        if is_in != before.contains(group) && (is_in || shows_members(known, net, group)) {
            net.memberships.set(user.clone(), group, is_in);
        }
    }
}

fn say_parents(group: &GroupId, ledger: &Ledger, known: &Known, net: &mut NetChanges) {
    let now: BTreeSet<GroupId> = ledger.groups_of_group(group).map(Clone::clone).into_iter().collect();
    let has = |parent: &GroupRecord| parent.children.contains(group);
    for parent in now.iter().filter(|parent| !known.groups.get(*parent).is_some_and(has)) {
        net.set_nesting(parent.clone(), group.clone(), true);
    }
    for (parent, _) in known.groups.iter().filter(|(parent, record)| has(record) && !now.contains(*parent)) {
        if shows_members(known, net, parent) {
            net.set_nesting(parent.clone(), group.clone(), false);
        }
    }
}

/// Whether a membership of a group that is not listed any more is over: neither deleted nor hidden groups are listed.
fn shows_members(known: &Known, net: &NetChanges, group: &GroupId) -> bool {
    let is_there = known.groups.get(group).is_some_and(|group| group.presence.is_present());
    is_there && net.groups.get(group).is_none_or(|change| change.removed.is_none()) && !is_hidden(known, net, group)
}

fn is_hidden(known: &Known, net: &NetChanges, group: &GroupId) -> bool {
    let hides = known.groups.get(group).is_some_and(|group| group.profile.hides_members());
    hides || net.groups.get(group).is_some_and(|change| change.patch.hides_members())
}

/// True when it was read, false when it remains unknown: one object's trouble stops nobody.
fn known_or_error(read: Result<bool, SourceError>) -> Result<bool, SourceError> {
    match read {
        Err(SourceError::NotFound | SourceError::Withheld | SourceError::Incomplete(_) | SourceError::Rejected(_)) => {
            Ok(false)
        }
        other => other,
    }
}

/// Reads the groups of a user, which must be as many as the tenant counts.
async fn read_user(source: &dyn TenantSource, ledger: &Ledger, user: &UserId) -> Result<bool, SourceError> {
    let groups = ledger.groups_of_user(user);
    source.groups_of_user(user, &groups).await?;
    Ok(has_all_groups(&groups, source.count_groups_of_user(user).await?))
}

/// Reads the members of a group, and the groups it is in, which must be as many as the tenant counts.
async fn read_group(source: &dyn TenantSource, ledger: &Ledger, group: &GroupId) -> Result<bool, SourceError> {
    let (members, groups) = (ledger.members(group), ledger.groups_of_group(group));
    futures::try_join!(source.members(group, &members), source.groups_of_group(group, &groups))?;
    Ok(has_all_members(source, group, &members).await?
        && has_all_groups(&groups, source.count_groups_of_group(group).await?))
}

/// Whether a list of the groups that an object is in has as many as the tenant counts, where it does.
fn has_all_groups(listed: &Trail<GroupId>, counted: Option<u64>) -> bool {
    // Graph repeats objects at times.
    let listed: BTreeSet<GroupId> = listed.map(Clone::clone).into_iter().collect();
    counted.is_none_or(|counted| counted <= listed.len() as u64)
}

/// Whether a list of members has as many as the tenant counts.
async fn has_all_members(
    source: &dyn TenantSource,
    group: &GroupId,
    members: &Trail<Member>,
) -> Result<bool, SourceError> {
    let unread = members.unread();
    // Graph repeats objects at times.
    let members: BTreeMap<ObjectId, MemberKind> =
        members.map(|member| (member.id.clone(), member.kind.clone())).into_iter().collect();
    let of_kind = |kind: MemberKind| members.values().filter(|is| **is == kind || is.is_unknown()).count();
    let listed = [
        (None, members.len()),
        (Some(ListKind::Users), of_kind(MemberKind::User)),
        (Some(ListKind::Groups), of_kind(MemberKind::Group)),
    ];
    for (list, listed) in listed {
        let listed = (listed + unread) as u64;
        let Some(counted) = source.member_count(group, list).await? else { continue };
        if list.is_none() && counted == 0 && listed == 0 {
            return Ok(true);
        }
        if counted > listed && (list.is_some() || lacks_unknown_kinds(source, group, &members).await?) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a list lacks members of unknown kinds that the index has. The counters of users and groups leave them out, and that of
/// all may count what lists leave out.
async fn lacks_unknown_kinds(
    source: &dyn TenantSource,
    group: &GroupId,
    listed: &BTreeMap<ObjectId, MemberKind>,
) -> Result<bool, SourceError> {
    let indexed = source.indexed_members(group).await?;
    Ok(indexed.iter().any(|(id, kind)| kind.is_unknown() && !listed.contains_key(id)))
}
