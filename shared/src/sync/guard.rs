//! The safety limit: how many users one run may deactivate without being asked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::plan::Plan;
use super::record::Hold;

/// How many examples a hold names.
const EXAMPLES: usize = 20;

/// A run that would deactivate more than this, because of what Microsoft says, is held.
///
/// Only what the tenant has caused counts: an administrator who changes the settings means it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SafetyLimit {
    /// The share of the active users, in percent.
    pub percent: u64,
    /// Fewer than this are never held.
    pub at_least: u64,
}

impl Default for SafetyLimit {
    fn default() -> Self {
        Self { percent: 20, at_least: 5 }
    }
}

impl SafetyLimit {
    /// The hold the plan must be stopped with, if it exceeds the limit and `approved` is not the id of just this
    /// hold. `active` is the number of active users before the run.
    #[must_use]
    pub fn check(self, plan: &Plan, active: u64, approved: Option<&str>) -> Option<Hold> {
        let deactivations = plan.caused_by_tenant.len() as u64;
        if deactivations < self.at_least || deactivations * 100 <= self.percent * active {
            return None;
        }
        let id = digest(plan);
        if approved == Some(id.as_str()) {
            return None;
        }
        Some(Hold {
            id,
            deactivations: plan.deactivations.len() as u64,
            active,
            examples: plan.deactivations.iter().take(EXAMPLES).map(|user| user.id.clone()).collect(),
        })
    }
}

/// Stands for exactly these users becoming inactive, so that what was approved cannot grow afterwards.
fn digest(plan: &Plan) -> String {
    let mut hash = Sha256::new();
    let mut users: Vec<_> = plan.deactivations.iter().map(|user| user.id.to_string()).collect();
    users.sort_unstable();
    for user in users {
        hash.update(user.as_bytes());
        hash.update([0]);
    }
    URL_SAFE_NO_PAD.encode(hash.finalize())
}
