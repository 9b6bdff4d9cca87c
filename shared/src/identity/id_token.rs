//! The verification of `id_token`s.
//!
//! Source: OpenID Connect Core 1.0, section 3.1.3.7; Microsoft identity platform, "ID token claims reference".

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use uuid::{Uuid, uuid};

use super::keys::{Keys, KeysError};
use super::transport::Transport;
use crate::directory::{DirectoryId, ObjectId, UserId};

/// The tenant of personal Microsoft accounts.
const PERSONAL_ACCOUNTS: Uuid = uuid!("9188040d-6c67-4c5b-b112-36a304b66dad");

/// How far Microsoft's clock and ours may differ, in seconds.
const LEEWAY: i64 = 120;

/// A longer `id_token` is not looked at.
const MAX_TOKEN: usize = 64 << 10;

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

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    exp: i64,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    nonce: Option<String>,
    tid: Uuid,
    oid: Uuid,
    #[serde(default)]
    preferred_username: Option<String>,
    #[serde(default)]
    name: Option<String>,
}

pub(super) async fn verify(
    token: &SecretString,
    expected: &Expected<'_>,
    keys: &Keys,
    transport: &Transport,
) -> Result<SignedIn, IdTokenError> {
    let token = token.expose_secret();
    if token.len() > MAX_TOKEN {
        return Err(IdTokenError::Malformed);
    }
    let header = decode_header(token).map_err(|_| IdTokenError::Malformed)?;
    if header.alg != Algorithm::RS256 {
        return Err(IdTokenError::Malformed);
    }
    let (key, set) = keys.find(header.kid.as_deref(), expected.now, transport).await?.ok_or(IdTokenError::Signature)?;

    // The signature only. The claims are checked below: the times by our clock, the issuer by the claimed tenant.
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let claims = decode::<Claims>(token, &key, &validation)
        .map_err(|error| match error.kind() {
            jsonwebtoken::errors::ErrorKind::Json(_) => IdTokenError::Malformed,
            _ => IdTokenError::Signature,
        })?
        .claims;

    let issuer = set.issuer.clone().unwrap_or_else(|| super::endpoint(keys.login(), "{tenantid}", "v2.0"));
    if claims.iss != issuer.replace("{tenantid}", &claims.tid.to_string()) {
        return Err(IdTokenError::Issuer);
    }
    if claims.aud != expected.audience {
        return Err(IdTokenError::Audience);
    }
    if claims.nonce.as_deref() != Some(expected.nonce) {
        return Err(IdTokenError::Nonce);
    }
    let now = expected.now.as_second();
    if now >= claims.exp.saturating_add(LEEWAY) || claims.nbf.is_some_and(|nbf| nbf > now.saturating_add(LEEWAY)) {
        return Err(IdTokenError::Time);
    }
    if claims.tid == PERSONAL_ACCOUNTS {
        return Err(IdTokenError::PersonalAccount);
    }
    let user_principal_name = claims.preferred_username.unwrap_or_default();
    Ok(SignedIn {
        tenant: DirectoryId::new(claims.tid),
        administrator: UserId::from(ObjectId::from(claims.oid)),
        display_name: claims.name.filter(|name| !name.is_empty()).unwrap_or_else(|| user_principal_name.clone()),
        user_principal_name,
    })
}
