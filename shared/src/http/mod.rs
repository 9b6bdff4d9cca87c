//! HTTP on both sides: how requests are sent, and what all our answers have in common.
//!
//! Sending: [`client()`]. Answering: [`Problem`] for errors, [`authorize`] and [`authorized_directory`] for who may ask,
//! [`Params`] and [`JsonBody`] for what is sent to us, [`List`] for pages, [`RunView`] and its parts for what several functions show, [`finish`], which
//! every router goes through last, and [`run`], by which it receives the events of API Gateway.

mod bearer;
mod body;
mod budget;
mod client;
mod client_address;
mod cursor;
mod described;
mod finish;
mod lambda;
mod params;
mod preview;
mod problem;
mod retry_after;
mod scim_error;
mod speculation;
mod style;
mod unchanged;
mod view;

pub use bearer::{authorize, authorized_directory};
pub use body::JsonBody;
#[cfg(any(test, fuzzing))]
pub(crate) use body::said_once;
pub use budget::{Budget, PageSize, Wrapping};
pub use client::{ClientError, client};
pub use client_address::ClientAddress;
pub use cursor::{InvalidCursor, Listing};
pub use described::{DirectoryInPath, SomeOf};
pub use finish::{HTTPS_ONLY, finish};
pub use lambda::{Error, HttpEvent, handle, run};
pub use params::{List, PageParams, Paging, Params};
pub use preview::PreviewSummaryView;
pub use problem::{PROBLEM, Problem, ProblemKind, ProblemView};
#[cfg(any(test, fuzzing))]
pub(crate) use retry_after::LONGEST_WAIT;
pub(crate) use retry_after::{date, retry_after};
pub use speculation::refuse_speculation;
pub use style::style_policy;
pub use unchanged::{fingerprint, tag};
pub use view::{Audience, CountsView, RunView};
