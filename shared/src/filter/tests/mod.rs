//! The filter held against its rules: one by one, as properties that hold for any input, and for settings that are no
//! policy.

mod parsing;
mod properties;
mod rules;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{GroupNode, Policy, Reach};
use crate::directory::GroupId;

fn policy(settings: &Value) -> Policy {
    Policy::parse(settings).unwrap()
}

fn ids<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<GroupId> {
    names.into_iter().map(|name| name.parse().unwrap()).collect()
}

/// The groups of a tenant with the groups nested directly in each.
#[derive(Debug, Clone, Default)]
struct Tenant(BTreeMap<GroupId, BTreeSet<GroupId>>);

impl Tenant {
    fn of(groups: &[(&str, &[&str])]) -> Self {
        Self(groups.iter().map(|(name, nested)| (name.parse().unwrap(), ids(nested.iter().copied()))).collect())
    }

    fn reach(&self, policy: &Policy) -> Reach {
        Reach::compute(policy, |group| self.0.get(group).map(|children| GroupNode { present: true, children }))
    }
}
