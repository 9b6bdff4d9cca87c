//! Pages with one style of their own and nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// The Content-Security-Policy of a page with this inline style, which it knows by its hash. Nothing is loaded, run, framed or
/// submitted.
#[must_use]
pub fn style_policy(style: &str) -> String {
    let hash = STANDARD.encode(Sha256::digest(style));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}
