//! Drafts: what they would change is worked out once, and then they are saved or not.

use axum::extract::{RawPathParams, RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use maud::html;
use shared::directory::Directory;
use shared::settings::{Draft, Outline, Preview};

use super::preview::{self, Shown};
use crate::Site;
use crate::actions::change_settings;
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
    let mut draft = find(&site, &submission.directory, &params).await?;
    let by = submission.actor();
    let typed = submission.form.get("number").map(ToOwned::to_owned);
    let Submission { session, mut directory, .. } = submission;
    if draft.by != session.user {
        return Err(Failure::new(
            StatusCode::FORBIDDEN,
            "This draft is somebody else's",
            "Only who has filled in settings can save them.",
            "Fill in the settings yourself.",
        )
        .for_session(&session));
    }
    if draft.from_version != directory.settings_version {
        // Said by the page, which knows what has become of it.
        let viewer = Viewer { session, directory };
        return render(&site, &viewer, &draft, &Form::default(), None).await;
    }
    if let Some(number) = outline(&site, &directory, &draft).await?.to_be_confirmed(&draft.policy)
        && typed.as_deref().map(|typed| typed.replace([',', ' '], "")) != Some(number.to_string())
    {
        let viewer = Viewer { session, directory };
        let fault = format!("To save this, type the number {number}: so many users would not be active any more.");
        return render(&site, &viewer, &draft, &Form::default(), Some(&fault)).await;
    }
    let policy = std::mem::take(&mut draft.policy);
    if policy != directory.policy {
        change_settings(&site.app, &mut directory, policy, by).await?;
    }
    Ok(Redirect::to(&path(&directory, "?saved=1")).into_response())
}

async fn find(site: &Site, directory: &Directory, params: &RawPathParams) -> Result<Draft, Failure> {
    let id = params.iter().find(|(name, _)| *name == "draft").and_then(|(_, id)| id.parse().ok());
    let draft = match id {
        Some(id) => site.drafts.draft(directory.id, id).await?,
        None => None,
    };
    draft.ok_or_else(|| Failure::not_found("draft; one is kept for a day"))
}

/// What a draft would change, in numbers. It is worked out from all records there are when the draft is made, and again when a
/// run has published something else since: nothing else reads a whole directory.
pub(super) async fn outline(site: &Site, directory: &Directory, draft: &Draft) -> Result<Outline, Failure> {
    if let Some(outline) = site.drafts.outline(directory.id, draft.id).await?
        && outline.is_of(directory)
    {
        return Ok(outline);
    }
    let mirror = &site.app.mirror;
    let (users, groups) = futures::try_join!(mirror.all_users(directory.id), mirror.all_groups(directory.id))?;
    let preview = Preview::new(directory, &draft.policy, users, groups);
    site.drafts.put_preview(directory.id, draft, &preview).await?;
    Ok(preview.outline)
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
    let outline = outline(site, directory, draft).await?;
    let shown = Shown::load(site, directory, draft, &outline, asked).await?;
    let status = if fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let here = path(directory, &format!("/drafts/{}", draft.id));
    Ok(page.status(status).show(&html! {
        h1 { "What saving would change" }
        @if let Some(fault) = fault { div.notice.bad role="alert" { p { (fault) } } }
        (preview::summary(directory, draft, &outline))
        @if draft.by == viewer.session.user && viewer.may_change() {
            (preview::confirmation(viewer, draft, &outline, &here))
        }
        p { a href=(path(directory, "")) { "Back without saving" } }
        (shown.render(directory, &outline, &here))
    }))
}
