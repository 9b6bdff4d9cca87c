//! A sync run: read what changed, bring the mirror up to date, decide, plan, apply, publish.

mod record;
mod request;
mod source;

pub use record::{ChangeCounts, Effort, Failure, FullReason, Hold, Reading, Run, RunId, RunRequest, RunState, Trigger};
pub use request::{RequestRunError, request_run};
pub use source::{
    DeltaLink, DeltaLinks, GroupChange, GroupEvent, Listing, MemberChange, Removal, Round, SourceError, TenantSource,
    UserChange,
};
