//! A request as the tenant reads it, and an answer before it becomes bytes, so that faults can still bend it.

use axum::{body::Body, response::Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde_json::Value;
use url::form_urlencoded;

/// A request whose body has been read.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Fields,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The body as a form.
    pub(crate) fn form(&self) -> Fields {
        Fields::parse(&self.body)
    }

    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Names and values of a query or form, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(crate) fn parse(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The first name that occurs twice.
    pub(crate) fn repeated(&self) -> Option<&str> {
        let mut names: Vec<_> = self.names().collect();
        names.sort_unstable();
        names.windows(2).find_map(|pair| match pair {
            [one, other] if one == other => Some(*one),
            _ => None,
        })
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// An answer that faults can still bend.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) content: Content,
}

#[derive(Debug)]
pub(crate) enum Content {
    Nothing,
    Json(Value),
    Text(&'static str, String),
}

impl Answer {
    pub(crate) fn json(value: Value) -> Self {
        Self { status: StatusCode::OK, headers: HeaderMap::new(), content: Content::Json(value) }
    }

    pub(crate) fn html(page: String) -> Self {
        Self::text("text/html; charset=utf-8", page)
    }

    pub(crate) fn text(content_type: &'static str, text: String) -> Self {
        Self { status: StatusCode::OK, headers: HeaderMap::new(), content: Content::Text(content_type, text) }
    }

    /// Sends the browser elsewhere.
    pub(crate) fn redirect(location: &str) -> Self {
        let answer = Self { status: StatusCode::FOUND, headers: HeaderMap::new(), content: Content::Nothing };
        answer.with(header::LOCATION, location)
    }

    pub(crate) fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// Adds a header. A value that cannot be one is left out.
    pub(crate) fn with(mut self, name: impl header::IntoHeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// The bytes of the body and their type.
    pub(crate) fn bytes(&self) -> (Option<&'static str>, Vec<u8>) {
        match &self.content {
            Content::Nothing => (None, Vec::new()),
            Content::Json(value) => (Some("application/json; charset=utf-8"), value.to_string().into_bytes()),
            Content::Text(content_type, text) => (Some(content_type), text.clone().into_bytes()),
        }
    }

    /// The answer as it goes out.
    pub(crate) fn into_response(self) -> Response {
        let (content_type, bytes) = self.bytes();
        self.with_body(content_type, Body::from(bytes))
    }

    pub(crate) fn with_body(self, content_type: Option<&'static str>, body: Body) -> Response {
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        if let Some(content_type) = content_type {
            let _absent_before =
                response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        response
    }
}

/// Microsoft's own header names.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
/// The caller's own id for the request.
pub(crate) const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
/// What the request cost.
pub(crate) const RESOURCE_UNIT: HeaderName = HeaderName::from_static("x-ms-resource-unit");
