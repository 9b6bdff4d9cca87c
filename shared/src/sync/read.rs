//! Reading the tenant: changes since last time, or everything.

use std::collections::BTreeMap;

use futures::{StreamExt as _, stream};

use super::changes::NetChanges;
use super::error::RunError;
use super::known::Known;
use super::progress::{Progress, ProgressSink};
use super::reconcile::{FullReading, reconcile};
use super::source::{DeltaLinks, Listing, SourceError, TenantSource, UnreadObject};
use crate::directory::{GroupId, Member};

/// How many groups' members are read at once.
const GROUPS_AT_ONCE: usize = 16;

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
}

/// Reads what has changed since the links. Costs what the changes cost, whatever the size of the tenant.
pub(super) async fn changes(source: &dyn TenantSource, links: &DeltaLinks) -> Result<Reading, SourceError> {
    let mut net = NetChanges::default();
    let (next, unread_objects) = add_changes(source, links, &mut net).await?;
    Ok(Reading { net, links: next, unread_groups: Vec::new(), unread_objects })
}

async fn add_changes(
    source: &dyn TenantSource,
    links: &DeltaLinks,
    net: &mut NetChanges,
) -> Result<(DeltaLinks, Vec<String>), SourceError> {
    let (users, groups) = futures::try_join!(source.user_changes(&links.users), source.group_changes(&links.groups))?;
    net.add_users(users.changes);
    net.add_groups(groups.changes);
    let notes = notes(&users.unread).chain(notes(&groups.unread)).collect();
    Ok((DeltaLinks { users: users.link, groups: groups.link, select: links.select.clone() }, notes))
}

/// Reads everything and compares it with what is known, which must be complete.
///
/// The links are taken before the lists, so that whatever changes while the lists are read is in the changes that
/// follow them.
pub(super) async fn everything(
    source: &dyn TenantSource,
    known: &Known,
    progress: &dyn ProgressSink,
) -> Result<Reading, RunError> {
    progress.report(Progress::ReadingLists);
    let links = source.latest_links().await?;
    let (counted, users, groups) = futures::try_join!(source.user_count(), source.users(), source.groups())?;
    check_complete(known, (users.objects.len() + users.unread.len()) as u64, counted)?;
    let mut unread_objects: Vec<String> = notes(&users.unread).chain(notes(&groups.unread)).collect();

    let (members, mut unread) = all_members(source, &groups.objects, users.objects.len(), progress).await?;
    unread_objects.extend(members.values().flat_map(|members| notes(&members.unread)));
    let reading = FullReading { users, groups, members };
    let mut net = reconcile(known, reading);
    let (links, more) = add_changes(source, &links, &mut net).await?;
    unread_objects.extend(more);
    // A group that went away between the two reads is no gap.
    unread.retain(|group| net.groups.get(group).is_none_or(|change| change.removed.is_none()));
    Ok(Reading { net, links, unread_groups: unread, unread_objects })
}

fn notes(unread: &[UnreadObject]) -> impl Iterator<Item = String> + '_ {
    unread.iter().map(|object| object.note.clone())
}

/// Microsoft has answered 200 with an empty or short list: neither is taken for the whole tenant.
fn check_complete(known: &Known, listed: u64, counted: Option<u64>) -> Result<(), RunError> {
    let present = known.users.values().filter(|user| user.presence.is_present()).count() as u64;
    if listed == 0 && present > 0 {
        return Err(RunError::NoUsersListed { known: present });
    }
    // The counter lags a little behind, and users come and go while the list is read.
    let tolerance = |counted: u64| (counted / 100).max(10);
    match counted {
        Some(counted) if listed + tolerance(counted) < counted => Err(RunError::ListCutShort { listed, counted }),
        _ => Ok(()),
    }
}

async fn all_members(
    source: &dyn TenantSource,
    groups: &[(GroupId, crate::directory::GroupPatch)],
    users: usize,
    progress: &dyn ProgressSink,
) -> Result<(BTreeMap<GroupId, Listing<Member>>, Vec<GroupId>), SourceError> {
    let mut members = BTreeMap::new();
    let mut unread = Vec::new();
    let ids: Vec<GroupId> = groups.iter().map(|(id, _)| id.clone()).collect();
    let mut reads = stream::iter(ids)
        .map(|id| async move {
            let read = source.members(&id).await;
            (id, read)
        })
        .buffer_unordered(GROUPS_AT_ONCE);
    let mut done = 0;
    progress.report(Progress::ReadingMembers { users, done, groups: groups.len() });
    while let Some((group, read)) = reads.next().await {
        match read {
            Ok(listing) => {
                members.insert(group, listing);
            }
            // One group's trouble is a gap: what is known of it stays.
            Err(
                SourceError::NotFound | SourceError::Withheld | SourceError::Incomplete(_) | SourceError::Rejected(_),
            ) => {
                unread.push(group);
            }
            Err(error) => return Err(error),
        }
        done += 1;
        progress.report(Progress::ReadingMembers { users, done, groups: groups.len() });
    }
    Ok((members, unread))
}
