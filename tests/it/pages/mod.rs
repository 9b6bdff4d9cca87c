//! The pages, in a real browser and without one.

mod browser;
mod callback;
mod counted;
mod credentials;
mod everybody;
mod first_time;
mod guard;
mod holds;
mod hostile;
mod names;
mod routine;
mod runs;
mod settings;
mod snapshots;
mod tokens;
mod unsent;
pub mod visit;
