//! The console function's answers, over stores in memory.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod described;
mod guard;
mod holds;
mod memory;
mod runs;
mod settings;
mod world;
