//! API Gateway (HTTP API, payload format 2.0) in front of the functions, with the habits that the real one has.
//!
//! A request is routed as `infra/template.yaml` says ([`Routes`]), becomes an event (`event`), and the function's answer
//! becomes a response (`answer`). Paths arrive decoded and cut at a decoded `?`, header names in lower case, cookies as a
//! list, binary bodies as base64; whatever exceeds a limit is rejected here ([`limits`]).
//!
//! The local program, the end-to-end tests and the tests of single functions all use this one [`Gateway`]. Functions take
//! and give JSON text, as on Lambda, so that no handler can be reached in any other way.
//!
//! Sources: Amazon API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway", "Create
//! routes for HTTP APIs"; AWS Lambda developer guide, "Lambda quotas".

mod answer;
mod event;
mod function;
pub mod limits;
mod routes;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use http::StatusCode;

pub use function::{Function, InProcess, InvokeError};
pub use routes::{Route, Routes};

/// The gateway in front of some functions.
#[derive(Clone)]
pub struct Gateway {
    routes: &'static Routes,
    functions: Arc<BTreeMap<&'static str, Arc<dyn Function>>>,
}

impl Gateway {
    /// A gateway with the routes of the deployment template in front of these functions, by the names that they have there,
    /// such as `status`. A route to any other function is answered as if that function failed.
    pub fn new(functions: impl IntoIterator<Item = (&'static str, Arc<dyn Function>)>) -> Self {
        Self { routes: Routes::deployed(), functions: Arc::new(functions.into_iter().collect()) }
    }

    /// A gateway in front of one function whose handlers run in this process.
    #[must_use]
    pub fn of(name: &'static str, handlers: Router) -> Self {
        let function: Arc<dyn Function> = Arc::new(InProcess(handlers));
        Self::new([(name, function)])
    }

    /// Answers a request from this machine.
    pub async fn ask(&self, request: Request) -> Response {
        self.answer(request, IpAddr::V4(Ipv4Addr::LOCALHOST)).await
    }

    /// Answers a request from this address.
    pub async fn answer(&self, request: Request, source: IpAddr) -> Response {
        self.try_answer(request, source).await.unwrap_or_else(answer::own)
    }

    async fn try_answer(&self, request: Request, source: IpAddr) -> Result<Response, StatusCode> {
        let (parts, body) = request.into_parts();
        if limits::head_bytes(&parts) > limits::MAX_HEAD_BYTES {
            return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        }
        let body = to_bytes(body, limits::MAX_BODY_BYTES).await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
        let path = event::raw_path(parts.uri.path());
        let route = self.routes.find(&parts.method, &path).ok_or(StatusCode::NOT_FOUND)?;
        let event = event::event(route, &path, &parts, &body, source).to_string();
        if event.len() > limits::MAX_EVENT_BYTES {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        let function = self.functions.get(route.function()).ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
        let given = function.invoke(event).await.map_err(|error| {
            tracing::error!(function = route.function(), %error, "the function failed");
            StatusCode::INTERNAL_SERVER_ERROR
        })?;
        if given.len() > limits::MAX_ANSWER_BYTES {
            tracing::error!(
                function = route.function(),
                bytes = given.len(),
                "the answer exceeds what Lambda passes on"
            );
            return Err(StatusCode::BAD_GATEWAY);
        }
        answer::response(&parts.method, &given)
    }

    /// The gateway as a service for a listener that notes who connects ([`Router::into_make_service_with_connect_info`]).
    pub fn into_router(self) -> Router {
        Router::new().fallback(async move |ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request<Body>| {
            // A task of its own: an invocation goes on when the caller hangs up, and ends alone when it panics.
            let answer = tokio::spawn(async move { self.answer(request, peer.ip()).await });
            answer.await.unwrap_or_else(|_| answer::own(StatusCode::INTERNAL_SERVER_ERROR))
        })
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use serde_json::json;

    use super::*;

    /// A function whose answers, as Lambda would pass them on, have so many bytes.
    struct Long(usize);

    #[async_trait]
    impl Function for Long {
        async fn invoke(&self, _: String) -> Result<Vec<u8>, InvokeError> {
            let around = json!({"statusCode": 200, "body": ""}).to_string().len();
            Ok(json!({"statusCode": 200, "body": "x".repeat(self.0 - around)}).to_string().into_bytes())
        }
    }

    #[tokio::test]
    async fn answer_longer_than_lambda_passes_on_is_a_bad_gateway() {
        for (bytes, status) in
            [(limits::MAX_ANSWER_BYTES, StatusCode::OK), (limits::MAX_ANSWER_BYTES + 1, StatusCode::BAD_GATEWAY)]
        {
            let function: Arc<dyn Function> = Arc::new(Long(bytes));
            let gateway = Gateway::new([("status", function)]);
            let request = Request::builder().uri("/api/v1/status").body(Body::empty()).unwrap();
            assert_eq!(gateway.ask(request).await.status(), status, "{bytes} bytes");
        }
    }
}
