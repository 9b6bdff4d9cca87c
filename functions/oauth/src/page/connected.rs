//! The pages of success.

use axum::response::Response;
use http::StatusCode;
use maud::{Markup, html};
use shared::oauth::{Connected, NextSync, Position, RoleAssessment};

use super::{Tone, respond};
use crate::App;

/// The account passed, and its authorization is stored.
pub(crate) fn connected(app: &App, connected: &Connected) -> Response {
    let Connected { tenant, user_principal_name, display_name, directory_name, roles, position, next } = connected;
    let body = html! {
        p { "The sync can read the users and groups of this tenant, and the authorization is stored safely." }
        dl {
            dt { "Account" }
            dd {
                (display_name)
                @if user_principal_name != display_name { " (" (user_principal_name) ")" }
            }
            dt { "Tenant" }
            dd { (directory_name) br; span.fine { (tenant) } }
            dt { "Authorization" }
            dd { (position_in_words(*position)) }
        }
        (warning(roles))
        h2 { "What happens next" }
        p { (next_in_words(*position, *next)) }
        @if *position == Position::First {
            p {
                "Have a second administrator "
                a href=(app.authorize_url()) { "authorize as a backup" }
                ", so that the sync goes on should this account be disabled or its authorization end."
            }
        }
        p { a href=(app.url(&format!("/directories/{tenant}"))) { "Go to the Sync page" } }
    };
    respond(StatusCode::OK, Tone::Good, "Your account passes synchronization validation", &body)
}

fn position_in_words(position: Position) -> String {
    match position {
        Position::First => "The first one of this tenant".to_owned(),
        Position::Backup { others: 1 } => "A backup, in addition to 1 other".to_owned(),
        Position::Backup { others } => format!("A backup, in addition to {others} others"),
        Position::Renewed => "Renewed, in place of this account's earlier one".to_owned(),
    }
}

fn next_in_words(position: Position, next: NextSync) -> &'static str {
    match (next, position) {
        (NextSync::Soon, Position::First) => {
            "The first synchronization starts within a minute and reads all users and groups. Nothing is published \
             before you switch on the synchronization of users or groups in the settings. After that, changes are \
             read on a schedule."
        }
        (NextSync::Soon, _) => "A synchronization starts within a minute; after that, changes are read on a schedule.",
        (NextSync::OnSchedule, _) => {
            "The synchronization could not be started right away. It starts by itself with the next schedule."
        }
    }
}

fn warning(roles: &RoleAssessment) -> Markup {
    match roles {
        RoleAssessment::Sufficient => html! {},
        RoleAssessment::Unknown => html! {
            section.warning {
                h2 { "The account's roles could not be read" }
                p {
                    "So it is not certain that everything is visible to it. Global administrators see everything; so \
                     do accounts that are both Cloud application administrator and User administrator."
                }
            }
        },
        RoleAssessment::Weak { missing } => html! {
            section.warning {
                h2 { "The account's roles are weak" }
                p {
                    "It is neither Global administrator, nor both Cloud application administrator and User \
                     administrator. The sync works, but some things may be invisible to it. Missing:"
                }
                ul { @for role in missing { li { strong { (role.name()) } ": " (role.consequence()) "." } } }
                p { "Give the account these roles, or add a backup administrator who has them." }
            }
        },
    }
}

/// The permissions were granted for the whole tenant (as far as an unproven answer can say); now somebody must sign in.
pub(crate) fn consented(app: &App) -> Response {
    let body = html! {
        p { "Microsoft reports that the permissions were granted for the whole tenant. Nobody has signed in to the sync yet." }
        h2 { "What to do" }
        p { a href=(app.authorize_url()) { "Authorize the sync" } " with the account it should read with." }
    };
    respond(StatusCode::OK, Tone::Plain, "Consent was granted", &body)
}
