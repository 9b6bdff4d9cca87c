//! Which conditions are news.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::condition::{Condition, Situation};
use super::text;
use crate::directory::DirectoryId;

/// What became of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It has begun.
    Opened,
    /// It is over.
    Recovered,
}

/// One piece of news, as a person gets it. The body may name administrators, so it is never logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The directory.
    pub directory: DirectoryId,
    /// What it is about.
    #[serde(flatten)]
    pub condition: Condition,
    /// What became of it.
    pub change: Change,
    /// When.
    pub at: Timestamp,
    /// At most 100 ASCII characters without line breaks, as a mail through Amazon SNS needs it.
    pub subject: String,
    /// What happened, what it means, what to do.
    pub body: String,
}

impl std::fmt::Debug for Alert {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Alert")
            .field("directory", &self.directory)
            .field("condition", &self.condition)
            .field("change", &self.change)
            .finish_non_exhaustive()
    }
}

/// The news when `open` was known and `now` is true.
///
/// One event is one alert: an authorization that stops working may be the last one, and then only the graver is told,
/// in a text that names whose it is. The same holds when things get better.
pub(super) fn news(open: &BTreeSet<Condition>, now: &BTreeSet<Condition>, situation: &Situation<'_>) -> Vec<Alert> {
    let alert = |condition: &Condition, change| text::alert(condition, change, situation, now);
    let opened = now.difference(open).filter(|condition| is_told_to_open(condition, open, now));
    let ended = open.difference(now).filter(|condition| is_told_to_end(condition, open, now));
    opened.map(|it| alert(it, Change::Opened)).chain(ended.map(|it| alert(it, Change::Recovered))).collect()
}

fn is_told_to_open(condition: &Condition, open: &BTreeSet<Condition>, now: &BTreeSet<Condition>) -> bool {
    match condition {
        Condition::CredentialFailing { .. } => standing(now) <= standing(open),
        // From none to one is good news, and told as such.
        Condition::OneCredentialLeft => standing(now) > standing(open),
        Condition::Gaps { groups } => {
            let are_told =
                |told: &Condition| matches!(told, Condition::Gaps { groups: told } if groups.is_subset(told));
            !open.iter().any(are_told)
        }
        _ => true,
    }
}

fn is_told_to_end(condition: &Condition, open: &BTreeSet<Condition>, now: &BTreeSet<Condition>) -> bool {
    match condition {
        Condition::CredentialFailing { .. } => standing(now) >= standing(open),
        // From one to none is no recovery.
        Condition::OneCredentialLeft => standing(now) < standing(open),
        // What was about to end has ended, and that is told.
        Condition::CredentialExpiring { administrator } => {
            !now.contains(&Condition::CredentialFailing { administrator: administrator.clone() })
        }
        _ => !now.iter().any(|other| other.is_akin_to(condition)),
    }
}

/// How bad it is about the credentials as a whole.
fn standing(conditions: &BTreeSet<Condition>) -> u8 {
    if conditions.contains(&Condition::NoWorkingCredential) {
        2
    } else {
        u8::from(conditions.contains(&Condition::OneCredentialLeft))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::credentials::{Cause, Credential, CredentialState};
    use crate::directory::{Directory, DirectoryCounts, Published, UserId};
    use crate::sync::{Run, RunId, RunState, Trigger};

    /// 2026-01-01T00:00:00Z
    pub(crate) const NOW: Timestamp = Timestamp::constant(1_767_225_600, 0);

    pub(crate) fn after(duration: SignedDuration) -> Timestamp {
        NOW + duration
    }

    pub(crate) fn administrator(number: u32) -> UserId {
        format!("admin-{number}").parse().unwrap()
    }

    pub(crate) fn credential(number: u32) -> Credential {
        Credential {
            directory: directory().id,
            administrator: administrator(number),
            user_principal_name: format!("admin-{number}@contoso.example"),
            display_name: format!("Admin {number}"),
            scopes: vec![],
            missing_roles: vec![],
            authorized_at: NOW,
            last_good_at: None,
            exercised_at: None,
            rejected_since: None,
            preferred_at: None,
            state: CredentialState::Working,
        }
    }

    pub(crate) fn failing(number: u32) -> Credential {
        let state = CredentialState::Failing { cause: Cause::Disabled, aadsts: Some(50057), since: NOW, retry_at: NOW };
        Credential { state, ..credential(number) }
    }

    pub(crate) fn directory() -> Directory {
        let mut directory =
            Directory::new(DirectoryId::new(uuid::Uuid::from_u128(7)), "contoso.example".to_owned(), NOW);
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
        directory
    }

    pub(crate) fn ran(state: RunState) -> Run {
        Run { state, ..Run::requested(directory().id, Trigger::Schedule, NOW) }
    }

    /// What is told when the credentials change from one list to another.
    fn told(before: &[Credential], after: &[Credential]) -> Vec<(Change, Condition)> {
        let directory = directory();
        let situation = |credentials| Situation {
            directory: &directory,
            credentials,
            run: None,
            interval: SignedDuration::from_mins(5),
            client_secret_expires: None,
            now: NOW,
        };
        let open = situation(before).conditions(&BTreeSet::new());
        let now = situation(after).conditions(&open);
        news(&open, &now, &situation(after)).into_iter().map(|alert| (alert.change, alert.condition)).collect()
    }

    fn is_failing(number: u32) -> Condition {
        Condition::CredentialFailing { administrator: administrator(number) }
    }

    #[test]
    fn one_event_is_one_alert() {
        use Change::{Opened, Recovered};
        use Condition::{NoWorkingCredential, OneCredentialLeft};
        let (a, b, c) = (credential(1), credential(2), credential(3));
        let (fa, fb) = (failing(1), failing(2));
        let table = [
            (vec![a.clone()], vec![a.clone()], vec![]),
            (vec![a.clone()], vec![fa.clone()], vec![(Opened, NoWorkingCredential)]),
            (vec![fa.clone()], vec![a.clone()], vec![(Recovered, NoWorkingCredential)]),
            (vec![a.clone(), b.clone()], vec![fa.clone(), b.clone()], vec![(Opened, OneCredentialLeft)]),
            (vec![fa.clone(), b.clone()], vec![a.clone(), b.clone()], vec![(Recovered, OneCredentialLeft)]),
            (vec![fa.clone(), b.clone()], vec![fa.clone(), fb.clone()], vec![(Opened, NoWorkingCredential)]),
            (vec![fa.clone(), fb.clone()], vec![fa.clone(), b.clone()], vec![(Recovered, NoWorkingCredential)]),
            (
                vec![a.clone(), b.clone(), c.clone()],
                vec![fa.clone(), b.clone(), c.clone()],
                vec![(Opened, is_failing(1))],
            ),
            (vec![fa.clone(), b.clone(), c.clone()], vec![a.clone(), b.clone(), c], vec![(Recovered, is_failing(1))]),
            (vec![fa, b], vec![a, fb], vec![(Opened, is_failing(2)), (Recovered, is_failing(1))]),
        ];
        for (before, after, expected) in table {
            assert_eq!(told(&before, &after), expected, "{before:?} -> {after:?}");
        }
    }

    /// What becomes of the conditions that are told of when these follow those.
    fn changes(open: &BTreeSet<Condition>, now: &BTreeSet<Condition>) -> Vec<Change> {
        let directory = directory();
        let situation = Situation {
            directory: &directory,
            credentials: &[],
            run: None,
            interval: SignedDuration::from_mins(5),
            client_secret_expires: None,
            now: NOW,
        };
        news(open, now, &situation).into_iter().map(|alert| alert.change).collect()
    }

    #[test]
    fn each_group_whose_members_become_unknown_is_told_of() {
        let gaps = |groups: &[&str]| {
            let groups = groups.iter().map(|group| group.parse().unwrap()).collect();
            BTreeSet::from([Condition::Gaps { groups }])
        };
        assert_eq!(changes(&gaps(&[]), &gaps(&["a"])), [Change::Opened]);
        assert_eq!(changes(&gaps(&["a"]), &gaps(&["a", "b"])), [Change::Opened]);
        assert_eq!(changes(&gaps(&["a", "b"]), &gaps(&["b"])), []);
        assert_eq!(changes(&gaps(&["b"]), &gaps(&[])), []);
        assert_eq!(changes(&gaps(&["b"]), &BTreeSet::new()), [Change::Recovered]);
    }

    #[test]
    fn a_closer_end_of_the_secret_is_no_recovery_of_the_earlier_notice() {
        let set = |days| BTreeSet::from([Condition::ClientSecretExpiring { days }]);
        assert_eq!(changes(&set(30), &set(7)), [Change::Opened]);
        assert_eq!(changes(&set(7), &BTreeSet::new()), [Change::Recovered]);
    }
}
