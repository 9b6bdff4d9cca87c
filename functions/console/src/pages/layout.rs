//! What all pages have in common: the shell, its navigation and its headers.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_FRAME_OPTIONS};
use maud::{DOCTYPE, Markup, html};
use shared::directory::Directory;
use shared::session::{Role, Session};

use super::assets;
use super::visitor::{FORM_TOKEN, Viewer};

/// Only what comes from here is loaded, run, submitted to; nobody may frame it. Nothing inline.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The parts of a directory's pages, in the order of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Sync,
    Users,
    Groups,
    Runs,
    Holds,
    Audit,
    Tokens,
}

impl Tab {
    const ALL: [Self; 7] = [Self::Sync, Self::Users, Self::Groups, Self::Runs, Self::Holds, Self::Audit, Self::Tokens];

    fn name(self) -> &'static str {
        match self {
            Self::Sync => "Sync",
            Self::Users => "Users",
            Self::Groups => "Groups",
            Self::Runs => "Runs",
            Self::Holds => "Holds",
            Self::Audit => "Audit",
            Self::Tokens => "API tokens",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Sync => "",
            Self::Users => "/users",
            Self::Groups => "/groups",
            Self::Runs => "/runs",
            Self::Holds => "/holds",
            Self::Audit => "/audit",
            Self::Tokens => "/tokens",
        }
    }
}

/// Where a directory's pages are.
pub(super) fn path(directory: &Directory, rest: &str) -> String {
    format!("/directories/{}{rest}", directory.id)
}

/// The hidden field that every form has.
pub(super) fn form_token(session: &Session) -> Markup {
    html! { input type="hidden" name=(FORM_TOKEN) value=(session.form_token()); }
}

/// A page.
pub(super) struct Page<'a> {
    status: StatusCode,
    title: String,
    session: Option<&'a Session>,
    directory: Option<(&'a Directory, Option<Tab>)>,
    /// Seconds after which a browser without scripts looks again.
    refresh: Option<u32>,
    /// Where the browser goes at once.
    forward: Option<&'a str>,
}

impl<'a> Page<'a> {
    /// A page of a directory.
    pub(super) fn of(viewer: &'a Viewer, tab: Tab, title: impl Into<String>) -> Self {
        Self {
            status: StatusCode::OK,
            title: title.into(),
            session: Some(&viewer.session),
            directory: Some((&viewer.directory, Some(tab))),
            refresh: None,
            forward: None,
        }
    }

    /// A page about no directory in particular.
    pub(super) fn plain(title: impl Into<String>, session: Option<&'a Session>) -> Self {
        Self { status: StatusCode::OK, title: title.into(), session, directory: None, refresh: None, forward: None }
    }

    pub(super) fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    pub(super) fn refresh_after(self, seconds: Option<u32>) -> Self {
        Self { refresh: seconds, ..self }
    }

    pub(super) fn forward_to(self, place: &'a str) -> Self {
        Self { forward: Some(place), ..self }
    }

    /// The page with this content.
    pub(super) fn show(self, content: &Markup) -> Response {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="robots" content="noindex";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " – Office 365 Sync" }
                    link rel="icon" href=(assets::ICON.path());
                    link rel="stylesheet" href=(assets::STYLE.path());
                    script src=(assets::SCRIPT.path()) defer {}
                    @if let Some(place) = self.forward { meta http-equiv="refresh" content={ "0;url=" (place) }; }
                    @if let Some(seconds) = self.refresh {
                        noscript { meta http-equiv="refresh" content=(seconds); }
                    }
                }
                body {
                    a.skip href="#content" { "Skip to the content" }
                    header.top {
                        a.product href="/" { "Office 365 Sync" }
                        @if let Some((directory, _)) = self.directory { span.directory { (directory.name) } }
                        @if let Some(session) = self.session { (account(session)) }
                    }
                    @if let Some((directory, tab)) = self.directory { (navigation(directory, tab)) }
                    main #content { (content) }
                }
            }
        };
        let headers = [
            (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
            (CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
            // Not `no-referrer`: browsers would then send forms from nowhere (`Origin: null`).
            (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
            (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
            (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
        ];
        (self.status, headers, page).into_response()
    }
}

fn account(session: &Session) -> Markup {
    let role = match session.role {
        Role::Administrator => "may change",
        Role::Reader => "may look",
    };
    html! {
        div.account {
            span.who { (session.display_name) span.quiet { " (" (role) ")" } }
            form method="post" action="/signout" {
                (form_token(session))
                button.plain type="submit" { "Sign out" }
            }
        }
    }
}

fn navigation(directory: &Directory, current: Option<Tab>) -> Markup {
    html! {
        nav.tabs aria-label="Directory" {
            ul {
                @for tab in Tab::ALL {
                    li {
                        a href=(path(directory, tab.path())) aria-current=[(current == Some(tab)).then_some("page")] {
                            (tab.name())
                        }
                    }
                }
            }
        }
    }
}
