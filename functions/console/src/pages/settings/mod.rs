//! The settings: a form, a draft, a preview, and only then saved.

mod draft;
mod fields;
mod form;
mod picker;
mod preview;

pub(super) use draft::{save, show as preview};
pub(super) use form::{Rendering, render};

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use shared::filter::Policy;
use shared::settings::{Draft, DraftId};

use self::fields::Fields;
use self::picker::Found;
use super::failure::Failure;
use super::layout::path;
use super::visitor::{Form, Submission, Viewer};
use crate::Site;
use crate::actions::preview_of;

/// `POST /directories/{directory}/settings`: keeps what was filled in as a draft and shows what it would change; or looks for
/// groups to list, and shows the form again.
pub(super) async fn submit(State(site): State<Site>, submission: Submission) -> Result<Response, Failure> {
    let Submission { session, directory, form } = submission;
    let fields = Fields::sent(&form, directory.settings_version);
    let found = match form.get("search") {
        Some(_) => Some(Found::search(&*site.queries, &directory, form.get("q").unwrap_or_default()).await?),
        None => None,
    };
    let policy = Policy::parse(&fields.to_json());
    match (policy, found) {
        (Ok(policy), None) => {
            let draft = Draft {
                id: DraftId::generate(),
                policy,
                from_version: fields.from_version,
                by: Some(session.user.clone()),
                at: site.app.clock.now(),
            };
            site.app.drafts.put_draft(directory.id, &draft).await?;
            preview_of(&site.app, &directory, &draft).await?;
            Ok(Redirect::to(&path(&directory, &format!("/drafts/{}", draft.id))).into_response())
        }
        (policy, found) => {
            // While groups are looked for, nobody wants to hear of faults.
            let faults = policy.err().filter(|_| found.is_none()).map(|invalid| invalid.faults).unwrap_or_default();
            let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
            let viewer = Viewer { session, directory };
            form::page(&site, &viewer, Rendering { fields, found, faults, notice: None }, status).await
        }
    }
}

/// Shows a form that was filled in before its author has signed in again.
pub(super) async fn resume(site: &Site, viewer: &Viewer, form: &Form, status: StatusCode) -> Result<Response, Failure> {
    let current = viewer.directory.settings_version;
    let fields = Fields::sent(form, current);
    let meanwhile = match fields.from_version {
        version if version == current => String::new(),
        version => format!(
            " Meanwhile somebody has saved other settings: you filled in version {version}, and now there is version {current}. \
             Compare it with the settings of now, and fill those in."
        ),
    };
    let notice = format!("Your session had ended. This is what you filled in; nothing of it was saved.{meanwhile}");
    form::page(site, viewer, Rendering { fields, found: None, faults: Vec::new(), notice: Some(notice) }, status).await
}
