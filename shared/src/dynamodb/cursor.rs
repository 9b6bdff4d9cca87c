//! Cursors: where a listing continues, as text that is safe in a URL. They name no more than ids, which their bearer
//! has seen, and are checked when they come back.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::{Cursor, StoreError};

/// The longest cursor looked at, in bytes. The longest this store makes names an id of 128.
const MAX_BYTES: usize = 512;

/// Names the place in a listing.
pub(super) fn encode(listing: &str, place: &impl Serialize) -> Cursor {
    // Ids always print.
    let json = serde_json::to_vec(&(listing, place)).unwrap_or_default();
    Cursor::new(URL_SAFE_NO_PAD.encode(json))
}

/// The place that a cursor of this listing names. Only the very text that [`encode`] makes is taken for a cursor.
pub(super) fn decode<T: Serialize + DeserializeOwned>(listing: &str, cursor: &Cursor) -> Result<T, StoreError> {
    if cursor.as_str().len() > MAX_BYTES {
        return Err(StoreError::BadCursor);
    }
    let json = URL_SAFE_NO_PAD.decode(cursor.as_str()).map_err(|_| StoreError::BadCursor)?;
    let (of, place): (String, T) = serde_json::from_slice(&json).map_err(|_| StoreError::BadCursor)?;
    if of == listing && encode(listing, &place) == *cursor { Ok(place) } else { Err(StoreError::BadCursor) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::ObjectId;

    fn refused(cursor: &Cursor) -> bool {
        matches!(decode::<ObjectId>("users", cursor), Err(StoreError::BadCursor))
    }

    #[test]
    fn a_cursor_leads_to_its_place_in_its_listing_only() {
        for id in ["87d349ed-44d7-43e1-9a83-5f2406dee5bd".to_owned(), "x".repeat(128)] {
            let id: ObjectId = id.parse().unwrap();
            let cursor = encode("users", &id);
            assert_eq!(decode::<ObjectId>("users", &cursor).unwrap(), id);
            assert!(matches!(decode::<ObjectId>("groups", &cursor), Err(StoreError::BadCursor)));
        }
    }

    #[test]
    fn what_was_not_made_here_is_refused() {
        for text in [
            r#"["users","87D349ED-44D7-43E1-9A83-5F2406DEE5BD"]"#,
            r#"["users", "kim"]"#,
            r#"["users","k\u0069m"]"#,
            r#"["users","kim","lee"]"#,
            r#"["users",""]"#,
            r#"["users",7]"#,
            r#"{"users":"kim"}"#,
            "[",
        ] {
            assert!(refused(&Cursor::new(URL_SAFE_NO_PAD.encode(text))), "{text}");
        }
        let cursor = encode("users", &"kim".parse::<ObjectId>().unwrap());
        for text in [String::new(), "A".repeat(MAX_BYTES + 1), format!("{}=", cursor.as_str()), "é".to_owned()] {
            assert!(refused(&Cursor::new(text)));
        }
        assert!(!refused(&cursor));
    }
}
