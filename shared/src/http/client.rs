//! How HTTP requests are sent: the one way a client is made.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client};

/// The longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest wait for the next bytes of an answer.
const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// Why no client could be built.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be built")]
pub struct ClientError(#[from] reqwest::Error);

/// The only way a client is made: with time-outs, a user agent, and no following of redirects, so that a token
/// never travels to a host it was not meant for. `extra_roots` are trusted beside the system's, in PEM.
///
/// # Errors
/// When a certificate is malformed or TLS cannot be set up.
pub fn client(extra_roots: &[u8]) -> Result<Client, ClientError> {
    let mut builder = Client::builder()
        .user_agent(concat!("office365-sync/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .redirect(Policy::none());
    for certificate in Certificate::from_pem_bundle(extra_roots)? {
        builder = builder.add_root_certificate(certificate);
    }
    Ok(builder.build()?)
}
