//! Cursors: where a listing goes on, as text that is safe in a URL.
//!
//! A cursor names no more than its bearer has seen. It carries a check of its position and of the listing it was made for, so that
//! a cursor that was altered, cut short or taken from another listing is rejected instead of skipping entries silently. The check
//! is not a secret: whoever forges a cursor learns nothing and only misleads their own copy.

use std::fmt::Display;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::unchanged::fingerprint;
use crate::directory::DirectoryId;

/// The longest cursor looked at, in bytes. The longest made here names two ids of 128.
const MAX_BYTES: usize = 1_024;
/// Stands between position and check, and in neither.
const SEPARATOR: char = '.';

/// A cursor that was not made for this listing, or not made here at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one of this listing")]
pub struct InvalidCursor;

/// The listing that cursors are made for: its directory, name and filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing(String);

impl Listing {
    /// A listing by its name and what it was filtered by.
    #[must_use]
    pub fn new(directory: DirectoryId, name: &str, filters: &[Option<&str>]) -> Self {
        // As JSON, so that no two listings read the same.
        Self(serde_json::json!([directory, name, filters]).to_string())
    }

    /// The listing of all directories.
    #[must_use]
    pub fn of_directories() -> Self {
        Self(serde_json::json!(["directories"]).to_string())
    }

    /// The cursor of a position.
    #[must_use]
    pub fn cursor(&self, position: &impl Display) -> String {
        let position = position.to_string();
        let check = fingerprint(format!("{}{position}", self.0).as_bytes());
        format!("{}{SEPARATOR}{check}", URL_SAFE_NO_PAD.encode(position))
    }

    /// The position that a cursor names.
    ///
    /// # Errors
    /// Unless the cursor is exactly as [`Self::cursor`] has made it for this listing.
    pub fn position<T: FromStr + Display>(&self, cursor: &str) -> Result<T, InvalidCursor> {
        if cursor.len() > MAX_BYTES {
            return Err(InvalidCursor);
        }
        let (position, _) = cursor.split_once(SEPARATOR).ok_or(InvalidCursor)?;
        let position = URL_SAFE_NO_PAD.decode(position).map_err(|_| InvalidCursor)?;
        let position = String::from_utf8(position).map_err(|_| InvalidCursor)?.parse().map_err(|_| InvalidCursor)?;
        if self.cursor(&position) == cursor { Ok(position) } else { Err(InvalidCursor) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::directory::ObjectId;

    fn listing(directory: u128, name: &str, filter: Option<&str>) -> Listing {
        Listing::new(DirectoryId::new(Uuid::from_u128(directory)), name, &[filter])
    }

    #[test]
    fn cursor_is_valid_in_its_own_listing_only() {
        let users = listing(1, "users", None);
        for id in ["87d349ed-44d7-43e1-9a83-5f2406dee5bd".to_owned(), "x".repeat(128)] {
            let id: ObjectId = id.parse().unwrap();
            let cursor = users.cursor(&id);
            assert_eq!(users.position::<ObjectId>(&cursor), Ok(id));
            for other in [
                listing(2, "users", None),
                listing(1, "groups", None),
                listing(1, "users", Some("active")),
                listing(1, "users", Some("")),
            ] {
                assert_eq!(other.position::<ObjectId>(&cursor), Err(InvalidCursor), "{other:?}");
            }
        }
    }

    #[test]
    fn foreign_text_is_rejected() {
        let users = listing(1, "users", None);
        let cursor = users.cursor(&"kim".parse::<ObjectId>().unwrap());
        let (position, check) = cursor.split_once('.').unwrap();
        // Another spelling of the same id.
        let upper = URL_SAFE_NO_PAD.encode("87D349ED-44D7-43E1-9A83-5F2406DEE5BD");
        let upper_check = users.cursor(&"87D349ED-44D7-43E1-9A83-5F2406DEE5BD").split_once('.').unwrap().1.to_owned();
        for text in [
            String::new(),
            ".".to_owned(),
            position.to_owned(),
            format!("{position}."),
            format!(".{check}"),
            format!("{cursor}="),
            format!("{cursor}.{check}"),
            format!("{upper}.{upper_check}"),
            "é.é".to_owned(),
            "A".repeat(MAX_BYTES + 1),
        ] {
            assert_eq!(users.position::<ObjectId>(&text), Err(InvalidCursor), "{text}");
        }
    }

    proptest! {
        #[test]
        fn altered_number_is_rejected(number in 0_u64..1_000_000, step in 1_u64..1_000) {
            let changes = listing(1, "changes", None);
            let raised = URL_SAFE_NO_PAD.encode((number + step).to_string());
            let cursor = changes.cursor(&number);
            let forged = format!("{raised}.{}", cursor.split_once('.').unwrap().1);
            prop_assert_eq!(changes.position::<u64>(&cursor), Ok(number));
            prop_assert_eq!(changes.position::<u64>(&forged), Err(InvalidCursor));
        }
    }
}
