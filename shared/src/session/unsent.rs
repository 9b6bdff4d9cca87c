//! Forms whose session had ended when they were sent.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Session;
use crate::directory::{DirectoryId, UserId};

/// A kept form's random id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnsentId(Uuid);

impl UnsentId {
    /// A new one.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for UnsentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for UnsentId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Uuid::try_parse(text).map(Self)
    }
}

/// A form that was not acted on, because the session of its page had ended. Only its author gets to see it again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsentForm {
    /// The id.
    pub id: UnsentId,
    /// Tenant of the author.
    pub tenant: DirectoryId,
    /// The author.
    pub user: UserId,
    /// Path that the form was sent to.
    pub action: String,
    /// The fields as they were filled in, without the form token.
    pub fields: Vec<(String, String)>,
    /// When it was sent.
    pub at: Timestamp,
}

/// Without the fields: nobody needs to find in a log what somebody has typed.
impl fmt::Debug for UnsentForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnsentForm").field("id", &self.id).field("action", &self.action).finish_non_exhaustive()
    }
}

impl UnsentForm {
    /// Returns true when the person of this session has filled it in.
    #[must_use]
    pub fn is_of(&self, session: &Session) -> bool {
        (self.tenant, &self.user) == (session.tenant, &session.user)
    }
}
