//! Groups that new settings would depend on although their members are unknown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::directory::{GroupId, GroupRecord, Text, UnknownCause};
use crate::filter::{FieldError, Listed, Reach};

/// The most groups that are named: one is enough to refuse the settings.
const MAX_NAMED: usize = 50;

/// A list of groups in the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupList {
    /// `allowed_groups`.
    Allowed,
    /// `ignored_groups`.
    Ignored,
}

/// A group that decisions would depend on, and whose members are unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownGroup {
    /// The list it counts in.
    pub list: GroupList,
    /// The listed group that it is, or is nested in.
    pub listed: GroupId,
    /// The group.
    pub group: GroupId,
    /// Its displayed name.
    pub name: Option<Text>,
    /// Why its members are unknown.
    pub cause: UnknownCause,
}

impl UnknownGroup {
    /// Returns those that settings with this `reach` depend on and the `current` ones do not.
    pub(super) fn newly_in(reach: &Reach, current: &Reach, groups: &BTreeMap<GroupId, GroupRecord>) -> Vec<Self> {
        let (new, old) = (reach.unknown(), current.unknown());
        let allowed = new.allowed.difference(&old.allowed).map(|group| (GroupList::Allowed, group));
        let ignored = new.ignored.difference(&old.ignored).map(|group| (GroupList::Ignored, group));
        let unknown = |(list, group): (GroupList, &GroupId)| {
            let Listed { allowed, ignored } = reach.listed_by(group);
            let listed = if list == GroupList::Allowed { allowed } else { ignored };
            let record = groups.get(group)?;
            Some(Self {
                list,
                listed: listed.unwrap_or(group).clone(),
                group: group.clone(),
                name: record.profile.display_name.clone(),
                cause: record.membership.cause()?,
            })
        };
        allowed.chain(ignored).filter_map(unknown).take(MAX_NAMED).collect()
    }

    /// What the author of the settings is answered.
    #[must_use]
    pub fn fault(&self) -> FieldError {
        let field = match self.list {
            GroupList::Allowed => "allowed_groups",
            GroupList::Ignored => "ignored_groups",
        };
        let name = self.name.as_deref().unwrap_or("(no name)");
        let (because, advice) = (self.cause.explanation(), self.cause.advice());
        let expected =
            format!("groups whose members are known: those of \"{name}\" are not, because {because}. {advice}");
        let found = if self.group == self.listed {
            self.listed.to_string()
        } else {
            format!("{}, in which {} is nested", self.listed, self.group)
        };
        FieldError { field: field.to_owned(), expected, found }
    }
}
