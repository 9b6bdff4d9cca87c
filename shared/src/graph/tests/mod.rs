//! How the adapter behaves towards a Graph that throttles, fails, cuts short, goes round in circles and refuses.

mod answering;
mod following;
mod odd;
mod probing;
mod retrying;
pub(super) mod stage;
mod throttling;
