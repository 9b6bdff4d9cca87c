//! Drafts: what they would change is worked out once, and then they are saved or not.

use axum::extract::{RawPathParams, RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use maud::html;
use shared::directory::Directory;
use shared::settings::{Draft, RejectedSettings};

use super::preview::{self, Shown};
use crate::Site;
use crate::actions::{SaveError, preview_of, save_settings};
use crate::pages::failure::Failure;
use crate::pages::layout::{Page, Tab, path};
use crate::pages::visitor::{Form, Submission, Viewer};

/// `GET /directories/{directory}/drafts/{draft}`: what saving would change.
pub(in crate::pages) async fn show(
    viewer: Viewer,
    State(site): State<Site>,
    params: RawPathParams,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let draft = find(&site, &viewer.directory, &params).await?;
    let asked = Form::parse(query.unwrap_or_default().as_bytes());
    render(&site, &viewer, &draft, &asked, None).await
}

/// `POST /directories/{directory}/drafts/{draft}/save`: twice is the same as once, because the second time the version is
/// another.
pub(in crate::pages) async fn save(
    State(site): State<Site>,
    params: RawPathParams,
    submission: Submission,
) -> Result<Response, Failure> {
    let draft = find(&site, &submission.directory, &params).await?;
    let by = submission.actor();
    let typed = submission.form.get("number").map(ToOwned::to_owned);
    let Submission { session, mut directory, .. } = submission;
    if draft.by.as_ref() != Some(&session.user) {
        return Err(Failure::new(
            StatusCode::FORBIDDEN,
            "This draft is somebody else's",
            "Only who has filled in settings can save them.",
            "Fill in the settings yourself.",
        )
        .for_session(&session));
    }
    let confirmed = typed.and_then(|typed| typed.replace([',', ' '], "").parse().ok());
    let fault = match save_settings(&site.app, &mut directory, &draft, confirmed, by).await {
        Ok(_) => return Ok(Redirect::to(&path(&directory, "?saved=1")).into_response()),
        // The page itself says what has become of the settings.
        Err(SaveError::Superseded) => None,
        Err(SaveError::Rejected { reason: RejectedSettings::Unconfirmed { deactivations }, .. }) => {
            Some(format!("To save this, type the number {deactivations}: so many users would not be active any more."))
        }
        Err(SaveError::Rejected { reason: RejectedSettings::Unknown { .. }, .. }) => {
            Some("These settings cannot be saved while the members of a group they depend on are unknown.".to_owned())
        }
        Err(SaveError::Store(error)) => return Err(error.into()),
    };
    let viewer = Viewer { session, directory };
    render(&site, &viewer, &draft, &Form::default(), fault.as_deref()).await
}

async fn find(site: &Site, directory: &Directory, params: &RawPathParams) -> Result<Draft, Failure> {
    let id = params.iter().find(|(name, _)| *name == "draft").and_then(|(_, id)| id.parse().ok());
    let draft = match id {
        Some(id) => site.app.drafts.draft(directory.id, id).await?,
        None => None,
    };
    draft.ok_or_else(|| Failure::not_found("draft; one is kept for a day"))
}

async fn render(
    site: &Site,
    viewer: &Viewer,
    draft: &Draft,
    asked: &Form,
    fault: Option<&str>,
) -> Result<Response, Failure> {
    let directory = &viewer.directory;
    let page = Page::of(viewer, Tab::Sync, "Preview");
    if draft.from_version != directory.settings_version {
        return Ok(page.status(StatusCode::CONFLICT).show(&preview::superseded(directory, draft)));
    }
    let outline = preview_of(&site.app, directory, draft).await?;
    let shown = Shown::load(site, directory, draft, &outline, asked).await?;
    let status = if fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let here = path(directory, &format!("/drafts/{}", draft.id));
    Ok(page.status(status).show(&html! {
        h1 { "What saving would change" }
        @if let Some(fault) = fault { div.notice.bad role="alert" { p { (fault) } } }
        (preview::summary(directory, draft, &outline))
        @if !outline.unknown.is_empty() { (preview::unknown_members(&outline)) }
        @else if draft.by.as_ref() == Some(&viewer.session.user) && viewer.may_change() {
            (preview::confirmation(viewer, draft, &outline, &here))
        }
        p { a href=(path(directory, "")) { "Back without saving" } }
        (shown.render(directory, &outline, &here))
    }))
}
