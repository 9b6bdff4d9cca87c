//! The run at work, as it is now.

use maud::{Markup, html};
use shared::health::Overview;
use shared::sync::RunState;

use crate::pages::layout::path;
use crate::pages::words::{run_state, thousands, time, trigger};

/// What changes while a run is at work. Scripts fetch it again as long as it says so.
pub(super) fn live(overview: &Overview) -> Markup {
    let directory = &overview.directory;
    html! {
        div #live role="status" data-again=[overview.current_run.is_some().then(|| path(directory, "/state"))] {
            @if let Some(run) = &overview.current_run {
                div.card {
                    p { strong { "A sync is at work. " } (run_state(run)) }
                    p.quiet {
                        "Because of: " (trigger(run.trigger)) ". "
                        @match run.started_at {
                            Some(at) => { "Began " (time(at)) "." },
                            None => { "Asked for " (time(run.requested_at)) "; it begins as soon as the queue delivers it." },
                        }
                        @if run.state == RunState::Paused { " It was cut off, and goes on by itself." }
                        @if run.effort.graph_requests > 0 { " " (thousands(usize::try_from(run.effort.graph_requests).unwrap_or_default())) " requests so far." }
                    }
                }
            }
        }
    }
}
