//! The simulated tenant, asked over HTTP as a client would.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that meets the unexpected should stop there")]

mod administrators;
mod client;
mod control;
mod delta;
mod faults;
mod graph;
mod identity;
mod sample;
