//! What carries the requests of AWS clients to parts of AWS in the same process: nothing that others could listen to or use.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_dynamodb::config::{RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use axum::body::{Body, to_bytes};
use axum::{BoxError, Router};
use tokio::task::yield_now;

/// A client of these parts, each at its endpoint. It reaches nothing else.
#[must_use]
pub fn in_process(parts: impl IntoIterator<Item = (&'static str, Router)>) -> SharedHttpClient {
    SharedHttpClient::new(InProcess(Arc::new(parts.into_iter().collect())))
}

#[derive(Debug, Clone)]
struct InProcess(Arc<BTreeMap<&'static str, Router>>);

impl HttpClient for InProcess {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let endpoint = request.uri().split_inclusive('/').take(3).collect::<String>();
        let Some(part) = self.0.get(endpoint.trim_end_matches('/')).cloned() else {
            let unknown = format!("nothing in this process answers at {endpoint}");
            return HttpConnectorFuture::ready(Err(ConnectorError::other(unknown.into(), None)));
        };
        HttpConnectorFuture::new(
            async move { ask(part, request).await.map_err(|error| ConnectorError::other(error, None)) },
        )
    }
}

/// Others may do something before the request arrives and before its answer does, as if it had a way to go.
async fn ask(part: Router, request: HttpRequest) -> Result<HttpResponse, BoxError> {
    let request = request.try_into_http1x()?.map(Body::new);
    yield_now().await;
    let Ok(answer) = tower::ServiceExt::oneshot(part, request).await;
    let (head, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await?;
    yield_now().await;
    Ok(HttpResponse::try_from(http::Response::from_parts(head, body.into()))?)
}
