//! A second look at what is not there.
//!
//! Microsoft has answered 200 with lists that were empty or ended early. Nothing in such an answer shows it, so lists are
//! compared with the tenant's own counters, and what is missing is asked for by its id, before it is taken for gone.
//!
//! The counters come from an index that lags behind a little: right after a deletion they count too many. So a list that has
//! fewer objects than its counter is compared with the same list of that index. What only the index has is asked for
//! by its id, and members for the groups that they are in.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::changes::{Net, NetChanges};
use super::error::{ListKind, RunError};
use super::known::Known;
use super::ledger::Ledger;
use super::read::{GROUPS_AT_ONCE, is_outage};
use super::reconcile::Reconciliation;
use super::source::{Counted, SourceError, TenantSource, UnreadObject};
use super::trail::Trail;
use crate::directory::{GroupId, Member, MemberKind, Membership, ObjectId, UnknownCause};
use crate::filter::Policy;

/// The number of missing objects of a kind that are asked for. When more are missing, those asked for are spread evenly among them.
const ASKED_FOR: usize = 200;
/// How many are asked for at once.
const AT_ONCE: usize = 8;

/// Rejects an empty list of users that the tenant's own counter does not confirm.
pub(super) fn users_listed(ledger: &Ledger, known: &Known, counted: Counted) -> Result<(), RunError> {
    let users = known.users.iter().filter(|user| user.presence.is_present()).count();
    // Whoever authorized us is a user.
    not_nothing(ListKind::Users, ledger.users.objects(), users, counted.users.or(Some(1)))
}

/// Rejects an empty list of groups that the tenant's own counter does not confirm.
pub(super) fn groups_listed(ledger: &Ledger, known: &Known, counted: Counted) -> Result<(), RunError> {
    let groups = known.groups.values().filter(|group| group.presence.is_present()).count();
    not_nothing(ListKind::Groups, ledger.groups.objects(), groups, counted.groups)
}

/// An empty list is believed only with a counter that says so; even then it is the safety limit's to judge.
fn not_nothing(list: ListKind, listed: usize, known: usize, counted: Option<u64>) -> Result<(), RunError> {
    match counted {
        _ if listed > 0 => Ok(()),
        Some(0) => Ok(()),
        None if known == 0 => Ok(()),
        _ => Err(RunError::NothingListed { list, known: known as u64 }),
    }
}

/// What a list of users or groups had.
pub(super) struct Seen<'a> {
    list: ListKind,
    /// The number of different ids.
    listed: usize,
    /// The number of objects without a usable id.
    nameless: usize,
    has: Box<dyn Fn(&ObjectId) -> bool + Send + Sync + 'a>,
}

impl<'a> Seen<'a> {
    pub(super) fn new(
        list: ListKind,
        listed: usize,
        unread: &'a [UnreadObject],
        has: impl Fn(&ObjectId) -> bool + Send + Sync + 'a,
    ) -> Self {
        let nameless = unread.iter().filter(|object| object.id.is_none()).count();
        let is_unread = |id: &ObjectId| unread.iter().any(|object| object.id.as_ref() == Some(id));
        let listed = listed + unread.len() - nameless;
        Self { list, listed, nameless, has: Box::new(move |id| has(id) || is_unread(id)) }
    }
}

/// Rejects a list that lacks objects that exist. `changed` are those that the changes since name, which need not be in it.
pub(super) async fn complete(
    source: &dyn TenantSource,
    seen: Seen<'_>,
    counted: Option<u64>,
    changed: &BTreeSet<ObjectId>,
) -> Result<(), RunError> {
    let Seen { list, listed, nameless, has } = seen;
    let listed_as = (listed + nameless) as u64;
    let Some(counted) = counted.filter(|counted| *counted > listed_as) else { return Ok(()) };
    let cut_short = RunError::ListCutShort { list, listed: listed_as, counted };
    let index = match source.indexed(list).await {
        Ok(index) => index,
        Err(SourceError::Incomplete(_) | SourceError::NotFound | SourceError::Withheld | SourceError::Rejected(_)) => {
            return Err(cut_short);
        }
        Err(error) => return Err(error.into()),
    };
    let missing = index.into_iter().filter(|id| !has(id) && !changed.contains(id)).collect();
    let there = exist(source, list, missing).await?;
    // Objects whose ids could not be read are listed all the same.
    if there.len() > nameless { Err(cut_short) } else { Ok(()) }
}

/// Returns those of these objects that exist, of those that are asked for.
async fn exist(source: &dyn TenantSource, list: ListKind, ids: Vec<ObjectId>) -> Result<Vec<ObjectId>, SourceError> {
    let exist: Vec<Option<ObjectId>> = stream::iter(spread(ids))
        .map(|id| async move {
            let exists = match list {
                ListKind::Users => source.user_exists(&id.clone().into()).await?,
                ListKind::Groups => source.group_exists(&id.clone().into()).await?,
            };
            Ok::<_, SourceError>(exists.then_some(id))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(exist.into_iter().flatten().collect())
}

/// Asks for the users and groups that were not listed any more. One that is there all the same, and has not come back since,
/// shows that the list was not complete.
pub(super) async fn removed_objects(
    source: &dyn TenantSource,
    net: &NetChanges,
    changed: &BTreeSet<ObjectId>,
) -> Result<(), RunError> {
    let users = removed(&net.users).map(|user| user.object().clone());
    let groups = removed(&net.groups).map(|group| group.object().clone());
    for (list, ids) in [(ListKind::Users, users.collect()), (ListKind::Groups, groups.collect::<Vec<_>>())] {
        let ids = Vec::into_iter(ids).filter(|id| !changed.contains(id)).collect();
        if !exist(source, list, ids).await?.is_empty() {
            return Err(RunError::ListLacks { list });
        }
    }
    Ok(())
}

fn removed<Id, P>(changes: &BTreeMap<Id, Net<P>>) -> impl Iterator<Item = &Id> {
    changes.iter().filter(|(_, change)| change.removed.is_some()).map(|(id, _)| id)
}

fn spread<T>(all: Vec<T>) -> Vec<T> {
    let step = all.len().div_ceil(ASKED_FOR).max(1);
    all.into_iter().step_by(step).collect()
}

/// What is known of the members of these groups, which hide them and list none: the list and its counters are believed only
/// where hidden members would be shown.
pub(super) async fn hidden_memberships(
    source: &dyn TenantSource,
    groups: BTreeSet<GroupId>,
) -> Result<BTreeMap<GroupId, Membership>, SourceError> {
    if groups.is_empty() {
        return Ok(BTreeMap::new());
    }
    if !source.sees_hidden_members().await? {
        return Ok(groups.into_iter().map(|group| (group, UnknownCause::Hidden.into())).collect());
    }
    stream::iter(groups)
        .map(|group| async move {
            let counted = source.member_count(&group, Some(ListKind::Users)).await?;
            let membership = if counted == Some(0) { Membership::Known } else { UnknownCause::Unreadable.into() };
            Ok((group, membership))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

/// What is wrong with a list of members.
#[derive(Debug)]
pub(super) enum Correction {
    /// The list is not to be believed, and another one could not be had.
    Unknown,
    /// The list lacks members.
    Lacks {
        /// Those that it had when it was read again, or whose own lists of groups have it.
        found: Vec<Member>,
        /// Those that only the index has: they have left a moment ago, or every list was cut short.
        doubtful: Vec<Member>,
    },
}

/// A list of members to be compared with its counters.
struct MemberList {
    group: GroupId,
    ids: BTreeSet<ObjectId>,
    /// How many of what are in it; of all for `None`, which comes first.
    listed: Vec<(Option<ListKind>, u64)>,
    /// Whether something speaks against it, even if the tenant does not count.
    is_suspect: bool,
}

/// Compares lists of members with their counters, and says what is wrong with them. Compared are the lists of all groups that
/// decide about users, lists that known members would leave by, and lists that look cut short: those of several pages, and those
/// whose last page is empty.
pub(super) async fn members(
    source: &dyn TenantSource,
    ledger: &Ledger,
    reconciliation: &Reconciliation<'_>,
    policy: &Policy,
    groups: &BTreeSet<GroupId>,
) -> Result<BTreeMap<GroupId, Correction>, SourceError> {
    let mut corrections = BTreeMap::new();
    let mut unavailable = 0;
    let mut decisive = decisive(policy, ledger, reconciliation, &corrections);
    let mut lists: Vec<MemberList> = groups
        .iter()
        .filter_map(|group| MemberList::to_compare(group, ledger, reconciliation, policy, decisive.contains(group)))
        .collect();
    while !lists.is_empty() {
        let mut checks = stream::iter(lists)
            .map(|list| async move {
                let outcome = list.compare(source, reconciliation).await;
                (list.group, outcome)
            })
            .buffer_unordered(GROUPS_AT_ONCE);
        while let Some((group, outcome)) = checks.next().await {
            match outcome {
                Ok(None) | Err(SourceError::NotFound) => {}
                Ok(Some(correction)) => {
                    corrections.insert(group, correction);
                }
                Err(error @ SourceError::Unavailable(_)) => {
                    unavailable += 1;
                    if is_outage(unavailable, groups.len()) {
                        return Err(error);
                    }
                    corrections.insert(group, Correction::Unknown);
                }
                Err(SourceError::Withheld | SourceError::Incomplete(_) | SourceError::Rejected(_)) => {
                    corrections.insert(group, Correction::Unknown);
                }
                Err(error) => return Err(error),
            }
        }
        // What was found may be groups that decide as well.
        let all = self::decisive(policy, ledger, reconciliation, &corrections);
        lists = all
            .difference(&decisive)
            .filter(|group| groups.contains(*group) && !corrections.contains_key(*group))
            .filter_map(|group| MemberList::to_compare(group, ledger, reconciliation, policy, true))
            .collect();
        decisive = all;
    }
    Ok(corrections)
}

/// The groups whose members the settings decide about.
fn decisive(
    policy: &Policy,
    ledger: &Ledger,
    reconciliation: &Reconciliation<'_>,
    corrections: &BTreeMap<GroupId, Correction>,
) -> BTreeSet<GroupId> {
    let mut open: Vec<GroupId> = policy.listed_groups().cloned().collect();
    let mut reached = BTreeSet::new();
    while let Some(group) = open.pop() {
        if !reached.insert(group.clone()) || !policy.nested_groups() {
            continue;
        }
        let is_group = |member: &Member| reconciliation.kind_of(&member.id, member.kind.clone()) == MemberKind::Group;
        let listed = ledger.members(&group).map(|member| is_group(member).then(|| member.id.clone()));
        open.extend(listed.into_iter().flatten().map(GroupId::from));
        open.extend(reconciliation.children_of(&group).iter().cloned());
        if let Some(Correction::Lacks { found, .. }) = corrections.get(&group) {
            open.extend(found.iter().filter(|member| is_group(member)).map(|member| member.id.clone().into()));
        }
    }
    reached
}

impl MemberList {
    /// The list of a group, if there is a reason to compare it.
    fn to_compare(
        group: &GroupId,
        ledger: &Ledger,
        reconciliation: &Reconciliation<'_>,
        policy: &Policy,
        is_decisive: bool,
    ) -> Option<Self> {
        let trail = ledger.members(group);
        let looks_cut = trail.looks_cut();
        if !is_decisive && !looks_cut && !reconciliation.has_members(group) {
            return None;
        }
        let members = trail.listing();
        if reconciliation.is_hidden(group, &members) {
            return None;
        }
        let (lost_users, lost_groups) = reconciliation.lost(group, &members);
        let mut ids: [BTreeSet<&ObjectId>; 2] = Default::default();
        let [users, groups] = &mut ids;
        for member in &members.objects {
            match reconciliation.kind_of(&member.id, member.kind.clone()) {
                MemberKind::User => _ = users.insert(&member.id),
                MemberKind::Group => _ = groups.insert(&member.id),
                _ => {}
            }
        }
        let ids: BTreeSet<ObjectId> = members.objects.iter().map(|member| member.id.clone()).collect();
        // Those that could not be read are taken for any kind.
        let number = |of: usize| (of + members.unread.len()) as u64;
        let mut listed = Vec::new();
        // The counters of users and groups leave out members of unknown kinds.
        if is_decisive || looks_cut || lost_users.iter().any(|user| reconciliation.is_unseen(user)) {
            listed.push((None, number(ids.len())));
        }
        if is_decisive || looks_cut || !lost_users.is_empty() {
            listed.push((Some(ListKind::Users), number(users.len())));
        }
        if (is_decisive && policy.nested_groups()) || looks_cut || !lost_groups.is_empty() {
            listed.push((Some(ListKind::Groups), number(groups.len())));
        }
        let is_suspect = trail.ends_empty() || !lost_users.is_empty() || !lost_groups.is_empty();
        (!listed.is_empty()).then(|| Self { group: group.clone(), ids, listed, is_suspect })
    }

    /// Compares it with its counters, and where it has less, with the index behind them and with itself, read again.
    async fn compare(
        &self,
        source: &dyn TenantSource,
        reconciliation: &Reconciliation<'_>,
    ) -> Result<Option<Correction>, SourceError> {
        let mut lacking = BTreeMap::new();
        let mut is_uncounted = false;
        for (of, listed) in &self.listed {
            match source.member_count(&self.group, *of).await? {
                Some(0) if of.is_none() && *listed == 0 => return Ok(None),
                Some(counted) if counted > *listed => {
                    lacking = self.lacking(source, reconciliation).await?;
                    break;
                }
                Some(_) => {}
                None => is_uncounted = true,
            }
        }
        if lacking.is_empty() && !(is_uncounted && self.is_suspect) {
            return Ok(None);
        }
        let again = Trail::default();
        source.members(&self.group, &again).await?;
        let mut found: Vec<Member> =
            again.take().objects.into_iter().filter(|member| !self.ids.contains(&member.id)).collect();
        for member in &found {
            lacking.remove(&member.id);
        }
        let mut doubtful = Vec::new();
        for of in [ListKind::Users, ListKind::Groups] {
            // What was deleted may stay in the index for longer than in the list.
            let kind = kind_of(of);
            let ids: Vec<ObjectId> = lacking.extract_if(.., |_, of| *of == kind).map(|(id, _)| id).collect();
            if ids.len() > ASKED_FOR {
                doubtful.extend(ids.into_iter().map(|id| Member { id, kind: kind.clone() }));
                continue;
            }
            for id in exist(source, of, ids).await? {
                let is_member = self.is_member(source, of, &id).await?;
                let member = Member { id, kind: kind.clone() };
                match is_member {
                    Some(true) => found.push(member),
                    Some(false) => {}
                    None => doubtful.push(member),
                }
            }
        }
        if !lacking.is_empty() {
            // Those of unknown kinds cannot be asked for the groups that they are in.
            return Ok(Some(Correction::Unknown));
        }
        Ok((!found.is_empty() || !doubtful.is_empty()).then_some(Correction::Lacks { found, doubtful }))
    }

    /// The users, groups and objects of unknown kinds that only the index has.
    async fn lacking(
        &self,
        source: &dyn TenantSource,
        reconciliation: &Reconciliation<'_>,
    ) -> Result<BTreeMap<ObjectId, MemberKind>, SourceError> {
        let mut members = source.indexed_members(&self.group).await?;
        members.retain(|id, kind| {
            *kind = reconciliation.kind_of(id, kind.clone());
            !self.ids.contains(id) && (matches!(kind, MemberKind::User | MemberKind::Group) || kind.is_unknown())
        });
        Ok(members)
    }

    /// Returns whether an object is in the group by its own list of groups; `None` when that is in doubt as well.
    async fn is_member(
        &self,
        source: &dyn TenantSource,
        of: ListKind,
        id: &ObjectId,
    ) -> Result<Option<bool>, SourceError> {
        let trail = Trail::default();
        let read = match of {
            ListKind::Users => source.groups_of_user(&id.clone().into(), &trail).await,
            ListKind::Groups => source.groups_of_group(&id.clone().into(), &trail).await,
        };
        match read {
            Ok(()) if trail.map(|group| *group == self.group).contains(&true) => Ok(Some(true)),
            // Of two lists that look cut short, neither shows anything.
            Ok(()) => Ok((!trail.ends_empty() || !self.is_suspect).then_some(false)),
            Err(
                SourceError::NotFound | SourceError::Withheld | SourceError::Incomplete(_) | SourceError::Rejected(_),
            ) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn kind_of(list: ListKind) -> MemberKind {
    match list {
        ListKind::Users => MemberKind::User,
        ListKind::Groups => MemberKind::Group,
    }
}
