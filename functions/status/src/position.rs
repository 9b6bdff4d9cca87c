//! Positions in a directory's log of changes: what `next_cursor` of the feed and `as_of` of a listing of users name.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use shared::directory::{ChangeId, Directory};
use shared::http::{Listing, Problem, ProblemKind};
use shared::store::{Before, Changes, Logged, StoreError};
use shared::sync::{Run, RunId};

use crate::App;

/// Stands for users whose publication no run is known to have changed.
const UNSWITCHED: &str = "-";

/// A position in the log, valid as long as users are, or are not, published, and as long as the log is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    /// The change behind which it is; `None` before the first one.
    after: Option<ChangeId>,
    /// The run that has last changed whether users are published: the first one to publish anything, at first.
    users_since: Option<RunId>,
    /// The log that has the numbers ([`shared::store::ChangeStore::log_name`]).
    log: String,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let after = self.after.map_or(0, ChangeId::number);
        match self.users_since {
            None => write!(f, "{after}.{UNSWITCHED}.{}", self.log),
            Some(run) => write!(f, "{after}.{run}.{}", self.log),
        }
    }
}

/// Text that is no position.
#[derive(Debug)]
pub(crate) struct InvalidPosition;

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let (after, rest) = text.split_once('.').ok_or(InvalidPosition)?;
        let (since, log) = rest.split_once('.').ok_or(InvalidPosition)?;
        let users_since = if since == UNSWITCHED { None } else { Some(since.parse().map_err(|_| InvalidPosition)?) };
        let after = after.parse().map_err(|_| InvalidPosition)?;
        Ok(Self { after: ChangeId::new(after), users_since, log: log.to_owned() })
    }
}

impl Position {
    /// Behind a change, in the directory as it is now.
    pub(crate) fn behind(app: &App, directory: &Directory, after: Option<ChangeId>) -> Self {
        let users_since = directory.published.as_ref().and_then(|published| published.users_since);
        Self { after, users_since, log: app.changes.log_name() }
    }

    /// The end of the log. What is read afterwards has everything that lies before it.
    pub(crate) async fn end(app: &App, directory: &Directory) -> Result<Self, StoreError> {
        Ok(Self::behind(app, directory, app.changes.last_change(directory.id).await?))
    }

    /// The position from which on all is told that has changed since a time.
    ///
    /// Changes bear the time at which a run began to write some of them, and become visible one after the other. So whoever has
    /// read something while a run was under way is told all of that run.
    pub(crate) async fn at_time(app: &App, directory: &Directory, time: Timestamp) -> Result<Self, Problem> {
        let before = match app.changes.change_before(directory.id, time).await? {
            Before::TooOld => {
                let why = "What has changed since then is no longer kept: changes are kept for 30 days.";
                return Err(start_over(why));
            }
            // From the very first change on there is everything, whatever was visible at that time.
            Before::Change(None) => return Ok(Self::behind(app, directory, None)),
            Before::Change(Some(before)) => before,
        };
        let is_under_way = |run: &Run| run.finished_at.is_none_or(|end| time <= end);
        if let Some(run) = directory.published.as_ref().and_then(|published| published.users_since)
            && app.runs.run(directory.id, run).await?.is_some_and(|run| is_under_way(&run))
        {
            return Err(switched());
        }
        let run = match app.changes.change(directory.id, before).await? {
            Some(logged) => app.runs.run(directory.id, logged.run).await?.filter(is_under_way),
            None => None,
        };
        let after = match run.map(|run| run.changes_after) {
            Some(begin) => begin.and_then(ChangeId::new).min(Some(before)),
            None => Some(before),
        };
        Ok(Self::behind(app, directory, after))
    }

    /// The text that is sent.
    pub(crate) fn print(&self, directory: &Directory) -> String {
        listing(directory).cursor(self)
    }

    /// Reads what [`Self::print`] has written, and nothing else.
    pub(crate) fn parse(directory: &Directory, text: &str) -> Result<Self, Problem> {
        // Earlier versions wrote the position in clear, without a check.
        let is_of_earlier_version = text.split('.').count() == 3 && text.parse::<Self>().is_ok();
        if is_of_earlier_version {
            return Err(start_over("This cursor was made by an earlier version."));
        }
        Ok(listing(directory).position(text)?)
    }

    /// Some of the changes behind this position, the position behind them, and whether there are more.
    pub(crate) async fn next(
        &self,
        app: &App,
        directory: &Directory,
        limit: usize,
    ) -> Result<(Vec<Logged>, Self, bool), Problem> {
        let now = Self::behind(app, directory, self.after);
        if self.log != now.log {
            return Err(start_over("Since then what is known here was restored from a backup."));
        }
        if self.users_since != now.users_since {
            return Err(switched());
        }
        match app.changes.changes(directory.id, self.after, limit).await? {
            Changes::Next { changes, more } => {
                let after = changes.last().map(|last| last.id).or(self.after);
                Ok((changes, Self { after, ..now }, more))
            }
            Changes::TooOld => Err(start_over("The next change is no longer kept: changes are kept for 30 days.")),
            Changes::NotReached => Err(Problem::new(
                ProblemKind::InvalidCursor,
                "The cursor names a change that has not happened. Take the cursor from the answer before.",
            )),
        }
    }
}

fn listing(directory: &Directory) -> Listing {
    Listing::new(directory.id, "changes", &[])
}

/// The answer to whoever asks across a change of what is visible.
pub(crate) fn switched() -> Problem {
    start_over("Since then it was changed whether users are published at all, which no single change tells.")
}

/// The answer to a position from which nothing leads on.
pub(crate) fn start_over(why: &str) -> Problem {
    let how = "Ask without `since` for a new cursor, or for users without `changed_since` for a new `as_of`, then read everything \
        again, and go on from there.";
    Problem::new(ProblemKind::CursorTooOld, format!("{why} {how}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_reads_as_it_was_written() {
        let run = "03a35294-4000-7cf5-9a21-5e9b34798e43".parse().unwrap();
        for position in [
            Position { after: None, users_since: None, log: "log".to_owned() },
            Position { after: ChangeId::new(7), users_since: Some(run), log: "log_1-x".to_owned() },
        ] {
            assert_eq!(position.to_string().parse::<Position>().unwrap(), position);
        }
        for text in ["", "7", "7.", "7.-", "x.-.log", "7.x.log", "99999999999999999999999.-.log"] {
            assert!(text.parse::<Position>().is_err(), "{text}");
        }
    }
}
