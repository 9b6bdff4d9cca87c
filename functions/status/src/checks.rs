//! "Why can't I log in?": the rules one by one, as they apply to one user, and whether they explain what is published.

use serde::Serialize;
use shared::directory::{Directory, GroupId, UserRecord};
use shared::filter::{Check, Rule, UserFacts, decide_user, explain_user};
use shared::http::Audience;
use shared::store::{StoreError, reach};
use utoipa::ToSchema;

use crate::App;
use crate::published::{GroupRef, PublishedGroups};

/// The checks of a user against the settings of now.
pub(crate) struct Checks {
    outcomes: Vec<Check>,
    /// False when the checks are not those that led to the decision shown.
    current: bool,
    note: Option<&'static str>,
}

/// The checks as they are shown.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChecksView {
    why: Vec<CheckView>,
    why_is_current: bool,
    why_note: Option<&'static str>,
}

#[derive(Debug, Serialize, ToSchema)]
struct CheckView {
    rule: Rule,
    passed: bool,
    group: Option<GroupRef>,
    explanation: &'static str,
}

impl Checks {
    /// Asks every rule about the user.
    ///
    /// The decision shown is the one stored. The settings it was made with are not kept, so the checks are made with those
    /// of now; where they are not the same, or come out otherwise, that is said.
    pub(crate) async fn of(app: &App, directory: &Directory, user: &UserRecord) -> Result<Self, StoreError> {
        let policy = &directory.policy;
        let reach = reach(&*app.queries, directory.id, policy).await?;
        let facts = UserFacts::of(user, true);
        let note = if !directory.settings_are_published() {
            Some(
                "The settings have changed since the decision shown was published; the checks are made with the new ones.",
            )
        } else if decide_user(policy, &reach, facts) != user.decision {
            Some("The checks come out otherwise than the decision shown: a run is at work, or a deactivation is held.")
        } else {
            None
        };
        Ok(Self { outcomes: explain_user(policy, &reach, facts), current: note.is_none(), note })
    }

    /// The groups that settled checks.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &GroupId> {
        self.outcomes.iter().filter_map(|check| check.group.as_ref())
    }

    /// The checks as they are shown.
    pub(crate) fn view(&self, groups: &PublishedGroups, audience: Audience) -> ChecksView {
        let view = |check: &Check| CheckView {
            rule: check.rule,
            passed: check.passed,
            group: check.group.as_ref().and_then(|group| groups.named(group, audience)),
            explanation: check.explanation,
        };
        ChecksView { why: self.outcomes.iter().map(view).collect(), why_is_current: self.current, why_note: self.note }
    }
}
