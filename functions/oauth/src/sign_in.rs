//! `GET /signin`: signs somebody in to the Sync page.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue};
use shared::http::ClientAddress;
use shared::oauth::{BrowserSecret, Denial, LocalPath, Purpose, Redeemable};
use shared::session::{OPERATOR_ROLE, Role, Session};
use url::form_urlencoded;

use crate::App;
use crate::authorize::send_to_login;
use crate::denied::Denied;
use crate::page;

/// What is asked of a sign-in.
#[derive(Debug)]
struct Wish {
    return_to: LocalPath,
    /// True to let people choose among their accounts.
    choose: bool,
}

impl Wish {
    /// Whatever makes no sense is left out: the worst that comes of it is the first page.
    fn of(query: &str) -> Self {
        let mut wish = Self { return_to: LocalPath::home(), choose: false };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "return_to" => wish.return_to = LocalPath::parse(&value).unwrap_or_else(LocalPath::home),
                "choose" => wish.choose = true,
                _ => {}
            }
        }
        wish
    }
}

pub(crate) async fn handle(
    State(app): State<Arc<App>>,
    address: Option<Extension<ClientAddress>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let wish = Wish::of(query.as_deref().unwrap_or_default());
    let purpose = Purpose::SignIn { return_to: wish.return_to };
    let browser = BrowserSecret::generate(&mut rand::rng());
    let target = app.identity.sign_in_url(&browser, &app.redirect_url(), wish.choose);
    match send_to_login(&app, address.as_deref(), &browser, target, purpose.clone(), &headers).await {
        Ok(response) => response,
        Err(denied) => page::refused(&app, &denied, &purpose),
    }
}

/// Proves who came back, and what they may do, and returns the header that gives the browser a session.
pub(crate) async fn let_in(app: &App, redeemable: &Redeemable) -> Result<HeaderValue, Denied> {
    let redeemed = app.identity.redeem(redeemable, &app.redirect_url()).await?;
    let id_token = redeemed.id_token.ok_or_else(|| Denied::lacking("an id_token"))?;
    let who = app.identity.verify_id_token(&id_token, &redeemable.nonce).await?;
    let operators = app.authorization.operator_tenant == Some(who.tenant);
    let is_allowed = app.authorization.allowed_tenants.as_ref().is_none_or(|allowed| allowed.contains(&who.tenant));
    if !is_allowed && !operators {
        return Err(Denial::TenantNotAllowed { tenant: who.tenant }.into());
    }
    let operator = operators && who.roles.iter().any(|role| role == OPERATOR_ROLE);
    let Some(role) = Role::of(&who.roles) else {
        return Err(Denial::NoRole { user_principal_name: who.user_principal_name }.into());
    };
    let session = Session::begin(&who, role, operator, app.clock.now(), &mut rand::rng());
    let cookie = app.sessions.give(&session).await.map_err(Denied::internal)?;
    tracing::info!(
        directory.id = %who.tenant, user.id = %who.administrator, role = ?role, operator, "somebody signed in"
    );
    Ok(cookie)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_leads_to_our_own_pages_only() {
        let return_to = |query| Wish::of(query).return_to.as_str().to_owned();
        assert_eq!(return_to("return_to=%2Fdirectories%2F1%3Fq%3Da"), "/directories/1?q=a");
        for query in ["", "return_to=", "return_to=https%3A%2F%2Fevil.example", "return_to=%2F%2Fevil.example"] {
            assert_eq!(return_to(query), "/", "{query}");
        }
        assert!(Wish::of("choose=1").choose && !Wish::of("").choose);
    }
}
