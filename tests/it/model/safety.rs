//! What must hold at any time, whatever goes wrong.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use uuid::Uuid;

use crate::harness::{expected_users, undecided_users};
use crate::lab::Statuses;
use tenant::{TrueGroup, Truth};

/// Who is active and who is not, as the settings make of the tenant's true state.
pub fn deserved(truth: &Truth, settings: &Value) -> Statuses {
    let users: BTreeMap<Uuid, _> = expected_users(truth, settings);
    users.into_iter().map(|(id, (status, _))| (id.to_string(), status.to_owned())).collect()
}

/// The users whose decision depends on members who cannot be read.
pub fn undecided(truth: &Truth, settings: &Value) -> BTreeSet<String> {
    undecided_users(truth, settings).into_iter().map(|id| id.to_string()).collect()
}

/// A moment between two runs.
pub struct Moment {
    /// What consumers see.
    pub published: Statuses,
    /// What they should see.
    pub deserved: Statuses,
    /// Users whose decision depends on members who cannot be read.
    pub undecided: BTreeSet<String>,
    /// What is true of each user.
    pub facts: Facts,
    /// What was true of each user when a run last read everything that it could.
    pub read: Facts,
    /// The version of the settings that users were decided with.
    pub decided_with: u64,
}

/// By user: whether the account is enabled, and the groups it is in, directly or by others.
pub type Facts = BTreeMap<String, (bool, BTreeSet<Uuid>)>;

/// What is true of each user.
pub fn facts(truth: &Truth) -> Facts {
    let groups_of = |user: Uuid| {
        let (mut all, mut open) = (BTreeSet::new(), vec![user]);
        while let Some(inner) = open.pop() {
            let holds = |group: &&TrueGroup| group.members.iter().any(|member| member.id == inner);
            open.extend(truth.groups.iter().filter(holds).map(|group| group.id).filter(|group| all.insert(*group)));
        }
        all
    };
    let there = truth.users.iter().filter(|user| user.deleted.is_none());
    there.map(|user| (user.id.to_string(), (user.enabled, groups_of(user.id)))).collect()
}

impl Moment {
    /// Whoever was published rightly before, and deserves the same after, is published so after: a run may be late, but it
    /// never makes right wrong.
    ///
    /// A decision that depends on members who cannot be read stays as it was. What else is known of the user may change it, and
    /// so may other settings: whoever was last seen in a group counts as its member.
    pub fn assert_nobody_harmed(&self, after: &Self) {
        let are_same_settings = self.decided_with == after.decided_with;
        for user in self.undecided.intersection(&after.undecided) {
            let before =
                self.published.get(user).filter(|_| are_same_settings && self.read.get(user) == after.facts.get(user));
            if let Some(before) = before {
                assert_eq!(after.published.get(user), Some(before), "{user} cannot be decided");
            }
        }
        for (user, deserved) in &self.deserved {
            if after.undecided.contains(user) {
                continue;
            }
            if after.deserved.get(user) == Some(deserved) && self.published.get(user) == Some(deserved) {
                assert_eq!(after.published.get(user), Some(deserved), "{user} was and should be {deserved}");
            }
        }
    }
}
