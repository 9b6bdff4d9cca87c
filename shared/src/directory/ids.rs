//! Typed ids, so that a group's id cannot be passed where a user's is meant.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// The longest object id accepted, in bytes. Microsoft's are 36; the cap bounds what a hostile answer can store.
const MAX_ID_BYTES: usize = 128;

/// Text that cannot be an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// The text is empty.
    #[error("an id must not be empty")]
    Empty,
    /// The text is longer than any id.
    #[error("an id has at most {MAX_ID_BYTES} bytes")]
    TooLong,
    /// The text has white space, a control character, or one that cannot stand in a URL's path.
    #[error("an id has only letters, digits, '-', '_' and '.'")]
    Malformed,
    /// The text must be a GUID here.
    #[error("expected a GUID such as 00000000-0000-0000-0000-000000000000")]
    NotGuid,
}

/// A directory object's id in the tenant.
///
/// Microsoft calls it opaque. In practice it is a GUID, which is kept in 16 bytes and printed in lower case;
/// anything else is kept as it came.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectId(Repr);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Repr {
    Guid(Uuid),
    Other(Arc<str>),
}

/// In one piece: what would be derived hashes a kind, a length and a text, and ids are looked up by the million.
impl Hash for Repr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Guid(guid) => state.write_u128(guid.as_u128()),
            Self::Other(text) => text.hash(state),
        }
    }
}

impl ObjectId {
    /// The GUID, when the id is one.
    #[must_use]
    pub fn as_guid(&self) -> Option<Uuid> {
        match &self.0 {
            Repr::Guid(guid) => Some(*guid),
            Repr::Other(_) => None,
        }
    }
}

impl From<Uuid> for ObjectId {
    fn from(guid: Uuid) -> Self {
        Self(Repr::Guid(guid))
    }
}

impl FromStr for ObjectId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.is_empty() {
            return Err(InvalidId::Empty);
        }
        if text.len() > MAX_ID_BYTES {
            return Err(InvalidId::TooLong);
        }
        // Only the hyphenated form: other spellings of a GUID would not print back as they came.
        if text.len() == 36
            && let Ok(guid) = Uuid::try_parse(text)
        {
            return Ok(Self(Repr::Guid(guid)));
        }
        // Nothing but dots would climb up a URL's path.
        let climbs = text.chars().all(|c| c == '.');
        if !climbs && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
            Ok(Self(Repr::Other(Arc::from(text))))
        } else {
            Err(InvalidId::Malformed)
        }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Guid(guid) => guid.hyphenated().fmt(f),
            Repr::Other(text) => f.write_str(text),
        }
    }
}

impl TryFrom<String> for ObjectId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<ObjectId> for String {
    fn from(id: ObjectId) -> Self {
        id.to_string()
    }
}

macro_rules! object_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String, max_length = 128, pattern = r"^\.*[A-Za-z0-9_-][A-Za-z0-9._-]*$", example = "87d349ed-44d7-43e1-9a83-5f2406dee5bd")]
        pub struct $name(ObjectId);

        impl $name {
            /// The id without its kind.
            #[must_use]
            pub fn object(&self) -> &ObjectId {
                &self.0
            }
        }

        impl From<ObjectId> for $name {
            fn from(id: ObjectId) -> Self {
                Self(id)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.parse().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

object_id! {
    /// A user's object id: stable through renames and mail changes, so it is the user's identity.
    UserId
}
object_id! {
    /// A group's object id.
    GroupId
}

/// A directory's id, which is the id of its tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(example = "11111111-2222-3333-4444-555555555555")]
pub struct DirectoryId(Uuid);

impl DirectoryId {
    /// The directory of the tenant with this id.
    #[must_use]
    pub fn new(tenant: Uuid) -> Self {
        Self(tenant)
    }
}

impl FromStr for DirectoryId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Uuid::try_parse(text).map(Self).map_err(|_| InvalidId::NotGuid)
    }
}

impl fmt::Display for DirectoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_compared_without_regard_to_case_and_printed_in_lower_case() {
        let upper: UserId = "6EA91A8D-E32E-41A1-B7BD-D2D185EED0E0".parse().unwrap();
        let lower: UserId = "6ea91a8d-e32e-41a1-b7bd-d2d185eed0e0".parse().unwrap();
        assert_eq!(upper, lower);
        assert_eq!(upper.to_string(), "6ea91a8d-e32e-41a1-b7bd-d2d185eed0e0");
    }

    #[test]
    fn an_id_that_is_no_guid_is_kept_as_it_came() {
        // Microsoft's own sample of a removed member has 35 characters.
        let id: GroupId = "632f6bb2-3ec8-4c1f-9073-0027a8c6859".parse().unwrap();
        assert_eq!(id.to_string(), "632f6bb2-3ec8-4c1f-9073-0027a8c6859");
        assert_eq!(id.object().as_guid(), None);
    }

    #[test]
    fn text_that_could_escape_a_url_path_is_no_id() {
        for text in ["", "a/b", "..%2f", "a b", "a?b", "a\nb", "é", ".", ".."] {
            assert!(text.parse::<ObjectId>().is_err(), "{text:?} was accepted");
        }
        assert_eq!("x".repeat(129).parse::<ObjectId>(), Err(InvalidId::TooLong));
    }
}
