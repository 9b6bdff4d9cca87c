//! Previews of settings, as the API shows them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::directory::{Directory, GroupId};
use crate::filter::UserOutcome;
use crate::settings::{DraftId, Outline, Shift};

/// What new settings would change, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PreviewSummary)]
pub struct PreviewSummaryView {
    /// Path of the preview in this API. It is kept for a day.
    #[schema(
        example = "/api/v1/directories/11111111-2222-3333-4444-555555555555/previews/0b1a3c5e-7d1f-4c3a-9b1e-0242ac120002"
    )]
    link: String,
    /// Path of the same preview as a page.
    #[schema(
        example = "/directories/11111111-2222-3333-4444-555555555555/drafts/0b1a3c5e-7d1f-4c3a-9b1e-0242ac120002"
    )]
    page: String,
    /// Users that are active now.
    active_users: usize,
    /// Users that would be active.
    active_users_then: usize,
    /// Users that would become active.
    activated: usize,
    /// Users that would no longer be active.
    deactivated: usize,
    /// The same by what they would be.
    deactivated_by_outcome: Vec<OutcomeCountView>,
    /// Groups that consumers would see from then on.
    groups_added: usize,
    /// Groups that consumers would no longer see.
    groups_removed: usize,
    /// Listed groups that the tenant does not have.
    vanished_groups: Vec<GroupId>,
}

/// A number of users with the same outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = OutcomeCount)]
struct OutcomeCountView {
    /// What they would be; `null` when users would no longer be published.
    outcome: Option<UserOutcome>,
    users: usize,
}

impl PreviewSummaryView {
    /// A preview's numbers, and where the rest of it is.
    #[must_use]
    pub fn new(directory: &Directory, draft: DraftId, outline: &Outline) -> Self {
        let by_outcome = outline.deactivated.iter().map(|(outcome, users)| (*outcome, *users));
        Self {
            link: format!("/api/v1/directories/{}/previews/{draft}", directory.id),
            page: format!("/directories/{}/drafts/{draft}", directory.id),
            active_users: outline.active.0,
            active_users_then: outline.active.1,
            activated: outline.size(Shift::Activated),
            deactivated: outline.size(Shift::Deactivated),
            deactivated_by_outcome: by_outcome.map(|(outcome, users)| OutcomeCountView { outcome, users }).collect(),
            groups_added: outline.size(Shift::GroupsAdded),
            groups_removed: outline.size(Shift::GroupsRemoved),
            vanished_groups: outline.vanished.clone(),
        }
    }
}
