//! Entries of lists that no record confirms.
//!
//! Whoever enters a list is written into it before the record changes, and whoever leaves it is taken out afterwards. A run that is
//! cut off in between leaves entries behind that no comparison of records finds again.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::indexes::Indexed as _;
use super::load::LISTS_AT_ONCE;
use super::outlook::Outlook;
use super::work::Work;
use crate::directory::{GroupId, ObjectId, UserId, UserRecord};
use crate::filter::{GroupDecision, UserOutcome};
use crate::store::{List, StoreError};

impl Work<'_> {
    /// The entries that neither what is known nor what will be has in a list. Everything must be known.
    pub(super) async fn strays(&self, outlook: &Outlook<'_>) -> Result<BTreeMap<List, BTreeSet<ObjectId>>, StoreError> {
        let (mirror, directory) = (&self.ports.mirror, self.lease.directory);
        let lists = (outlook.groups.keys().cloned().map(List::Members))
            .chain(UserOutcome::ALL.map(List::Users))
            .chain(GroupDecision::ALL.map(List::Groups));
        stream::iter(lists)
            .map(|list| async move {
                let mut strays = mirror.listed(directory, &list).await?;
                strays.retain(|id| !is_confirmed(outlook, &list, id));
                Ok((!strays.is_empty()).then_some((list, strays)))
            })
            .buffer_unordered(LISTS_AT_ONCE)
            .try_filter_map(|strays| async move { Ok(strays) })
            .try_collect()
            .await
    }
}

/// Whether a record is in a list, as it is or as it will be.
fn is_confirmed(outlook: &Outlook<'_>, list: &List, id: &ObjectId) -> bool {
    if let List::Groups(_) = list {
        let id = GroupId::from(id.clone());
        let records = [outlook.known.groups.get(&id), outlook.groups.get(&id)];
        return records.into_iter().flatten().any(|group| group.list().as_ref() == Some(list));
    }
    let id = UserId::from(id.clone());
    let is_in = |user: &UserRecord| match list {
        List::Members(group) => user.groups.contains(group),
        _ => user.list().as_ref() == Some(list),
    };
    outlook.known.users.get(&id).is_some_and(is_in) || outlook.user(&id).as_ref().is_some_and(is_in)
}
