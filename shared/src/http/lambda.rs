//! How requests reach a function's handlers on AWS Lambda: as events of an HTTP API in payload format 2.0.
//!
//! The gateway hands over a path that it has decoded already, and cut at a decoded `?`; nothing shows what it was before.
//! `lambda_http` would parse that path as a URL, and the router would decode it again: `#` would end it, `%27` would become
//! `'`, and `..` would walk. Here the path is encoded again first, so that the router's decoding is the only one and every
//! character stands for itself. The query arrives as it was sent and stays so.
//!
//! Sources: Amazon API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway"; the
//! behaviour of the path was captured in <https://github.com/middleapi/standard-server/pull/93>.

use std::borrow::Cow;
use std::convert::Infallible;

use axum::Router;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
pub use lambda_http::Error;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_http::lambda_runtime::{self, LambdaEvent};
use lambda_http::request::{LambdaRequest, RequestContext};
use lambda_http::{Adapter, RequestExt as _, Service as _, service_fn};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_encode, utf8_percent_encode};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use tower::ServiceExt as _;
use url::Url;

use super::client_address::ClientAddress;
use super::scim_error::PREFIX as SCIM;

/// What is encoded in a path: all but what RFC 3986 leaves unreserved, and the slashes between segments.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What cannot be in the query of a URI. A `%` stays, as the query is still encoded.
const IN_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'#');

/// An event of the HTTP API.
#[derive(Debug)]
pub struct HttpEvent(ApiGatewayV2httpRequest);

impl<'de> Deserialize<'de> for HttpEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut event = Value::deserialize(deserializer)?;
        // Taken out, since one value outside of ASCII would make `aws_lambda_events` reject the whole event.
        let headers = event.get_mut("headers").map(Value::take);
        let mut request: ApiGatewayV2httpRequest = serde_json::from_value(event).map_err(D::Error::custom)?;
        request.headers = headers_of(headers.as_ref());
        request.raw_path = request.raw_path.map(|path| utf8_percent_encode(&path, IN_PATH).to_string());
        request.raw_query_string =
            request.raw_query_string.map(|query| percent_encode(query.as_bytes(), IN_QUERY).to_string());
        Ok(Self(request))
    }
}

/// The headers, without those that no request can have.
fn headers_of(sent: Option<&Value>) -> HeaderMap {
    let pairs = sent.and_then(Value::as_object).into_iter().flatten();
    let pair = |(name, value): (&String, &Value)| {
        Some((HeaderName::try_from(name).ok()?, HeaderValue::from_bytes(value.as_str()?.as_bytes()).ok()?))
    };
    let mut headers: HeaderMap = pairs.filter_map(pair).collect();
    // `lambda_http` builds a URL of these two, and panics when it makes no sense.
    let is_scheme = |value: &HeaderValue| matches!(value.as_bytes(), b"http" | b"https");
    if headers.get("x-forwarded-proto").is_some_and(|value| !is_scheme(value)) {
        headers.remove("x-forwarded-proto");
    }
    let is_host =
        |value: &HeaderValue| value.to_str().is_ok_and(|host| Url::parse(&format!("https://{host}/")).is_ok());
    if headers.get("host").is_some_and(|value| !is_host(value)) {
        headers.remove("host");
    }
    headers
}

/// Answers an event with a router. The answer is in payload format 2.0 when it is serialized.
///
/// # Errors
/// None: the router answers everything.
pub async fn handle(
    router: Router,
    event: LambdaEvent<HttpEvent>,
) -> Result<impl Serialize + Send + use<>, Infallible> {
    let LambdaEvent { payload: HttpEvent(request), context } = event;
    let handlers = service_fn(move |request| router.clone().oneshot(exact(request)));
    let event = LambdaEvent::new(LambdaRequest::ApiGatewayV2(request), context);
    // The adapter cannot be kept while the answer is waited for: it is not `Send`.
    let answer = Adapter::from(handlers).call(event);
    answer.await
}

/// Runs a router as a Lambda function.
///
/// # Errors
/// When the runtime of Lambda does not answer.
pub async fn run(router: Router) -> Result<(), Error> {
    lambda_runtime::run(lambda_runtime::service_fn(move |event| handle(router.clone(), event))).await
}

/// The request with the path and query of the event, which `lambda_http` has normalized as those of a URL, and with the
/// address that the gateway saw at the other end of the connection.
fn exact(mut request: lambda_http::Request) -> lambda_http::Request {
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let target = format!("{}{query}", clean(request.raw_http_path()));
    if let Ok(target) = PathAndQuery::try_from(target) {
        *request.uri_mut() = Uri::from(target);
    }
    let address = match request.extensions().get::<RequestContext>() {
        Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.as_ref().and_then(|ip| ip.parse().ok()),
        _ => None,
    };
    if let Some(address) = address {
        request.extensions_mut().insert(ClientAddress(address));
    }
    request
}

/// The path, on those of SCIM without empty segments: clients append `/Users` to an address that ends with a slash, or a
/// slash to all of it. Elsewhere names stand in paths, and an empty one must not make another route of the rest
/// ([`super::finish()`] redirects what leads nowhere).
fn clean(path: &str) -> Cow<'_, str> {
    if path.starts_with(SCIM) { without_empty_segments(path) } else { path.into() }
}

/// The path with one slash where there are several, and none at its end.
pub(super) fn without_empty_segments(path: &str) -> Cow<'_, str> {
    if path == "/" || !(path.contains("//") || path.ends_with('/')) {
        return path.into();
    }
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    format!("/{}", segments.join("/")).into()
}

#[cfg(test)]
mod tests {
    use axum::extract::{Path, RawQuery, Request};
    use axum::routing::get;
    use serde_json::json;

    use super::*;

    fn event_of(path: &str, query: &str, headers: &Value) -> HttpEvent {
        let http = json!({ "method": "GET", "path": path, "sourceIp": "192.0.2.7" });
        let event = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query, "headers": headers,
            "requestContext": { "http": http, "stage": "$default" }, "isBase64Encoded": false,
        });
        serde_json::from_value(event).unwrap()
    }

    /// What a handler gets to see: how it was found, the name in the path, and the query.
    async fn seen(path: &str, query: &str, headers: &Value) -> Value {
        let router = Router::new()
            .route("/users/{key}", get(async |Path(key): Path<String>, RawQuery(query)| format!("one:{key}:{query:?}")))
            .route("/users/{key}/access", get(async |Path(key): Path<String>| format!("access:{key}")))
            .route("/groups", get(async || "groups"))
            .route("/scim/v2/d/Users", get(async |RawQuery(query)| format!("scim:{query:?}")))
            .fallback(async |request: Request| format!("none:{}", request.uri()));
        let event = LambdaEvent::new(event_of(path, query, headers), lambda_runtime::Context::default());
        serde_json::to_value(handle(router, event).await.unwrap()).unwrap()["body"].take()
    }

    #[tokio::test]
    async fn every_character_of_a_path_stands_for_itself() {
        for name in
            ["kim_x#EXT#@c.example", "o%27brien", "o'brien", "a+b", "a b", "\\", "\"", "jörg", "%", "%00", "\0", "a\tb"]
        {
            assert_eq!(seen(&format!("/users/{name}/access"), "", &json!({})).await, format!("access:{name}"));
        }
    }

    #[tokio::test]
    async fn dots_and_slashes_lead_to_no_other_route() {
        for path in ["/users/../groups", "/users/%2e%2e/groups", "/./groups", "/x/../groups", "//groups"] {
            let body = seen(path, "", &json!({})).await;
            assert!(body.as_str().unwrap().starts_with("none:"), "{path}: {body}");
        }
        assert_eq!(seen("/users/..", "", &json!({})).await, "one:..:None");
    }

    #[tokio::test]
    async fn scim_paths_may_have_slashes_too_many() {
        for path in ["/scim/v2/d//Users", "/scim/v2/d/Users/", "/scim//v2/d///Users//", "/scim/v2/d/Users"] {
            assert_eq!(seen(path, "filter=", &json!({})).await, "scim:Some(\"filter=\")", "{path}");
        }
    }

    #[tokio::test]
    async fn queries_stay_as_they_were_sent() {
        for query in ["a=%23&b=+", "a=b&a=c", "%FF", "a=?/"] {
            assert_eq!(seen("/users/a#b", query, &json!({})).await, format!("one:a#b:Some({query:?})"));
        }
        // What no URI can have is encoded, instead of failing.
        assert_eq!(seen("/users/a", "q=\"<\u{e9}>\"", &json!({})).await, "one:a:Some(\"q=%22%3C%C3%A9%3E%22\")");
    }

    #[tokio::test]
    async fn headers_that_make_no_sense_do_no_harm() {
        let headers =
            json!({ "x-user": "J\u{f6}rg", "bad name": "x", "host": "a b", "x-forwarded-proto": "no scheme" });
        assert_eq!(seen("/users/a", "", &headers).await, "one:a:None");
    }

    #[tokio::test]
    async fn the_address_is_the_one_that_the_gateway_saw() {
        let router = Router::new().fallback(async |request: Request| {
            request.extensions().get::<ClientAddress>().map(|address| address.0.to_string()).unwrap_or_default()
        });
        let headers = json!({ "x-forwarded-for": "203.0.113.9" });
        let event = LambdaEvent::new(event_of("/", "", &headers), lambda_runtime::Context::default());
        let answer = serde_json::to_value(handle(router, event).await.unwrap()).unwrap();
        assert_eq!(answer["body"], "192.0.2.7");
    }
}
