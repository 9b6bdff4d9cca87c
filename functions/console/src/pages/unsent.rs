//! Forms that arrive when the session of their page has ended: nothing is done, and nothing that was filled in is lost.
//!
//! Such a form cannot be answered with a redirect to the sign-in: browsers follow one from a form only where
//! `form-action` allows it, and Microsoft's address is not in it. They then show nothing at all.

use axum::body::Body;
use axum::extract::{RawPathParams, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use maud::{Markup, html};
use shared::directory::{Directory, DirectoryId};
use shared::session::{Role, Session, UnsentForm, UnsentId};
use shared::store::StoreError;
use url::form_urlencoded;

use super::failure::Failure;
use super::layout::{Page, Tab, form_token, path};
use super::quoted::shown;
use super::settings;
use super::visitor::{FORM_TOKEN, Form, Viewer, is_our_own, read_body};
use crate::Site;

/// The most values of a field that are shown; the rest is counted.
const MAX_SHOWN: usize = 10;

/// Answers a form that came without a session. When it is certain whose it is, it is kept for that person; otherwise the page
/// itself has what was filled in. `session` is one that has ended.
pub(super) async fn ended(
    site: &Site,
    parts: &Parts,
    directory: Option<DirectoryId>,
    body: Body,
    session: Option<Session>,
) -> Response {
    if !is_our_own(&parts.headers, &site.origin) {
        return Failure::foreign_form(None).into_response();
    }
    let form = match read_body(body, session.as_ref()).await {
        Ok(form) => form,
        Err(failure) => return failure.into_response(),
    };
    let action = parts.uri.path();
    let author = session.filter(|session| form.get(FORM_TOKEN).is_some_and(|token| session.accepts(token)));
    let kept = match (author, directory) {
        (Some(author), Some(directory)) => keep(site, &author, directory, action, &form).await,
        _ => Ok(None),
    };
    match (kept, directory) {
        (Ok(Some(id)), Some(directory)) => kept_page(&format!("/directories/{directory}/unsent/{id}")),
        // It can still be kept by the page.
        (Ok(_) | Err(StoreError::Corrupt { .. } | StoreError::Unavailable(_)), directory) => {
            let back = directory.map_or_else(|| "/".to_owned(), |directory| format!("/directories/{directory}"));
            held_page(action, &form, &back)
        }
        (Err(error), _) => Failure::from(error).into_response(),
    }
}

/// Keeps a form for its author, if that is somebody who could have sent it while the session lasted.
async fn keep(
    site: &Site,
    author: &Session,
    directory: DirectoryId,
    action: &str,
    form: &Form,
) -> Result<Option<UnsentId>, StoreError> {
    let may_send = author.role >= Role::Administrator && author.may_see(directory);
    if !may_send || site.app.directories.directory(directory).await?.is_none() {
        return Ok(None);
    }
    let unsent = UnsentForm {
        id: UnsentId::generate(),
        tenant: author.tenant,
        user: author.user.clone(),
        action: action.to_owned(),
        fields: without_token(form).map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        at: site.app.clock.now(),
    };
    let is_kept = site.app.drafts.put_unsent(directory, &unsent).await?;
    Ok(is_kept.then_some(unsent.id))
}

fn without_token(form: &Form) -> impl Iterator<Item = (&str, &str)> {
    form.fields().filter(|(name, _)| *name != FORM_TOKEN)
}

fn kept_page(place: &str) -> Response {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("return_to", place).finish();
    let title = "Your session has ended";
    Page::plain(title, None).status(StatusCode::FORBIDDEN).show(&html! {
        h1 { (title) }
        p { "Nothing was changed. What you filled in is kept for a day." }
        h2 { "What to do" }
        p { "Sign in again: you come back to what you filled in, and can send it then." }
        p { a.button href={ "/signin?" (query) } { "Sign in again" } }
    })
}

fn held_page(action: &str, form: &Form, back: &str) -> Response {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("return_to", back).finish();
    let title = "Your session has ended";
    Page::plain(title, None).status(StatusCode::FORBIDDEN).show(&html! {
        h1 { (title) }
        p { "Nothing was changed. What you filled in is on this page, as long as you leave it open." }
        h2 { "What to do" }
        ol {
            li { a href={ "/signin?" (query) } target="_blank" rel="noopener" { "Sign in again in a new tab" } "." }
            li {
                "Come back to this tab, and go on."
                form method="post" action=(action) {
                    @for (name, value) in without_token(form) { input type="hidden" name=(name) value=(value); }
                    button type="submit" { "Go on" }
                }
            }
        }
    })
}

/// `GET /directories/{directory}/unsent/{unsent}`: a form that was kept, for its author to send it after all.
pub(super) async fn show(viewer: Viewer, State(site): State<Site>, params: RawPathParams) -> Result<Response, Failure> {
    let id = params.iter().find(|(name, _)| *name == "unsent").and_then(|(_, id)| id.parse().ok());
    let unsent = match id {
        Some(id) => site.app.drafts.unsent(viewer.directory.id, id).await?,
        None => None,
    };
    // To others it does not exist.
    let Some(unsent) = unsent.filter(|unsent| unsent.is_of(&viewer.session)) else {
        return Err(Failure::not_found("form; one is kept for a day").for_session(&viewer.session));
    };
    if !viewer.may_change() {
        return Err(Failure::may_only_look(&viewer.session));
    }
    again(&site, &viewer, &unsent.action, &Form::of(unsent.fields), StatusCode::OK).await
}

/// Shows what a form says, to be sent by the session of now: a settings form as itself, any other as what it would do.
pub(super) async fn again(
    site: &Site,
    viewer: &Viewer,
    action: &str,
    form: &Form,
    status: StatusCode,
) -> Result<Response, Failure> {
    let directory = &viewer.directory;
    if action == path(directory, "/settings") {
        return settings::resume(site, viewer, form, status).await;
    }
    let (what, place) = said(directory, action);
    Ok(Page::of(viewer, Tab::Sync, "Not sent yet").status(status).show(&html! {
        h1 { "Not sent yet" }
        p { "The session in which you filled in this form had ended. Nothing was changed. Is it still meant?" }
        form method="post" action=(action) {
            (form_token(&viewer.session))
            @for (name, value) in without_token(form) { input type="hidden" name=(name) value=(value); }
            (filled_in(form))
            button type="submit" { (what) }
        }
        p { a href=(place) { "Look at the page it is from" } }
    }))
}

fn filled_in(form: &Form) -> Markup {
    let mut fields: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, value) in without_token(form).filter(|(_, value)| !value.is_empty()) {
        match fields.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => fields.push((name, vec![value])),
        }
    }
    html! {
        @if !fields.is_empty() {
            dl.filled {
                @for (name, values) in &fields {
                    dt { (label(name)) }
                    @for value in values.iter().take(MAX_SHOWN) { dd { (shown(value)) } }
                    @if values.len() > MAX_SHOWN { dd.quiet { "and " (values.len() - MAX_SHOWN) " more" } }
                }
            }
        }
    }
}

fn label(name: &str) -> &str {
    match name {
        "name" => "Name",
        "scope" => "May",
        "days" => "Lasts, in days",
        "number" => "Number",
        other => other,
    }
}

/// What a form does, as a button says it, and the page that has it.
fn said(directory: &Directory, action: &str) -> (&'static str, String) {
    let here = path(directory, "");
    let rest = action.strip_prefix(here.as_str()).unwrap_or_default();
    let parts: Vec<&str> = rest.split('/').skip(1).collect();
    match parts.as_slice() {
        ["sync"] => ("Sync now", here),
        ["credentials", _, "prefer"] => ("Try this account first", here),
        ["credentials", who, "remove"] => {
            ("Remove this authorization", path(directory, &format!("/credentials/{who}/remove")))
        }
        ["drafts", draft, "save"] => ("Save the settings", path(directory, &format!("/drafts/{draft}"))),
        ["holds", hold, "apply"] => ("Apply what is held", path(directory, &format!("/holds/{hold}"))),
        ["holds", hold, "discard"] => ("Discard what is held", path(directory, &format!("/holds/{hold}"))),
        ["tokens"] => ("Make the token", path(directory, "/tokens")),
        ["tokens", _, "revoke"] => ("Revoke the token", path(directory, "/tokens")),
        _ => ("Send", here),
    }
}
