//! Looking for groups to list.

use shared::directory::{Directory, GroupRecord};
use shared::store::{GroupFilter, QueryStore, StoreError};

use crate::pages::groups::by_name;

/// The most groups found that are shown.
const MAX_SHOWN: usize = 30;

/// What was found.
pub(in crate::pages) struct Found {
    pub(super) query: String,
    pub(super) groups: Vec<GroupRecord>,
    /// True when there may be more.
    pub(super) more: bool,
}

impl Found {
    /// Groups of the tenant whose name, a word in it, or mail address begins like this, in any case; or whose id this is.
    pub(super) async fn search(
        queries: &dyn QueryStore,
        directory: &Directory,
        query: &str,
    ) -> Result<Self, StoreError> {
        let found = by_name(queries, directory, query, GroupFilter::All, MAX_SHOWN, None).await?;
        Ok(Self { query: query.to_owned(), more: found.next.is_some(), groups: found.items })
    }
}
