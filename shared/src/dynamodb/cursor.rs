//! Cursors: where a listing continues, as text that is safe in a URL. They name no more than ids, which their bearer
//! has seen, and are checked when they come back.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::{Cursor, StoreError};

/// The longest cursor this store makes, in bytes.
const MAX_CURSOR: usize = 512;

/// Names the place in a listing.
pub(super) fn encode(listing: &str, place: &impl Serialize) -> Cursor {
    // Ids always print.
    let json = serde_json::to_vec(&(listing, place)).unwrap_or_default();
    Cursor::new(URL_SAFE_NO_PAD.encode(json))
}

/// The place that a cursor of this listing names.
pub(super) fn decode<T: DeserializeOwned>(listing: &str, cursor: &Cursor) -> Result<T, StoreError> {
    if cursor.as_str().len() > MAX_CURSOR {
        return Err(StoreError::BadCursor);
    }
    let json = URL_SAFE_NO_PAD.decode(cursor.as_str()).map_err(|_| StoreError::BadCursor)?;
    let (of, place): (String, T) = serde_json::from_slice(&json).map_err(|_| StoreError::BadCursor)?;
    if of == listing { Ok(place) } else { Err(StoreError::BadCursor) }
}
