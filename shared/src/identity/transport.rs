//! How requests reach Microsoft's login: with a cap on what is read, and repeated for a bounded time when it is busy.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use url::Url;

use crate::clock::{Clock, TimedOut, within};
use crate::clock_skew::ClockSkew;
use crate::http::{date, retry_after};

/// No answer of the login is nearly as large. More than this is not read.
const MAX_BODY: usize = 1 << 20;

/// How often a wrong clock is logged.
const SKEW_LOGGED_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// How long to go on when Microsoft's login is busy or cannot be reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    attempts: u32,
    /// The longest wait for one whole answer.
    timeout: Duration,
    /// The longest single wait. A longer `Retry-After` ends the attempts.
    longest_wait: Duration,
    /// Whether a request is repeated that may have arrived: a one-time code must not.
    repeat_unanswered: bool,
}

impl Patience {
    /// While a browser waits, within the half minute that API Gateway gives an answer.
    pub(super) const BROWSER: Self = Self {
        attempts: 3,
        timeout: Duration::from_secs(6),
        longest_wait: Duration::from_secs(2),
        repeat_unanswered: false,
    };
    /// While a run waits.
    pub(super) const BACKGROUND: Self = Self {
        attempts: 4,
        timeout: Duration::from_secs(30),
        longest_wait: Duration::from_mins(1),
        repeat_unanswered: true,
    };

    /// How long to wait after this many attempts without being told.
    fn backoff(attempt: u32) -> Duration {
        Duration::from_secs(1 << attempt.saturating_sub(1).min(5))
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The connection failed, or broke.
    #[error("the connection failed")]
    Connection(#[source] reqwest::Error),
    /// No whole answer came in time.
    #[error("the login did not answer in time")]
    TimedOut(#[from] TimedOut),
    /// The login is throttling us or out of order.
    #[error("the login answered with status {status}")]
    Busy {
        /// The status.
        status: StatusCode,
        /// The wait that the login asked for, if it did.
        retry_after: Option<Duration>,
    },
    /// The answer is larger than any answer should be.
    #[error("the answer is larger than {MAX_BODY} bytes")]
    TooLarge,
}

impl TransportError {
    /// The same error after every repetition: a short wait that was kept each time without success is no longer worth
    /// coming back for.
    fn without_wait(self) -> Self {
        match self {
            Self::Busy { status, .. } => Self::Busy { status, retry_after: None },
            error => error,
        }
    }
}

/// Sends requests to Microsoft's login.
pub(super) struct Transport {
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
    skew: Mutex<Skew>,
}

/// The difference between our clock and Microsoft's by the last answer, and when it was logged.
#[derive(Default)]
struct Skew {
    measured: Option<ClockSkew>,
    logged_at: Option<Timestamp>,
}

impl Transport {
    pub(super) fn new(http: reqwest::Client, clock: Arc<dyn Clock>) -> Self {
        Self { http, clock, skew: Mutex::default() }
    }

    /// Returns by how much our clock is wrong, judged by the last answer; `None` within the leeway.
    pub(super) fn clock_skew(&self) -> Option<ClockSkew> {
        self.skew.lock().unwrap_or_else(PoisonError::into_inner).measured
    }

    /// Compares an answer's `Date` with our clock, and logs a wrong one now and then.
    fn measure_skew(&self, response: &HttpResponse, sent: Timestamp) {
        let Some(date) = date(response.headers()) else { return };
        let now = self.clock.now();
        let mut skew = self.skew.lock().unwrap_or_else(PoisonError::into_inner);
        skew.measured = ClockSkew::measure(date, sent, now);
        if let Some(measured) = skew.measured
            && skew.logged_at.is_none_or(|at| now.duration_since(at).abs() >= SKEW_LOGGED_EVERY)
        {
            skew.logged_at = Some(now);
            tracing::error!(clock.skew_seconds = measured.as_secs(), "our clock differs from Microsoft's");
        }
    }

    /// The client that the oauth2 crate sends its requests with.
    pub(super) fn with(&self, patience: Patience) -> PatientClient<'_> {
        PatientClient { transport: self, patience }
    }

    /// Reads a document. `None` when there is none.
    pub(super) async fn get(&self, url: &Url) -> Result<Option<Vec<u8>>, TransportError> {
        let mut request = HttpRequest::new(Vec::new());
        if let Ok(uri) = url.as_str().parse() {
            *request.uri_mut() = uri;
        }
        let response = self.send(request, Patience { repeat_unanswered: true, ..Patience::BROWSER }).await?;
        match response.status() {
            StatusCode::OK => Ok(Some(response.into_body())),
            status if status.is_client_error() => Ok(None),
            status => Err(TransportError::Busy { status, retry_after: None }),
        }
    }

    async fn send(&self, request: HttpRequest, patience: Patience) -> Result<HttpResponse, TransportError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let sent = within(self.clock.as_ref(), patience.timeout, self.send_once(&request)).await;
            let (error, wait) = match sent.unwrap_or_else(|late| Err(late.into())) {
                Ok(response) if is_busy(response.status()) => {
                    let retry_after = retry_after(response.headers(), self.clock.now());
                    (TransportError::Busy { status: response.status(), retry_after }, retry_after)
                }
                Err(TransportError::Connection(error)) if patience.repeat_unanswered || error.is_connect() => {
                    (TransportError::Connection(error), None)
                }
                Err(error @ TransportError::TimedOut(_)) if patience.repeat_unanswered => (error, None),
                settled => return settled,
            };
            let wait = wait.unwrap_or_else(|| Patience::backoff(attempt));
            if wait > patience.longest_wait {
                return Err(error);
            }
            if attempt >= patience.attempts {
                return Err(error.without_wait());
            }
            tracing::info!(attempt, wait_ms = wait.as_millis(), error = %error, "Microsoft's login is asked again");
            self.clock.sleep(wait).await;
        }
    }

    async fn send_once(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        let sent = self.clock.now();
        let mut answer = self
            .http
            .request(request.method().clone(), request.uri().to_string())
            .headers(request.headers().clone())
            .body(request.body().clone())
            .send()
            .await
            .map_err(connection)?;
        let mut response = HttpResponse::new(Vec::new());
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        self.measure_skew(&response, sent);
        while let Some(chunk) = answer.chunk().await.map_err(connection)? {
            if response.body().len() + chunk.len() > MAX_BODY {
                return Err(TransportError::TooLarge);
            }
            response.body_mut().extend_from_slice(&chunk);
        }
        Ok(response)
    }
}

/// [`Transport`] as the oauth2 crate wants it.
pub(super) struct PatientClient<'t> {
    transport: &'t Transport,
    patience: Patience,
}

impl<'c> AsyncHttpClient<'c> for PatientClient<'_> {
    type Error = TransportError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, TransportError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.transport.send(request, self.patience))
    }
}

/// The URL is dropped: that of a token request is no secret, but nothing is lost either.
fn connection(error: reqwest::Error) -> TransportError {
    TransportError::Connection(error.without_url())
}

fn is_busy(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}
