//! Which groups count as an allowed or an ignored one.

use std::collections::{BTreeMap, BTreeSet};

use super::policy::Policy;
use crate::directory::GroupId;

/// A group as the nesting sees it.
#[derive(Debug, Clone, Copy)]
pub struct GroupNode<'a> {
    /// The group exists in the tenant.
    pub present: bool,
    /// The groups nested directly in it.
    pub children: &'a BTreeSet<GroupId>,
}

/// For each group whose direct members are reached by a listed group: which one reaches them.
///
/// Without `nested_groups` a listed group reaches its own members; with it, those of every group nested in it, at
/// any depth. A group that does not exist reaches nobody, neither itself nor through its children.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    allowed: BTreeMap<GroupId, GroupId>,
    ignored: BTreeMap<GroupId, GroupId>,
    vanished: BTreeSet<GroupId>,
}

impl Reach {
    /// Walks from the listed groups through their nested ones; cycles end where they began.
    pub fn compute<'a>(policy: &Policy, node: impl Fn(&GroupId) -> Option<GroupNode<'a>>) -> Self {
        let walk = |listed: &BTreeSet<GroupId>| {
            let mut reached = BTreeMap::new();
            // In the order of their ids, so that the smallest listed group is the one that is named.
            for origin in listed {
                let mut open = vec![origin];
                while let Some(group) = open.pop() {
                    let Some(node) = node(group).filter(|node| node.present) else { continue };
                    if reached.contains_key(group) {
                        continue;
                    }
                    reached.insert(group.clone(), origin.clone());
                    if policy.nested_groups {
                        open.extend(node.children);
                    }
                }
            }
            reached
        };
        Self {
            allowed: walk(&policy.allowed_groups),
            ignored: walk(&policy.ignored_groups),
            vanished: policy
                .listed_groups()
                .filter(|group| !node(group).is_some_and(|node| node.present))
                .cloned()
                .collect(),
        }
    }

    /// The ignored group with the smallest id that reaches a member of these groups.
    #[must_use]
    pub fn ignored(&self, groups: &BTreeSet<GroupId>) -> Option<&GroupId> {
        smallest(&self.ignored, groups)
    }

    /// The allowed group with the smallest id that reaches a member of these groups.
    #[must_use]
    pub fn allowed(&self, groups: &BTreeSet<GroupId>) -> Option<&GroupId> {
        smallest(&self.allowed, groups)
    }

    /// True when members of this group are reached by a listed one.
    #[must_use]
    pub fn reaches(&self, group: &GroupId) -> bool {
        self.allowed.contains_key(group) || self.ignored.contains_key(group)
    }

    /// The listed groups that the tenant does not have.
    #[must_use]
    pub fn vanished(&self) -> &BTreeSet<GroupId> {
        &self.vanished
    }

    /// The groups that are reached by other listed groups than in `other`: their members must be decided anew.
    #[must_use]
    pub fn differences(&self, other: &Self) -> BTreeSet<GroupId> {
        let differing = |a: &BTreeMap<GroupId, GroupId>, b: &BTreeMap<GroupId, GroupId>| {
            a.keys().chain(b.keys()).filter(|group| a.get(*group) != b.get(*group)).cloned().collect::<BTreeSet<_>>()
        };
        let mut groups = differing(&self.allowed, &other.allowed);
        groups.append(&mut differing(&self.ignored, &other.ignored));
        groups
    }
}

fn smallest<'a>(reached: &'a BTreeMap<GroupId, GroupId>, groups: &BTreeSet<GroupId>) -> Option<&'a GroupId> {
    if reached.is_empty() {
        return None;
    }
    groups.iter().filter_map(|group| reached.get(group)).min()
}
