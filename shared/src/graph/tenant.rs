//! Reads under the administrators' tokens.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::chain::MAX_PAGES;
use super::client::{GraphClient, Read};
use super::error::GraphError;
use super::origin::GraphOrigin;
use super::retry::RetryPolicy;
use super::withheld::Access;
use crate::clock::Clock;
use crate::credentials::{AccessTokens, TokenRefusal};
use crate::directory::UserId;

/// How many tokens one read tries. The source of tokens runs dry long before; this bounds one that does not.
const MAX_TOKENS: usize = 128;

/// One tenant, as Microsoft Graph shows it to the administrators who authorized us.
pub struct GraphTenant {
    pub(super) client: GraphClient,
    /// How long a chain may be; a test sets it lower.
    pub(super) max_pages: usize,
    tokens: Arc<dyn AccessTokens>,
    answered: Mutex<Option<UserId>>,
    access: Access,
}

impl GraphTenant {
    /// The tenant that the tokens are for.
    #[must_use]
    pub fn new(
        http: reqwest::Client,
        origin: GraphOrigin,
        tokens: Arc<dyn AccessTokens>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let client = GraphClient::new(http, origin, clock, RetryPolicy::RUN, rand::random());
        Self { client, max_pages: MAX_PAGES, tokens, answered: Mutex::new(None), access: Access::default() }
    }

    /// The same tenant, read with another patience; `seed` makes the jitter repeatable.
    #[must_use]
    pub fn with_retries(self, policy: RetryPolicy, seed: u64) -> Self {
        Self { client: self.client.with_retries(policy, seed), ..self }
    }

    /// The same tenant, read by a run that stops at a time: no wait begins that would end later.
    #[must_use]
    pub fn stopping_at(self, stop_at: Timestamp) -> Self {
        Self { client: self.client.stopping_at(stop_at), ..self }
    }

    /// Reads with whichever administrator's token is accepted. A refused one is reported, and the same request is
    /// repeated with the next, also in the middle of a list: no document ties a link to the administrator who got it.
    pub(super) async fn get<T>(&self, read: &Read<T>) -> Result<T, GraphError> {
        self.get_blaming(read, |error| match error {
            GraphError::Unauthorized(_) => Some(TokenRefusal::Unauthorized),
            GraphError::Forbidden(_) => Some(TokenRefusal::Forbidden),
            _ => None,
        })
        .await
    }

    /// As [`Self::get`], for what an administrator need not be allowed to read: 403 is an answer then, and no
    /// reason to give up a credential.
    pub(super) async fn get_optional<T>(&self, read: &Read<T>) -> Result<T, GraphError> {
        self.get_blaming(read, |error| match error {
            GraphError::Unauthorized(_) => Some(TokenRefusal::Unauthorized),
            _ => None,
        })
        .await
    }

    /// Whether the token in use has the permission to read hidden memberships.
    pub(super) async fn reads_hidden_members(&self) -> Result<bool, GraphError> {
        Ok(self.tokens.token().await?.reads_hidden_members)
    }

    async fn get_blaming<T>(
        &self,
        read: &Read<T>,
        blame: fn(&GraphError) -> Option<TokenRefusal>,
    ) -> Result<T, GraphError> {
        let mut tokens_left = MAX_TOKENS;
        loop {
            let token = self.tokens.token().await?;
            let error = match self.client.get(read, &token.secret).await {
                Ok(answer) => {
                    self.tokens.accepted(&token).await;
                    *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.administrator);
                    return Ok(answer);
                }
                Err(GraphError::Forbidden(refused)) if read.is_of_one_object() => {
                    self.access.why_forbidden(&self.client, &token.secret, refused).await
                }
                Err(error) => error,
            };
            tokens_left -= 1;
            match blame(&error) {
                Some(refusal) if tokens_left > 0 => {
                    tracing::warn!(credential.administrator = %token.administrator, "{error}");
                    self.tokens.refused(&token, refusal).await;
                }
                _ => return Err(error),
            }
        }
    }

    /// The administrator whose token was accepted last.
    pub(super) fn answered(&self) -> Option<UserId> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
