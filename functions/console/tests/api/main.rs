//! The console function's answers, over stores in memory.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

#[expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "values are made from a schema that the test knows; the numbers are small"
)]
mod described;
mod guard;
mod holds;
mod memory;
mod runs;
mod settings;
mod world;
