//! What stands behind the gateway.

use async_trait::async_trait;
use axum::Router;
use lambda_runtime::{Context, LambdaEvent};
use shared::http::{HttpEvent, handle};

/// A function as Lambda runs it: JSON text in, JSON text out.
#[async_trait]
pub trait Function: Send + Sync {
    /// Invokes the function with an event.
    ///
    /// # Errors
    /// When it gives no answer.
    async fn invoke(&self, event: String) -> Result<Vec<u8>, InvokeError>;
}

/// Why a function gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// The event or the answer is not what the function's types can hold.
    #[error("malformed event or answer")]
    Malformed(#[from] serde_json::Error),
    /// The function is not there, or it ended.
    #[error("{0}")]
    Failed(String),
}

/// A function whose handlers run in this process, behind the same code that receives events on Lambda.
pub struct InProcess(pub Router);

#[async_trait]
impl Function for InProcess {
    async fn invoke(&self, event: String) -> Result<Vec<u8>, InvokeError> {
        let event: HttpEvent = serde_json::from_str(&event)?;
        let Ok(answer) = handle(self.0.clone(), LambdaEvent::new(event, Context::default())).await;
        Ok(serde_json::to_vec(&answer)?)
    }
}
