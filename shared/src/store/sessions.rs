//! Sessions that have ended before their time.

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;

/// Remembers who has signed out, for as long as a copy of the cookie could be used.
#[async_trait]
pub trait EndedSessions: Send + Sync {
    /// Ends the session with this hash of its id; it would have ended at `until` in any case.
    async fn end_session(&self, hash: &str, until: Timestamp) -> Result<(), StoreError>;

    /// True when the session was ended.
    async fn has_ended(&self, hash: &str) -> Result<bool, StoreError>;
}
