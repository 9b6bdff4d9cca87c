//! Reading the tenant into a ledger, and what the ledger says in all.

use std::collections::BTreeSet;

use futures::{StreamExt as _, stream};

use super::addresses::Addresses;
use super::changes::NetChanges;
use super::error::RunError;
use super::known::Known;
use super::ledger::Ledger;
use super::progress::{Progress, ProgressSink};
use super::reconcile::Reconciliation;
use super::returned::Returned;
use super::source::{Counted, DeltaLinks, Listing, SourceError, TenantSource, UnreadObject};
use super::trail::{Next, ReadPage};
use super::verify::{self, Correction};
use crate::directory::{GroupId, Membership, UnknownCause};
use crate::filter::Policy;
use crate::telemetry::chain;

/// How many groups' members are asked for at once. The source has a closer limit of its own.
pub(super) const GROUPS_AT_ONCE: usize = 32;
/// Unreadable groups tolerated before the run fails as an outage: at least these, or 1 %.
const UNAVAILABLE_GROUPS: usize = 3;

/// Whether as many groups of a tenant are out of reach that it is an outage.
pub(super) fn is_outage(unavailable: usize, of: usize) -> bool {
    // A tenant of one group has nothing to show that others can be read.
    unavailable > UNAVAILABLE_GROUPS.max(of / 100) || unavailable == of
}

/// What a reading brought.
pub(super) struct Reading {
    /// What must have changed.
    pub(super) net: NetChanges,
    /// Where the next run continues.
    pub(super) links: DeltaLinks,
    /// What could not be read, in words.
    pub(super) gaps: Vec<String>,
    /// Groups whose members could not be read.
    pub(super) unread_groups: Vec<GroupId>,
    /// True when the tenant has no users at all.
    pub(super) emptied: bool,
    /// Groups whose members were compared with their counters, or turned out to be gone or unknown.
    pub(super) compared: BTreeSet<GroupId>,
}

impl Reading {
    /// Nothing was read.
    pub(super) fn nothing(links: DeltaLinks) -> Self {
        let (net, compared) = (NetChanges::default(), BTreeSet::new());
        Self { net, links, gaps: Vec::new(), unread_groups: Vec::new(), emptied: false, compared }
    }
}

/// Reads what has changed since the links. Costs what the changes cost, whatever the size of the tenant.
pub(super) async fn changes(source: &dyn TenantSource, ledger: &Ledger) -> Result<(), SourceError> {
    let links = ledger.head.basis.links();
    futures::try_join!(
        source.user_changes(&links.users, &ledger.user_changes),
        source.group_changes(&links.groups, &ledger.group_changes),
    )?;
    Ok(())
}

/// Reads the members of some groups. Returns those whose members Graph does not give, or not now. Of a group that has gone nothing
/// is read, and nothing is concluded.
pub(super) async fn watched(
    source: &dyn TenantSource,
    ledger: &Ledger,
    groups: Vec<GroupId>,
) -> Result<Vec<GroupId>, SourceError> {
    let mut reads = stream::iter(groups)
        .map(|id| async move {
            let read = source.members(&id, &ledger.members(&id)).await;
            (id, read)
        })
        .buffer_unordered(GROUPS_AT_ONCE);
    let mut unread = Vec::new();
    while let Some((group, read)) = reads.next().await {
        match read {
            Ok(()) | Err(SourceError::NotFound) => {}
            Err(
                SourceError::Unavailable(_)
                | SourceError::Withheld
                | SourceError::Incomplete(_)
                | SourceError::Rejected(_),
            ) => unread.push(group),
            Err(error) => return Err(error),
        }
    }
    Ok(unread)
}

/// What a full reading begins with. The links come before the lists, so that whatever changes while the lists are read
/// is in the changes that follow them.
pub(super) async fn start(source: &dyn TenantSource) -> Result<(DeltaLinks, Counted), SourceError> {
    futures::try_join!(source.latest_links(), source.counts())
}

/// Reads everything that the ledger does not have yet, but for what has changed meanwhile. Returns the groups whose
/// members could not be read.
pub(super) async fn everything(
    source: &dyn TenantSource,
    ledger: &Ledger,
    known: &Known,
    counted: Counted,
    progress: &dyn ProgressSink,
) -> Result<Vec<GroupId>, RunError> {
    progress.report(Progress::ReadingLists);
    let users = async {
        source.users(&ledger.users).await?;
        verify::users_listed(ledger, known, counted)
    };
    // A list that is empty and not to be believed ends all of it at once.
    let groups = async {
        source.groups(&ledger.groups).await?;
        verify::groups_listed(ledger, known, counted)?;
        Ok(all_members(source, ledger, progress).await?)
    };
    let ((), unread) = futures::try_join!(users, groups)?;
    Ok(unread)
}

async fn all_members(
    source: &dyn TenantSource,
    ledger: &Ledger,
    progress: &dyn ProgressSink,
) -> Result<Vec<GroupId>, SourceError> {
    // Graph repeats objects at times.
    let groups: BTreeSet<GroupId> = ledger.groups.map(|(id, _)| id.clone()).into_iter().collect();
    let of = groups.len();
    let mut unread = Vec::new();
    let (mut done, mut unavailable) = (0, 0);
    progress.report(Progress::ReadingMembers { users: ledger.users.objects(), done, groups: of });
    let mut reads = stream::iter(groups)
        .map(|id| async move {
            let read = source.members(&id, &ledger.members(&id)).await;
            (id, read)
        })
        .buffer_unordered(GROUPS_AT_ONCE);
    while let Some((group, read)) = reads.next().await {
        match read {
            Ok(()) => {}
            Err(error @ SourceError::Unavailable(_)) => {
                unavailable += 1;
                if is_outage(unavailable, of) {
                    return Err(error);
                }
                unread.push(group);
            }
            // One group's trouble is a gap: what is known of it stays.
            Err(
                SourceError::NotFound | SourceError::Withheld | SourceError::Incomplete(_) | SourceError::Rejected(_),
            ) => unread.push(group),
            Err(error) => return Err(error),
        }
        done += 1;
        progress.report(Progress::ReadingMembers { users: ledger.users.objects(), done, groups: of });
    }
    Ok(unread)
}

/// What the changes in the ledger say, which must be complete, on top of the members of the watched groups that were read
/// before them. `known` must have what [`Reconciliation::of_some_groups`] needs.
pub(super) async fn conclude_changes(
    source: &dyn TenantSource,
    ledger: &Ledger,
    known: &Known,
    policy: &Policy,
    watched: Vec<GroupId>,
    unread: Vec<GroupId>,
    returned: &Returned,
) -> Result<Reading, RunError> {
    let mut reading = Reading::nothing(ledger.head.basis.links().clone());
    // What has come back is compared by itself.
    let is_there = |group: &GroupId| known.groups.get(group).is_some_and(|group| group.presence.is_present());
    let is_read = |group: &GroupId| is_there(group) && ledger.members(group).is_complete();
    let (read, others): (BTreeSet<GroupId>, BTreeSet<GroupId>) = watched.into_iter().partition(is_read);
    reading.compared = others.into_iter().filter(|group| unread.contains(group) || !is_there(group)).collect();
    if !read.is_empty() || !unread.is_empty() {
        let mut lists = Lists::of_some(known, ledger, &unread);
        match lists.compare(source, ledger, policy, read.clone()).await {
            Ok(_) => {}
            // What cannot be compared is not known. The next run reads it again.
            Err(SourceError::Unavailable(error)) => {
                tracing::warn!(error = chain(&*error), "members were not compared");
                let unread: Vec<GroupId> = unread.into_iter().chain(read.clone()).collect();
                lists = Lists::of_some(known, ledger, &unread);
            }
            Err(error) => return Err(error.into()),
        }
        reading.compared.extend(read);
        reading.net = lists.reconciliation.into_membership_changes();
        reading.net.oddities.append(&mut lists.odd);
        reading.gaps = lists.gaps;
    }
    reading.add_returned_and_changes(source, ledger, known, returned).await?;
    Ok(reading)
}

/// Lists of members on their way to changes.
struct Lists<'a> {
    reconciliation: Reconciliation<'a>,
    gaps: Vec<String>,
    odd: Vec<String>,
}

impl<'a> Lists<'a> {
    fn of(reconciliation: Reconciliation<'a>) -> Self {
        Self { reconciliation, gaps: Vec::new(), odd: Vec::new() }
    }

    /// The members of some groups, of which these could not be read.
    fn of_some(known: &'a Known, ledger: &Ledger, unread: &[GroupId]) -> Self {
        let mut lists = Self::of(Reconciliation::of_some_groups(known));
        lists.reconciliation.see_changes(ledger);
        for group in unread {
            lists.reconciliation.see_unknown(group, UnknownCause::Unreadable);
        }
        lists
    }

    /// Compares the members of these groups, which must have been read to their end, with their counters and with what is
    /// known. Returns the groups whose lists are not to be believed.
    async fn compare(
        &mut self,
        source: &dyn TenantSource,
        ledger: &Ledger,
        policy: &Policy,
        groups: BTreeSet<GroupId>,
    ) -> Result<Vec<GroupId>, SourceError> {
        let mut corrections = verify::members(source, ledger, &self.reconciliation, policy, &groups).await?;
        let (mut unread, mut silent) = (Vec::new(), BTreeSet::new());
        for group in groups {
            let mut members = listing(ledger.members(&group).take(), &mut self.gaps, &mut self.odd);
            if self.reconciliation.is_hidden(&group, &members) {
                silent.insert(group);
                continue;
            }
            match corrections.remove(&group) {
                None => {}
                Some(Correction::Unknown) => {
                    // Those who are listed are members; whoever else is one is not known.
                    members.unread.push(UnreadObject { id: None, note: String::new() });
                    unread.push(group.clone());
                }
                Some(Correction::Lacks { found, doubtful }) => {
                    if !doubtful.is_empty() {
                        let number = doubtful.len();
                        self.gaps.push(format!(
                            "{number} members of group {group} are counted and not listed; what was known of them stays"
                        ));
                    }
                    self.reconciliation.doubt(&group, &doubtful);
                    members.objects.extend(found);
                    let doubtful =
                        doubtful.into_iter().map(|member| UnreadObject { id: Some(member.id), note: String::new() });
                    members.unread.extend(doubtful);
                }
            }
            self.reconciliation.see_members(&group, members);
        }
        for (group, membership) in verify::hidden_memberships(source, silent).await? {
            match membership {
                Membership::Known => self.reconciliation.see_members(&group, Listing::empty()),
                Membership::Unknown { cause } => self.reconciliation.see_unknown(&group, cause),
            }
        }
        Ok(unread)
    }
}

/// What everything in the ledger says, which must be complete but for the members of the unread groups. Lists are compared with
/// the tenant's own counters, and what would be taken for gone is looked for once more.
pub(super) async fn conclude_everything(
    source: &dyn TenantSource,
    ledger: &Ledger,
    known: &Known,
    policy: &Policy,
    mut unread_groups: Vec<GroupId>,
    returned: &Returned,
) -> Result<Reading, RunError> {
    let (mut addresses, mut listed) = (Addresses::default(), 0);
    let mut lists = Lists::of(Reconciliation::new(known));
    for page in ledger.users.take_pages() {
        listed += page.objects.len() + page.unread.len();
        lists.odd.extend(addresses.shared(&page.objects));
        lists.reconciliation.see_users(listing(page, &mut lists.gaps, &mut lists.odd));
    }
    drop(addresses);
    let mut groups = BTreeSet::new();
    for page in ledger.groups.take_pages() {
        groups.extend(page.objects.iter().map(|(id, _)| id.clone()));
        lists.reconciliation.see_groups(listing(page, &mut lists.gaps, &mut lists.odd));
    }
    lists.reconciliation.see_changes(ledger);
    let (counted, changed) = (ledger.head.basis.counted(), ledger.changed());
    verify::complete(source, lists.reconciliation.users_seen(), counted.users, &changed).await?;
    verify::complete(source, lists.reconciliation.groups_seen(), counted.groups, &changed).await?;
    for group in &unread_groups {
        groups.remove(group);
        lists.reconciliation.see_unknown(group, UnknownCause::Unreadable);
    }
    unread_groups.extend(lists.compare(source, ledger, policy, groups).await?);
    let Lists { reconciliation, gaps, mut odd } = lists;
    let mut net = reconciliation.conclude();
    net.oddities.append(&mut odd);
    verify::removed_objects(source, &net, &changed).await?;

    let mut reading = Reading {
        net,
        gaps,
        unread_groups,
        emptied: listed == 0,
        ..Reading::nothing(ledger.head.basis.links().clone())
    };
    reading.add_returned_and_changes(source, ledger, known, returned).await?;
    // A group that went away between the two reads is no gap.
    let net = &reading.net;
    reading.unread_groups.retain(|group| net.groups.get(group).is_none_or(|change| change.removed.is_none()));
    let unread_members =
        |group| format!("the members of group {group} could not be read; what was known of them stays");
    reading.gaps.splice(0..0, reading.unread_groups.iter().map(unread_members));
    Ok(reading)
}

impl Reading {
    async fn add_returned_and_changes(
        &mut self,
        source: &dyn TenantSource,
        ledger: &Ledger,
        known: &Known,
        returned: &Returned,
    ) -> Result<(), SourceError> {
        let silent = verify::hidden_memberships(source, returned.silent_groups(ledger)).await?;
        returned.say(ledger, known, &silent, &mut self.net);
        self.add_changes(ledger);
        self.gaps.append(&mut returned.leave_unread(&mut self.net));
        Ok(())
    }

    fn add_changes(&mut self, ledger: &Ledger) {
        for page in ledger.user_changes.take_pages() {
            self.note(page.unread, page.odd);
            self.net.add_users(page.objects);
            if let Next::Changes(link) = page.next {
                self.links.users = link;
            }
        }
        for page in ledger.group_changes.take_pages() {
            self.note(page.unread, page.odd);
            self.net.add_groups(page.objects);
            if let Next::Changes(link) = page.next {
                self.links.groups = link;
            }
        }
    }

    fn note(&mut self, unread: Vec<UnreadObject>, odd: Vec<String>) {
        self.gaps.extend(unread.into_iter().map(|object| object.note));
        self.net.oddities.extend(odd);
    }
}

/// What a page lists. What could not be understood is a gap.
fn listing<T>(page: ReadPage<T>, gaps: &mut Vec<String>, odd: &mut Vec<String>) -> Listing<T> {
    odd.extend(page.odd);
    gaps.extend(page.unread.iter().map(|object| object.note.clone()));
    Listing { objects: page.objects, unread: page.unread }
}
