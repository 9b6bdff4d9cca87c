//! What consumers are told of changes: by a feed that they ask, and by events that are sent to them.
//!
//! * `view`: what of a change is told;
//! * `published`: which groups consumers see;
//! * `announce`: sends what has not been sent;
//! * `sink`, `event_bridge`: the port to where events go, and its adapters.

mod announce;
mod event_bridge;
mod published;
mod sink;
mod view;

pub use announce::{AnnounceError, Announcing};
pub use event_bridge::EventBus;
pub use published::{is_published, published_among};
pub use sink::{Event, EventError, EventLog, EventSink};
pub use view::{ChangeView, ChangedObject, GroupChange, Reason, Status, UserChange, groups_of, reason_of, view};
