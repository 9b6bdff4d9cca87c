//! How a directory fares, as a monitor or an administrator wants to know it.

mod overview;

pub use overview::Overview;

use crate::alerts::Condition;
use crate::credentials::{Credential, CredentialState};
use crate::sync::RunState;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// How long after its time a scheduled run is overdue: several ticks of the schedule, so that one lost tick is no alarm.
const OVERDUE_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// How something fares, from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// All is well.
    Ok,
    /// What is published is current, or nearly, but somebody should look.
    Degraded,
    /// What is published grows old.
    Failing,
}

/// What is wrong with a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// No administrator's authorization works.
    NoWorkingCredential,
    /// Some administrators' authorizations do not work, but another does.
    CredentialFailing,
    /// The last run failed.
    LastRunFailed,
    /// The last run stopped at the safety limit or at an ignored group that vanished, and that part waits for an administrator.
    LastRunHeld,
    /// The last run could not read everything.
    LastRunHasGaps,
    /// Nothing has been published yet.
    NeverSynced,
    /// The schedule should have asked for a run a while ago.
    Overdue,
    /// No run was good for more than three intervals.
    NotSynced,
    /// One administrator's authorization works, where there are more.
    OneCredentialLeft,
    /// An administrator's authorization will end soon because nobody uses it.
    CredentialExpiring,
    /// The client secret ends soon, or has ended.
    ClientSecretExpiring,
}

impl Trouble {
    /// How bad it is.
    #[must_use]
    pub fn health(self) -> Health {
        match self {
            Self::NoWorkingCredential | Self::LastRunFailed | Self::Overdue | Self::NotSynced => Health::Failing,
            Self::CredentialFailing
            | Self::LastRunHeld
            | Self::LastRunHasGaps
            | Self::NeverSynced
            | Self::OneCredentialLeft
            | Self::CredentialExpiring
            | Self::ClientSecretExpiring => Health::Degraded,
        }
    }

    /// What it means, in words.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Self::NoWorkingCredential => {
                "No administrator's authorization works: an administrator must authorize again."
            }
            Self::CredentialFailing => "An administrator's authorization has stopped working; another one is used.",
            Self::LastRunFailed => "The last run failed. What is published is that of an earlier run.",
            Self::LastRunHeld => {
                "The last run would have deactivated too many users: an administrator must approve it."
            }
            Self::LastRunHasGaps => "The last run could not read everything; what it could not read stays as it was.",
            Self::NeverSynced => "No run has succeeded yet, so nothing is published.",
            Self::Overdue => "The scheduled run is overdue.",
            Self::NotSynced => "No run was good for more than three intervals, so what is published grows old.",
            Self::OneCredentialLeft => "Of several administrators' authorizations, only one still works.",
            Self::CredentialExpiring => {
                "An administrator's authorization is not used, and Microsoft will drop it soon."
            }
            Self::ClientSecretExpiring => "The application's client secret ends soon or has ended: store a new one.",
        }
    }
}

/// Everything that is wrong with a directory.
#[must_use]
pub fn troubles(overview: &Overview, now: Timestamp) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    if !overview.credentials.iter().any(works) {
        troubles.push(Trouble::NoWorkingCredential);
    } else if !overview.credentials.iter().all(works) {
        troubles.push(Trouble::CredentialFailing);
    }
    match overview.last_run.as_ref().map(|run| run.state) {
        Some(RunState::Failed) => troubles.push(Trouble::LastRunFailed),
        Some(RunState::Held) => troubles.push(Trouble::LastRunHeld),
        Some(RunState::CompletedWithGaps) => troubles.push(Trouble::LastRunHasGaps),
        Some(RunState::Queued | RunState::Running | RunState::Paused | RunState::Succeeded | RunState::Interrupted)
        | None => {}
    }
    if overview.directory.published.is_none() {
        troubles.push(Trouble::NeverSynced);
    }
    if now.duration_since(overview.directory.next_sync_at) > OVERDUE_AFTER {
        troubles.push(Trouble::Overdue);
    }
    for trouble in overview.open_conditions.iter().filter_map(told_only) {
        if !troubles.contains(&trouble) {
            troubles.push(trouble);
        }
    }
    troubles
}

/// What only the sync function knows, since it is told of it by its settings. The rest is seen above, as it is now.
fn told_only(condition: &Condition) -> Option<Trouble> {
    match condition {
        Condition::NotSynced => Some(Trouble::NotSynced),
        Condition::OneCredentialLeft => Some(Trouble::OneCredentialLeft),
        Condition::CredentialExpiring { .. } => Some(Trouble::CredentialExpiring),
        Condition::ClientSecretExpiring { .. } => Some(Trouble::ClientSecretExpiring),
        Condition::NoWorkingCredential
        | Condition::CredentialFailing { .. }
        | Condition::ApplicationRefused
        | Condition::Held
        | Condition::Gaps { .. } => None,
    }
}

/// The worst of all.
#[must_use]
pub fn worst(all: impl IntoIterator<Item = Health>) -> Health {
    all.into_iter().max().unwrap_or(Health::Ok)
}

fn works(credential: &Credential) -> bool {
    matches!(credential.state, CredentialState::Working)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::credentials::Cause;
    use crate::directory::{Directory, DirectoryCounts, DirectoryId, Published};
    use crate::sync::{Run, RunId, Trigger};

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn credential(state: CredentialState) -> Credential {
        Credential {
            directory: DirectoryId::new(uuid::Uuid::nil()),
            administrator: "admin".parse().unwrap(),
            user_principal_name: "admin@contoso.example".into(),
            display_name: "Admin".into(),
            scopes: vec![],
            missing_roles: vec![],
            authorized_at: NOW,
            last_good_at: None,
            exercised_at: None,
            rejected_since: None,
            preferred_at: None,
            state,
        }
    }

    fn failing() -> Credential {
        credential(CredentialState::Failing { cause: Cause::Disabled, aadsts: None, since: NOW, retry_at: NOW })
    }

    fn run(state: RunState) -> Run {
        Run { state, ..Run::requested(DirectoryId::new(uuid::Uuid::nil()), Trigger::Schedule, NOW) }
    }

    /// Synced, published, one credential that works.
    fn well() -> Overview {
        let mut directory = Directory::new(DirectoryId::new(uuid::Uuid::nil()), "contoso.example".into(), NOW);
        directory.published = Some(Published {
            run: RunId::new(NOW),
            at: NOW,
            settings_version: 1,
            users: true,
            users_since: None,
            counts: DirectoryCounts::default(),
            vanished_groups: vec![],
            watched_groups: None,
            uncompared_groups: BTreeSet::new(),
            groups_in_doubt: BTreeSet::new(),
        });
        Overview {
            directory,
            current_run: None,
            last_run: Some(run(RunState::Succeeded)),
            credentials: vec![credential(CredentialState::Working)],
            open_conditions: BTreeSet::new(),
        }
    }

    #[test]
    fn a_directory_that_is_synced_on_time_is_ok() {
        assert_eq!(troubles(&well(), NOW), []);
        assert_eq!(worst([]), Health::Ok);
    }

    #[test]
    fn each_trouble_is_noticed_alone() {
        let with = |change: &dyn Fn(&mut Overview)| {
            let mut overview = well();
            change(&mut overview);
            troubles(&overview, NOW)
        };
        let working = || credential(CredentialState::Working);
        assert_eq!(with(&|it| it.credentials = vec![]), [Trouble::NoWorkingCredential]);
        assert_eq!(with(&|it| it.credentials = vec![failing()]), [Trouble::NoWorkingCredential]);
        assert_eq!(with(&|it| it.credentials = vec![failing(), working()]), [Trouble::CredentialFailing]);
        assert_eq!(with(&|it| it.last_run = Some(run(RunState::Failed))), [Trouble::LastRunFailed]);
        assert_eq!(with(&|it| it.last_run = Some(run(RunState::Held))), [Trouble::LastRunHeld]);
        assert_eq!(with(&|it| it.last_run = Some(run(RunState::CompletedWithGaps))), [Trouble::LastRunHasGaps]);
        assert_eq!(with(&|it| it.directory.published = None), [Trouble::NeverSynced]);
        let told = |condition: Condition| with(&|it| it.open_conditions = BTreeSet::from([condition.clone()]));
        assert_eq!(told(Condition::NotSynced), [Trouble::NotSynced]);
        assert_eq!(told(Condition::OneCredentialLeft), [Trouble::OneCredentialLeft]);
        assert_eq!(told(Condition::ClientSecretExpiring { days: 7 }), [Trouble::ClientSecretExpiring]);
        assert_eq!(told(Condition::Gaps { groups: BTreeSet::new() }), [], "seen by the last run, or over");
    }

    #[test]
    fn a_run_is_overdue_only_after_a_while() {
        assert_eq!(troubles(&well(), NOW + OVERDUE_AFTER), []);
        assert_eq!(troubles(&well(), NOW + OVERDUE_AFTER + SignedDuration::from_secs(1)), [Trouble::Overdue]);
    }

    #[test]
    fn the_worst_decides() {
        assert_eq!(worst([Health::Ok, Health::Failing, Health::Degraded]), Health::Failing);
        let mut overview = well();
        overview.directory.published = None;
        overview.last_run = Some(run(RunState::Failed));
        let troubles = troubles(&overview, NOW);
        assert_eq!(troubles, [Trouble::LastRunFailed, Trouble::NeverSynced]);
        assert_eq!(worst(troubles.into_iter().map(Trouble::health)), Health::Failing);
    }
}
