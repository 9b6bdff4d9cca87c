//! Telling people of what needs them: once when it begins, and once when it is over.
//!
//! * `condition`: what can be wrong with a directory, and what is wrong with one now;
//! * `change`: which of that is news;
//! * `text`: the news as a mail for an administrator;
//! * `tell`: keeps what is open in the store and sends the news;
//! * `sink`, `sns`: the port to where news goes, and its adapters.

mod change;
mod condition;
mod sink;
mod sns;
mod tell;
mod text;

pub use change::{Alert, Change};
pub use condition::{Condition, Situation};
pub use sink::{AlertError, AlertLog, AlertSink};
pub use sns::SnsTopic;
pub use tell::{AlertRecord, Alerting, Outgoing, TellError};
