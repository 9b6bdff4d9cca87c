//! One read, repeated until it is answered or given up.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use reqwest::Response;
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use uuid::Uuid;

use super::error::GraphError;
use super::origin::GraphOrigin;
use super::page::{self, Malformed, Page};
use super::refusal::refusal;
use super::retry::{Retries, RetryPolicy};
use crate::clock::Clock;
use crate::sync::Effort;

/// The longest time for one attempt, from the connection to the last byte.
const ATTEMPT_TIMEOUT: Duration = Duration::from_mins(2);
/// The largest answer read, uncompressed. A page of 999 full users has about two megabytes.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// What to read, and how its answer is understood.
#[derive(Debug)]
pub(super) struct Read<T> {
    url: Url,
    eventual: bool,
    decode: fn(&[u8]) -> Result<T, Malformed>,
}

impl Read<Page> {
    /// A page of a list.
    pub(super) fn list_page(url: Url) -> Self {
        Self { url, eventual: false, decode: Page::of_list }
    }

    /// A page of a round of changes.
    pub(super) fn round_page(url: Url) -> Self {
        Self { url, eventual: false, decode: Page::of_round }
    }
}

impl Read<()> {
    /// An object, to see that it is there.
    pub(super) fn object(url: Url) -> Self {
        Self { url, eventual: false, decode: page::object }
    }
}

impl Read<u64> {
    /// A `$count` path, which Graph answers from an index that lags a little behind, if the request allows that.
    ///
    /// Source: Microsoft Graph, "Advanced query capabilities on Microsoft Entra ID objects".
    pub(super) fn count(url: Url) -> Self {
        Self { url, eventual: true, decode: page::count }
    }
}

/// Counts what was asked of Graph.
#[derive(Debug, Default)]
struct Meter {
    requests: AtomicU64,
    pages: AtomicU64,
    throttled: AtomicU64,
}

/// Sends reads to one Graph. Knows nothing of whose token it is given.
pub(super) struct GraphClient {
    http: reqwest::Client,
    origin: GraphOrigin,
    clock: Arc<dyn Clock>,
    policy: RetryPolicy,
    random: Mutex<SmallRng>,
    meter: Meter,
}

impl GraphClient {
    /// A client whose jitter comes from `seed`.
    pub(super) fn new(
        http: reqwest::Client,
        origin: GraphOrigin,
        clock: Arc<dyn Clock>,
        policy: RetryPolicy,
        seed: u64,
    ) -> Self {
        let random = Mutex::new(SmallRng::seed_from_u64(seed));
        Self { http, origin, clock, policy, random, meter: Meter::default() }
    }

    /// The same client with another patience.
    pub(super) fn with_retries(self, policy: RetryPolicy, seed: u64) -> Self {
        Self::new(self.http, self.origin, self.clock, policy, seed)
    }

    /// Where requests go.
    pub(super) fn origin(&self) -> &GraphOrigin {
        &self.origin
    }

    /// Reads with a token, repeating what may pass.
    ///
    /// Microsoft warns of next links in answers to repeated requests: they may be refused later with
    /// `DirectoryPageTokenNotFoundException` ("Paging Microsoft Graph data in your app"). Such a list is read again
    /// from its first page, like one whose page token has expired.
    pub(super) async fn get<T>(&self, read: &Read<T>, token: &SecretString) -> Result<T, GraphError> {
        let mut retries = Retries::new(self.policy);
        loop {
            let error = match self.attempt(read, token).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if matches!(error, GraphError::Throttled { .. }) {
                self.meter.throttled.fetch_add(1, Ordering::Relaxed);
            }
            let random = self.random.lock().unwrap_or_else(PoisonError::into_inner).random();
            let Some(wait) = error.trouble().and_then(|trouble| retries.next_wait(trouble, random)) else {
                return Err(error);
            };
            tracing::debug!(graph.path = read.url.path(), wait_ms = wait.as_millis(), "{error}; asking again");
            self.clock.sleep(wait).await;
        }
    }

    async fn attempt<T>(&self, read: &Read<T>, token: &SecretString) -> Result<T, GraphError> {
        self.meter.requests.fetch_add(1, Ordering::Relaxed);
        let mut request = self
            .http
            .get(read.url.clone())
            .timeout(ATTEMPT_TIMEOUT)
            .bearer_auth(token.expose_secret())
            .header("client-request-id", Uuid::new_v4().to_string());
        if read.eventual {
            request = request.header("ConsistencyLevel", "eventual");
        }
        let mut response = request.send().await.map_err(GraphError::transport)?;
        if response.status() == StatusCode::OK {
            let body = whole_body(&mut response).await?;
            Ok((read.decode)(&body)?)
        } else {
            // The status counts even when what follows it is cut short.
            let body = whole_body(&mut response).await.unwrap_or_default();
            Err(refusal(response.status(), response.headers(), &body, self.clock.now()))
        }
    }

    /// Counts a page that was read.
    pub(super) fn count_page(&self) {
        self.meter.pages.fetch_add(1, Ordering::Relaxed);
    }

    /// What was asked so far.
    pub(super) fn effort(&self) -> Effort {
        Effort {
            graph_requests: self.meter.requests.load(Ordering::Relaxed),
            pages: self.meter.pages.load(Ordering::Relaxed),
            throttled: self.meter.throttled.load(Ordering::Relaxed),
            items_written: 0,
        }
    }
}

async fn whole_body(response: &mut Response) -> Result<Vec<u8>, GraphError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(GraphError::transport)? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(GraphError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
