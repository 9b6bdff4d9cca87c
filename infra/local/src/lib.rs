//! The whole of Office 365 Sync in one process on loopback.
//!
//! The functions' own handlers run behind one address ([`stack`]), which a gateway with the habits of AWS's answers
//! ([`gateway`]). Around them is what AWS would be: an embedded DynamoDB, a store of secrets and a queue that the real SDK
//! talks to ([`aws`]), and what sends the events of SQS and EventBridge ([`queue`]). Unless another tenant is named, a
//! simulated Microsoft 365 tenant is there to sync from, and its sample administrator authorizes ([`sample`]).
//!
//! Since all functions come together here, so does the description of their API ([`openapi`]).

pub mod api;
pub mod args;
pub mod aws;
pub mod client_secret;
pub mod data_dir;
pub mod lambda;
pub mod openapi;
mod own_names;
pub mod program;
pub mod progress;
pub mod queue;
pub mod recovery;
pub mod sample;
pub mod stack;
pub mod summary;
