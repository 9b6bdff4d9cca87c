//! New settings: compared with the published state, checked, stored.

use shared::audit::Actor;
use shared::directory::Directory;
use shared::filter::Policy;
use shared::settings::{CheckedSettings, Draft, Outline, Preview, RejectedSettings};
use shared::store::{RequestedRun, SettingsChange, StoreError};
use shared::sync::{HeldChanges, HoldState, Run, RunId, Trigger, request_run};
use shared::telemetry::chain;

use crate::App;

/// How often a change is checked again because a run has published in between.
const MAX_ATTEMPTS: usize = 5;

/// Why settings were not saved.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SaveError {
    /// The settings have another version than the one that the draft was made from.
    #[error("the settings were changed meanwhile")]
    Superseded,
    /// The check does not let them pass. The draft is kept together with its preview.
    #[error("the settings were rejected")]
    Rejected {
        #[source]
        reason: RejectedSettings,
        preview: Box<Outline>,
    },
    #[error("the settings were not stored")]
    Store(#[from] StoreError),
}

/// Saves a draft and requests the run that publishes it; `None` when nothing changed, or when the schedule has to see to it.
///
/// This is the only way by which settings are replaced. `confirmed` is the number of deactivations that the author has
/// confirmed; it is compared with what would happen now, not with what the author was shown.
pub(crate) async fn save_settings(
    app: &App,
    directory: &mut Directory,
    draft: &Draft,
    confirmed: Option<usize>,
    by: Actor,
) -> Result<Option<RunId>, SaveError> {
    for _ in 0..MAX_ATTEMPTS {
        if draft.from_version != directory.settings_version {
            return Err(SaveError::Superseded);
        }
        if draft.policy == directory.policy {
            return Ok(None);
        }
        let checked = check(app, directory, draft, confirmed).await?;
        let change = SettingsChange::new(directory, &checked, by.clone(), app.clock.now());
        match app.directories.change_settings(directory.id, &change).await {
            Ok(version) => {
                tracing::info!(directory.id = %directory.id, version, "the settings were changed");
                directory.settings_version = version;
                directory.policy = change.policy;
                return Ok(request_publication(app, directory).await);
            }
            // Either other settings were saved, or a run has published: the next look tells which.
            Err(StoreError::Conflict) => {
                let current = app.directories.directory(directory.id).await?;
                *directory = current.ok_or(StoreError::Conflict)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict.into())
}

async fn check(
    app: &App,
    directory: &Directory,
    draft: &Draft,
    confirmed: Option<usize>,
) -> Result<CheckedSettings, SaveError> {
    if let Some(checked) = CheckedSettings::without_effect_on_users(directory, &draft.policy) {
        return Ok(checked);
    }
    let kept = app.drafts.outline(directory.id, draft.id).await?.filter(|outline| outline.is_of(directory));
    let (preview, is_new) = match kept {
        Some(outline) => (Preview { outline, ..Preview::default() }, false),
        None => (compare(app, directory, &draft.policy).await?, true),
    };
    match CheckedSettings::check(directory, &draft.policy, &preview.outline, confirmed) {
        Ok(checked) => Ok(checked),
        Err(reason) => {
            if is_new {
                app.drafts.put_draft(directory.id, draft).await?;
                app.drafts.put_preview(directory.id, draft, &preview).await?;
            }
            Err(SaveError::Rejected { reason, preview: Box::new(preview.outline) })
        }
    }
}

/// Returns what a draft would change, in numbers. It takes all records there are, so it is kept with the draft, and worked out
/// again only when a run has published something else since.
pub(crate) async fn preview_of(app: &App, directory: &Directory, draft: &Draft) -> Result<Outline, StoreError> {
    if let Some(outline) = app.drafts.outline(directory.id, draft.id).await?
        && outline.is_of(directory)
    {
        return Ok(outline);
    }
    let preview = compare(app, directory, &draft.policy).await?;
    app.drafts.put_preview(directory.id, draft, &preview).await?;
    Ok(preview.outline)
}

async fn compare(app: &App, directory: &Directory, policy: &Policy) -> Result<Preview, StoreError> {
    let mirror = &app.mirror;
    let (mut users, mut groups, released) = futures::try_join!(
        mirror.all_users(directory.id),
        mirror.all_groups(directory.id),
        released(app, directory, policy)
    )?;
    for changes in released {
        changes.apply_to(&mut users, &mut groups);
    }
    Ok(Preview::new(directory, policy, users, groups))
}

/// Returns what waits for an approval, and would not wait any longer with these settings: a looser safety limit applies it too.
async fn released(app: &App, directory: &Directory, policy: &Policy) -> Result<Vec<HeldChanges>, StoreError> {
    let limit = policy.safety_limit();
    if !limit.is_looser_than(directory.policy.safety_limit()) {
        return Ok(Vec::new());
    }
    let mut released = Vec::new();
    // One that has expired is opened again by the next run that finds the same.
    for hold in app.holds.holds(directory.id).await?.iter().filter(|hold| hold.state == HoldState::Open) {
        released.push(app.holds.held_changes(directory.id, hold.id).await?.let_through_by(limit, hold));
    }
    Ok(released)
}

async fn request_publication(app: &App, directory: &Directory) -> Option<RunId> {
    let run = Run::requested(directory.id, Trigger::Settings, app.clock.now());
    match request_run(&*app.runs, &*app.queue, &run).await {
        Ok(RequestedRun::Added) => Some(run.id),
        Ok(RequestedRun::Folded(waiting)) => Some(waiting),
        Err(error) => {
            // The settings are stored all the same, and the next scheduled run publishes them.
            tracing::error!(
                directory.id = %directory.id,
                error = chain(&error),
                "the settings were changed, but no run could be requested"
            );
            None
        }
    }
}
