//! The stack seen from outside: a client of its HTTP API, with an administrator's token.

use std::time::Duration;

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use shared::clock::{Clock as _, SystemClock};
use url::Url;

/// How often a run's record is looked at.
const POLL: Duration = Duration::from_millis(100);
/// The most redirects of an authorization.
const MAX_REDIRECTS: usize = 10;

/// Why the API did not answer as hoped.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No answer came.
    #[error("the API did not answer")]
    Transport(#[from] reqwest::Error),
    /// It answered with an error.
    #[error("{method} {path} was answered {status}: {detail}")]
    Refused {
        /// The request's method.
        method: Method,
        /// The request's path.
        path: String,
        /// The status.
        status: StatusCode,
        /// What the problem document says.
        detail: String,
        /// The problem document.
        problem: Value,
    },
    /// The authorization did not come to its end.
    #[error("the authorization ended with {0}; open the printed URL in a browser to see why")]
    NotAuthorized(StatusCode),
    /// A URL made no sense.
    #[error("a redirect went nowhere")]
    BadRedirect,
}

/// A client of the API.
#[derive(Debug, Clone)]
pub struct Api {
    http: Client,
    base: Url,
    token: SecretString,
}

impl Api {
    /// A client of the stack at `base`.
    #[must_use]
    pub fn new(http: Client, base: Url, token: SecretString) -> Self {
        Self { http, base, token }
    }

    /// Gets a resource.
    ///
    /// # Errors
    /// When there is no answer, or an error.
    pub async fn get(&self, path: &str) -> Result<Value, ApiError> {
        self.call(Method::GET, path, None).await
    }

    /// Puts a resource.
    ///
    /// # Errors
    /// When there is no answer, or an error.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value, ApiError> {
        self.call(Method::PUT, path, Some(body)).await
    }

    /// Posts to a resource.
    ///
    /// # Errors
    /// When there is no answer, or an error.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, ApiError> {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, ApiError> {
        let url = self.base.join(path).map_err(|_| ApiError::BadRedirect)?;
        let mut request = self.http.request(method.clone(), url).bearer_auth(self.token.expose_secret());
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status();
        let answer: Value = response.json().await?;
        if status.is_success() {
            return Ok(answer);
        }
        let detail = ["detail", "title"].iter().find_map(|field| answer.get(field)?.as_str()).unwrap_or("no detail");
        Err(ApiError::Refused { method, path: path.to_owned(), status, detail: detail.to_owned(), problem: answer })
    }

    /// Waits until a run has ended and returns its record.
    ///
    /// # Errors
    /// When there is no answer, or an error.
    pub async fn finished_run(&self, directory: &str, run: &str) -> Result<Value, ApiError> {
        loop {
            let record = self.get(&format!("/api/v1/directories/{directory}/runs/{run}")).await?;
            if !matches!(record.get("state").and_then(Value::as_str), Some("queued" | "running" | "paused")) {
                return Ok(record);
            }
            SystemClock.sleep(POLL).await;
        }
    }

    /// Authorizes as a browser would: follows redirects and keeps cookies.
    ///
    /// # Errors
    /// When it does not end with the page of success.
    pub async fn authorize(&self, query: &str) -> Result<String, ApiError> {
        let mut url = self.base.join(&format!("/oauth/authorize{query}")).map_err(|_| ApiError::BadRedirect)?;
        let mut cookies: Vec<String> = Vec::new();
        for _ in 0..MAX_REDIRECTS {
            let mut request = self.http.get(url.clone());
            if url.origin() == self.base.origin() {
                request = request.header(COOKIE, cookies.join("; "));
            }
            let response = request.send().await?;
            if url.origin() == self.base.origin() {
                let set = response.headers().get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok());
                cookies.extend(set.filter_map(|cookie| cookie.split(';').next()).map(str::to_owned));
            }
            let status = response.status();
            if !status.is_redirection() {
                let page = response.text().await?;
                return if status == StatusCode::OK { Ok(page) } else { Err(ApiError::NotAuthorized(status)) };
            }
            let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
            url = location.and_then(|location| url.join(location).ok()).ok_or(ApiError::BadRedirect)?;
        }
        Err(ApiError::BadRedirect)
    }
}
