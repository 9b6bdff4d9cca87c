//! `id_token`s, right or wrong on purpose (identity platform, ID token claims reference).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::grants::Grant;
use crate::world::World;

/// How long an `id_token` is good for, in seconds.
const LIFETIME: i64 = 3600;

/// What is wrong with `id_token`s on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Tampering {
    /// Made for another application.
    WrongAudience,
    /// Issued by somebody else.
    WrongIssuer,
    /// Bound to another request.
    WrongNonce,
    /// Bound to no request.
    NoNonce,
    /// Over already.
    Expired,
    /// Names another tenant than its issuer does.
    WrongTenant,
    /// Signed with a key that is not published, under that key's own id.
    UnknownKey,
    /// Not signed, with `alg` `none`.
    AlgorithmNone,
}

/// The `id_token` for a sign-in. `None` when it cannot be signed, which the fixed keys rule out.
pub(crate) fn issue(world: &mut World, grant: &Grant, nonce: Option<&str>) -> Option<String> {
    let mut claims = claims(world, grant, nonce);
    let now = world.clock.now().as_second();
    let mut put = |name: &str, value: Value| {
        if let Some(claims) = claims.as_object_mut() {
            claims.insert(name.to_owned(), value);
        }
    };
    match world.tampering {
        Some(Tampering::WrongAudience) => put("aud", json!("00000000-0000-0000-0000-00000000dead")),
        Some(Tampering::WrongIssuer) => put("iss", json!(format!("https://elsewhere.example/{}/v2.0", grant.tenant))),
        Some(Tampering::WrongNonce) => put("nonce", json!("not-the-nonce-you-sent")),
        Some(Tampering::NoNonce) => put("nonce", Value::Null),
        Some(Tampering::WrongTenant) => put("tid", json!(Uuid::from_u128(0xdead))),
        Some(Tampering::Expired) => {
            put("iat", json!(now - 3 * LIFETIME));
            put("nbf", json!(now - 3 * LIFETIME));
            put("exp", json!(now - 2 * LIFETIME));
        }
        Some(Tampering::UnknownKey) => return world.keys.sign_with_unknown_key(&claims).ok(),
        Some(Tampering::AlgorithmNone) => return Some(unsigned(&claims)),
        None => {}
    }
    world.keys.sign(&claims).ok()
}

fn claims(world: &mut World, grant: &Grant, nonce: Option<&str>) -> Value {
    let uti = world.fresh_secret();
    let now = world.clock.now().as_second();
    let client = &world.registration.client_id;
    let user = world.tenant.users.get(grant.user);
    // The claim is left out of the token of somebody without any (identity platform, "Add app roles").
    let roles = world.tenant.app_roles.get(&grant.user).filter(|roles| !roles.is_empty()).cloned();
    let mut claims = json!({
        "ver": "2.0",
        "iss": format!("{}/{}/v2.0", world.origin, grant.tenant),
        "aud": client,
        "tid": grant.tenant,
        // Different for each application, so that applications cannot compare notes.
        "sub": URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{client} {}", grant.user))),
        "uti": uti.get(..22),
        "iat": now,
        "nbf": now,
        "exp": now + LIFETIME,
    });
    if let Some(fields) = claims.as_object_mut() {
        fields.extend(roles.map(|roles| ("roles".to_owned(), json!(roles))));
        fields.extend(nonce.map(|nonce| ("nonce".to_owned(), json!(nonce))));
        if grant.scopes.contains("profile") {
            let text =
                |name: &str, stranger: &str| user.and_then(|user| user.text(name)).unwrap_or(stranger).to_owned();
            fields.insert("oid".to_owned(), json!(grant.user));
            fields.insert("name".to_owned(), json!(text("displayName", "A Stranger")));
            let username = text("userPrincipalName", "stranger@elsewhere.example");
            fields.insert("preferred_username".to_owned(), json!(username));
        }
    }
    claims
}

fn unsigned(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(&json!({ "typ": "JWT", "alg": "none" })), part(claims))
}
