//! What is open in a directory, and what has to be told of it.

use async_trait::async_trait;

use super::StoreError;
use crate::alerts::AlertRecord;
use crate::credentials::Credential;
use crate::directory::DirectoryId;

/// How a directory stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// The record of what is open; an empty one of version 0 before the first was stored.
    pub alerts: AlertRecord,
    /// The directory's credentials.
    pub credentials: Vec<Credential>,
}

/// The record of open conditions, one for each directory.
#[async_trait]
pub trait AlertStore: Send + Sync {
    /// The record, together with the credentials that it is about.
    async fn standing(&self, directory: DirectoryId) -> Result<Standing, StoreError>;

    /// Stores a record under the version after its own. That another one is stored by now than it was made from is a
    /// [`StoreError::Conflict`].
    async fn put_alerts(&self, directory: DirectoryId, record: &AlertRecord) -> Result<(), StoreError>;
}
