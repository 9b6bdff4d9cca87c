//! The first page of a tenant that is not connected yet.

use axum::response::Response;
use maud::html;
use shared::session::{Role, Session};

use super::layout::Page;
use super::sync::credentials::authorize;

pub(super) fn page(session: &Session) -> Response {
    Page::plain("Set up the sync", Some(session)).show(&html! {
        h1 { "Set up the sync" }
        p { "Your tenant is not connected yet. Three steps lead to the first sync:" }
        ol.checklist {
            li.current {
                strong { "Authorize an account" }
                " that may read users and groups. Microsoft asks for its password and shows what is asked for. "
                @if session.role == Role::Administrator {
                    p { (authorize()) }
                } @else {
                    p.quiet { "You may look, but not change anything: an administrator of the sync has to do this." }
                }
            }
            li { "Choose what is synced, and look at what it would change." }
            li { "Save, and the first sync runs." }
        }
    })
}
