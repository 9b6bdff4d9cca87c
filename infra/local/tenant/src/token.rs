//! Opaque page and delta tokens: JSON in base64url, so that they need no memory on the server.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};

/// Packs a token.
pub(crate) fn seal(token: &impl Serialize) -> String {
    let json = serde_json::to_vec(token).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(json)
}

/// Unpacks a token made by [`seal`]; `None` for any other text.
pub(crate) fn open<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

/// Bytes as base64url.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
