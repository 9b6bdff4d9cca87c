//! The authorization of a directory by an administrator, as a state machine that knows no HTTP.

mod authorization;

pub use authorization::{PendingAuthorization, StateHash};
