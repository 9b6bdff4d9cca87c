//! Sends an administrator to Microsoft and takes the answer.
//!
//! * `GET /oauth/authorize` begins an authorization: remembers it, gives the browser a cookie, and redirects to
//!   Microsoft's sign-in. An optional `login_hint` names the account to sign in with.
//! * `GET /signin` does the same for somebody who only signs in to the Sync page.
//! * `GET /oauth/callback` takes the browser back, proves who signed in, validates the account by real reads and
//!   stores the authorization; or proves which app roles a person has, and gives the browser a session. Whatever happens, the browser
//!   is sent on to an address without a code.
//! * `GET /oauth/result` shows how it ended, as often as the page is loaded.

mod authorize;
mod base;
mod callback;
mod connect;
mod cookie;
mod denied;
mod page;
mod probe;
mod result;
mod sign_in;

pub use probe::GraphProbe;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use shared::clock::Clock;
use shared::config::Authorization;
use shared::identity::IdentityPlatform;
use shared::oauth::AccountProbe;
use shared::queue::RunQueue;
use shared::secrets::SecretStore;
use shared::session::SessionDesk;
use shared::store::{AttemptStore, AuditStore, AuthorizationStore, CredentialStore, DirectoryStore, RunStore};
use url::Url;

/// The path that begins an authorization.
const AUTHORIZE: &str = "/oauth/authorize";
/// The path that signs somebody in to the Sync page.
const SIGN_IN: &str = "/signin";
/// The path that Microsoft sends the browser back to.
const CALLBACK: &str = "/oauth/callback";
/// The path that shows how it ended.
const RESULT: &str = "/oauth/result";

/// All that this function keeps in the table.
pub trait Storage:
    AttemptStore + AuditStore + AuthorizationStore + CredentialStore + DirectoryStore + RunStore
{
}

impl<T: AttemptStore + AuditStore + AuthorizationStore + CredentialStore + DirectoryStore + RunStore> Storage for T {}

/// What the handlers work with.
pub struct App {
    /// Who may authorize, and from where.
    pub authorization: Authorization,
    /// Microsoft's login.
    pub identity: Arc<IdentityPlatform>,
    /// Validates accounts.
    pub probe: Arc<dyn AccountProbe>,
    /// The table.
    pub storage: Arc<dyn Storage>,
    /// Sessions of the Sync page.
    pub sessions: Arc<SessionDesk>,
    /// Refresh tokens.
    pub secrets: Arc<dyn SecretStore>,
    /// Takes the request for a first run.
    pub queue: Arc<dyn RunQueue>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("authorization", &self.authorization).finish_non_exhaustive()
    }
}

impl App {
    /// Where Microsoft sends the browser back to. It must be registered with the application.
    fn redirect_url(&self) -> Url {
        self.url(CALLBACK)
    }

    /// Where an authorization begins, for links.
    fn authorize_url(&self) -> Url {
        self.url(AUTHORIZE)
    }

    /// Where signing in begins, with a choice of accounts.
    fn sign_in_url(&self) -> Url {
        let mut url = self.url(SIGN_IN);
        url.set_query(Some("choose=1"));
        url
    }

    /// A path below the base URL, which may have a path of its own.
    fn url(&self, path: &str) -> Url {
        let mut url = self.authorization.base_url.clone();
        url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
        url
    }
}

/// The routes of this function.
pub fn router(app: Arc<App>) -> Router {
    let send_to_base = from_fn_with_state(Arc::clone(&app), base::send_to_base);
    Router::new()
        .route(AUTHORIZE, get(authorize::handle).head(callback::refuse_head))
        .route(SIGN_IN, get(sign_in::handle).head(callback::refuse_head))
        .route_layer(send_to_base)
        // A `HEAD` would otherwise run the handler and use the state up.
        .route(CALLBACK, get(callback::handle).head(callback::refuse_head))
        .route(RESULT, get(result::handle))
        .route_layer(from_fn(shared::http::refuse_speculation))
        .with_state(app)
}

#[cfg(test)]
mod tests;
