//! How many members groups have: users of the tenant who are directly in them.

use std::collections::{BTreeMap, HashMap};

use super::outlook::Outlook;
use crate::directory::{GroupId, UserRecord};

/// How the sizes of groups change with a plan; with everything known, what they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sizes(HashMap<GroupId, i64>);

impl Sizes {
    /// Counts a user so many times: 1 for the record as it will be, -1 for the one as it is. That one counts only in groups
    /// that `is_counted` already.
    pub(super) fn count(&mut self, user: &UserRecord, by: i64, is_counted: impl Fn(&GroupId) -> bool) {
        if user.presence.is_present() {
            for group in user.groups.iter().filter(|group| is_counted(group)) {
                *self.0.entry(group.clone()).or_default() += by;
            }
        }
    }

    /// The groups that have another size than their records say, with that size.
    pub(super) fn differing(&self, outlook: &Outlook<'_>) -> BTreeMap<GroupId, u64> {
        let mut differing = BTreeMap::new();
        for (id, group) in &outlook.groups {
            let counted = self.0.get(id).copied().unwrap_or_default();
            let base = if outlook.known.complete { 0 } else { i64::try_from(group.members).unwrap_or(i64::MAX) };
            let size = u64::try_from(base.saturating_add(counted)).unwrap_or_default();
            if size != group.members {
                differing.insert(id.clone(), size);
            }
        }
        differing
    }
}
