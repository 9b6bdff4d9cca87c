//! The adapter to Microsoft Graph.
//!
//! From one request to a whole tenant:
//!
//! * `origin`: where Graph is, and which links lead there;
//! * `refusal`: what an answer that is not 200 means, as a [`GraphError`];
//! * `retry`: whether and when a request is repeated, decided without doing it;
//! * `budget`, `usage`, `gate`: how many requests the tenant stands at once, learned from what the answers say of its
//!   quota, and where requests wait for their turn;
//! * `client`: one read, repeated until it is answered or given up;
//! * `page`, `wire`, `plain`: from bytes to a page, and from its objects to ours, with care or at once;
//! * `tenant`, `chain`, `source`: reads under the administrators' tokens, lists and rounds read to their end, and the
//!   port [`TenantSource`](crate::sync::TenantSource) made of them;
//! * `withheld`: whether a 403 is about one object or about the administrator;
//! * `probe`: whether an account that is being authorized can read what a sync reads.

#[doc(hidden)]
pub mod bench;
mod budget;
mod chain;
mod client;
mod error;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod gate;
mod mend;
mod oddity;
mod origin;
mod page;
mod plain;
mod probe;
mod refusal;
mod retry;
mod source;
mod tenant;
#[cfg(test)]
mod tests;
mod usage;
mod wire;
mod withheld;

pub use error::{GraphError, Refused};
pub use origin::{GraphOrigin, InvalidOrigin};
pub use page::Malformed;
pub use probe::{AccountProbe, AccountRoles, DirectoryRole, probe_account, probe_users};
pub use retry::RetryPolicy;
pub use tenant::GraphTenant;
