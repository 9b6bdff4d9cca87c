//! What can be wrong with a directory, and what is wrong with one now.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::credentials::Credential;
use crate::directory::{Directory, GroupId, Published, UserId};
use crate::sync::{Reading, Run, RunState};

/// A refresh token that is not used for so long is of no use any more (Microsoft identity platform, "Refresh tokens").
pub(super) const INACTIVITY: SignedDuration = SignedDuration::from_hours(24 * 90);
/// How long before that somebody is told.
const INACTIVITY_NOTICE: SignedDuration = SignedDuration::from_hours(24 * 14);
/// How many days before the client secret ends somebody is told, and once more when it has ended.
const SECRET_NOTICES: [u16; 4] = [0, 1, 7, 30];
/// How many intervals may pass without a good run.
const INTERVALS: u32 = 3;
/// A directory that is synced every few seconds is not late after a few more: a run takes its time.
const SHORTEST_LATENESS: SignedDuration = SignedDuration::from_mins(5);

/// Something that is wrong with a directory, from the gravest to the least. It is told once, however many runs meet it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(tag = "condition", rename_all = "snake_case")]
pub enum Condition {
    /// No administrator's authorization works.
    NoWorkingCredential,
    /// Microsoft refuses the application itself, whoever authorized.
    ApplicationRefused,
    /// No run was good for more than three intervals.
    NotSynced,
    /// Deactivations wait for an administrator.
    Held,
    /// One authorization works, where there are more.
    OneCredentialLeft,
    /// An administrator's authorization does not work.
    CredentialFailing {
        /// Whose, by object id.
        administrator: UserId,
    },
    /// The last run could not read everything.
    Gaps {
        /// The groups whose members are unknown. Each that becomes so is told of.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        groups: BTreeSet<GroupId>,
    },
    /// An administrator's authorization will end soon because nobody uses it.
    CredentialExpiring {
        /// Whose, by object id.
        administrator: UserId,
    },
    /// The client secret ends within so many days; 0 when it has ended.
    ClientSecretExpiring {
        /// 30, 7, 1 or 0.
        days: u16,
    },
}

impl Condition {
    /// Whether two conditions are about the same, at most of another degree.
    pub(super) fn is_akin_to(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
            && match self {
                Self::CredentialFailing { .. } | Self::CredentialExpiring { .. } => self == other,
                _ => true,
            }
    }

    /// Whether only the end of a run can tell that it is over.
    fn is_of_runs(&self) -> bool {
        matches!(self, Self::Held | Self::Gaps { .. } | Self::ApplicationRefused)
    }
}

/// All that is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The directory.
    pub directory: &'a Directory,
    /// Its credentials.
    pub credentials: &'a [Credential],
    /// The run that has just ended; `None` when none has since the last look.
    pub run: Option<&'a Run>,
    /// How often the directory is synced.
    pub interval: SignedDuration,
    /// The day on which the client secret ends, in UTC, if somebody has said so.
    pub client_secret_expires: Option<Date>,
    /// The time.
    pub now: Timestamp,
}

impl Situation<'_> {
    /// Everything that is wrong. What only a run can tell stays as it was in `open` until a run does.
    #[must_use]
    pub fn conditions(&self, open: &BTreeSet<Condition>) -> BTreeSet<Condition> {
        let mut conditions = self.of_runs(open);
        self.add_credentials(&mut conditions);
        if self.now.duration_since(self.last_good()) > self.lateness() {
            conditions.insert(Condition::NotSynced);
        }
        if let Some(days) = self.client_secret_notice() {
            conditions.insert(Condition::ClientSecretExpiring { days });
        }
        conditions
    }

    /// When the last good run was published, or since when there could have been one.
    pub(super) fn last_good(&self) -> Timestamp {
        self.directory.published.as_ref().map_or(self.directory.created_at, |published| published.at)
    }

    fn lateness(&self) -> SignedDuration {
        (self.interval.checked_mul(i32::try_from(INTERVALS).unwrap_or(3)))
            .unwrap_or(SignedDuration::MAX)
            .max(SHORTEST_LATENESS)
    }

    fn of_runs(&self, open: &BTreeSet<Condition>) -> BTreeSet<Condition> {
        let known = || open.iter().filter(|condition| condition.is_of_runs()).cloned();
        let Some(run) = self.run.filter(|run| run.state.is_final()) else { return known().collect() };
        if matches!(run.state, RunState::Failed | RunState::Interrupted) {
            // It says why it failed, but not whether there still are gaps or deactivations that wait.
            let mut conditions: BTreeSet<_> = known().collect();
            if run
                .failure
                .as_ref()
                .is_some_and(|failure| matches!(failure.code.as_str(), "application_refused" | "clock_wrong"))
            {
                conditions.insert(Condition::ApplicationRefused);
            }
            return conditions;
        }
        // Without a look at the tenant it cannot tell whether there still are gaps.
        let still = |condition: &Condition| run.reading == Some(Reading::Mirror) && *condition != Condition::Held;
        let mut conditions: BTreeSet<_> = known().filter(still).collect();
        if run.state == RunState::Held {
            conditions.insert(Condition::Held);
        }
        if !run.gaps.is_empty() {
            conditions.retain(|condition| !matches!(condition, Condition::Gaps { .. }));
            let unknown = self.directory.published.iter().flat_map(Published::unknown_groups);
            conditions.insert(Condition::Gaps { groups: unknown.map(|(group, _)| group.clone()).collect() });
        }
        conditions
    }

    fn add_credentials(&self, conditions: &mut BTreeSet<Condition>) {
        let working = self.credentials.iter().filter(|credential| credential.is_working()).count();
        match working {
            0 => {
                conditions.insert(Condition::NoWorkingCredential);
            }
            1 if self.credentials.len() > 1 => {
                conditions.insert(Condition::OneCredentialLeft);
            }
            _ => {}
        }
        for credential in self.credentials {
            let administrator = credential.administrator.clone();
            if !credential.is_working() {
                conditions.insert(Condition::CredentialFailing { administrator });
            } else if self.now.duration_since(credential.last_used_at()) >= INACTIVITY - INACTIVITY_NOTICE {
                conditions.insert(Condition::CredentialExpiring { administrator });
            }
        }
    }

    /// The closest of the notices whose time has come. The secret is good until its day begins.
    fn client_secret_notice(&self) -> Option<u16> {
        let ends = self.client_secret_expires?.to_zoned(TimeZone::UTC).ok()?.timestamp();
        let left = ends.duration_since(self.now);
        SECRET_NOTICES.into_iter().find(|days| left <= SignedDuration::from_hours(24 * i64::from(*days)))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::alerts::change::tests::{NOW, administrator, after, credential, directory, failing, ran};

    fn situation<'a>(directory: &'a Directory, credentials: &'a [Credential], run: Option<&'a Run>) -> Situation<'a> {
        let interval = SignedDuration::from_mins(5);
        Situation { directory, credentials, run, interval, client_secret_expires: None, now: NOW }
    }

    fn gaps() -> Condition {
        Condition::Gaps { groups: BTreeSet::new() }
    }

    fn of(situation: Situation<'_>, open: &[Condition]) -> Vec<Condition> {
        situation.conditions(&open.iter().cloned().collect()).into_iter().collect()
    }

    #[test]
    fn a_directory_that_fares_well_has_none() {
        let run = ran(RunState::Succeeded);
        let open = [gaps(), Condition::Held, Condition::ApplicationRefused];
        assert_eq!(of(situation(&directory(), &[credential(1)], Some(&run)), &open), []);
    }

    #[test]
    fn one_is_left_only_where_there_were_more() {
        let all = |credentials: &[Credential]| of(situation(&directory(), credentials, None), &[]);
        let is_failing = |who| Condition::CredentialFailing { administrator: administrator(who) };
        assert_eq!(all(&[credential(1)]), []);
        assert_eq!(all(&[credential(1), failing(2)]), [Condition::OneCredentialLeft, is_failing(2)]);
        assert_eq!(all(&[credential(1), credential(2), failing(3)]), [is_failing(3)]);
        assert_eq!(all(&[failing(1)]), [Condition::NoWorkingCredential, is_failing(1)]);
        assert_eq!(all(&[]), [Condition::NoWorkingCredential]);
    }

    #[test]
    fn three_intervals_may_pass_without_a_good_run() {
        let (directory, credentials) = (directory(), [credential(1)]);
        let at = |now| of(Situation { now, ..situation(&directory, &credentials, None) }, &[]);
        assert_eq!(at(after(SignedDuration::from_mins(15))), []);
        assert_eq!(at(after(SignedDuration::from_secs(15 * 60 + 1))), [Condition::NotSynced]);
    }

    #[test]
    fn a_failed_run_says_nothing_of_gaps_and_holds() {
        let mut run = ran(RunState::Failed);
        let open = [Condition::Held, gaps()];
        assert_eq!(of(situation(&directory(), &[credential(1)], Some(&run)), &open), open);
        assert_eq!(of(situation(&directory(), &[credential(1)], None), &open), open);
        run.failure = Some(crate::sync::Failure { code: "application_refused".to_owned(), message: String::new() });
        assert_eq!(of(situation(&directory(), &[credential(1)], Some(&run)), &[]), [Condition::ApplicationRefused]);
    }

    #[test]
    fn a_run_may_be_held_and_have_gaps() {
        let run = Run { gaps: vec!["a group".to_owned()], ..ran(RunState::Held) };
        let found = of(situation(&directory(), &[credential(1)], Some(&run)), &[]);
        assert_eq!(found, [Condition::Held, gaps()]);
    }

    #[test]
    fn an_unused_authorization_is_told_fourteen_days_before_its_end() {
        let directory = Directory { created_at: NOW, ..directory() };
        let unused =
            |days: i64| Credential { last_good_at: Some(NOW - SignedDuration::from_hours(24 * days)), ..credential(1) };
        assert_eq!(
            of(situation(&directory, &[Credential { authorized_at: Timestamp::MIN, ..unused(75) }], None), &[]),
            []
        );
        let found = of(situation(&directory, &[Credential { authorized_at: Timestamp::MIN, ..unused(76) }], None), &[]);
        assert_eq!(found, [Condition::CredentialExpiring { administrator: administrator(1) }]);
    }

    #[test]
    fn the_end_of_the_client_secret_is_told_in_four_steps() {
        let (directory, credentials) = (directory(), [credential(1)]);
        for (expires, days) in [
            (date(2026, 2, 2), None),
            (date(2026, 1, 31), Some(30)),
            (date(2026, 1, 9), Some(30)),
            (date(2026, 1, 8), Some(7)),
            (date(2026, 1, 2), Some(1)),
            (date(2026, 1, 1), Some(0)),
            (date(2025, 6, 1), Some(0)),
        ] {
            let situation =
                Situation { client_secret_expires: Some(expires), ..situation(&directory, &credentials, None) };
            assert_eq!(situation.client_secret_notice(), days, "{expires}");
        }
    }
}
