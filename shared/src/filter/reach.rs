//! Which groups count as an allowed or an ignored one.

use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroU32;

use foldhash::fast::RandomState;

use super::policy::Policy;
use crate::directory::{GroupId, GroupRecord, Membership};

/// A group as the nesting sees it.
#[derive(Debug, Clone, Copy)]
pub struct GroupNode<'a> {
    /// The group exists in the tenant.
    pub present: bool,
    /// The groups nested directly in it.
    pub children: &'a BTreeSet<GroupId>,
    /// Whether all of its members are known.
    pub membership: Membership,
}

impl<'a> From<&'a GroupRecord> for GroupNode<'a> {
    fn from(group: &'a GroupRecord) -> Self {
        Self { present: group.presence.is_present(), children: &group.children, membership: group.membership }
    }
}

/// For each group whose direct members are reached by a listed group: which one reaches them.
///
/// Without `nested_groups` a listed group reaches its own members; with it, those of every group nested in it, at
/// any depth. A group that does not exist reaches nobody, neither itself nor through its children.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    /// By ranks rather than ids, so that the map of a large tenant's groups stays in a processor's cache.
    by: HashMap<GroupId, Listed<Rank>, RandomState>,
    allowed: Vec<GroupId>,
    ignored: Vec<GroupId>,
    /// Nearly all groups of nearly all users are asked for in vain, so a bit for each beginning of an id says at once that no
    /// such group is reached.
    beginnings: Vec<u64>,
    vanished: BTreeSet<GroupId>,
    unknown: UnknownGroups,
}

/// The groups that count as allowed or ignored ones and whose members are unknown: anyone may be in them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnknownGroups {
    /// Allowed groups, and with `nested_groups` those nested in them.
    pub allowed: BTreeSet<GroupId>,
    /// Ignored groups, and with `nested_groups` those nested in them.
    pub ignored: BTreeSet<GroupId>,
}

impl UnknownGroups {
    /// True when none of these has become known since `earlier`, or has ceased to count: then every decision that was kept
    /// for want of knowledge still stands.
    #[must_use]
    pub fn includes(&self, earlier: &Self) -> bool {
        earlier.allowed.is_subset(&self.allowed) && earlier.ignored.is_subset(&self.ignored)
    }
}

/// Which listed groups reach a group's members, or a user: of each list the one with the smallest id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed<Id> {
    /// The allowed group.
    pub allowed: Option<Id>,
    /// The ignored group.
    pub ignored: Option<Id>,
}

/// The place of a listed group in its list, from 1 on. The smallest rank is the smallest id's.
type Rank = NonZeroU32;

impl<Id> Default for Listed<Id> {
    fn default() -> Self {
        Self { allowed: None, ignored: None }
    }
}

impl Reach {
    /// Walks from the listed groups through their nested ones; cycles end where they began.
    pub fn compute<'a>(policy: &Policy, node: impl Fn(&GroupId) -> Option<GroupNode<'a>>) -> Self {
        let mut by: HashMap<GroupId, Listed<Rank>, RandomState> = HashMap::default();
        let mut walk = |listed: &BTreeSet<GroupId>, list: fn(&mut Listed<Rank>) -> &mut Option<Rank>| {
            let mut unknown = BTreeSet::new();
            // In the order of their ids, so that the smallest listed group is the one that is named.
            for (origin, rank) in listed.iter().zip((1..).filter_map(Rank::new)) {
                let mut open = vec![origin];
                while let Some(group) = open.pop() {
                    let Some(node) = node(group).filter(|node| node.present) else { continue };
                    let reached = list(by.entry(group.clone()).or_default());
                    if reached.is_some() {
                        continue;
                    }
                    *reached = Some(rank);
                    if !node.membership.is_known() {
                        unknown.insert(group.clone());
                    }
                    if policy.nested_groups {
                        open.extend(node.children);
                    }
                }
            }
            unknown
        };
        let unknown = UnknownGroups {
            allowed: walk(&policy.allowed_groups, |listed| &mut listed.allowed),
            ignored: walk(&policy.ignored_groups, |listed| &mut listed.ignored),
        };
        let vanished =
            policy.listed_groups().filter(|group| !node(group).is_some_and(|node| node.present)).cloned().collect();
        let [allowed, ignored] =
            [&policy.allowed_groups, &policy.ignored_groups].map(|listed| listed.iter().cloned().collect());
        Self { beginnings: beginnings(by.keys()), by, allowed, ignored, vanished, unknown }
    }

    fn get(&self, group: &GroupId) -> Option<Listed<Rank>> {
        let (word, bit) = beginning(group);
        if self.beginnings.get(word)? & bit == 0 { None } else { self.by.get(group).copied() }
    }

    fn named(&self, listed: Listed<Rank>) -> Listed<&GroupId> {
        fn name(list: &[GroupId], rank: Option<Rank>) -> Option<&GroupId> {
            list.get(rank?.get() as usize - 1)
        }
        Listed { allowed: name(&self.allowed, listed.allowed), ignored: name(&self.ignored, listed.ignored) }
    }

    /// Which listed groups reach a member of these groups.
    #[must_use]
    pub fn of(&self, groups: &BTreeSet<GroupId>) -> Listed<&GroupId> {
        if self.by.is_empty() {
            return Listed::default();
        }
        let smaller = |a: Option<Rank>, b: Option<Rank>| match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let of = |so_far: Listed<Rank>, listed: Listed<Rank>| Listed {
            allowed: smaller(so_far.allowed, listed.allowed),
            ignored: smaller(so_far.ignored, listed.ignored),
        };
        self.named(groups.iter().filter_map(|group| self.get(group)).fold(Listed::default(), of))
    }

    /// Which listed groups reach the members of this group.
    #[must_use]
    pub fn listed_by(&self, group: &GroupId) -> Listed<&GroupId> {
        self.get(group).map_or_else(Listed::default, |by| self.named(by))
    }

    /// True when members of this group are reached by a listed one.
    #[must_use]
    pub fn reaches(&self, group: &GroupId) -> bool {
        self.get(group).is_some()
    }

    /// True when members of this group are ignored.
    #[must_use]
    pub fn ignores(&self, group: &GroupId) -> bool {
        self.get(group).is_some_and(|listed| listed.ignored.is_some())
    }

    /// The listed groups that the tenant does not have.
    #[must_use]
    pub fn vanished(&self) -> &BTreeSet<GroupId> {
        &self.vanished
    }

    /// The groups that count as listed ones and whose members are unknown.
    #[must_use]
    pub fn unknown(&self) -> &UnknownGroups {
        &self.unknown
    }

    /// The groups that are reached by other listed groups than in `other`: their members must be decided anew.
    #[must_use]
    pub fn differences(&self, other: &Self) -> BTreeSet<GroupId> {
        let groups = self.by.keys().chain(other.by.keys());
        let same = |group| self.get(group).map(|by| self.named(by)) == other.get(group).map(|by| other.named(by));
        groups.filter(|group| !same(group)).cloned().collect()
    }
}

/// How many beginnings of ids are told apart: two kilobytes of bits.
const BEGINNINGS: usize = 1 << 14;

fn beginnings<'a>(groups: impl ExactSizeIterator<Item = &'a GroupId>) -> Vec<u64> {
    let mut beginnings = vec![0; if groups.len() == 0 { 0 } else { BEGINNINGS / 64 }];
    for group in groups {
        let (word, bit) = beginning(group);
        if let Some(word) = beginnings.get_mut(word) {
            *word |= bit;
        }
    }
    beginnings
}

/// Where the bit of an id's beginning is. Ids that are no GUIDs share one.
fn beginning(group: &GroupId) -> (usize, u64) {
    let place = match group.object().as_guid().map(uuid::Uuid::into_bytes) {
        Some([first, second, ..]) => usize::from(u16::from_be_bytes([first, second])) % BEGINNINGS,
        None => 0,
    };
    (place / 64, 1 << (place % 64))
}
