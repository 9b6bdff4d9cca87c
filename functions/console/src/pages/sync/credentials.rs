//! Who has authorized the sync.

use maud::{Markup, html};
use shared::credentials::{Credential, CredentialState};
use url::form_urlencoded;

use crate::pages::visitor::Viewer;
use crate::pages::words::{mark, time, time_or};

pub(super) fn section(viewer: &Viewer, credentials: &[Credential]) -> Markup {
    html! {
        section {
            h2 { "Authorized accounts" }
            @if credentials.is_empty() { p { "Nobody has authorized the sync yet, so nothing can be read." } }
            @else {
                div.scroll { table {
                    thead { tr {
                        th scope="col" { "Account" } th scope="col" { "State" } th scope="col" { "Since" }
                        th scope="col" { "Last good" } th scope="col" { "What to do" }
                    } }
                    tbody { @for credential in credentials { (row(viewer, credential)) } }
                } }
            }
            @if viewer.may_change() {
                p {
                    @if credentials.is_empty() {
                        a.button href="/oauth/authorize" { "Authorize Account for User and Group Sync" }
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

fn row(viewer: &Viewer, credential: &Credential) -> Markup {
    let again = form_urlencoded::Serializer::new(String::new())
        .append_pair("login_hint", &credential.user_principal_name)
        .finish();
    html! {
        tr {
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
                @if viewer.may_change() { a href={ "/oauth/authorize?" (again) } { "Re-authorize" } }
            }
        }
    }
}
