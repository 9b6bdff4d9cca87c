//! From the SDK's errors to the store's.

use std::error::Error;

use crate::store::StoreError;

/// The storage did not answer or refused.
pub(super) fn unavailable(error: impl Error) -> StoreError {
    StoreError::Unavailable(words(&error).into())
}

/// An error and its causes, each in the words it has for people. Not in those for programmers: they repeat the whole
/// answer, which may have an item's content in it.
pub(super) fn words(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
