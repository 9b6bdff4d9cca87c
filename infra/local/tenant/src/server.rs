//! Serving a tenant over HTTP.

use std::{io, net::SocketAddr};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, State},
    response::Response,
};
use futures::{StreamExt as _, stream};
use http::{HeaderMap, Method, StatusCode, Uri, header};
use tokio::{net::TcpListener, sync::watch};

use crate::{
    control,
    exchange::{Answer, Fields, Request},
    fault::{self, What},
    handle::{Shared, TenantHandle},
    model::Tenant,
    options::Options,
    world::World,
};

impl Tenant {
    /// Serves the tenant until the handle's [`shutdown`](TenantHandle::shutdown) or the end of the runtime. Needs a Tokio runtime.
    ///
    /// # Errors
    /// When the listener has no local address.
    pub fn serve(self, listener: TcpListener, options: Options) -> io::Result<TenantHandle> {
        let origin = format!("http://{}", listener.local_addr()?);
        let world = Shared::new(World::new(self, options, origin.clone()));
        let (stop, mut stopped) = watch::channel(false);
        let service = Router::new()
            .fallback(answer)
            .with_state(world.clone())
            .into_make_service_with_connect_info::<SocketAddr>();
        let server = tokio::spawn(async move {
            let until = async move {
                // The sender lives in the handles. Without any left, nobody can ask for the end, and serving goes on.
                if stopped.wait_for(|stop| *stop).await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(until).await {
                tracing::error!(%error, "the simulated tenant stopped");
            }
        });
        Ok(TenantHandle::new(world, origin, stop, server))
    }
}

/// Every request comes through here, so that faults and counters see them all.
async fn answer(
    State(world): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = Request {
        method,
        path: uri.path().to_owned(),
        query: Fields::parse(uri.query().unwrap_or_default().as_bytes()),
        headers,
        body: body.to_vec(),
    };
    // A web page whose name was made to lead here asks under that name.
    if request.header(header::HOST) != world.lock().origin.strip_prefix("http://") {
        return Answer::text("text/plain", "the tenant has another name\n".to_owned())
            .status(StatusCode::MISDIRECTED_REQUEST)
            .into_response();
    }
    if let Some(path) = request.path.strip_prefix("/control/") {
        return control::answer(&mut world.lock(), &world.control_secret, peer, path, &request).into_response();
    }
    let ((answer, faults), clock) = {
        let mut world = world.lock();
        (world.answer(&request), world.clock.clone())
    };
    if faults.contains(&What::NoAnswer) {
        std::future::pending::<()>().await;
    }
    // By the tenant's clock, which need not be that of this machine.
    let answer = answer.with(header::DATE, &httpdate::fmt_http_date(clock.now().into()));
    let delay = fault::delay(&faults);
    if !delay.is_zero() {
        clock.wait(delay).await;
    }
    send(answer, &faults)
}

/// Sends the answer, cut short where a fault says so.
fn send(answer: Answer, faults: &[What]) -> Response {
    let breaks = || Err(io::Error::from(io::ErrorKind::ConnectionReset));
    if faults.contains(&What::Disconnect) {
        // A body that fails at once takes the connection with it before anything is sent.
        return answer.with_body(None, Body::from_stream(stream::iter([breaks() as io::Result<Bytes>])));
    }
    if faults.contains(&What::BrokenBody) {
        let (content_type, bytes) = answer.bytes();
        let length = bytes.len();
        let half = stream::iter([Ok(Bytes::from(bytes).slice(..length / 2))]);
        // Yielding lets the first half leave. The length promises all of it, so the client notices that the rest is missing.
        let broken = half.chain(stream::once(async move {
            tokio::task::yield_now().await;
            breaks()
        }));
        return answer
            .with(header::CONTENT_LENGTH, &length.to_string())
            .with_body(content_type, Body::from_stream(broken));
    }
    if faults.contains(&What::TruncatedBody) {
        let (content_type, mut bytes) = answer.bytes();
        bytes.truncate(bytes.len() / 2);
        return answer.with_body(content_type, Body::from(bytes));
    }
    answer.into_response()
}
