//! Sessions of people who have signed in to the Sync page.
//!
//! A session lives in a cookie that only we can read or write; what makes it end early is kept in the table.

mod cookie;
mod desk;
mod keys;
mod unsent;

pub use cookie::SessionCookie;
pub use desk::{Presented, SessionDesk, SessionError};
pub use keys::{InvalidSessionKeys, SessionKeyStore, SessionKeys};
pub use unsent::{UnsentForm, UnsentId};

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use rand::RngCore;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::directory::{DirectoryId, UserId};
use crate::identity::SignedIn;

/// How long a session lasts at most.
pub const SESSION_LIFETIME: SignedDuration = SignedDuration::from_hours(8);
/// How long it lasts without being used.
pub const SESSION_IDLE: SignedDuration = SignedDuration::from_hours(1);
/// How long after its end a session still tells whose it was.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);
/// How often it is noted that a session is used. A cookie is not renewed with every page.
const NOTED_EVERY: SignedDuration = SignedDuration::from_mins(5);
/// The longest name kept in a cookie, in characters: browsers keep 4,096 bytes of one (RFC 6265, section 6.1).
const MAX_NAME_CHARS: usize = 80;

/// The app role whose bearers may change things.
pub const ADMINISTRATOR_ROLE: &str = "Sync.Admin";
/// The app role whose bearers may look.
pub const READER_ROLE: &str = "Sync.Read";
/// The app role whose bearers see all directories, when they belong to the operator's own tenant.
pub const OPERATOR_ROLE: &str = "Sync.Operator";

/// What a person may do. Each includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look.
    Reader,
    /// Change settings, start runs, decide holds.
    Administrator,
}

impl Role {
    /// The most that these app roles allow; `None` when they allow nothing. The values are compared as they are written,
    /// as Microsoft does.
    #[must_use]
    pub fn of(app_roles: &[String]) -> Option<Self> {
        let has = |name: &str| app_roles.iter().any(|role| role == name);
        if has(ADMINISTRATOR_ROLE) {
            Some(Self::Administrator)
        } else if has(READER_ROLE) {
            Some(Self::Reader)
        } else {
            None
        }
    }
}

/// A session's random name. Whoever knows it could forge forms, so it is in the cookie only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(String);

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId")
    }
}

impl SessionId {
    fn generate(rng: &mut dyn RngCore) -> Self {
        let mut bytes = [0_u8; 32];
        rng.fill_bytes(&mut bytes);
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// A digest under a label: one derived value tells nothing of the id or of another one.
    fn derive(&self, label: &str) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(format!("office365-sync session {label} {}", self.0)))
    }

    /// What the table knows the session by.
    #[must_use]
    pub fn hash(&self) -> String {
        self.derive("hash")
    }
}

/// Who is signed in, and what they may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its random name.
    pub id: SessionId,
    /// The person's tenant.
    pub tenant: DirectoryId,
    /// The person.
    pub user: UserId,
    /// The sign-in name, to show.
    pub user_principal_name: String,
    /// The name, to show.
    pub display_name: String,
    /// What the person may do.
    pub role: Role,
    /// True for an operator, who sees all directories and not only the own tenant's.
    pub operator: bool,
    /// When the person signed in.
    pub begun_at: Timestamp,
    /// When the session was last noted to be used.
    pub seen_at: Timestamp,
}

impl Session {
    /// A session that begins now.
    #[must_use]
    pub fn begin(who: &SignedIn, role: Role, operator: bool, now: Timestamp, rng: &mut dyn RngCore) -> Self {
        let shown = |name: &str| name.chars().take(MAX_NAME_CHARS).collect();
        Self {
            id: SessionId::generate(rng),
            tenant: who.tenant,
            user: who.administrator.clone(),
            user_principal_name: shown(&who.user_principal_name),
            display_name: shown(&who.display_name),
            role,
            operator,
            begun_at: now,
            seen_at: now,
        }
    }

    /// True when the person must sign in again.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        now.duration_since(self.begun_at) >= SESSION_LIFETIME || now.duration_since(self.seen_at) >= SESSION_IDLE
    }

    /// When it ends at the latest.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.begun_at.saturating_add(SESSION_LIFETIME).unwrap_or(Timestamp::MAX)
    }

    /// Returns true when it ended by time, less than a day ago: what its author sends is then kept for a new sign-in.
    #[must_use]
    pub fn ended_lately(&self, now: Timestamp) -> bool {
        self.is_over(now) && now.duration_since(self.ends_at()) < REMEMBERED
    }

    /// The same session, noted as used, when that is due again.
    #[must_use]
    pub fn used(&self, now: Timestamp) -> Option<Self> {
        (now.duration_since(self.seen_at) >= NOTED_EVERY).then(|| Self { seen_at: now, ..self.clone() })
    }

    /// True when the person may see this directory.
    #[must_use]
    pub fn may_see(&self, directory: DirectoryId) -> bool {
        self.operator || self.tenant == directory
    }

    /// What forms of this session carry, so that no other site can send one.
    #[must_use]
    pub fn form_token(&self) -> String {
        self.id.derive("form")
    }

    /// True when a form carries the right token. Compared by digests, whose timing tells nothing.
    #[must_use]
    pub fn accepts(&self, form_token: &str) -> bool {
        Sha256::digest(self.form_token()) == Sha256::digest(form_token)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    pub(super) fn session(seed: u64) -> Session {
        let who = SignedIn {
            tenant: DirectoryId::new(uuid::Uuid::from_u128(1)),
            administrator: "ann".parse().unwrap(),
            user_principal_name: "ann@contoso.example".to_owned(),
            display_name: "Ann".repeat(100),
            roles: Vec::new(),
        };
        Session::begin(&who, Role::Reader, false, Timestamp::UNIX_EPOCH, &mut StdRng::seed_from_u64(seed))
    }

    fn after(duration: SignedDuration) -> Timestamp {
        Timestamp::UNIX_EPOCH + duration
    }

    #[test]
    fn a_session_ends_after_an_hour_without_use_and_after_eight_in_any_case() {
        let mut session = session(1);
        assert!(!session.is_over(after(SignedDuration::from_mins(59))));
        assert!(session.is_over(after(SESSION_IDLE)));
        assert_eq!(session.used(after(SignedDuration::from_mins(4))), None);
        for minute in (5..480).step_by(5) {
            assert!(!session.is_over(after(SignedDuration::from_mins(minute))));
            session = session.used(after(SignedDuration::from_mins(minute))).unwrap();
        }
        assert!(session.is_over(after(SESSION_LIFETIME)));
        assert_eq!(session.ends_at(), after(SESSION_LIFETIME));
    }

    #[test]
    fn a_session_sees_its_own_tenant_and_an_operator_sees_all() {
        let session = session(1);
        let other = DirectoryId::new(uuid::Uuid::from_u128(2));
        assert!(session.may_see(session.tenant) && !session.may_see(other));
        assert!(Session { operator: true, ..session }.may_see(other));
    }

    #[test]
    fn forms_are_accepted_from_their_own_session_only() {
        let (one, other) = (session(1), session(2));
        assert!(one.accepts(&one.form_token()));
        for token in [other.form_token(), one.id.hash(), String::new()] {
            assert!(!one.accepts(&token));
        }
        assert!(!format!("{one:?}").contains(&one.id.0));
    }

    #[test]
    fn app_roles_are_taken_as_they_are_written() {
        let role = |names: &[&str]| Role::of(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(role(&["Sync.Read", "Sync.Admin"]), Some(Role::Administrator));
        assert_eq!(role(&["Other", "Sync.Read"]), Some(Role::Reader));
        for nothing in [&[][..], &["sync.admin"], &["Sync.Operator"], &["Sync.Administrator"]] {
            assert_eq!(role(nothing), None, "{nothing:?}");
        }
    }
}
