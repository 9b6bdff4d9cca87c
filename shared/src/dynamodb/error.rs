//! From the SDK's errors to the store's.

use aws_sdk_dynamodb::error::{DisplayErrorContext, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::CancellationReason;

use crate::store::StoreError;

/// The storage did not answer or refused. The SDK's text has no item's content in it.
pub(super) fn unavailable<E>(error: SdkError<E>) -> StoreError
where
    E: std::error::Error + Send + Sync + 'static,
{
    StoreError::Unavailable(DisplayErrorContext(error).to_string().into())
}

/// Why a transaction was cancelled, action by action; `None` when it failed otherwise.
pub(super) fn cancelled(error: &SdkError<TransactWriteItemsError>) -> Option<&[CancellationReason]> {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            Some(cancelled.cancellation_reasons())
        }
        _ => None,
    }
}

/// True when the action at this place failed on its condition.
pub(super) fn failed_condition(reasons: &[CancellationReason], place: usize) -> bool {
    reasons.get(place).and_then(|reason| reason.code()) == Some("ConditionalCheckFailed")
}
