//! The port to where alerts go, and the adapter for where nobody gave a better place.

use async_trait::async_trait;

use super::change::{Alert, Change};

/// An alert did not get out.
#[derive(Debug, thiserror::Error)]
#[error("the alert could not be sent")]
pub struct AlertError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Where people are told.
#[async_trait]
pub trait AlertSink: Send + Sync {
    /// Sends an alert.
    async fn send(&self, alert: &Alert) -> Result<(), AlertError>;
}

/// Alerts as lines of the log, without names. The status API says the rest.
#[derive(Debug, Clone, Copy, Default)]
pub struct AlertLog;

#[async_trait]
impl AlertSink for AlertLog {
    async fn send(&self, alert: &Alert) -> Result<(), AlertError> {
        let (directory, condition) = (alert.directory, &alert.condition);
        match alert.change {
            Change::Opened => {
                tracing::warn!(directory.id = %directory, condition = ?condition, "something needs an administrator");
            }
            Change::Recovered => {
                tracing::info!(directory.id = %directory, condition = ?condition, "something has recovered");
            }
        }
        Ok(())
    }
}
