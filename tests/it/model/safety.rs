//! What must hold at any time, whatever goes wrong.

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;

use crate::harness::expected_users;
use crate::lab::Statuses;
use tenant::Truth;

/// Who is active and who is not, as the settings make of the tenant's true state.
pub fn deserved(truth: &Truth, settings: &Value) -> Statuses {
    let users: BTreeMap<Uuid, _> = expected_users(truth, settings);
    users.into_iter().map(|(id, (status, _))| (id.to_string(), status.to_owned())).collect()
}

/// A moment between two runs.
pub struct Moment {
    /// What consumers see.
    pub published: Statuses,
    /// What they should see.
    pub deserved: Statuses,
}

impl Moment {
    /// Whoever was published rightly before, and deserves the same after, is published so after: a run may be late, but it
    /// never makes right wrong.
    pub fn assert_nobody_harmed(&self, after: &Self) {
        for (user, deserved) in &self.deserved {
            if after.deserved.get(user) == Some(deserved) && self.published.get(user) == Some(deserved) {
                assert_eq!(after.published.get(user), Some(deserved), "{user} was and should be {deserved}");
            }
        }
    }
}
