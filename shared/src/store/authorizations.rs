//! Authorizations on their way through Microsoft's login.

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;
use crate::oauth::{Conclusion, PendingAuthorization, StateHash};

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

/// An authorization as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownAuthorization {
    /// How it was begun.
    pub pending: PendingAuthorization,
    /// True when its `state` has been used up.
    pub used: bool,
    /// How it ended, once that is known.
    pub conclusion: Option<Conclusion>,
}

/// Pending authorizations, each usable once.
#[async_trait]
pub trait AuthorizationStore: Send + Sync {
    /// Remembers an authorization until a while after it has expired.
    async fn begin_authorization(&self, state: &StateHash, pending: &PendingAuthorization) -> Result<(), StoreError>;

    /// Uses an authorization up. Of two calls with the same state only one gets it, however close they are.
    async fn consume_authorization(&self, state: &StateHash, now: Timestamp) -> Result<Consumed, StoreError>;

    /// Returns an authorization without using it up; `None` when it was never begun, or is long forgotten.
    async fn authorization(&self, state: &StateHash) -> Result<Option<KnownAuthorization>, StoreError>;

    /// Remembers how a used authorization ended, for as long as the authorization itself.
    async fn conclude_authorization(&self, state: &StateHash, conclusion: &Conclusion) -> Result<(), StoreError>;
}
