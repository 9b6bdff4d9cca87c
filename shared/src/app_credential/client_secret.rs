//! The client secret of the app registration.

use std::sync::Arc;

use async_trait::async_trait;
use url::Url;
use uuid::Uuid;

use super::{AppCredential, Proof, ProofError};
use crate::credentials::Cause;
use crate::secrets::ApplicationSecrets;

/// A client secret that is kept with the other secrets.
pub struct ClientSecret {
    secrets: Arc<dyn ApplicationSecrets>,
}

impl ClientSecret {
    /// The secret that is stored there.
    #[must_use]
    pub fn new(secrets: Arc<dyn ApplicationSecrets>) -> Self {
        Self { secrets }
    }
}

#[async_trait]
impl AppCredential for ClientSecret {
    async fn proof(&self, _: &Url) -> Result<Proof, ProofError> {
        let secret = self.secrets.client_secret().await?;
        secret.map(Proof::Secret).ok_or(ProofError::Unusable(Cause::ClientSecretMissing))
    }
}

/// Returns what is visibly wrong with a client secret that Microsoft has refused as wrong, if anything is.
///
/// Microsoft takes form values literally, so what a copy has around it becomes a part of the secret. Secrets that
/// Microsoft makes have neither; a chosen one may look like an id, so nothing is rejected beforehand.
#[must_use]
pub fn client_secret_flaw(secret: &str) -> Option<Cause> {
    if is_padded(secret) {
        Some(Cause::ClientSecretPadded)
    } else if Uuid::try_parse(secret).is_ok() {
        Some(Cause::ClientSecretIsId)
    } else {
        None
    }
}

/// True when a text has white space, quotation marks or invisible characters at its start or end.
#[must_use]
pub fn is_padded(text: &str) -> bool {
    let pads = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '"' | '\'' | '`' | '\u{2018}'..='\u{201f}' | '\u{ab}' | '\u{bb}')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
    };
    text.starts_with(pads) || text.ends_with(pads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flaw_of_copied_secret_is_named() {
        for (secret, flaw) in [
            ("a~b.c", None),
            ("simulated-secret~not.for-real+use/=%&", None),
            (" a~b.c", Some(Cause::ClientSecretPadded)),
            ("a~b.c\n", Some(Cause::ClientSecretPadded)),
            ("a~b.c\u{a0}", Some(Cause::ClientSecretPadded)),
            ("\u{feff}a~b.c", Some(Cause::ClientSecretPadded)),
            ("\"a~b.c\"", Some(Cause::ClientSecretPadded)),
            ("'a~b.c'", Some(Cause::ClientSecretPadded)),
            ("\u{201c}a~b.c\u{201d}", Some(Cause::ClientSecretPadded)),
            ("6d1f0c1e-5a3b-4f0e-9c52-0f6b1f6f2a10", Some(Cause::ClientSecretIsId)),
        ] {
            assert_eq!(client_secret_flaw(secret), flaw, "{secret:?}");
        }
    }
}
