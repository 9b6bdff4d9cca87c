//! The adapter that keeps everything but secrets in one DynamoDB table.
//!
//! Every partition is reached by its key, nothing is ever scanned, and what a decision depends on is read
//! consistently. Each item carries the version of its shape in `v`; an item of another version, or with a malformed
//! attribute, is an error that names it, never "not there".

mod alerts;
mod announcements;
mod apply;
mod audit;
mod authorizations;
#[doc(hidden)]
pub mod bench;
mod bucket_store;
mod buckets;
mod changes;
mod checkpoints;
mod credentials;
mod directories;
mod drafts;
mod error;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod holds;
mod item;
mod keys;
mod lease;
mod lists;
mod mirror;
mod names;
mod packing;
mod progress;
mod queries;
mod records;
mod runs;
mod search;
mod sessions;
mod statistics;
mod store;
mod table;
mod tokens;
mod users;
mod write;

pub use store::DynamoStore;
pub use table::{TableError, create_table};
