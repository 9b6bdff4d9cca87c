//! The page of everything that was refused: what happened, what it means, what to do.

use std::borrow::Cow;

use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use maud::html;
use shared::credentials::{Cause, RefusalKind};
use shared::oauth::Purpose;
use shared::session::{ADMINISTRATOR_ROLE, READER_ROLE};
use shared::telemetry;

use super::{Tone, respond};
use crate::App;
use crate::denied::Denied;

struct Words {
    heading: &'static str,
    happened: Cow<'static, str>,
    advice: Cow<'static, str>,
}

/// The page. It is also where the refusal is logged, once.
pub(crate) fn denied(app: &App, denied: &Denied, purpose: &Purpose) -> Response {
    let status = denied.status();
    log(denied, status);
    let words = words(denied);
    let number = match denied {
        Denied::Refused(refusal) => refusal.aadsts,
        _ => None,
    };
    let consent = wants_consent(denied).then(|| app.identity.admin_consent_url(&app.redirect_url()).ok()).flatten();
    let body = html! {
        h2 { "What happened" }
        p { (words.happened) }
        h2 { "What it means" }
        p { (meaning(denied, purpose)) }
        h2 { "What to do" }
        p { (words.advice) }
        @if let Some(consent) = consent {
            p { a href=(consent) rel="noreferrer" { "Grant consent for the whole tenant" } " (for administrators who may)" }
        }
        @match purpose {
            Purpose::Authorize => p { a href=(app.authorize_url()) { "Start the authorization again" } },
            Purpose::SignIn { .. } => p { a href=(app.sign_in_url()) { "Sign in again" } },
        }
        @if let Some(number) = number {
            p.fine { "Microsoft's error number: AADSTS" (number) }
        }
    };
    let mut response = respond(status, Tone::Bad, words.heading, &body);
    if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
    }
    response
}

/// What is ours to mend is an error; what an administrator or a stranger did is not.
fn log(denied: &Denied, status: StatusCode) {
    if status.is_server_error() {
        tracing::error!(error = telemetry::chain(denied), "an authorization failed");
    } else {
        tracing::info!(error = telemetry::chain(denied), "an authorization was refused");
    }
}

fn wants_consent(denied: &Denied) -> bool {
    match denied {
        Denied::ScopesMissing(_) => true,
        Denied::Refused(refusal) => matches!(refusal.cause, Cause::ConsentMissing | Cause::AdminConsentRequired),
        _ => false,
    }
}

fn meaning(denied: &Denied, purpose: &Purpose) -> &'static str {
    if matches!(purpose, Purpose::SignIn { .. }) {
        return "You are not signed in to the Sync page. The sync itself goes on as before.";
    }
    match denied {
        Denied::AlreadyUsed => {
            "This page cannot use the sign-in a second time. If you saw the green check before, your authorization is \
             stored and all is well."
        }
        Denied::Internal(_) => "It is not certain that the authorization was stored. Authorizing again does no harm.",
        Denied::Refused(refusal) if refusal.kind == RefusalKind::ApplicationFault => {
            "Nothing was stored. Until this is mended nobody can authorize, and the sync of connected tenants may stop."
        }
        _ => "Nothing was stored. What was connected before stays as it was.",
    }
}

fn words(denied: &Denied) -> Words {
    let (heading, happened, advice): (_, Cow<'static, str>, Cow<'static, str>) = match denied {
        Denied::Stray | Denied::Malformed => (
            "This is not an answer to an authorization",
            "The address of this page lacks what Microsoft adds when it sends a browser back.".into(),
            "Start the authorization from the beginning, instead of opening or reloading this address.".into(),
        ),
        Denied::UnknownState => (
            "This authorization is not known",
            "The sign-in does not belong to an authorization that was started here, or it was started long ago.".into(),
            "Start the authorization again, and do not follow links to this page from elsewhere.".into(),
        ),
        Denied::Expired => (
            "This authorization has expired",
            "More than ten minutes passed between starting the authorization and coming back from Microsoft.".into(),
            "Start the authorization again and complete it within ten minutes.".into(),
        ),
        Denied::AlreadyUsed => (
            "This authorization was used already",
            "The answer of this sign-in was taken before, as happens when the page is reloaded or opened twice.".into(),
            "Nothing, if it succeeded before. Otherwise start the authorization again.".into(),
        ),
        Denied::OtherBrowser => (
            "This authorization was started in another browser",
            "The browser that came back from Microsoft is not the one that started the authorization, or it does not \
             keep cookies."
                .into(),
            "Start the authorization again and complete it in the same browser, with cookies switched on for this site."
                .into(),
        ),
        Denied::TooMany => (
            "Too many attempts",
            "From your network this page was opened more often in the last minute than people do.".into(),
            "Wait a minute, then start again.".into(),
        ),
        Denied::NoRole(who) => (
            "You have no access to this page",
            format!("You are signed in as {}, an account without a role of this application.", who.user_principal_name)
                .into(),
            format!(
                "Ask an administrator of your tenant: in the Entra admin center, under Enterprise applications, this \
                 application, Users and groups, an account can be assigned the role {READER_ROLE} (may look) or \
                 {ADMINISTRATOR_ROLE} (may change). Then sign in again, or choose another account there."
            )
            .into(),
        ),
        Denied::TenantNotAllowed(tenant) => (
            "This tenant is not on the list of allowed tenants",
            format!("You signed in with an account of the tenant {tenant}, which may not be connected here.").into(),
            "Sign in with an account of the right tenant, or have the operator of this deployment add the tenant to \
             ALLOWED_TENANTS."
                .into(),
        ),
        Denied::ScopesMissing(missing) => (
            "Permissions are missing",
            format!("Microsoft did not grant {}, without which users and groups cannot be read.", missing.join(" and "))
                .into(),
            Cause::ConsentMissing.advice().into(),
        ),
        Denied::GrantIncomplete(what) => (
            "Microsoft's answer is not complete",
            format!("Microsoft granted the authorization without {what}.").into(),
            "Check that the application is registered for the platform \"Web\", then authorize again.".into(),
        ),
        Denied::NotProven(_) => (
            "It could not be proven who signed in",
            "The proof of identity that came with the sign-in did not pass the checks.".into(),
            Cause::Unknown.advice().into(),
        ),
        Denied::Internal(_) => (
            "Something did not work on our side",
            "The storage, or another part of this deployment, did not answer as it should.".into(),
            "Try again in a few minutes. If it stays, tell whoever operates this deployment.".into(),
        ),
        Denied::Refused(refusal) => {
            (heading(refusal.cause), refusal.cause.explanation().into(), refusal.cause.advice().into())
        }
    };
    Words { heading, happened, advice }
}

fn heading(cause: Cause) -> &'static str {
    match cause {
        Cause::Cancelled => "The sign-in was cancelled",
        Cause::ConsentDeclined => "Consent was declined",
        Cause::ConsentMissing => "Consent is missing",
        Cause::AdminConsentRequired => "Another administrator must consent",
        Cause::Disabled => "The account is disabled",
        Cause::Deleted | Cause::WrongTenant => "The account is not in this tenant",
        Cause::PersonalAccount => "A personal account cannot be synced",
        Cause::AccountLocked => "The account is locked",
        Cause::PasswordExpired => "The account's password has expired",
        Cause::NotAssigned => "The account is not assigned to the application",
        Cause::MfaRequired => "A second factor is needed",
        Cause::ConditionalAccess | Cause::SignInFrequency | Cause::TenantRestrictions => {
            "A policy of the tenant blocks the sign-in"
        }
        Cause::ReadRefused => "This account may not read users and groups",
        Cause::ClientSecretExpired => "The application's client secret has expired",
        Cause::ClientSecretMissing | Cause::ClientSecretWrong => "The application's client secret is wrong",
        Cause::RedirectMismatch => "The redirect address is not registered",
        _ => match cause.kind() {
            RefusalKind::Retry => "Microsoft is not available for now",
            RefusalKind::NeedsAdministrator => "Microsoft refused the authorization",
            RefusalKind::ApplicationFault => "The application is not set up correctly",
        },
    }
}
