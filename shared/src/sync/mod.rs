//! A sync run: read what changed, bring the mirror up to date, decide, plan, apply, publish.
//!
//! [`perform`] does a whole run with the ports it is given. Between reading and writing everything is pure: changes
//! are folded (`changes`, `reconcile`), and a plan (`plan`) is made of them that says all that will be written.

mod addresses;
#[doc(hidden)]
pub mod bench;
mod changes;
mod checkpoint;
mod error;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod guard;
mod hold;
mod holding;
mod indexes;
mod known;
mod ledger;
mod load;
mod memberships;
mod outlook;
mod plan;
mod progress;
mod read;
mod reading;
mod reconcile;
mod record;
mod request;
mod returned;
mod run;
mod sizes;
mod source;
mod strays;
#[cfg(test)]
mod tests;
mod trail;
mod verify;
mod work;

pub use crate::filter::SafetyLimit;
pub use error::{Disposition, ListKind, RunError};
pub use hold::{HOLD_LIFE, HeldChange, HeldChanges, Hold, HoldId, HoldState, HoldSummary};
pub use ledger::{Basis, CHECKPOINT_FORMAT, CheckpointHead, UnreadableCheckpoint};
pub use progress::{Progress, ProgressSink, Unobserved};
pub use record::{
    ChangeCounts, Effort, Failure, FullReason, Reading, Run, RunId, RunRequest, RunState, Trigger, Written,
};
pub use request::{RequestRunError, request_run};
pub use run::{Handled, Pace, Ports, perform};
pub use source::{
    Counted, DeltaLink, DeltaLinks, GroupChange, GroupEvent, Listing, MemberChange, OpenTenant, Removal, SourceError,
    TenantSource, UnreadObject, UserChange,
};
pub use trail::{Next, PageLink, Position, ReadPage, Trail};
