//! The keys that `id_token`s are signed with, and who issues them.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use super::transport::{Transport, TransportError};
use crate::lenient;

/// How long keys are trusted without asking again, so that a withdrawn key does not live on in a warm process.
const LIFETIME: SignedDuration = SignedDuration::from_hours(12);

/// Why the keys are not known.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// Microsoft's login did not answer.
    #[error("the signing keys could not be fetched")]
    Unavailable(#[from] TransportError),
    /// The answer is no set of keys, or no discovery document.
    #[error("the signing keys could not be understood")]
    Malformed,
}

/// The issuer and its keys as they were fetched last.
pub(super) struct KeySet {
    /// With `{tenantid}` in place of the tenant, unless the authority is one tenant; `None` when it does not say.
    pub(super) issuer: Option<String>,
    keys: HashMap<Option<String>, DecodingKey>,
    fetched_at: Timestamp,
}

impl KeySet {
    /// The key with this id. A token without an id can only mean the only key there is.
    fn key(&self, id: Option<&str>) -> Option<DecodingKey> {
        match id {
            Some(_) => self.keys.get(&id.map(str::to_owned)).cloned(),
            None if self.keys.len() == 1 => self.keys.values().next().cloned(),
            None => None,
        }
    }
}

/// Fetches and keeps the keys of an authority.
pub(super) struct Keys {
    login: Url,
    discovery: String,
    default_jwks: String,
    latest: Mutex<Option<Arc<KeySet>>>,
}

impl Keys {
    pub(super) fn new(login: &Url, tenant: &str) -> Self {
        Self {
            login: login.clone(),
            discovery: super::endpoint(login, tenant, "v2.0/.well-known/openid-configuration"),
            default_jwks: super::endpoint(login, tenant, "discovery/v2.0/keys"),
            latest: Mutex::default(),
        }
    }

    /// The login these keys belong to.
    pub(super) fn login(&self) -> &Url {
        &self.login
    }

    /// The key with this id and the set it is in. The keys are fetched anew when they are old, or once when the id is
    /// not among them: Microsoft changes keys at any time.
    pub(super) async fn find(
        &self,
        id: Option<&str>,
        now: Timestamp,
        transport: &Transport,
    ) -> Result<Option<(DecodingKey, Arc<KeySet>)>, KeysError> {
        let mut latest = self.latest.lock().await;
        if let Some(set) = latest.as_ref()
            && now.duration_since(set.fetched_at) < LIFETIME
            && let Some(key) = set.key(id)
        {
            return Ok(Some((key, Arc::clone(set))));
        }
        let set = Arc::new(self.fetch(now, transport).await?);
        *latest = Some(Arc::clone(&set));
        Ok(set.key(id).map(|key| (key, set)))
    }

    async fn fetch(&self, now: Timestamp, transport: &Transport) -> Result<KeySet, KeysError> {
        let discovery = match transport.get(&parse(&self.discovery)?).await? {
            Some(body) => serde_json::from_slice(&body).map_err(|_| KeysError::Malformed)?,
            None => Discovery::default(),
        };
        // Keys are taken from the login itself only, whatever the document says.
        let keys_url = match discovery.jwks_uri {
            Some(url) if url.origin() == self.login.origin() => url,
            _ => parse(&self.default_jwks)?,
        };
        let body = transport.get(&keys_url).await?.ok_or(KeysError::Malformed)?;
        let set: KeyList = serde_json::from_slice(&body).map_err(|_| KeysError::Malformed)?;
        let keys = set.keys.iter().filter_map(rsa_signing_key).collect();
        Ok(KeySet { issuer: discovery.issuer, keys, fetched_at: now })
    }
}

/// The part of a discovery document that is about keys. Each member is read on its own: without one, the default applies.
#[derive(Default, Deserialize)]
#[serde(from = "Value")]
pub(super) struct Discovery {
    issuer: Option<String>,
    jwks_uri: Option<Url>,
}

impl From<Value> for Discovery {
    fn from(document: Value) -> Self {
        let text = |name: &str| lenient::text(document.get(name));
        Self { issuer: text("issuer"), jwks_uri: text("jwks_uri").and_then(|url| url.parse().ok()) }
    }
}

/// A set of keys, of which some may not be understood.
#[derive(Deserialize)]
pub(super) struct KeyList {
    pub(super) keys: Vec<Value>,
}

/// Returns a key that can verify RS256, with its id; `None` for other kinds and for what is not understood. Only the
/// members that verifying needs are read: others may come and go (RFC 7517, section 4).
pub(super) fn rsa_signing_key(key: &Value) -> Option<(Option<String>, DecodingKey)> {
    let text = |name: &str| lenient::text(key.get(name));
    let for_signatures = text("use").is_none_or(|purpose| purpose == "sig");
    if !for_signatures || text("kty")? != "RSA" {
        return None;
    }
    Some((text("kid"), DecodingKey::from_rsa_components(&text("n")?, &text("e")?).ok()?))
}

fn parse(url: &str) -> Result<Url, KeysError> {
    Url::parse(url).map_err(|_| KeysError::Malformed)
}
