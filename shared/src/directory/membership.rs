//! Whether it is known who is in a group.

use serde::{Deserialize, Serialize};

/// Whether a group's direct members are known. What cannot be read is unknown, never empty: it decides nothing, and
/// consumers are told so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Membership {
    /// All of them are known. A group of none is known to be empty.
    #[default]
    Known,
    /// The members on record are those last seen; the group may have others by now, or none.
    Unknown {
        /// Why they cannot be read.
        cause: UnknownCause,
    },
}

/// Why a group's members are unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnknownCause {
    /// The group hides its members, and no authorized account has been shown any.
    Hidden,
    /// Microsoft Graph refused the list, or did not give it whole.
    Unreadable,
    /// The list has a member of a kind this version does not know.
    UnknownKind,
}

impl Membership {
    /// True when all members are known.
    #[must_use]
    pub fn is_known(self) -> bool {
        self == Self::Known
    }

    /// Why the members are unknown, if they are.
    #[must_use]
    pub fn cause(self) -> Option<UnknownCause> {
        match self {
            Self::Known => None,
            Self::Unknown { cause } => Some(cause),
        }
    }
}

impl From<UnknownCause> for Membership {
    fn from(cause: UnknownCause) -> Self {
        Self::Unknown { cause }
    }
}

impl UnknownCause {
    /// The cause in words, after "the members are unknown, because".
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Hidden => "the group hides its members from the authorized accounts",
            Self::Unreadable => "Microsoft Graph did not give the whole list",
            Self::UnknownKind => "it has a member of a kind that this version does not know",
        }
    }

    /// What makes them known, as a sentence.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Hidden => {
                "Grant the application Member.Read.Hidden, and authorize it with an account that has a role such as \
                 User Administrator."
            }
            Self::Unreadable => "The next sync reads it again.",
            Self::UnknownKind => "Take that member out of the group, or update this software.",
        }
    }
}
