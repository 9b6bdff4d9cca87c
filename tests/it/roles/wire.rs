//! The wire between the functions' SDK clients and the local parts of AWS, which lets through what the function's role allows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use aws_sdk_dynamodb::config::{RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;

use super::policy::{Permission, ROLES};
use super::request::{calls, function};

/// The permissions that were used in this process, by function.
static USED: Mutex<BTreeMap<String, BTreeSet<Permission>>> = Mutex::new(BTreeMap::new());

/// Those that a function has used.
pub fn used(function: &str) -> BTreeSet<Permission> {
    USED.lock().unwrap_or_else(PoisonError::into_inner).get(function).cloned().unwrap_or_default()
}

/// The wire.
pub fn wire() -> SharedHttpClient {
    SharedHttpClient::new(Wire(aws_smithy_http_client::Builder::new().build_http()))
}

#[derive(Debug)]
struct Wire(SharedHttpClient);

impl HttpClient for Wire {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector(self.0.http_connector(settings, components)))
    }
}

#[derive(Debug)]
struct Connector(SharedHttpConnector);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match check(&request) {
            Ok(()) => self.0.call(request),
            Err(denied) => {
                // Whoever asked may take it for trouble that passes: this is what a failing test shows.
                #[expect(clippy::print_stderr, reason = "the test's output")]
                {
                    eprintln!("{denied}");
                }
                HttpConnectorFuture::ready(Err(ConnectorError::other(denied.into(), None)))
            }
        }
    }
}

fn check(request: &HttpRequest) -> Result<(), String> {
    let Some(function) = function(request) else { return Ok(()) };
    let permissions = &ROLES[function.as_str()];
    for call in calls(request) {
        let allowed = permissions.iter().find(|permission| permission.allows(&call));
        let allowed = allowed.ok_or_else(|| format!("the role of {function} does not allow {call:?}"))?;
        let mut used = USED.lock().unwrap_or_else(PoisonError::into_inner);
        used.entry(function.clone()).or_default().insert(allowed.clone());
    }
    Ok(())
}
