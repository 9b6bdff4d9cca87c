//! One read, repeated until it is answered or given up.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use reqwest::Response;
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use uuid::Uuid;

use super::budget::Said;
use super::error::GraphError;
use super::gate::Gate;
use super::origin::GraphOrigin;
use super::page::{self, Malformed, Page};
use super::refusal;
use super::retry::{Next, Retries, RetryPolicy, Trouble};
use super::usage::Usage;
use crate::clock::{Clock, within};
use crate::sync::Effort;

/// The longest time for one attempt, from the connection to the last byte.
const LONGEST_ATTEMPT: Duration = Duration::from_mins(2);
/// What an attempt gets even when hardly any time is left.
const SHORTEST_ATTEMPT: Duration = Duration::from_secs(10);
/// The largest answer read, uncompressed. A page of 999 full users has about two megabytes.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// What to read, and how its answer is understood.
#[derive(Debug)]
pub(super) struct Read<T> {
    url: Url,
    eventual: bool,
    /// Whether the answer may be 403 for this object alone.
    of_one_object: bool,
    priority: Priority,
    decode: fn(&[u8]) -> Result<T, Malformed>,
}

/// Whose requests Graph refuses first when a tenant is short of resource units, as the header has it.
///
/// Source: Microsoft Graph, "Microsoft Graph service-specific throttling limits", request headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Priority {
    /// Long readings that nobody notices to be late.
    Low,
    /// Changes since last time.
    Normal,
    /// What a person waits for.
    High,
}

impl Priority {
    fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }
}

impl Read<Page> {
    /// A page of a list, which is a part of reading everything.
    pub(super) fn list_page(url: Url) -> Self {
        Self { url, eventual: false, of_one_object: false, priority: Priority::Low, decode: Page::of_list }
    }

    /// A page of the members of one group, which may be closed to an administrator who may read others.
    pub(super) fn member_page(url: Url) -> Self {
        Self { of_one_object: true, ..Self::list_page(url) }
    }

    /// A page of an advanced query, which is answered from the index behind counters and counts itself.
    ///
    /// Source: Microsoft Graph, "Advanced query capabilities on Microsoft Entra ID objects".
    pub(super) fn indexed_page(url: Url) -> Self {
        Self { eventual: true, ..Self::list_page(url) }
    }

    /// The same for the members of one group.
    pub(super) fn indexed_member_page(url: Url) -> Self {
        Self { eventual: true, ..Self::member_page(url) }
    }

    /// A page of the groups that one object is in.
    pub(super) fn groups_page(url: Url) -> Self {
        Self { priority: Priority::Normal, ..Self::member_page(url) }
    }

    /// A page of a round of changes.
    pub(super) fn round_page(url: Url) -> Self {
        Self { url, eventual: false, of_one_object: false, priority: Priority::Normal, decode: Page::of_round }
    }
}

impl Read<()> {
    /// An object, to see that it is there.
    pub(super) fn object(url: Url) -> Self {
        Self { url, eventual: false, of_one_object: false, priority: Priority::Low, decode: page::object }
    }
}

impl Read<u64> {
    /// A `$count` path, which Graph answers from an index that lags a little behind, if the request allows that.
    ///
    /// Source: Microsoft Graph, "Advanced query capabilities on Microsoft Entra ID objects".
    pub(super) fn count(url: Url) -> Self {
        Self { url, eventual: true, of_one_object: false, priority: Priority::Low, decode: page::count }
    }
}

impl<T> Read<T> {
    /// The same for somebody who waits for it.
    pub(super) fn urgent(self) -> Self {
        Self { priority: Priority::High, ..self }
    }

    /// Whether a 403 may be about this object alone.
    pub(super) fn is_of_one_object(&self) -> bool {
        self.of_one_object
    }
}

/// Counts what was asked of Graph.
#[derive(Debug, Default)]
struct Meter {
    requests: AtomicU64,
    pages: AtomicU64,
    users: AtomicU64,
    groups: AtomicU64,
    throttled: AtomicU64,
    units: AtomicU64,
}

/// Sends reads to one Graph, as many at once as it stands. Knows nothing of whose token it is given.
pub(super) struct GraphClient {
    http: reqwest::Client,
    origin: GraphOrigin,
    clock: Arc<dyn Clock>,
    policy: RetryPolicy,
    random: Mutex<SmallRng>,
    gate: Gate,
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
        let gate = Gate::new(Arc::clone(&clock));
        Self { http, origin, clock, policy, random, gate, meter: Meter::default() }
    }

    /// The same client with another patience.
    pub(super) fn with_retries(self, policy: RetryPolicy, seed: u64) -> Self {
        Self { policy, random: Mutex::new(SmallRng::seed_from_u64(seed)), ..self }
    }

    /// The same client, which does not begin a wait that would end after a time.
    pub(super) fn stopping_at(self, stop_at: Timestamp) -> Self {
        Self { gate: self.gate.stopping_at(stop_at), ..self }
    }

    /// Where requests go.
    pub(super) fn origin(&self) -> &GraphOrigin {
        &self.origin
    }

    /// The time.
    pub(super) fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// Reads with a token once there is a turn, repeating what may pass.
    ///
    /// When Graph asks to wait, all reads of this client do, since they draw from the same quota. A wait there is no
    /// time or patience for is [`GraphError::Paused`] at once.
    ///
    /// Microsoft warns of next links in answers to repeated requests: they may be refused later with
    /// `DirectoryPageTokenNotFoundException` ("Paging Microsoft Graph data in your app"). Such a list is read again
    /// from its first page, like one whose page token has expired.
    pub(super) async fn get<T>(&self, read: &Read<T>, token: &SecretString) -> Result<T, GraphError> {
        let mut retries = Retries::new(self.policy);
        loop {
            let turn = self.gate.turn().await?;
            let (usage, outcome) = self.attempt(read, token).await;
            let error = match outcome {
                Ok(answer) => {
                    turn.answered(usage.map_or(Said::Unclear, Usage::said));
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let trouble = error.trouble();
            let next = trouble.map_or(Next::GiveUp, |trouble| retries.next(trouble, self.random()));
            turn.answered(match (trouble, next) {
                (Some(Trouble::Throttled(_)), Next::Again(wait) | Next::Later(wait)) => Said::Wait(wait),
                (Some(_), _) => Said::Unclear,
                (None, _) => usage.map_or(Said::Unclear, Usage::said),
            });
            let wait = match next {
                Next::Again(wait) if self.gate.has_time_for(wait) => wait,
                Next::Again(wait) | Next::Later(wait) => {
                    tracing::info!(graph.path = read.url.path(), wait_ms = wait.as_millis(), "{error}; not waiting");
                    return Err(GraphError::Paused { wait, cause: Some(Box::new(error)) });
                }
                Next::GiveUp => return Err(error),
            };
            tracing::debug!(graph.path = read.url.path(), wait_ms = wait.as_millis(), "{error}; asking again");
            if matches!(error, GraphError::Throttled { .. }) {
                // The next turn comes after the wait.
                continue;
            }
            self.clock.sleep(wait).await;
        }
    }

    /// Asks once. What the answer says of the quota comes with it, unless there is no answer.
    async fn attempt<T>(&self, read: &Read<T>, token: &SecretString) -> (Option<Usage>, Result<T, GraphError>) {
        self.meter.requests.fetch_add(1, Ordering::Relaxed);
        let longest = self.gate.time_left().clamp(SHORTEST_ATTEMPT, LONGEST_ATTEMPT);
        match within(self.clock.as_ref(), longest, self.send(read, token)).await {
            Ok(answered) => answered,
            Err(late) => (None, Err(late.into())),
        }
    }

    async fn send<T>(&self, read: &Read<T>, token: &SecretString) -> (Option<Usage>, Result<T, GraphError>) {
        let mut request = self
            .http
            .get(read.url.clone())
            .bearer_auth(token.expose_secret())
            .header("x-ms-throttle-priority", read.priority.as_str())
            .header("client-request-id", Uuid::new_v4().to_string());
        if read.eventual {
            request = request.header("ConsistencyLevel", "eventual");
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return (None, Err(GraphError::transport(error))),
        };
        let usage = Usage::of(response.headers());
        self.meter.units.fetch_add(usage.units, Ordering::Relaxed);
        let outcome = self.understand(read, response).await;
        if matches!(outcome, Err(GraphError::Throttled { .. })) {
            self.meter.throttled.fetch_add(1, Ordering::Relaxed);
        }
        (Some(usage), outcome)
    }

    async fn understand<T>(&self, read: &Read<T>, mut response: Response) -> Result<T, GraphError> {
        if response.status() == StatusCode::OK {
            let body = whole_body(&mut response).await?;
            (read.decode)(&body).map_err(|fault| {
                let id = refusal::request_id(response.headers());
                tracing::warn!(graph.path = read.url.path(), graph.request_id = id, "{fault}");
                fault.into()
            })
        } else {
            // The status counts even when what follows it is cut short.
            let body = whole_body(&mut response).await.unwrap_or_default();
            Err(refusal::refusal(response.status(), response.headers(), &body, self.clock.now()))
        }
    }

    fn random(&self) -> f64 {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).random()
    }

    /// Counts a page that was read, with so many objects of a kind.
    pub(super) fn count_page(&self, kind: &str, objects: usize) {
        self.meter.pages.fetch_add(1, Ordering::Relaxed);
        let objects = u64::try_from(objects).unwrap_or(u64::MAX);
        match kind {
            "user" => self.meter.users.fetch_add(objects, Ordering::Relaxed),
            "group" => self.meter.groups.fetch_add(objects, Ordering::Relaxed),
            _ => 0,
        };
    }

    /// What was asked so far.
    pub(super) fn effort(&self) -> Effort {
        Effort {
            graph_requests: self.meter.requests.load(Ordering::Relaxed),
            pages: self.meter.pages.load(Ordering::Relaxed),
            users_read: self.meter.users.load(Ordering::Relaxed),
            groups_read: self.meter.groups.load(Ordering::Relaxed),
            throttled: self.meter.throttled.load(Ordering::Relaxed),
            resource_units: self.meter.units.load(Ordering::Relaxed),
            waited_ms: u64::try_from(self.gate.rested().as_millis()).unwrap_or(u64::MAX),
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
