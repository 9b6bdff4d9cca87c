//! What must hold whatever Microsoft's login answers.

use jiff::Timestamp;
use jsonwebtoken::DecodingKey;
use oauth2::RequestTokenError;
use secrecy::ExposeSecret as _;

use super::id_token::{Claims, Expected, IdTokenError, key_id, signed_claims};
use super::keys::{Discovery, KeyList, rsa_signing_key};
use super::wire::{ErrorBody, TokenBody};
use super::{Context, MAX_SCOPES, MAX_TOKEN_BYTES, grant, sort_error};
use crate::credentials::GrantError;

/// A modulus of 2,048 bits whose factors nobody has: the digits of no key.
const MODULUS: [u8; 256] = [0xc7; 256];

/// A good or a bad answer of the token endpoint: tokens are neither empty nor without end, and no answer is taken for a
/// grant and a refusal at once.
///
/// # Panics
/// When it does not hold.
pub fn token_answer(body: &[u8]) {
    if let Ok(answer) = serde_json::from_slice::<TokenBody>(body)
        && let Ok(grant) = grant(&answer)
    {
        let tokens = grant.refresh_token.iter().chain([&grant.access_token]);
        assert!(tokens.map(|token| token.expose_secret().len()).all(|length| (1..=MAX_TOKEN_BYTES).contains(&length)));
        assert!(grant.scopes.len() <= MAX_SCOPES);
    }
    if let Ok(refused) = serde_json::from_slice::<ErrorBody>(body) {
        let is_named = !refused.error().is_empty();
        let sorted = sort_error(RequestTokenError::ServerResponse(refused), &Context::default());
        assert_eq!(matches!(sorted, GrantError::Refused(_)), is_named);
        assert!(sorted.to_string().len() < 200, "nothing of the answer is repeated");
    }
}

/// An `id_token`, or the claims of one: without Microsoft's key none is believed, and claims that fit name a person at
/// bounded length.
///
/// # Panics
/// When it does not hold.
pub fn id_token(token: &[u8]) {
    if let Ok(token) = std::str::from_utf8(token) {
        let _ = key_id(token);
        let key = DecodingKey::from_rsa_raw_components(&MODULUS, &[1, 0, 1]);
        assert!(matches!(signed_claims(token, &key), Err(IdTokenError::Signature | IdTokenError::Malformed)));
    }
    if let Ok(claims) = serde_json::from_slice::<Claims>(token) {
        let now = Timestamp::from_second(1_785_000_000).unwrap_or_default();
        let expected = Expected { audience: "application", nonce: "nonce", now };
        if let Ok(who) = claims.accept(&expected, "https://login.microsoftonline.com/{tenantid}/v2.0") {
            let names = [who.user_principal_name, who.display_name];
            assert!(names.iter().all(|name| name.chars().count() <= 320 && !name.contains(char::is_control)));
        }
    }
}

/// A set of signing keys, or a discovery document.
pub fn signing_keys(body: &[u8]) {
    let _ = serde_json::from_slice::<Discovery>(body);
    if let Ok(list) = serde_json::from_slice::<KeyList>(body) {
        list.keys.iter().filter_map(rsa_signing_key).for_each(drop);
    }
}
