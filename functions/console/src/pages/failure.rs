//! Pages for what did not work: what happened, what it means, what to do.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maud::html;
use shared::http::InvalidCursor;
use shared::session::{ADMINISTRATOR_ROLE, Session, SessionError};
use shared::store::StoreError;
use shared::telemetry::chain;

use super::layout::Page;
use crate::actions::RunRefused;

/// Why there is no page, or nothing was done.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    heading: &'static str,
    happened: String,
    todo: String,
    session: Option<Box<Session>>,
}

impl Failure {
    pub(super) fn new(
        status: StatusCode,
        heading: &'static str,
        happened: impl Into<String>,
        todo: impl Into<String>,
    ) -> Self {
        Self { status, heading, happened: happened.into(), todo: todo.into(), session: None }
    }

    pub(super) fn for_session(self, session: &Session) -> Self {
        Self { session: Some(Box::new(session.clone())), ..self }
    }

    pub(super) fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "Not found",
            format!("There is no such {what}, or not any more."),
            "Check the address, or go back to the list.",
        )
    }

    pub(super) fn no_such_directory(session: &Session) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "No such directory",
            "There is no directory at this address, or not for your account.",
            "If you have another account, sign out and sign in with that one.",
        )
        .for_session(session)
    }

    pub(super) fn may_only_look(session: &Session) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "You may look, but not change anything",
            "Nothing was changed.",
            format!(
                "Ask an administrator of your tenant for the role {ADMINISTRATOR_ROLE}: in the Entra admin center, under \
                 Enterprise applications, this application, Users and groups. Then sign out and in again."
            ),
        )
        .for_session(session)
    }

    pub(super) fn foreign_form(session: Option<&Session>) -> Self {
        let failure = Self::new(
            StatusCode::FORBIDDEN,
            "This form is out of date",
            "It was made for another session, or was not sent from this site. Nothing was changed.",
            "Go back, reload the page, and send the form again.",
        );
        Self { session: session.cloned().map(Box::new), ..failure }
    }

    pub(super) fn form_too_long(session: Option<&Session>) -> Self {
        let failure = Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "The form is too long",
            "More was sent than settings can have. Nothing was changed.",
            "Shorten the lists. To allow or ignore many people, put them in one group.",
        );
        Self { session: session.cloned().map(Box::new), ..failure }
    }

    pub(super) fn of_session(error: &SessionError) -> Self {
        tracing::error!(error = chain(error), "it could not be told who is signed in");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "It cannot be told who you are",
            "The part of this deployment that knows who is signed in did not answer. The sync itself is not affected.",
            "Try again in a minute. If it stays, tell whoever operates this deployment.",
        )
    }
}

impl From<InvalidCursor> for Failure {
    fn from(_: InvalidCursor) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "This is no page of the list",
            "The address names a place that the list does not have.",
            "Start at the beginning of the list.",
        )
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::new(
                StatusCode::CONFLICT,
                "Somebody else was faster",
                "What you wanted to change was changed by somebody else meanwhile. Your change was not made.",
                "Go back, reload the page, look at what is there now, and try again.",
            ),
            error => {
                tracing::error!(error = chain(&error), "a page failed");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "Something did not work on our side",
                    "The storage did not answer as it should. Nothing was changed.",
                    "Try again in a minute. If it stays, tell whoever operates this deployment; the log says why.",
                )
            }
        }
    }
}

impl From<RunRefused> for Failure {
    fn from(refused: RunRefused) -> Self {
        match refused {
            RunRefused::NoCredential => Self::new(
                StatusCode::CONFLICT,
                "Nobody has authorized the sync yet",
                "Without an administrator's authorization nothing can be read.",
                "Authorize an account on the Sync page first.",
            ),
            RunRefused::TooMany { seconds_left } => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "Too many syncs within a minute",
                "The sync was asked for more often than it makes sense.",
                format!("Wait {seconds_left} seconds."),
            ),
            RunRefused::Store(error) => error.into(),
            RunRefused::Request(error) => {
                tracing::error!(error = chain(&error), "a run could not be requested from a page");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "The sync could not be started",
                    "The queue or the storage did not take the request.",
                    "Try again in a minute, or wait for the schedule.",
                )
            }
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let page = Page::plain(self.heading, self.session.as_deref()).status(self.status);
        page.show(&html! {
            h1 { (self.heading) }
            p { (self.happened) }
            h2 { "What to do" }
            p { (self.todo) }
            p { a href="/" { "Go to the first page" } }
        })
    }
}
