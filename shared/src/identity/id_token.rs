//! The verification of `id_token`s.
//!
//! Source: OpenID Connect Core 1.0, section 3.1.3.7; Microsoft identity platform, "ID token claims reference".

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use uuid::{Uuid, uuid};

use super::keys::{Keys, KeysError};
use super::transport::Transport;
use crate::clock_skew::{self, ClockSkew};
use crate::directory::{DirectoryId, ObjectId, UserId};
use crate::lenient;

/// The tenant of personal Microsoft accounts.
const PERSONAL_ACCOUNTS: Uuid = uuid!("9188040d-6c67-4c5b-b112-36a304b66dad");

/// The longest `id_token` looked at, in bytes. Microsoft's have about two thousand.
const MAX_TOKEN_BYTES: usize = 65_536;
/// So many app roles are looked at.
const MAX_ROLES: usize = 100;
/// The longest name kept, in characters: what a user principal name may have.
const MAX_NAME_CHARS: usize = 320;

/// Who signed in, proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// The tenant.
    pub tenant: DirectoryId,
    /// The person's object id in that tenant.
    pub administrator: UserId,
    /// The sign-in name, to show. It can change, so it identifies nobody.
    pub user_principal_name: String,
    /// The name, to show.
    pub display_name: String,
    /// The values of the app roles that the person has been assigned.
    ///
    /// Source: Microsoft identity platform, "Add app roles to your application and receive them in the token".
    pub roles: Vec<String>,
}

/// What is wrong with an `id_token`.
#[derive(Debug, thiserror::Error)]
pub enum IdTokenError {
    /// The keys to check it with are not to be had.
    #[error("the keys of id_tokens are not known")]
    Keys(#[from] KeysError),
    /// It is no signed token of the one accepted algorithm, or a claim is missing.
    #[error("the id_token is malformed")]
    Malformed,
    /// Its signature does not fit, or its key is unknown.
    #[error("the id_token's signature is not valid")]
    Signature,
    /// It was issued by somebody else.
    #[error("the id_token's issuer is another")]
    Issuer,
    /// It was issued for another application.
    #[error("the id_token is for another application")]
    Audience,
    /// It was issued for another sign-in.
    #[error("the id_token is of another sign-in")]
    Nonce,
    /// It has expired, or is not valid yet.
    #[error("the id_token is not valid at this time")]
    Time,
    /// It is not valid at the time of our clock, which is wrong.
    #[error("the clock is {0}, so that the id_token is not valid at this time")]
    ClockWrong(ClockSkew),
    /// It names a personal Microsoft account.
    #[error("the id_token is of a personal account")]
    PersonalAccount,
}

/// What an `id_token` must fit.
pub(super) struct Expected<'a> {
    pub(super) audience: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now: Timestamp,
}

/// The claims of an `id_token`. Those that prove something are required; of the others, what is odd counts as absent.
#[derive(Deserialize)]
#[serde(try_from = "Value")]
pub(super) struct Claims {
    iss: String,
    aud: String,
    exp: i64,
    nbf: Option<i64>,
    nonce: Option<String>,
    tid: Uuid,
    oid: Uuid,
    preferred_username: Option<String>,
    name: Option<String>,
    roles: Vec<String>,
}

impl TryFrom<Value> for Claims {
    type Error = &'static str;

    fn try_from(claims: Value) -> Result<Self, Self::Error> {
        let text = |name: &str| lenient::text(claims.get(name));
        let id = |name: &str| text(name).and_then(|id| Uuid::try_parse(&id).ok());
        // A token may be for several; one that is for others besides us would need a claim that says to whom it was given.
        let audience = match lenient::entries(claims.get("aud")) {
            [Value::String(audience)] => audience.clone(),
            _ => return Err("expected one audience"),
        };
        Ok(Self {
            iss: text("iss").ok_or("expected an issuer")?,
            aud: audience,
            exp: claims.get("exp").and_then(lenient::numeric_date).ok_or("expected a time of expiry")?,
            nbf: claims.get("nbf").and_then(lenient::numeric_date),
            nonce: text("nonce"),
            tid: id("tid").ok_or("expected a tenant")?,
            oid: id("oid").ok_or("expected an object id")?,
            preferred_username: text("preferred_username"),
            name: text("name"),
            roles: claims.get("roles").map(lenient::words).unwrap_or_default(),
        })
    }
}

pub(super) async fn verify(
    token: &SecretString,
    expected: &Expected<'_>,
    keys: &Keys,
    transport: &Transport,
) -> Result<SignedIn, IdTokenError> {
    let token = token.expose_secret();
    let key_id = key_id(token)?;
    let (key, set) = keys.find(key_id.as_deref(), expected.now, transport).await?.ok_or(IdTokenError::Signature)?;
    let issuer = set.issuer.clone().unwrap_or_else(|| super::endpoint(keys.login(), "{tenantid}", "v2.0"));
    signed_claims(token, &key)?.accept(expected, &issuer).map_err(|error| match (error, transport.clock_skew()) {
        (IdTokenError::Time, Some(skew)) => IdTokenError::ClockWrong(skew),
        (error, _) => error,
    })
}

/// Which key a token says it is signed with.
pub(super) fn key_id(token: &str) -> Result<Option<String>, IdTokenError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(IdTokenError::Malformed);
    }
    let header = decode_header(token).map_err(|_| IdTokenError::Malformed)?;
    if header.alg == Algorithm::RS256 { Ok(header.kid) } else { Err(IdTokenError::Malformed) }
}

/// The claims of a token, once its signature is verified. They are not checked yet: the times must be by our clock, the
/// issuer by the claimed tenant.
pub(super) fn signed_claims(token: &str, key: &DecodingKey) -> Result<Claims, IdTokenError> {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let decoded = decode::<Claims>(token, key, &validation).map_err(|error| match error.kind() {
        jsonwebtoken::errors::ErrorKind::Json(_) => IdTokenError::Malformed,
        _ => IdTokenError::Signature,
    })?;
    Ok(decoded.claims)
}

impl Claims {
    /// Who the claims prove to have signed in, if they fit. `{tenantid}` in the issuer stands for the claimed tenant.
    pub(super) fn accept(self, expected: &Expected<'_>, issuer: &str) -> Result<SignedIn, IdTokenError> {
        if self.iss != issuer.replace("{tenantid}", &self.tid.to_string()) {
            return Err(IdTokenError::Issuer);
        }
        if self.aud != expected.audience {
            return Err(IdTokenError::Audience);
        }
        if self.nonce.as_deref() != Some(expected.nonce) {
            return Err(IdTokenError::Nonce);
        }
        let (now, leeway) = (expected.now.as_second(), clock_skew::LEEWAY.as_secs());
        if now >= self.exp.saturating_add(leeway) || self.nbf.is_some_and(|nbf| nbf > now.saturating_add(leeway)) {
            return Err(IdTokenError::Time);
        }
        if self.tid == PERSONAL_ACCOUNTS {
            return Err(IdTokenError::PersonalAccount);
        }
        let user_principal_name = shown(self.preferred_username);
        let display_name = shown(self.name);
        Ok(SignedIn {
            tenant: DirectoryId::new(self.tid),
            administrator: UserId::from(ObjectId::from(self.oid)),
            display_name: if display_name.is_empty() { user_principal_name.clone() } else { display_name },
            user_principal_name,
            roles: self.roles.into_iter().take(MAX_ROLES).collect(),
        })
    }
}

/// A name as it can be shown: not without end, and nothing in it that is no character.
fn shown(name: Option<String>) -> String {
    name.unwrap_or_default().chars().filter(|c| !c.is_control()).take(MAX_NAME_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_end_is_cut() {
        assert_eq!(shown(Some("Ad\u{7}ele".to_owned())), "Adele");
        assert_eq!(shown(Some("é".repeat(500))).chars().count(), MAX_NAME_CHARS);
    }

    #[test]
    fn a_token_too_long_is_not_looked_at() {
        let long = "a".repeat(MAX_TOKEN_BYTES + 1);
        assert!(matches!(key_id(&long), Err(IdTokenError::Malformed)));
    }
}
