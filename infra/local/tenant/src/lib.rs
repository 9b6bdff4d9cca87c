//! A simulated Microsoft 365 tenant: login pages, token endpoint with signed `id_token`s, Microsoft Graph, and faults on
//! demand, served over real HTTP on loopback.
//!
//! The local stack syncs from it, and the end-to-end tests start it in-process:
//!
//! ```no_run
//! # async fn start(clock: tenant::Clock) -> std::io::Result<()> {
//! let sample = tenant::Sample { users: 250, groups: 40, ..tenant::Sample::default() };
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let handle = tenant::Tenant::sample(&sample).serve(listener, tenant::Options::new(clock))?;
//! println!("sign in at {}, read from {}", handle.login_url(), handle.graph_url());
//! # Ok(()) }
//! ```
//!
//! It follows Microsoft's public documents (the article or page is named where a rule comes from it). Where they are silent or
//! contradict each other, a comment beside the choice says so, and the choices a client could come to depend on are switches in
//! [`Quirks`].
//!
//! Everything a test or a curious person may change is an [`Action`]: in Rust through [`TenantHandle::apply`], over HTTP through
//! `/control/…`, which answers those on loopback who know its secret (see [`control`]).

mod action;
mod apply;
mod bend;
pub mod control;
mod drift;
mod endpoint;
mod exchange;
mod fault;
mod graph;
mod handle;
mod identity;
mod model;
mod options;
mod requests;
mod sample;
mod server;
mod token;
mod world;

pub use action::{
    Action, ActionError, ConsentAnswer, DeltaReset, NewGroup, NewUser, NumberForm, SecretStanding, SignIn,
};
pub use fault::{Fault, FaultId, Matcher, Odd, What};
pub use handle::TenantHandle;
pub use identity::{Administrator, ROLES_SEEING_HIDDEN_MEMBERS, Refusal, Role, Tampering};
pub use model::{Deletion, GroupKind, MemberKind, Tenant, TrueGroup, TrueMember, TrueUser, Truth};
pub use options::{Clock, Options, Paging, Quirks, RegisteredCertificate, Registration, Throttle};
pub use requests::{RequestKind, Seen, Summary};
pub use sample::{ALL_EMPLOYEES, CONTRACTORS, MEETING_ROOMS, SERVICE_ACCOUNTS, Sample};
