//! A directory's days.

use async_trait::async_trait;
use jiff::civil::Date;

use super::StoreError;
use crate::directory::DirectoryId;
use crate::statistics::Day;

/// Days, kept for [`crate::statistics::RETENTION`]. Runs note them with [`MirrorStore::publish`](super::MirrorStore::publish).
#[async_trait]
pub trait StatisticsStore: Send + Sync {
    /// The days since this one, in their order.
    async fn days(&self, directory: DirectoryId, since: Date) -> Result<Vec<Day>, StoreError>;
}
