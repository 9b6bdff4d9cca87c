//! How often something was tried.

use async_trait::async_trait;

use super::StoreError;

/// Counts attempts, so that there are not too many.
#[async_trait]
pub trait AttemptStore: Send + Sync {
    /// Counts one more attempt of `who` (an opaque name, no personal data) within the minute that begins at `minute` (Unix time ÷
    /// 60) and returns the count.
    async fn count_attempt(&self, who: &str, minute: i64) -> Result<u64, StoreError>;
}
