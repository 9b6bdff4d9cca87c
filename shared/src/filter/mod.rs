//! The filter: which groups are synced and which users are active.
//!
//! Everything here is a pure function of what is known and what the policy says. The same [`decide_user`] serves
//! the sync, the preview and the answer to "why?".

mod decide;
mod explain;
mod name;
mod parse;
mod policy;
mod reach;
mod safety;
#[cfg(test)]
mod tests;

pub use decide::{
    GroupDecision, InactiveReason, SkipReason, UserDecision, UserFacts, UserOutcome, decide_group, decide_user,
};
pub use explain::{Check, Rule, explain_user};
pub use name::NamePrefix;
pub use parse::{FieldError, InvalidPolicy, whole_number};
pub use policy::Policy;
pub use reach::{GroupNode, Listed, Reach, UnknownGroups};
pub use safety::SafetyLimit;
