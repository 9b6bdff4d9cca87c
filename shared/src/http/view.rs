//! What several functions show: runs and counts, as JSON.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Scope;
use crate::directory::{Directory, DirectoryCounts, DirectoryId, GroupId, UserId};
use crate::sync::{ChangeCounts, Effort, Failure, FullReason, HoldSummary, Reading, Run, RunId, RunState, Trigger};

/// For whom something is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Programs that may read what is published, and nothing else.
    Consumers,
    /// Administrators and their programs.
    Administrators,
}

impl From<Scope> for Audience {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Read => Self::Consumers,
            Scope::Admin => Self::Administrators,
        }
    }
}

/// How many users and groups there are, by decision.
#[derive(Debug, Serialize, ToSchema)]
pub struct CountsView {
    /// `null` when users are not published.
    users: Option<UserCounts>,
    groups: GroupCounts,
}

#[derive(Debug, Serialize, ToSchema)]
struct UserCounts {
    active: i64,
    inactive: i64,
    inactive_by_reason: InactiveCounts,
}

#[derive(Debug, Serialize, ToSchema)]
struct InactiveCounts {
    deleted: i64,
    disabled_in_office_365: i64,
    member_of_ignored_group: i64,
    not_in_allowed_group: i64,
    membership_unknown: i64,
}

#[derive(Debug, Serialize, ToSchema)]
struct GroupCounts {
    synced: i64,
    /// For administrators: to consumers, groups that are skipped do not exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    skipped: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    skipped_by_reason: Option<SkippedCounts>,
}

#[derive(Debug, Serialize, ToSchema)]
struct SkippedCounts {
    group_sync_off: i64,
    no_email: i64,
    prefix_not_allowed: i64,
}

impl CountsView {
    /// The counts; those of users only when users are published.
    #[must_use]
    pub fn new(counts: &DirectoryCounts, users_published: bool, audience: Audience) -> Self {
        let sees_all = audience == Audience::Administrators;
        Self {
            users: users_published.then(|| UserCounts {
                active: counts.active,
                inactive: counts.inactive(),
                inactive_by_reason: InactiveCounts {
                    deleted: counts.deleted,
                    disabled_in_office_365: counts.disabled_in_office_365,
                    member_of_ignored_group: counts.member_of_ignored_group,
                    not_in_allowed_group: counts.not_in_allowed_group,
                    membership_unknown: counts.membership_unknown,
                },
            }),
            groups: GroupCounts {
                synced: counts.groups_synced,
                skipped: sees_all.then(|| counts.groups_skipped()),
                skipped_by_reason: sees_all.then_some(SkippedCounts {
                    group_sync_off: counts.group_sync_off,
                    no_email: counts.no_email,
                    prefix_not_allowed: counts.prefix_not_allowed,
                }),
            },
        }
    }
}

/// A run.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunView {
    id: RunId,
    directory: DirectoryId,
    trigger: Trigger,
    state: RunState,
    requested_at: Timestamp,
    started_at: Option<Timestamp>,
    attempts: u32,
    finished_at: Option<Timestamp>,
    duration_ms: Option<i64>,
    reading: Option<Reading>,
    full_reason: Option<FullReason>,
    credential: Option<UserId>,
    changes: ChangeCounts,
    mended: Option<ChangeCounts>,
    totals: Option<CountsView>,
    effort: Effort,
    /// How many there are of `gaps`, of which only administrators are told what they are, as of `warnings`.
    gap_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    gaps: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    warnings: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    vanished_groups: Option<Vec<GroupId>>,
    hold: Option<HoldSummary>,
    failure: Option<Failure>,
}

impl RunView {
    /// A run of this directory. What it tells of single users and their number is left out when users are not
    /// published, and what it names of what is not published is for administrators.
    #[must_use]
    pub fn new(run: Run, directory: &Directory, audience: Audience) -> Self {
        let users = directory.publishes_users();
        let sees_all = audience == Audience::Administrators;
        Self {
            id: run.id,
            directory: run.directory,
            trigger: run.trigger,
            state: run.state,
            requested_at: run.requested_at,
            started_at: run.started_at,
            attempts: run.attempts,
            finished_at: run.finished_at,
            duration_ms: run.duration_ms(),
            reading: run.reading,
            full_reason: run.full_reason,
            credential: run.credential,
            changes: run.changes,
            mended: run.mended,
            totals: run.totals.map(|counts| CountsView::new(&counts, users, audience)),
            effort: run.effort,
            gap_count: run.gaps.len(),
            gaps: sees_all.then_some(run.gaps),
            warnings: sees_all.then_some(run.warnings),
            vanished_groups: sees_all.then_some(run.vanished_groups),
            hold: run.hold.filter(|_| users),
            failure: run.failure,
        }
    }
}
