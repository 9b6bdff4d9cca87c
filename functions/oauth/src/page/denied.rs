//! The page of everything that was refused: what happened, what it means, what to do.

use std::borrow::Cow;

use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use maud::html;
use shared::clock_skew::ClockSkew;
use shared::credentials::{Cause, RefusalKind};
use shared::oauth::{Conclusion, Denial, Purpose};
use shared::session::{ADMINISTRATOR_ROLE, READER_ROLE};
use shared::telemetry;

use super::{Tone, respond};
use crate::App;
use crate::cookie::MAX_PENDING;
use crate::denied::Denied;

struct Words {
    heading: &'static str,
    happened: Cow<'static, str>,
    advice: Cow<'static, str>,
}

/// Concludes an authorization that came to nothing. It is also where that is logged, once.
pub(crate) fn conclude(app: &App, denied: &Denied) -> Conclusion {
    log(denied, denied.denial.status());
    Conclusion::Denied { denial: denied.denial.clone(), clock_skew: app.identity.clock_skew().map(ClockSkew::as_secs) }
}

/// The page of an authorization that did not even begin, which is logged.
pub(crate) fn refused(app: &App, denied: &Denied, purpose: &Purpose) -> Response {
    log(denied, denied.denial.status());
    self::denied(app, &denied.denial, None, purpose)
}

/// The page.
pub(crate) fn denied(app: &App, denial: &Denial, skew: Option<ClockSkew>, purpose: &Purpose) -> Response {
    let status = denial.status();
    let words = words(denial, skew);
    let number = match denial {
        Denial::Refused { aadsts, .. } => *aadsts,
        _ => None,
    };
    // A wrong clock explains many a refusal, so it comes before any other reason.
    let skew = skew.filter(|_| *denial != Denial::ClockWrong);
    let consent = wants_consent(denial).then(|| app.identity.admin_consent_url(&app.redirect_url()).ok()).flatten();
    let body = html! {
        @if let Some(skew) = skew {
            section.warning {
                h2 { "The clock of this deployment is wrong" }
                p { "It is " (skew) ". " (Cause::ClockWrong.advice()) " This may be the reason for what follows." }
            }
        }
        h2 { "What happened" }
        p { (words.happened) }
        h2 { "What it means" }
        p { (meaning(denial, purpose)) }
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

fn wants_consent(denial: &Denial) -> bool {
    match denial {
        Denial::ScopesMissing { .. } | Denial::NotConsented => true,
        Denial::Refused { cause, .. } => {
            matches!(cause, Cause::ConsentMissing | Cause::AdminConsentRequired | Cause::ApplicationNotInTenant)
        }
        _ => false,
    }
}

fn meaning(denial: &Denial, purpose: &Purpose) -> &'static str {
    if matches!(purpose, Purpose::SignIn { .. }) {
        return "You are not signed in to the Sync page. The sync itself goes on as before.";
    }
    match denial {
        Denial::AlreadyUsed => {
            "This page cannot use the sign-in a second time. If you saw the green check before, your authorization is \
             stored and all is well."
        }
        Denial::OtherBrowser => {
            "Nothing was stored, and the authorization waits for the browser that started it. What was connected before \
             stays as it was."
        }
        Denial::Forgotten => {
            "If you saw the green check before, your authorization is stored and all is well: the Sync page lists it."
        }
        Denial::Internal => "It is not certain that the authorization was stored. Authorizing again does no harm.",
        Denial::ClockWrong => {
            "Nothing was stored. Until this is repaired, no one can authorize or sign in, and the sync of connected \
             tenants may stop."
        }
        Denial::Refused { cause, .. } if cause.kind() == RefusalKind::ApplicationFault => {
            "Nothing was stored. Until this is mended nobody can authorize, and the sync of connected tenants may stop."
        }
        _ => "Nothing was stored. What was connected before stays as it was.",
    }
}

#[expect(clippy::too_many_lines, reason = "a table with an entry for each denial")]
fn words(denial: &Denial, skew: Option<ClockSkew>) -> Words {
    let (heading, happened, advice): (_, Cow<'static, str>, Cow<'static, str>) = match denial {
        Denial::Stray | Denial::Malformed => (
            "This is not an answer to an authorization",
            "The address of this page lacks what Microsoft adds when it sends a browser back.".into(),
            "Start the authorization from the beginning, instead of opening or reloading this address.".into(),
        ),
        Denial::Unknown => (
            "This authorization is not known",
            "The sign-in does not belong to an authorization that was started here, or it was started long ago.".into(),
            "Start the authorization again, and do not follow links to this page from elsewhere.".into(),
        ),
        Denial::Expired => (
            "This authorization has expired",
            "More than ten minutes passed between starting the authorization and coming back from Microsoft.".into(),
            "Start the authorization again and complete it within ten minutes.".into(),
        ),
        Denial::AlreadyUsed => (
            "This authorization was used already",
            "The answer of this sign-in was taken before, and how it ended is not known yet, or not to this browser.".into(),
            "Reload this page after a few seconds. If it stays, nothing is to be done if it succeeded before; otherwise \
             start again."
                .into(),
        ),
        Denial::OtherBrowser => (
            "This authorization was started in another browser",
            format!(
                "The browser that came back from Microsoft is not the one that started the authorization, or it no longer \
                 has the cookie of it: it does not keep cookies for this site, or it has begun more than {MAX_PENDING} \
                 sign-ins since, as happens when many tabs are restored at once."
            )
            .into(),
            "Start again and complete it in the same browser, with cookies switched on for this site. Of many tabs, sign \
             in with one and reload the others."
                .into(),
        ),
        Denial::Forgotten => (
            "This page is no longer kept",
            "How an authorization ended is shown for ten minutes, in the browser that it was made with.".into(),
            "Open the Sync page to see which accounts are connected.".into(),
        ),
        Denial::NotConsented => (
            "Consent was not granted",
            "Microsoft reports that the permissions were not granted for the whole tenant, and does not say why.".into(),
            Cause::ConsentMissing.advice().into(),
        ),
        Denial::ClockWrong => (
            "The clock of this deployment is wrong",
            match skew {
                Some(skew) => format!(
                    "The clock is {skew}. The proofs of identity that are exchanged with Microsoft are valid for a short \
                     time only, and are outside of it by this clock."
                )
                .into(),
                None => Cause::ClockWrong.explanation().into(),
            },
            Cause::ClockWrong.advice().into(),
        ),
        Denial::TooMany => (
            "Too many attempts",
            "From your network this page was opened more often in the last minute than people do.".into(),
            "Wait a minute, then start again.".into(),
        ),
        Denial::NoRole { user_principal_name } => (
            "You have no access to this page",
            format!("You are signed in as {user_principal_name}, an account without a role of this application.")
                .into(),
            format!(
                "Ask an administrator of your tenant: in the Entra admin center, under Enterprise applications, this \
                 application, Users and groups, an account can be assigned the role {READER_ROLE} (may look) or \
                 {ADMINISTRATOR_ROLE} (may change). Then sign in again, or choose another account there."
            )
            .into(),
        ),
        Denial::TenantNotAllowed { tenant } => (
            "This tenant is not on the list of allowed tenants",
            format!("You signed in with an account of the tenant {tenant}, which may not be connected here.").into(),
            "Sign in with an account of the right tenant, or have the operator of this deployment add the tenant to \
             ALLOWED_TENANTS."
                .into(),
        ),
        Denial::ScopesMissing { scopes } => (
            "Permissions are missing",
            format!("Microsoft did not grant {}, without which users and groups cannot be read.", scopes.join(" and "))
                .into(),
            Cause::ConsentMissing.advice().into(),
        ),
        Denial::GrantIncomplete { lacks } => (
            "Microsoft's answer is not complete",
            format!("Microsoft granted the authorization without {lacks}.").into(),
            "Check that the application is registered for the platform \"Web\", then authorize again.".into(),
        ),
        Denial::NotProven => (
            "It could not be proven who signed in",
            "The proof of identity that came with the sign-in did not pass the checks.".into(),
            Cause::Unknown.advice().into(),
        ),
        Denial::Internal => (
            "Something did not work on our side",
            "The storage, or another part of this deployment, did not answer as it should.".into(),
            "Try again in a few minutes. If it stays, tell whoever operates this deployment.".into(),
        ),
        Denial::Refused { cause, .. } => (heading(*cause), cause.explanation().into(), cause.advice().into()),
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
        Cause::ConditionalAccess
        | Cause::ManagedDeviceRequired
        | Cause::SignInFrequency
        | Cause::TenantRestrictions => "A policy of the tenant blocks the sign-in",
        Cause::ReadRefused => "This account may not read users and groups",
        Cause::ClientSecretExpired => "The application's client secret has expired",
        Cause::TenantBlocked => "Microsoft has blocked the tenant",
        Cause::ApplicationNotInTenant => "The application is not in this tenant",
        Cause::ClockWrong => "The clock of this deployment is wrong",
        Cause::GraphUnavailable => "Microsoft Graph is not available for now",
        Cause::ClientSecretMissing | Cause::ClientSecretWrong | Cause::ClientSecretPadded | Cause::ClientSecretIsId => {
            "The application's client secret is wrong"
        }
        Cause::RedirectMismatch => "The redirect address is not registered",
        _ => match cause.kind() {
            RefusalKind::Retry => "Microsoft is not available for now",
            RefusalKind::NeedsAdministrator => "Microsoft refused the authorization",
            RefusalKind::ApplicationFault => "The application is not set up correctly",
        },
    }
}
