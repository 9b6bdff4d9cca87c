//! A run's progress for the person who waits for it.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;

use shared::sync::{Progress, ProgressSink};

/// Writes progress to standard error: one line that is written over on a terminal, a line a step elsewhere.
#[derive(Debug)]
pub struct ConsoleProgress {
    terminal: bool,
    last: Mutex<String>,
}

impl Default for ConsoleProgress {
    fn default() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), last: Mutex::default() }
    }
}

impl ProgressSink for ConsoleProgress {
    fn report(&self, progress: Progress) {
        let Ok(mut last) = self.last.lock() else { return };
        let text = describe(progress, self.terminal);
        if *last == text {
            return;
        }
        let mut stderr = std::io::stderr();
        // Nobody can be told when standard error is gone.
        let _ = if self.terminal { write!(stderr, "\r\x1b[2K  {text}") } else { writeln!(stderr, "  {text}") };
        *last = text;
    }
}

impl ConsoleProgress {
    /// Ends the line, so that what follows does not run into it.
    pub fn finish(&self) {
        if let Ok(mut last) = self.last.lock()
            && !std::mem::take(&mut *last).is_empty()
            && self.terminal
        {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}

/// Without a terminal only whole steps are told, so that a log does not fill with numbers.
fn describe(progress: Progress, exact: bool) -> String {
    match progress {
        Progress::ReadingChanges => "Reading what has changed".to_owned(),
        Progress::ReadingLists => "Reading users and groups".to_owned(),
        Progress::ReadingMembers { users, done, groups } if exact => {
            format!("Read {users} users; reading members of groups: {done} of {groups}")
        }
        Progress::ReadingMembers { users, groups, .. } => {
            format!("Read {users} users; reading members of {groups} groups")
        }
        Progress::Planning => "Deciding who is active".to_owned(),
        Progress::Writing { done, of } if exact => format!("Writing: {done} of {of} changes"),
        Progress::Writing { of, .. } => format!("Writing {of} changes"),
    }
}
