//! Whom the listed groups reach, looked up group by group.

use std::collections::{BTreeMap, BTreeSet};

use super::{QueryStore, StoreError};
use crate::directory::{DirectoryId, GroupId, GroupRecord};
use crate::filter::{GroupNode, Policy, Reach};

/// Loads the listed groups and, where nesting counts, level by level the groups nested in them.
///
/// # Errors
/// When the storage does not answer.
pub async fn reach(queries: &dyn QueryStore, directory: DirectoryId, policy: &Policy) -> Result<Reach, StoreError> {
    let mut known: BTreeMap<GroupId, GroupRecord> = BTreeMap::new();
    let mut asked: BTreeSet<GroupId> = BTreeSet::new();
    let mut next: BTreeSet<GroupId> = policy.listed_groups().cloned().collect();
    while !next.is_empty() {
        let groups = queries.groups_by_id(directory, &next).await?;
        asked.append(&mut next);
        if policy.nested_groups() {
            let children = groups.iter().flat_map(|group| &group.children);
            next = children.filter(|child| !asked.contains(*child)).cloned().collect();
        }
        known.extend(groups.into_iter().map(|group| (group.id.clone(), group)));
    }
    Ok(Reach::compute(policy, |id| known.get(id).map(GroupNode::from)))
}
