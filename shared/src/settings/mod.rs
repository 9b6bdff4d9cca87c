//! Settings on their way: a draft is looked at before it is saved.

mod check;
mod preview;
mod unknown;

pub use check::{CheckedSettings, ComparedWith, RejectedSettings};
pub use preview::{Line, Outline, Preview, Shift, Then};
pub use unknown::{GroupList, UnknownGroup};

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::directory::UserId;
use crate::filter::Policy;

/// A draft's random id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DraftId(Uuid);

impl DraftId {
    /// A new one.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for DraftId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for DraftId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Uuid::try_parse(text).map(Self)
    }
}

/// Settings that have not been saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Its id.
    pub id: DraftId,
    /// The settings.
    pub policy: Policy,
    /// The version they were made from. They replace no other.
    pub from_version: u64,
    /// Person who made them, and who alone may save them; `None` when a program did, which saves them by asking again.
    pub by: Option<UserId>,
    /// When.
    pub at: Timestamp,
}
