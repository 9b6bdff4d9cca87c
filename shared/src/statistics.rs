//! A directory's days: how it stood, and who came and went.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::directory::{Directory, DirectoryCounts};

/// How long days are kept: a year and a bit, so that a year can be looked back at.
pub const RETENTION: SignedDuration = SignedDuration::from_hours(400 * 24);

/// A day, in UTC. Days on which nothing changed may be missing: everything stood as on the last one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// Which.
    pub date: Date,
    /// How many there were of each after the last run of the day that changed anything.
    pub counts: DirectoryCounts,
    /// Users who became active.
    pub activated: u64,
    /// Users who became inactive.
    pub deactivated: u64,
}

impl Day {
    /// What a run that publishes these counts now adds to its day; `None` when there is nothing to note. The first run of a day is
    /// noted in any case.
    #[must_use]
    pub fn noted(
        directory: &Directory,
        counts: DirectoryCounts,
        activated: u64,
        deactivated: u64,
        now: Timestamp,
    ) -> Option<Self> {
        let date = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
        let is_noted = directory.published.as_ref().is_some_and(|before| {
            date(before.at) == date(now) && before.counts == counts && activated == 0 && deactivated == 0
        });
        (!is_noted).then(|| Self { date: date(now), counts, activated, deactivated })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::directory::{DirectoryId, Published};
    use crate::sync::RunId;

    fn at(hour: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hour)
    }

    #[test]
    fn a_day_is_noted_when_it_begins_and_when_anything_changes() {
        let mut directory = Directory::new(DirectoryId::new(uuid::Uuid::nil()), String::new(), at(0));
        let counts = DirectoryCounts { active: 7, ..DirectoryCounts::default() };
        assert!(Day::noted(&directory, counts, 7, 0, at(1)).is_some(), "the first time");
        directory.published = Some(Published {
            run: RunId::new(at(1)),
            at: at(1),
            settings_version: 1,
            users: true,
            users_since: None,
            counts,
            vanished_groups: Vec::new(),
            watched_groups: None,
            uncompared_groups: BTreeSet::new(),
            groups_in_doubt: BTreeSet::new(),
        });
        assert_eq!(Day::noted(&directory, counts, 0, 0, at(23)), None);
        let next_day = Day { date: jiff::civil::date(1970, 1, 2), counts, activated: 0, deactivated: 0 };
        assert_eq!(Day::noted(&directory, counts, 0, 0, at(24)), Some(next_day));
        assert!(Day::noted(&directory, counts, 1, 1, at(2)).is_some(), "as many came as went");
        assert!(Day::noted(&directory, DirectoryCounts { active: 6, ..counts }, 0, 1, at(2)).is_some());
    }
}
