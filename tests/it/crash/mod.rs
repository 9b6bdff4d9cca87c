//! A run is cut off at each of its writes, in every way there is; the next run must make good for it.
//!
//! `docs/crash-and-model-tests.md` says what is enumerated and why.

mod every_write;
mod kinds;
mod late;
mod undone;

pub use kinds::Kind;
