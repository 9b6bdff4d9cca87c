//! A second look at what is not there.
//!
//! Microsoft has answered 200 with lists that were empty or ended early. Nothing in such an answer shows it, so what
//! is missing is compared with the tenant's own counters, and asked for by its id, before it is taken for gone.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::changes::{Net, NetChanges};
use super::error::{ListKind, RunError};
use super::known::Known;
use super::ledger::Ledger;
use super::source::{Counted, SourceError, TenantSource};
use crate::directory::GroupId;

/// How many missing objects of a kind are asked for. When more are missing, those asked for are spread evenly among them.
const ASKED_FOR: usize = 200;
/// How many are asked for at once.
const AT_ONCE: usize = 8;

/// Refuses a list of users that is shorter than the tenant's own counter says.
pub(super) fn users_counted(ledger: &Ledger, known: &Known, counted: Counted) -> Result<(), RunError> {
    let users = known.users.iter().filter(|user| user.presence.is_present()).count();
    count(ListKind::Users, ledger.users.objects(), users, counted.users)
}

/// Refuses a list of groups that is shorter than the tenant's own counter says.
pub(super) fn groups_counted(ledger: &Ledger, known: &Known, counted: Counted) -> Result<(), RunError> {
    let groups = known.groups.values().filter(|group| group.presence.is_present()).count();
    count(ListKind::Groups, ledger.groups.objects(), groups, counted.groups)
}

/// An empty list is believed only with a counter that says so; even then it is the safety limit's to judge.
fn count(list: ListKind, listed: usize, known: usize, counted: Option<u64>) -> Result<(), RunError> {
    let listed = listed as u64;
    match counted {
        counted if listed == 0 && known > 0 && counted != Some(0) => {
            Err(RunError::NothingListed { list, known: known as u64 })
        }
        // Objects come and go while a long list is read.
        Some(counted) if listed + counted / 100 < counted => Err(RunError::ListCutShort { list, listed, counted }),
        _ => Ok(()),
    }
}

/// Asks for the users and groups that were not listed any more. One that is there all the same shows that the list was
/// not complete.
pub(super) async fn removed_objects(source: &dyn TenantSource, net: &NetChanges) -> Result<(), RunError> {
    let users = stream::iter(spread(removed(&net.users)))
        .map(|user| async move { source.user_exists(&user).await })
        .buffered(AT_ONCE);
    let groups = stream::iter(spread(removed(&net.groups)))
        .map(|group| async move { source.group_exists(&group).await })
        .buffered(AT_ONCE);
    for (list, exist) in
        [(ListKind::Users, users.try_collect::<Vec<bool>>().await?), (ListKind::Groups, groups.try_collect().await?)]
    {
        if exist.contains(&true) {
            return Err(RunError::ListLacks { list });
        }
    }
    Ok(())
}

fn removed<Id: Clone, P>(changes: &BTreeMap<Id, Net<P>>) -> Vec<Id> {
    changes.iter().filter(|(_, change)| change.removed.is_some()).map(|(id, _)| id.clone()).collect()
}

fn spread<T>(all: Vec<T>) -> Vec<T> {
    let step = all.len().div_ceil(ASKED_FOR).max(1);
    all.into_iter().step_by(step).collect()
}

/// Asks for the number of users in the groups that lost some. Where it is larger than what was listed, `sizes`, nobody is
/// taken out, and the group is returned.
pub(super) async fn removed_members(
    source: &dyn TenantSource,
    net: &mut NetChanges,
    sizes: &BTreeMap<GroupId, usize>,
) -> Result<Vec<GroupId>, SourceError> {
    let shrunk: BTreeSet<GroupId> = net.memberships.left().cloned().collect();
    let short: Vec<Option<GroupId>> = stream::iter(shrunk)
        .map(|group| async move {
            let listed = sizes.get(&group).copied().unwrap_or_default() as u64;
            let counted = source.user_member_count(&group).await?;
            Ok::<_, SourceError>(counted.is_some_and(|counted| counted > listed).then_some(group))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let short: Vec<GroupId> = short.into_iter().flatten().collect();
    for group in &short {
        net.keep_members(group);
    }
    Ok(short)
}
