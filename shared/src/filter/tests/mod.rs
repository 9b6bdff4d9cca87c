//! The filter held against its rules: one by one, as properties that hold for any input, and for settings that are no
//! policy.

mod parsing;
mod properties;
mod rules;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{GroupNode, Policy, Reach};
use crate::directory::{GroupId, Membership, UnknownCause};

fn policy(settings: &Value) -> Policy {
    Policy::parse(settings).unwrap()
}

fn ids<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<GroupId> {
    names.into_iter().map(|name| name.parse().unwrap()).collect()
}

/// The groups of a tenant with the groups nested directly in each, and those whose members are unknown.
#[derive(Debug, Clone, Default)]
struct Tenant(BTreeMap<GroupId, BTreeSet<GroupId>>, BTreeSet<GroupId>);

impl Tenant {
    fn of(groups: &[(&str, &[&str])]) -> Self {
        Self(
            groups.iter().map(|(name, nested)| (name.parse().unwrap(), ids(nested.iter().copied()))).collect(),
            BTreeSet::new(),
        )
    }

    fn reach(&self, policy: &Policy) -> Reach {
        Reach::compute(policy, |group| {
            let is_unknown = self.1.contains(group);
            let membership = if is_unknown { UnknownCause::Hidden.into() } else { Membership::Known };
            self.0.get(group).map(|children| GroupNode { present: true, children, membership })
        })
    }
}
