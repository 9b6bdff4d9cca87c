//! Looking for groups to list.

use shared::directory::{Directory, GroupRecord};
use shared::store::{Cursor, GroupFilter, QueryStore, StoreError};

/// The most groups found that are shown.
const MAX_SHOWN: usize = 30;
/// How many groups are looked through at most, so that a page is never slow however many there are.
const MAX_LOOKED_AT: usize = 5_000;
/// How many are looked through at once.
const AT_ONCE: usize = 1_000;

/// What was found.
pub(in crate::pages) struct Found {
    pub(super) query: String,
    pub(super) groups: Vec<GroupRecord>,
    /// True when there may be more.
    pub(super) more: bool,
}

impl Found {
    /// Groups of the tenant whose name or mail address has this in it, in any case; or whose id this is.
    pub(super) async fn search(
        queries: &dyn QueryStore,
        directory: &Directory,
        query: &str,
    ) -> Result<Self, StoreError> {
        let wanted = query.to_lowercase();
        let mut found = Self { query: query.to_owned(), groups: Vec::new(), more: false };
        let mut after: Option<Cursor> = None;
        for _ in 0..MAX_LOOKED_AT / AT_ONCE {
            let page = queries.list_groups(directory.id, GroupFilter::All, AT_ONCE, after.as_ref()).await?;
            found.groups.extend(page.items.into_iter().filter(|group| matches(group, &wanted)));
            after = page.next;
            if after.is_none() || found.groups.len() > MAX_SHOWN {
                break;
            }
        }
        found.more = after.is_some() || found.groups.len() > MAX_SHOWN;
        found.groups.sort_by_cached_key(|group| group.profile.display_name.as_ref().map(|name| name.to_lowercase()));
        found.groups.truncate(MAX_SHOWN);
        Ok(found)
    }
}

fn matches(group: &GroupRecord, wanted: &str) -> bool {
    let texts = [&group.profile.display_name, &group.profile.mail];
    texts.into_iter().flatten().any(|text| text.to_lowercase().contains(wanted)) || group.id.to_string() == wanted
}
