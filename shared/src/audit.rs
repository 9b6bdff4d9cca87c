//! The audit trail: who changed what, when, from what and to what.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::access::{AccessToken, Scope};
use crate::directory::{DirectoryId, UserId};
use crate::filter::Policy;
use crate::session::Session;
use crate::sync::{HoldId, RunId};

/// How long entries are kept: a year and a bit, so that a yearly review finds the last one.
pub const RETENTION: SignedDuration = SignedDuration::from_hours(400 * 24);

/// An entry of the trail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its id, which sorts by time.
    pub id: Uuid,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub by: Actor,
    /// What was done.
    #[serde(flatten)]
    pub event: AuditEvent,
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// A person who had signed in.
    Person {
        /// The person's tenant.
        tenant: DirectoryId,
        /// The person.
        user: UserId,
        /// The sign-in name at that time.
        user_principal_name: String,
    },
    /// A program with a token.
    Token {
        /// The token's name.
        name: String,
    },
}

impl Actor {
    /// What to call them.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Person { user_principal_name, .. } => user_principal_name,
            Self::Token { name } => name,
        }
    }
}

impl From<&Session> for Actor {
    fn from(session: &Session) -> Self {
        Self::Person {
            tenant: session.tenant,
            user: session.user.clone(),
            user_principal_name: session.user_principal_name.clone(),
        }
    }
}

impl From<&AccessToken> for Actor {
    fn from(token: &AccessToken) -> Self {
        Self::Token { name: token.name.clone() }
    }
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum AuditEvent {
    /// The settings were replaced.
    SettingsChanged {
        /// The settings before, as JSON.
        from: Value,
        /// The settings since.
        to: Value,
        /// The version they have.
        version: u64,
    },
    /// A run was asked for.
    RunRequested {
        /// The run that sees to it.
        run: RunId,
    },
    /// A hold was answered.
    HoldDecided {
        /// The hold.
        hold: HoldId,
        /// True when it was applied, false when it was discarded.
        applied: bool,
    },
    /// An access token was made.
    TokenCreated {
        /// Its name.
        name: String,
        /// What it allows.
        scope: Scope,
        /// When it ends.
        expires_at: Timestamp,
    },
    /// An access token was revoked.
    TokenRevoked {
        /// Its name.
        name: String,
    },
    /// An administrator has authorized the sync.
    CredentialAuthorized {
        /// False when the same administrator had authorized before.
        first_time: bool,
    },
    /// An administrator's authorization is to be tried before the others.
    CredentialPreferred {
        /// The administrator.
        administrator: UserId,
        /// The sign-in name at that time.
        user_principal_name: String,
    },
    /// An administrator's authorization was taken out.
    CredentialRemoved {
        /// The administrator.
        administrator: UserId,
        /// The sign-in name at that time.
        user_principal_name: String,
    },
}

impl AuditEntry {
    /// An entry of now.
    #[must_use]
    pub fn new(by: Actor, event: AuditEvent, now: Timestamp) -> Self {
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let nanoseconds = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
        let id = Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanoseconds));
        Self { id, at: now, by, event }
    }

    /// Settings that were replaced by others, whose version is `version`.
    #[must_use]
    pub fn settings(by: Actor, from: &Policy, to: &Policy, version: u64, now: Timestamp) -> Self {
        // Policies always print.
        let json = |policy: &Policy| serde_json::to_value(policy).unwrap_or_default();
        Self::new(by, AuditEvent::SettingsChanged { from: json(from), to: json(to), version }, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_sort_by_time_and_are_read_as_they_were_written() {
        let entry = |second: i64| {
            let event = AuditEvent::TokenRevoked { name: "gateway".to_owned() };
            AuditEntry::new(Actor::Token { name: "robot".to_owned() }, event, Timestamp::from_second(second).unwrap())
        };
        assert!(entry(1).id < entry(2).id);
        let json = serde_json::to_value(entry(1)).unwrap();
        assert_eq!(json["event"], "token_revoked");
        assert_eq!(serde_json::from_value::<AuditEntry>(json.clone()).unwrap().id.to_string(), json["id"]);
    }
}
