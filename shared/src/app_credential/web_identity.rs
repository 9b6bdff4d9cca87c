//! A token that AWS issues to our role, which the app registration trusts by a federated credential. Experimental: no document of
//! Microsoft's shows such a token beside a code or a refresh token.
//!
//! Source: AWS IAM user guide, "Federating AWS identities to external services"; Microsoft identity platform, "Workload
//! identity federation": tokens of algorithm RS256.

use async_trait::async_trait;
use aws_sdk_sts::Client;
use aws_sdk_sts::error::ProvideErrorMetadata as _;
use secrecy::SecretString;
use url::Url;

use super::{AppCredential, Proof, ProofError};

/// How long a token is good, in seconds. It is used at once.
const LIFETIME_SECONDS: i32 = 300;

/// The identity of the role that runs us.
#[derive(Debug, Clone)]
pub struct WebIdentity {
    client: Client,
    audience: String,
}

impl WebIdentity {
    /// Tokens for this audience, which is that of Microsoft's cloud.
    #[must_use]
    pub fn new(client: Client, audience: String) -> Self {
        Self { client, audience }
    }
}

#[async_trait]
impl AppCredential for WebIdentity {
    async fn proof(&self, _: &Url) -> Result<Proof, ProofError> {
        let get = self
            .client
            .get_web_identity_token()
            .audience(&self.audience)
            .signing_algorithm("RS256")
            .duration_seconds(LIFETIME_SECONDS);
        let unavailable = |what: &str| ProofError::Unavailable(format!("STS gave no token: {what}").into());
        let got = get.send().await.map_err(|error| unavailable(error.code().unwrap_or("no answer")))?;
        let token = got.web_identity_token.ok_or_else(|| unavailable("an answer without one"))?;
        Ok(Proof::Assertion(SecretString::from(token)))
    }
}
