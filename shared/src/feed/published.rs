//! Which groups consumers see.

use std::collections::BTreeSet;

use crate::directory::{Directory, GroupId, GroupRecord};
use crate::store::{QueryStore, StoreError};

/// True for a group that consumers may see.
#[must_use]
pub fn is_published(directory: &Directory, group: &GroupRecord) -> bool {
    directory.published.is_some() && group.presence.is_present() && group.decision.is_synced()
}

/// The published ones of some groups.
///
/// # Errors
/// When the store does not answer.
pub async fn published_among(
    queries: &dyn QueryStore,
    directory: &Directory,
    ids: &BTreeSet<GroupId>,
) -> Result<Vec<GroupRecord>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut groups = queries.groups_by_id(directory.id, ids).await?;
    groups.retain(|group| is_published(directory, group));
    Ok(groups)
}
