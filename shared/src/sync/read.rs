//! Reading the tenant into a ledger, and what the ledger says in all.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, stream};

use super::addresses;
use super::changes::NetChanges;
use super::error::RunError;
use super::known::Known;
use super::ledger::Ledger;
use super::progress::{Progress, ProgressSink};
use super::reconcile::{FullReading, reconcile};
use super::source::{Counted, DeltaLinks, Listing, SourceError, TenantSource, UnreadObject};
use super::trail::{Next, ReadPage};
use super::verify;
use crate::directory::{GroupId, Member, MemberKind};

/// How many groups' members are asked for at once. The source has a closer limit of its own.
const GROUPS_AT_ONCE: usize = 32;
/// So many groups, or one in a hundred, may be out of reach while others are not; more are an outage.
const UNAVAILABLE_GROUPS: usize = 3;

/// What a reading brought.
pub(super) struct Reading {
    /// What must have changed.
    pub(super) net: NetChanges,
    /// Where the next run continues.
    pub(super) links: DeltaLinks,
    /// Groups whose members could not be read.
    pub(super) unread_groups: Vec<GroupId>,
    /// Objects that could not be understood, in words.
    pub(super) unread_objects: Vec<String>,
    /// True when the tenant has no users at all.
    pub(super) emptied: bool,
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
    futures::try_join!(source.users(&ledger.users), source.groups(&ledger.groups))?;
    verify::counts(ledger, known, counted)?;
    Ok(all_members(source, ledger, progress).await?)
}

async fn all_members(
    source: &dyn TenantSource,
    ledger: &Ledger,
    progress: &dyn ProgressSink,
) -> Result<Vec<GroupId>, SourceError> {
    let users = ledger.users.objects();
    // Graph repeats objects at times.
    let groups: BTreeSet<GroupId> = ledger.groups.map(|(id, _)| id.clone()).into_iter().collect();
    let of = groups.len();
    let tolerable = UNAVAILABLE_GROUPS.max(of / 100);
    let mut unread = Vec::new();
    let (mut done, mut unavailable) = (0, 0);
    progress.report(Progress::ReadingMembers { users, done, groups: of });
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
                // A tenant of one group has nothing to show that others can be read.
                if unavailable > tolerable || unavailable == of {
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
        progress.report(Progress::ReadingMembers { users, done, groups: of });
    }
    Ok(unread)
}

/// What the changes in the ledger say, which must be complete.
pub(super) fn conclude_changes(ledger: &Ledger) -> Reading {
    let mut reading = Reading {
        net: NetChanges::default(),
        links: ledger.head.basis.links().clone(),
        unread_groups: Vec::new(),
        unread_objects: Vec::new(),
        emptied: false,
    };
    reading.add_changes(ledger);
    reading
}

/// What everything in the ledger says, which must be complete but for the members of the unread groups. What would be
/// taken for gone is looked for once more.
pub(super) async fn conclude_everything(
    source: &dyn TenantSource,
    ledger: &Ledger,
    known: &Known,
    mut unread_groups: Vec<GroupId>,
) -> Result<Reading, RunError> {
    let mut odd = Vec::new();
    let users = listing(ledger.users.take(), &mut odd);
    odd.extend(addresses::shared(&users.objects));
    let emptied = users.objects.is_empty() && users.unread.is_empty();
    let groups = listing(ledger.groups.take(), &mut odd);
    let mut members: BTreeMap<GroupId, Listing<Member>> = BTreeMap::new();
    for (id, _) in groups.objects.iter().filter(|(id, _)| !unread_groups.contains(id)) {
        members.entry(id.clone()).or_insert_with(|| listing(ledger.members(id).take(), &mut odd));
    }
    let unread_objects = notes(&users.unread)
        .chain(notes(&groups.unread))
        .chain(members.values().flat_map(|members| notes(&members.unread)))
        .collect();
    let sizes = members.iter().map(|(id, members)| (id.clone(), users_in(members))).collect();
    let mut net = reconcile(known, FullReading { users, groups, members });
    net.oddities.append(&mut odd);
    verify::removed_objects(source, &net).await?;
    unread_groups.extend(verify::removed_members(source, &mut net, &sizes).await?);

    let mut reading = Reading { net, links: ledger.head.basis.links().clone(), unread_groups, unread_objects, emptied };
    reading.add_changes(ledger);
    // A group that went away between the two reads is no gap.
    let net = &reading.net;
    reading.unread_groups.retain(|group| net.groups.get(group).is_none_or(|change| change.removed.is_none()));
    Ok(reading)
}

impl Reading {
    fn add_changes(&mut self, ledger: &Ledger) {
        let (users, groups) = (ledger.user_changes.take(), ledger.group_changes.take());
        self.unread_objects.extend(notes(&users.unread).chain(notes(&groups.unread)));
        self.net.oddities.extend(users.odd.into_iter().chain(groups.odd));
        if let Next::Changes(link) = users.next {
            self.links.users = link;
        }
        if let Next::Changes(link) = groups.next {
            self.links.groups = link;
        }
        self.net.add_users(users.objects);
        self.net.add_groups(groups.objects);
    }
}

/// How many users a list of members may have: those it could not read are taken for users.
fn users_in(members: &Listing<Member>) -> usize {
    members.objects.iter().filter(|member| member.kind == MemberKind::User).count() + members.unread.len()
}

fn listing<T>(read: ReadPage<T>, odd: &mut Vec<String>) -> Listing<T> {
    odd.extend(read.odd);
    Listing { objects: read.objects, unread: read.unread }
}

fn notes(unread: &[UnreadObject]) -> impl Iterator<Item = String> + '_ {
    unread.iter().map(|object| object.note.clone())
}
