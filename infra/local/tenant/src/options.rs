//! How a simulated tenant is served: its clock, its app registration, page sizes, throttle and the disputed details.

use std::{fmt, sync::Arc, time::Duration};

use futures::future::{BoxFuture, FutureExt as _};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::Jwk;
use serde::{Deserialize, Serialize};

/// Where the tenant takes the time from.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    wait: Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>,
}

impl Clock {
    /// A clock that asks `now` each time, and by which delayed answers wait with `wait`.
    pub fn new<W: Future<Output = ()> + Send + 'static>(
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
        wait: impl Fn(Duration) -> W + Send + Sync + 'static,
    ) -> Self {
        Self { now: Arc::new(now), wait: Arc::new(move |duration| wait(duration).boxed()) }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    pub(crate) async fn wait(&self, duration: Duration) {
        (self.wait)(duration).await;
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// Everything about serving a tenant that is not the tenant itself.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the time comes from.
    pub clock: Clock,
    /// The application that may ask for authorization.
    pub registration: Registration,
    /// Page sizes.
    pub paging: Paging,
    /// How many resource units a client may use.
    pub throttle: Throttle,
    /// How long access tokens last; Microsoft's default is 60 to 90 minutes.
    pub access_token_lifetime: SignedDuration,
    /// What Microsoft's documents leave open.
    pub quirks: Quirks,
    /// Decides tokens, codes and the ids of what is created later.
    pub seed: u64,
}

impl Options {
    /// The usual behaviour, with the time from `clock`.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            registration: Registration::default(),
            paging: Paging::default(),
            throttle: Throttle::Off,
            access_token_lifetime: SignedDuration::from_hours(1),
            quirks: Quirks::default(),
            seed: 0,
        }
    }
}

/// The application registered in the tenant.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Registration {
    /// Its public id.
    pub client_id: String,
    /// Its secret; simulated, so it may be shown.
    pub client_secret: String,
    /// Its certificate, by which it may prove itself instead of its secret.
    #[serde(default)]
    pub certificate: Option<RegisteredCertificate>,
    /// Redirect URIs allowed by exact match, but for the port of a loopback address (identity platform, "Redirect URI
    /// restrictions and limitations").
    pub redirect_uris: Vec<String>,
    /// Whether any loopback address is allowed besides. Microsoft allows none that is not registered: `localhost` and
    /// `127.0.0.1` are two of them.
    #[serde(default = "yes")]
    pub any_loopback: bool,
}

fn yes() -> bool {
    true
}

/// What is known of a certificate of the application.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegisteredCertificate {
    /// The SHA-256 of the certificate, in base64url.
    pub thumbprint: String,
    /// Its public key.
    pub key: Jwk,
}

impl Default for Registration {
    fn default() -> Self {
        Self {
            client_id: "6d1f0c1e-5a3b-4f0e-9c52-0f6b1f6f2a10".to_owned(),
            certificate: None,
            client_secret: "simulated-secret~not.for-real+use/=%&".to_owned(),
            redirect_uris: Vec::new(),
            any_loopback: true,
        }
    }
}

/// Page sizes. Microsoft documents those of lists; those of delta are known from answers by its staff (200 objects, 500 links).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Paging {
    /// Objects on a page of a list that was asked for without `$top`.
    pub list_default: usize,
    /// The most objects on a page of a list. A larger `$top` is cut to this, and above 999 refused, as the directory does.
    pub list_max: usize,
    /// Objects on a delta page.
    pub delta_objects: usize,
    /// Member changes on a page of the groups delta.
    pub delta_members: usize,
}

impl Default for Paging {
    fn default() -> Self {
        Self { list_default: 100, list_max: 999, delta_objects: 200, delta_members: 500 }
    }
}

/// The token bucket of resource units per application and tenant, refilled over ten seconds
/// (Microsoft Graph service-specific throttling limits, identity and access).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Throttle {
    /// No limit.
    #[default]
    Off,
    /// A tenant below 50 users: 3,500 units in ten seconds.
    Small,
    /// A tenant of 50 to 500 users: 5,000 units in ten seconds.
    Medium,
    /// A tenant above 500 users: 8,000 units in ten seconds.
    Large,
    /// Any other number of units in ten seconds.
    Units(u32),
}

impl Throttle {
    /// Units in ten seconds, when limited.
    #[must_use]
    pub fn units(self) -> Option<u32> {
        match self {
            Self::Off => None,
            Self::Small => Some(3_500),
            Self::Medium => Some(5_000),
            Self::Large => Some(8_000),
            Self::Units(units) => Some(units),
        }
    }
}

/// Choices where Microsoft's documents are silent, contradict each other or differ from what users report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches, each one a disputed detail")]
pub struct Quirks {
    /// Objects already deleted show as `@removed` in a first enumeration. The delta query overview says both that they do and
    /// that they do not.
    pub removed_objects_in_first_round: bool,
    /// Members already removed show as `@removed` in a first enumeration of groups, as users report.
    pub removed_members_in_first_round: bool,
    /// A permanently deleted user leaves its groups without a word in the groups delta, as users report; the article says
    /// that its removal shows.
    pub purged_members_leave_silently: bool,
    /// The memberships and members of a restored object do not show again in the groups delta, nor do those that it lost while
    /// it was deleted. Not documented; off, they do, as those of a new object would.
    pub restored_members_return_silently: bool,
    /// Graph still honours the access token of an account that has been disabled or deleted meanwhile, until it expires. Not
    /// documented; off, Graph answers 401 at once.
    pub disabled_accounts_keep_reading: bool,
    /// The number of latest changes that the index behind counters and other advanced queries does not have yet. The documents call it
    /// eventually consistent and give no delay.
    pub index_lag: u64,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            removed_objects_in_first_round: true,
            removed_members_in_first_round: true,
            purged_members_leave_silently: true,
            restored_members_return_silently: true,
            disabled_accounts_keep_reading: false,
            index_lag: 0,
        }
    }
}
