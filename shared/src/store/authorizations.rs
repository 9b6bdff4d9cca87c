//! Authorizations on their way through Microsoft's login.

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;
use crate::oauth::{PendingAuthorization, StateHash};

/// What became of an attempt to use a `state`.
#[derive(Debug)]
pub enum Consumed {
    /// It was waiting, and this call has used it up.
    Taken(PendingAuthorization),
    /// It has been used before.
    AlreadyUsed,
    /// It was never made, or is long forgotten.
    Unknown,
}

/// Pending authorizations, each usable once.
#[async_trait]
pub trait AuthorizationStore: Send + Sync {
    /// Remembers an authorization until a while after it has expired.
    async fn begin_authorization(&self, state: &StateHash, pending: &PendingAuthorization) -> Result<(), StoreError>;

    /// Uses an authorization up. Of two calls with the same state only one gets it, however close they are.
    async fn consume_authorization(&self, state: &StateHash, now: Timestamp) -> Result<Consumed, StoreError>;
}
