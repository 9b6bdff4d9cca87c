//! The adapter to Microsoft's identity platform (login.microsoftonline.com): authorize URL, token endpoint, `id_token`.
//!
//! Source of its rules: Microsoft identity platform, "OAuth 2.0 authorization code flow", "OpenID Connect", "ID token
//! claims reference".

mod cloud;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod id_token;
mod keys;
mod transport;
mod wire;

pub use id_token::{IdTokenError, SignedIn};
pub use keys::KeysError;
pub use transport::TransportError;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RefreshToken, RequestTokenError, Scope, TokenResponse as _, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::app_credential::{AppCredential, Proof, ProofError, client_secret_flaw};
use crate::clock::Clock;
use crate::clock_skew::ClockSkew;
use crate::config::Microsoft;
use crate::credentials::{Cause, ErrorAnswer, Grant, GrantError, Refusal, RefusalKind, TokenEndpoint};
use crate::directory::DirectoryId;
use crate::oauth::{BrowserSecret, OPENID_SCOPES, Redeemable};
use keys::Keys;
use transport::{Patience, Transport};
use wire::{Client, ErrorBody, TokenBody};

/// What signing in to the Sync page asks for: `profile` brings `oid`.
const SIGN_IN_SCOPES: [&str; 2] = ["openid", "profile"];

/// How long an access token is taken to last when the answer does not say: less than any tenant can configure.
const DEFAULT_LIFETIME: Duration = Duration::from_mins(10);

/// The longest token taken, in bytes: half of what one secret of AWS Secrets Manager holds. Microsoft's have a few thousand.
const MAX_TOKEN_BYTES: usize = 32_768;

/// The most scopes taken from an answer. Ten are asked for.
const MAX_SCOPES: usize = 100;

/// Microsoft's identity platform, as one application of one cloud sees it.
pub struct IdentityPlatform {
    login: Url,
    graph: Url,
    tenant: String,
    client_id: String,
    credential: Arc<dyn AppCredential>,
    clock: Arc<dyn Clock>,
    transport: Transport,
    keys: Keys,
}

impl fmt::Debug for IdentityPlatform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityPlatform")
            .field("login", &self.login.as_str())
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// What a redeemed code gives.
#[derive(Debug)]
pub struct CodeGrant {
    /// The tokens.
    pub grant: Grant,
    /// Who signed in, not yet verified.
    pub id_token: Option<SecretString>,
}

/// A URL that cannot be built from the settings.
#[derive(Debug, thiserror::Error)]
#[error("the login URL, the tenant or the redirect address make no valid URL")]
pub struct InvalidSettings(#[from] url::ParseError);

impl IdentityPlatform {
    /// The platform of these settings, reached through `http`, to which the application proves itself by `credential`.
    #[must_use]
    pub fn new(
        http: reqwest::Client,
        settings: &Microsoft,
        credential: Arc<dyn AppCredential>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let transport = Transport::new(http, Arc::clone(&clock));
        Self {
            login: settings.login_url.clone(),
            graph: settings.graph_url.clone(),
            tenant: settings.authority_tenant.clone(),
            client_id: settings.client_id.clone(),
            credential,
            clock,
            keys: Keys::new(&settings.login_url, &settings.authority_tenant),
            transport,
        }
    }

    /// Where to send a browser to authorize. The sign-in page lets people choose among their accounts, unless a hint
    /// names one already (Microsoft does not accept both).
    ///
    /// # Errors
    /// When the settings make no valid URL.
    pub fn authorize_url(
        &self,
        browser: &BrowserSecret,
        redirect: &Url,
        login_hint: Option<&str>,
    ) -> Result<Url, InvalidSettings> {
        let account = match login_hint {
            Some(hint) => ("login_hint", hint),
            None => ("prompt", "select_account"),
        };
        self.login_url(browser, redirect, self.scopes(), Some(account))
    }

    /// Where to send a browser only to learn who is there. Nothing of the tenant can be read with what comes of it. Who has
    /// signed in to Microsoft already is not asked again, unless there is a choice to be made (`choose`).
    ///
    /// # Errors
    /// When the settings make no valid URL.
    pub fn sign_in_url(&self, browser: &BrowserSecret, redirect: &Url, choose: bool) -> Result<Url, InvalidSettings> {
        let account = choose.then_some(("prompt", "select_account"));
        self.login_url(browser, redirect, SIGN_IN_SCOPES.into_iter().map(|scope| Scope::new(scope.to_owned())), account)
    }

    fn login_url(
        &self,
        browser: &BrowserSecret,
        redirect: &Url,
        scopes: impl Iterator<Item = Scope>,
        account: Option<(&str, &str)>,
    ) -> Result<Url, InvalidSettings> {
        let client = oauth2::basic::BasicClient::new(ClientId::new(self.client_id.clone()))
            .set_auth_uri(AuthUrl::new(self.endpoint(&self.tenant, "oauth2/v2.0/authorize"))?)
            .set_redirect_uri(RedirectUrl::from_url(redirect.clone()));
        let verifier = PkceCodeVerifier::new(browser.verifier().expose_secret().to_owned());
        let request = client
            .authorize_url(|| CsrfToken::new(browser.state().as_str().to_owned()))
            .add_scopes(scopes)
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .add_extra_param("nonce", browser.nonce())
            .add_extra_param("response_mode", "query");
        let request = account.into_iter().fold(request, |request, (name, value)| request.add_extra_param(name, value));
        Ok(request.url().0)
    }

    /// Where an administrator can grant the permissions for a whole tenant. The page does not sign anybody in here:
    /// an authorization must follow.
    ///
    /// # Errors
    /// When the settings make no valid URL.
    pub fn admin_consent_url(&self, redirect: &Url) -> Result<Url, InvalidSettings> {
        let mut url = Url::parse(&self.endpoint(&self.tenant, "v2.0/adminconsent"))?;
        let scopes: Vec<String> = self.scopes().map(|scope| scope.to_string()).collect();
        url.query_pairs_mut()
            .append_pair("client_id", &self.client_id)
            .append_pair("scope", &scopes.join(" "))
            .append_pair("redirect_uri", redirect.as_str());
        Ok(url)
    }

    /// Redeems a one-time code, at the tenant path it was issued for. Only what certainly did not arrive is repeated,
    /// and not for long: a browser is waiting.
    ///
    /// # Errors
    /// Why there is no grant.
    pub async fn redeem(&self, authorization: &Redeemable, redirect: &Url) -> Result<CodeGrant, GrantError> {
        let (client, assertion, mut context) = self.client(&self.tenant).await?;
        let http = self.transport.with(Patience::BROWSER);
        let request = client
            .exchange_code(AuthorizationCode::new(authorization.code.expose_secret().to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(authorization.verifier.expose_secret().to_owned()))
            .set_redirect_uri(std::borrow::Cow::Owned(RedirectUrl::from_url(redirect.clone())));
        let request = asserted(assertion.as_ref())
            .into_iter()
            .fold(request, |request, (name, value)| request.add_extra_param(name, value));
        let answer = request.request_async(&http).await;
        context.skew = self.transport.clock_skew();
        let answer = answer.map_err(|error| sort_error(error, &context))?;
        let id_token = answer.id_token();
        Ok(CodeGrant { grant: grant(&answer)?, id_token })
    }

    /// Returns by how much our clock is wrong, judged by the login's last answer; `None` while the difference is too
    /// small to matter, or before any answer.
    #[must_use]
    pub fn clock_skew(&self) -> Option<ClockSkew> {
        self.transport.clock_skew()
    }

    /// Verifies an `id_token` completely: signature, issuer, audience, nonce, times, and that it names a person of a tenant.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn verify_id_token(&self, token: &SecretString, nonce: &str) -> Result<SignedIn, IdTokenError> {
        let expected = id_token::Expected { audience: &self.client_id, nonce, now: self.clock.now() };
        id_token::verify(token, &expected, &self.keys, &self.transport).await
    }

    /// The scopes to ask for: Graph's in this cloud, and OpenID Connect's.
    fn scopes(&self) -> impl Iterator<Item = Scope> + '_ {
        let openid = OPENID_SCOPES.into_iter().map(str::to_owned);
        openid.chain(cloud::graph_scopes(&self.graph)).map(Scope::new)
    }

    fn endpoint(&self, tenant: &str, path: &str) -> String {
        endpoint(&self.login, tenant, path)
    }

    /// The client of a tenant's token endpoint, with the client secret, or else with an assertion to go along.
    async fn client(&self, tenant: &str) -> Result<(Client, Option<SecretString>, Context), GrantError> {
        let token_url = TokenUrl::new(self.endpoint(tenant, "oauth2/v2.0/token"))
            .map_err(|error| GrantError::Unavailable(error.into()))?;
        let proof = self.credential.proof(token_url.url()).await.map_err(|error| match error {
            ProofError::Unusable(cause) => GrantError::Refused(cause.into()),
            ProofError::Unavailable(source) => GrantError::Secrets(source),
        })?;
        let client = Client::new(ClientId::new(self.client_id.clone()))
            .set_auth_type(AuthType::RequestBody)
            .set_token_uri(token_url);
        Ok(match proof {
            Proof::Secret(secret) => {
                let context = Context { secret_flaw: client_secret_flaw(secret.expose_secret()), ..Context::default() };
                (client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned())), None, context)
            }
            Proof::Assertion(assertion) => (client, Some(assertion), Context { asserted: true, ..Context::default() }),
        })
    }
}

/// What is known on our side of a request, to explain a refusal.
#[derive(Debug, Default)]
struct Context {
    /// True when the application proved itself by a statement with a time in it.
    asserted: bool,
    /// What is visibly wrong with the client secret that was sent.
    secret_flaw: Option<Cause>,
    /// By how much our clock is wrong.
    skew: Option<ClockSkew>,
}

impl Context {
    /// Says what of ours explains a refusal better than Microsoft's own number does.
    fn explain(&self, refusal: Refusal) -> GrantError {
        if let Some(skew) = self.skew
            && self.asserted
            && refusal.kind == RefusalKind::ApplicationFault
        {
            return GrantError::ClockWrong(skew);
        }
        GrantError::Refused(match (refusal.cause, self.secret_flaw) {
            (Cause::ClientSecretWrong, Some(cause)) => Refusal { cause, ..refusal },
            _ => refusal,
        })
    }
}

/// The parameters that carry an assertion (RFC 7523, section 2.2).
fn asserted(assertion: Option<&SecretString>) -> Vec<(&'static str, &str)> {
    let kind = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    assertion.map_or_else(Vec::new, |assertion| vec![kind, ("client_assertion", assertion.expose_secret())])
}

#[async_trait]
impl TokenEndpoint for IdentityPlatform {
    async fn refresh(&self, tenant: DirectoryId, refresh_token: &SecretString) -> Result<Grant, GrantError> {
        let (client, assertion, mut context) = self.client(&tenant.to_string()).await?;
        let http = self.transport.with(Patience::BACKGROUND);
        let refresh_token = RefreshToken::new(refresh_token.expose_secret().to_owned());
        let request = client.exchange_refresh_token(&refresh_token).add_scopes(self.scopes());
        let request = asserted(assertion.as_ref())
            .into_iter()
            .fold(request, |request, (name, value)| request.add_extra_param(name, value));
        let answer = request.request_async(&http).await;
        context.skew = self.transport.clock_skew();
        let answer = answer.map_err(|error| sort_error(error, &context))?;
        grant(&answer)
    }
}

/// A tenant's endpoint: `{login}/{tenant}/{path}`.
fn endpoint(login: &Url, tenant: &str, path: &str) -> String {
    format!("{}/{tenant}/{path}", login.as_str().trim_end_matches('/'))
}

/// What an answer grants, unless it is nothing Microsoft would send.
fn grant(answer: &TokenBody) -> Result<Grant, GrantError> {
    let tokens =
        || answer.refresh_token().map(RefreshToken::secret).into_iter().chain([answer.access_token().secret()]);
    if tokens().any(|token| token.is_empty() || token.len() > MAX_TOKEN_BYTES) {
        return Err(not_understood());
    }
    Ok(Grant {
        access_token: SecretString::from(answer.access_token().secret().clone()),
        expires_in: answer.expires_in().unwrap_or(DEFAULT_LIFETIME),
        refresh_token: answer.refresh_token().map(|token| SecretString::from(token.secret().clone())),
        scopes: answer.scopes().into_iter().flatten().take(MAX_SCOPES).map(|scope| scope.to_string()).collect(),
    })
}

fn not_understood() -> GrantError {
    GrantError::Unavailable("the token endpoint's answer was not understood".into())
}

/// Sorts what the oauth2 crate reports. A body that did not parse is dropped here: it may hold tokens.
fn sort_error(error: RequestTokenError<TransportError, ErrorBody>, context: &Context) -> GrantError {
    match error {
        RequestTokenError::ServerResponse(body) if !body.error().is_empty() => {
            context.explain(Refusal::sort(&ErrorAnswer {
                status: 400,
                error: body.error(),
                suberror: body.suberror(),
                codes: body.codes(),
                description: body.description(),
            }))
        }
        RequestTokenError::Request(TransportError::Busy { retry_after: Some(wait), .. }) => GrantError::Paused { wait },
        RequestTokenError::Request(error) => GrantError::Unavailable(error.into()),
        RequestTokenError::ServerResponse(_) | RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            not_understood()
        }
    }
}

#[cfg(test)]
mod tests;
