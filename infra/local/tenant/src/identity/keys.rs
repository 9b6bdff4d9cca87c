//! The keys that sign `id_token`s. They are fixed and public: this tenant guards nothing.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header,
    jwk::{Jwk, JwkSet},
};
use serde_json::Value;

const CURRENT: &str = include_str!("keys/current.pem");
const NEXT: &str = include_str!("keys/next.pem");

/// The two keys, one of them signing.
#[derive(Debug)]
pub(crate) struct SigningKeys {
    signing: SigningKey,
    spare: SigningKey,
}

struct SigningKey {
    id: &'static str,
    key: EncodingKey,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}

impl SigningKey {
    fn new(id: &'static str, pem: &str) -> Self {
        Self { id, key: EncodingKey::from_rsa_der(&der(pem)) }
    }

    fn published(&self) -> Option<Jwk> {
        let mut jwk = Jwk::from_encoding_key(&self.key, Algorithm::RS256).ok()?;
        jwk.common.key_id = Some(self.id.to_owned());
        jwk.common.public_key_use = Some(jsonwebtoken::jwk::PublicKeyUse::Signature);
        // Microsoft's key documents name no algorithm.
        jwk.common.key_algorithm = None;
        Some(jwk)
    }

    fn sign(&self, claims: &Value) -> jsonwebtoken::errors::Result<String> {
        let header = Header { kid: Some(self.id.to_owned()), ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, claims, &self.key)
    }
}

impl SigningKeys {
    pub(crate) fn new() -> Self {
        Self { signing: SigningKey::new("simulated-1", CURRENT), spare: SigningKey::new("simulated-2", NEXT) }
    }

    /// Signs with the other key from now on.
    pub(crate) fn rotate(&mut self) {
        std::mem::swap(&mut self.signing, &mut self.spare);
    }

    /// The key document: only the key that signs now.
    pub(crate) fn published(&self) -> JwkSet {
        JwkSet { keys: self.signing.published().into_iter().collect() }
    }

    pub(crate) fn sign(&self, claims: &Value) -> jsonwebtoken::errors::Result<String> {
        self.signing.sign(claims)
    }

    /// Signs with the key that is not published.
    pub(crate) fn sign_with_unknown_key(&self, claims: &Value) -> jsonwebtoken::errors::Result<String> {
        self.spare.sign(claims)
    }
}

/// The bytes between the lines of a PEM file.
fn der(pem: &str) -> Vec<u8> {
    let inside = pem.lines().skip_while(|line| !line.starts_with("-----BEGIN")).skip(1);
    let base64: String = inside.take_while(|line| !line.starts_with("-----END")).collect();
    STANDARD.decode(base64).unwrap_or_default()
}
