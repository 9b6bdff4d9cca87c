//! The run at work, as it is now.

use jiff::Timestamp;
use maud::{Markup, html};
use shared::health::Overview;
use shared::store::NotedProgress;
use shared::sync::{Progress, Run, RunState};

use crate::Site;
use crate::pages::failure::Failure;
use crate::pages::layout::path;
use crate::pages::words::{counted, duration, run_state, thousands, time, trigger};

/// What changes while a run is at work. Scripts fetch it again as long as it says so.
pub(super) async fn live(site: &Site, overview: &Overview) -> Result<Markup, Failure> {
    let directory = &overview.directory;
    let noted = match &overview.current_run {
        Some(run) => site.progress.progress(directory.id).await?.filter(|noted| noted.run == run.id),
        None => None,
    };
    let now = site.app.clock.now();
    Ok(html! {
        div #live role="status" data-again=[overview.current_run.is_some().then(|| path(directory, "/state"))] {
            @if let Some(run) = &overview.current_run { (at_work(run, noted.as_ref(), now)) }
        }
    })
}

fn at_work(run: &Run, noted: Option<&NotedProgress>, now: Timestamp) -> Markup {
    html! {
        div.card {
            p { strong { "A sync is at work. " } (run_state(run)) }
            @if let Some(noted) = noted { (step(noted.progress)) }
            p.quiet {
                "Because of: " (trigger(run.trigger)) ". "
                @match run.started_at {
                    Some(at) => {
                        "Began " (time(at)) ", "
                        (duration(i64::try_from(now.duration_since(at).as_millis()).unwrap_or_default())) " ago."
                    }
                    None => { "Asked for " (time(run.requested_at)) "; it begins as soon as the queue delivers it." },
                }
                @if run.state == RunState::Paused { " It was cut off, and goes on by itself." }
                @if run.effort.graph_requests > 0 {
                    " " (thousands(usize::try_from(run.effort.graph_requests).unwrap_or_default())) " requests before that."
                }
            }
        }
    }
}

fn step(progress: Progress) -> Markup {
    let (words, share) = match progress {
        Progress::ReadingChanges => ("Reading what has changed.".to_owned(), None),
        Progress::ReadingLists => ("Reading the lists of users and groups.".to_owned(), None),
        Progress::ReadingMembers { users, done, groups } => (
            format!(
                "Read {}; reading the members of {} of {}.",
                counted(users, "user", "users"),
                thousands(done),
                counted(groups, "group", "groups")
            ),
            Some((done, groups)),
        ),
        Progress::Planning => ("Deciding who is active.".to_owned(), None),
        Progress::Writing { done, of } => {
            (format!("Wrote {} of {} changes.", thousands(done), thousands(of)), Some((done, of)))
        }
    };
    html! {
        p { (words) }
        @if let Some((done, of)) = share { progress.run aria-label="Progress of this step" value=(done) max=(of.max(1)) {} }
    }
}

#[cfg(test)]
mod tests {
    use shared::directory::DirectoryId;
    use shared::sync::Trigger;

    use super::*;

    #[test]
    fn a_run_at_work_says_what_it_does_and_since_when() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut run = Run::requested(DirectoryId::new(uuid::Uuid::nil()), Trigger::Manual, at(0));
        (run.state, run.started_at) = (RunState::Running, Some(at(10)));
        let progress = Progress::ReadingMembers { users: 2_500, done: 12, groups: 50 };
        let noted = NotedProgress { run: run.id, at: at(60), progress };
        let markup = at_work(&run, Some(&noted), at(75)).into_string();
        for words in
            ["Read 2,500 users; reading the members of 12 of 50 groups.", "1 min 5 s ago", "value=\"12\" max=\"50\""]
        {
            assert!(markup.contains(words), "{words}: {markup}");
        }
    }
}
