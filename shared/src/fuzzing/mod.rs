//! Everything that reads what others wrote, as functions of bytes that panic when something is wrong.
//!
//! There is one for each fuzz target in `tests/fuzz`, and the tests here feed them a stored corpus and mutations of it on
//! every run of the suite. This module exists in tests and under `cargo fuzz`, which sets `cfg(fuzzing)`; what is deployed
//! does not have it.

#[cfg(test)]
mod mutation;
#[cfg(test)]
mod smoke;

pub use crate::dynamodb::fuzz::stored_item;
pub use crate::graph::fuzz::{graph_page, graph_refusal};
pub use crate::identity::fuzz::{id_token, signing_keys, token_answer};
pub use crate::sync::fuzz::checkpoint;

use serde_json::Value;

use crate::directory::{DirectoryId, ObjectId};
use crate::filter::Policy;
use crate::http::{Listing, said_once};
use crate::oauth::Callback;
use crate::queue::Message;

/// The query with which a browser comes back: only a `state` of ours makes it an answer.
///
/// # Panics
/// When it does not hold.
pub fn callback_query(query: &[u8]) {
    let Ok(query) = std::str::from_utf8(query) else { return };
    if let Callback::Authorization { state, .. } = Callback::parse(query) {
        assert_eq!(state.as_str().len(), 43);
        assert!(!state.hash().short().is_empty());
    }
}

/// Accepts only the very text that was made here as a cursor.
///
/// # Panics
/// When it does not hold.
pub fn cursor(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    for name in ["users", "groups"] {
        let listing = Listing::new(DirectoryId::new(uuid::Uuid::nil()), name, &[]);
        if let Ok(position) = listing.position::<ObjectId>(text) {
            assert_eq!(listing.cursor(&position), text);
        }
    }
}

/// Settings: what is accepted prints as something that is accepted as the same; what is not is explained at bounded
/// length.
///
/// # Panics
/// When it does not hold.
pub fn settings(body: &[u8]) {
    let Ok(settings) = said_once(body) else { return };
    assert_eq!(serde_json::from_slice::<Value>(body).ok().as_ref(), Some(&settings), "said once, it is what it is");
    match Policy::parse(&settings) {
        Ok(policy) => {
            let printed = serde_json::to_value(&policy).unwrap_or_default();
            assert_eq!(Policy::parse(&printed), Ok(policy));
        }
        Err(invalid) => {
            assert!((1..=51).contains(&invalid.faults.len()));
            assert!(invalid.to_string().len() < 51 * 1_000, "{}", invalid.to_string().len());
        }
    }
}

/// A message of the queue: what is understood prints as what is understood as the same.
///
/// # Panics
/// When it does not hold.
pub fn queue_message(body: &[u8]) {
    if let Ok(message) = serde_json::from_slice::<Message>(body) {
        let printed = serde_json::to_vec(&message).unwrap_or_default();
        assert_eq!(serde_json::from_slice::<Message>(&printed).ok(), Some(message));
    }
}
