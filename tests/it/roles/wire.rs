//! The wire between the functions' SDK clients and the local parts of AWS, which lets through what the function's role allows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use aws_sdk_dynamodb::config::{RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use shared::config::AppCredential;

use super::policy::{Permission, ROLES};
use super::request::{calls, function};

/// The permissions that were used in this process, by function.
static USED: Mutex<BTreeMap<String, BTreeSet<Permission>>> = Mutex::new(BTreeMap::new());

/// Those that a function has used.
pub fn used(function: &str) -> BTreeSet<Permission> {
    USED.lock().unwrap_or_else(PoisonError::into_inner).get(function).cloned().unwrap_or_default()
}

/// What of a deployment matters to the wire.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// By what it proves itself to Microsoft.
    pub app_credential: AppCredential,
    /// Where KMS and STS answer; the other services have their endpoints in the settings of their clients.
    pub kms_and_sts: Option<String>,
}

impl Default for Deployment {
    fn default() -> Self {
        Self { app_credential: AppCredential::ClientSecret, kms_and_sts: None }
    }
}

/// A way to servers of tests.
pub fn by_tcp() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_http()
}

/// The wire in this deployment, over the way to its parts of AWS.
pub fn wire(aws: SharedHttpClient, deployment: Deployment) -> SharedHttpClient {
    let elsewhere = deployment.kms_and_sts.map(|endpoint| (endpoint, by_tcp()));
    SharedHttpClient::new(Wire { aws, elsewhere, app_credential: deployment.app_credential })
}

#[derive(Debug)]
struct Wire {
    aws: SharedHttpClient,
    /// Where KMS and STS answer, and the way there.
    elsewhere: Option<(String, SharedHttpClient)>,
    app_credential: AppCredential,
}

impl HttpClient for Wire {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let aws = self.aws.http_connector(settings, components);
        let elsewhere = self.elsewhere.as_ref();
        let elsewhere = elsewhere.map(|(endpoint, way)| (endpoint.clone(), way.http_connector(settings, components)));
        SharedHttpConnector::new(Connector { aws, elsewhere, app_credential: self.app_credential.clone() })
    }
}

#[derive(Debug)]
struct Connector {
    aws: SharedHttpConnector,
    elsewhere: Option<(String, SharedHttpConnector)>,
    app_credential: AppCredential,
}

impl HttpConnector for Connector {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        if let Err(denied) = check(&request, &self.app_credential) {
            // Whoever asked may take it for trouble that passes: this is what a failing test shows.
            #[expect(clippy::print_stderr, reason = "the test's output")]
            {
                eprintln!("{denied}");
            }
            return HttpConnectorFuture::ready(Err(ConnectorError::other(denied.into(), None)));
        }
        // These two are asked where AWS has them.
        if let Some((endpoint, way)) = &self.elsewhere
            && request.uri().starts_with("https://")
        {
            request.set_uri(endpoint.as_str()).unwrap();
            return way.call(request);
        }
        self.aws.call(request)
    }
}

fn check(request: &HttpRequest, app_credential: &AppCredential) -> Result<(), String> {
    let Some(function) = function(request) else { return Ok(()) };
    let permissions = &ROLES[function.as_str()];
    for call in calls(request) {
        let allowed = permissions.iter().find(|one| one.is_in(app_credential) && one.allows(&call));
        let allowed = allowed.ok_or_else(|| format!("the role of {function} does not allow {call:?}"))?;
        let mut used = USED.lock().unwrap_or_else(PoisonError::into_inner);
        used.entry(function.clone()).or_default().insert(allowed.clone());
    }
    Ok(())
}
