//! Statements by which the application proves itself, signed with the key of its certificate.
//!
//! Source: Microsoft identity platform, "Microsoft identity platform application authentication certificate credentials".

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;

use super::Refused;
use crate::world::World;

const KIND: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

#[derive(Deserialize)]
struct Claims {
    aud: String,
    iss: String,
    sub: String,
    nbf: i64,
    exp: i64,
}

/// Checks a statement: who says it, to whom, when, and the signature.
pub(super) fn check(world: &World, kind: Option<&str>, assertion: &str) -> Result<(), Refused> {
    let wrong =
        |what: &str| Refused::client(700_027, &format!("Client assertion failed signature validation: {what}."));
    if kind != Some(KIND) {
        return Err(Refused::client(7_000_218, "The request body must contain 'client_assertion_type'."));
    }
    let certificate = world.registration.certificate.as_ref().ok_or_else(|| wrong("no certificate is registered"))?;
    let header = decode_header(assertion).map_err(|_| wrong("it is no JWT"))?;
    if header.x5t_s256.as_deref() != Some(certificate.thumbprint.as_str()) {
        return Err(wrong("the certificate is not registered"));
    }
    let mut rules = Validation::new(Algorithm::PS256);
    // By the tenant's own clock, below.
    rules.validate_exp = false;
    rules.validate_aud = false;
    let key = DecodingKey::from_jwk(&certificate.key).map_err(|_| wrong("the registered key is unusable"))?;
    let claims = decode::<Claims>(assertion, &key, &rules).map_err(|_| wrong("the signature is wrong"))?.claims;
    let client = &world.registration.client_id;
    let now = world.clock.now().as_second();
    let is_ours = claims.iss == *client && claims.sub == *client && claims.aud.ends_with("/oauth2/v2.0/token");
    // Clocks may differ by five minutes.
    let is_in_time = claims.nbf <= now + 300 && now - 300 <= claims.exp && claims.exp - claims.nbf <= 86_400;
    if !is_ours {
        return Err(wrong("a claim is not as expected"));
    }
    if !is_in_time {
        return Err(Refused::client(700_024, "Client assertion is not within its valid time range."));
    }
    Ok(())
}
