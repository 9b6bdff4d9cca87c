//! Who has authorized the sync.

use axum::extract::{RawPathParams, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use maud::{Markup, html};
use shared::audit::{AuditEntry, AuditEvent};
use shared::credentials::{Credential, CredentialState};
use shared::directory::{Directory, UserId};
use shared::telemetry::chain;
use url::form_urlencoded;

use crate::Site;
use crate::actions::record;
use crate::pages::failure::Failure;
use crate::pages::layout::{Page, Tab, form_token, path};
use crate::pages::visitor::{Submission, Viewer};
use crate::pages::words::{mark, time, time_or};

pub(super) fn section(viewer: &Viewer, credentials: &[Credential]) -> Markup {
    let mut ordered: Vec<&Credential> = credentials.iter().collect();
    ordered.sort_by_key(|credential| credential.order());
    html! {
        section {
            h2 { "Authorized accounts" }
            @if credentials.is_empty() { p { "Nobody has authorized the sync yet, so nothing can be read." } }
            @else {
                div.scroll { table {
                    thead { tr {
                        th.number scope="col" { "Order" } th scope="col" { "Account" } th scope="col" { "State" } th scope="col" { "Since" }
                        th scope="col" { "Last good" } th scope="col" { "What to do" }
                    } }
                    tbody { @for (place, credential) in ordered.iter().enumerate() { (row(viewer, credential, place + 1)) } }
                } }
                @if credentials.len() > 1 {
                    p.quiet {
                        "They are tried in this order. Those that work come first: the one you prefer, then the one that was good last."
                    }
                }
            }
            @if viewer.may_change() {
                p {
                    @if credentials.is_empty() {
                        (authorize())
                    } @else {
                        a.button.second href="/oauth/authorize" { "Add backup account" }
                    }
                }
                @if credentials.len() == 1 {
                    p.quiet {
                        "Have a second administrator authorize as a backup: should this account be disabled, the sync goes on by itself."
                    }
                }
            }
        }
    }
}

/// The ways to the first authorization. Administrators look for one by what they want to sync; there is one consent for both.
pub(in crate::pages) fn authorize() -> Markup {
    html! {
        a.button href="/oauth/authorize" { "Authorize Account for User Sync" } " "
        a.button href="/oauth/authorize" { "Authorize Account for Group Sync" } " "
        span.quiet { "One authorization serves both." }
    }
}

fn row(viewer: &Viewer, credential: &Credential, order: usize) -> Markup {
    let again = form_urlencoded::Serializer::new(String::new())
        .append_pair("login_hint", &credential.user_principal_name)
        .finish();
    html! {
        tr {
            td.number { (order) }
            th scope="row" {
                (credential.display_name) br; span.quiet { (credential.user_principal_name) }
            }
            td {
                @match &credential.state {
                    CredentialState::Working => (mark("good", "working")),
                    CredentialState::Failing { cause, .. } => {
                        (mark("bad", "not working")) br; (cause.explanation())
                    }
                }
                @if !credential.missing_roles.is_empty() {
                    p.quiet { "Roles it lacks: " (credential.missing_roles.join(", ")) }
                }
            }
            td { (time(credential.authorized_at)) }
            td { (time_or(credential.last_good_at, "never")) }
            td {
                @if let CredentialState::Failing { cause, .. } = &credential.state { p { (cause.advice()) } }
                @if viewer.may_change() {
                    a href={ "/oauth/authorize?" (again) } { "Re-authorize" } " "
                    a href=(place(&viewer.directory, &credential.administrator, "remove")) { "Remove" span.unseen { " " (credential.display_name) } }
                    @if order > 1 && credential.is_working() {
                        form method="post" action=(place(&viewer.directory, &credential.administrator, "prefer")) {
                            (form_token(&viewer.session))
                            button.plain type="submit" { "Try first" span.unseen { " " (credential.display_name) } }
                        }
                    }
                }
            }
        }
    }
}

/// Where something is done with a credential.
fn place(directory: &Directory, administrator: &UserId, what: &str) -> String {
    path(directory, &format!("/credentials/{administrator}/{what}"))
}

/// `POST …/credentials/{administrator}/prefer`: twice is the same as once.
pub(in crate::pages) async fn prefer(
    State(site): State<Site>,
    params: RawPathParams,
    submission: Submission,
) -> Result<Response, Failure> {
    let by = submission.actor();
    let directory = &submission.directory;
    let unknown = || Failure::not_found("authorized account");
    let administrator = administrator(&params).ok_or_else(unknown)?;
    let (credentials, now) = (&site.app.credentials, site.app.clock.now());
    let credential = credentials.credential(directory.id, &administrator).await?.ok_or_else(unknown)?;
    if !credentials.prefer_credential(directory.id, &administrator, now).await? {
        return Err(unknown());
    }
    let user_principal_name = credential.user_principal_name;
    record(
        &site.app,
        directory,
        AuditEntry::new(by, AuditEvent::CredentialPreferred { administrator, user_principal_name }, now),
    )
    .await;
    Ok(Redirect::to(&path(directory, "")).into_response())
}

/// `GET …/credentials/{administrator}/remove`: what removing it means.
pub(in crate::pages) async fn ask(
    viewer: Viewer,
    State(site): State<Site>,
    params: RawPathParams,
) -> Result<Response, Failure> {
    let all = site.app.credentials.credentials(viewer.directory.id).await?;
    let wanted = administrator(&params);
    let found = all.iter().find(|credential| Some(&credential.administrator) == wanted.as_ref());
    let credential = found.ok_or_else(|| Failure::not_found("authorized account"))?;
    let others =
        all.iter().filter(|other| other.administrator != credential.administrator && other.is_working()).count();
    Ok(Page::of(&viewer, Tab::Sync, "Remove an authorized account").show(&html! {
        h1 { "Remove the authorization of " (credential.display_name) "?" }
        p { "Its stored token is deleted, and the sync does not use this account any more. What was synced stays." }
        @if others == 0 {
            div.notice.warn { p {
                "No other account works: from then on nothing is synced, and what consumers see grows old, until somebody authorizes again."
            } }
        }
        p { "The account itself, and the consent given to the application, stay as they are in Entra ID." }
        @if viewer.may_change() {
            form method="post" action=(place(&viewer.directory, &credential.administrator, "remove")) {
                (form_token(&viewer.session))
                button type="submit" { "Remove the authorization" }
            }
        }
        p { a href=(path(&viewer.directory, "")) { "Back" } }
    }))
}

/// `POST …/credentials/{administrator}/remove`: the record first, so that no run uses it; then the token. Asked for twice, what is
/// left of it is removed.
pub(in crate::pages) async fn remove(
    State(site): State<Site>,
    params: RawPathParams,
    submission: Submission,
) -> Result<Response, Failure> {
    let by = submission.actor();
    let directory = &submission.directory;
    let administrator = administrator(&params).ok_or_else(|| Failure::not_found("authorized account"))?;
    let known = site.app.credentials.credential(directory.id, &administrator).await?;
    site.app.credentials.remove_credential(directory.id, &administrator).await?;
    if let Some(credential) = known {
        let user_principal_name = credential.user_principal_name;
        let event = AuditEvent::CredentialRemoved { administrator: administrator.clone(), user_principal_name };
        record(&site.app, directory, AuditEntry::new(by, event, site.app.clock.now())).await;
    }
    site.secrets.delete_refresh_token(directory.id, &administrator).await.map_err(|error| {
        tracing::error!(directory.id = %directory.id, error = chain(&error), "a refresh token was not deleted");
        Failure::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "The stored token is not deleted yet",
            "The sync does not use the account any more, but the secret store did not delete its token.",
            "Go back and remove it once more.",
        )
        .for_session(&submission.session)
    })?;
    Ok(Redirect::to(&path(directory, "")).into_response())
}

fn administrator(params: &RawPathParams) -> Option<UserId> {
    params.iter().find(|(name, _)| *name == "administrator").and_then(|(_, id)| id.parse().ok())
}
