//! The status function's answers, over stores in memory.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot be set up fails")]

mod directories;
mod groups;
mod guard;
mod memory;
mod runs;
mod sizes;
mod users;
mod world;
