//! Things in the words of those who read pages.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use shared::directory::{Presence, UserRecord};
use shared::filter::{GroupDecision, InactiveReason, SkipReason, UserDecision, UserOutcome};
use shared::sync::{Run, RunState, Trigger};

/// A point in time, in UTC; where scripts run, in the reader's zone with UTC beside it.
pub(super) fn time(at: Timestamp) -> Markup {
    let utc = at.to_zoned(TimeZone::UTC);
    html! {
        time datetime=(at.strftime("%Y-%m-%dT%H:%M:%SZ")) title=(utc.strftime("%Y-%m-%d %H:%M:%S UTC")) {
            (utc.strftime("%Y-%m-%d %H:%M UTC"))
        }
    }
}

/// A point in time, or a word for none.
pub(super) fn time_or(at: Option<Timestamp>, none: &str) -> Markup {
    html! {
        @if let Some(at) = at { (time(at)) } @else { span.quiet { (none) } }
    }
}

/// A number with its noun: "1 user", "2,500 users".
pub(super) fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number), if number == 1 { one } else { many })
}

/// The most rows of a table that has no further pages. With names at their limits, they fit what Lambda passes on.
pub(super) const MAX_ROWS: usize = 500;
/// How many characters of a name are shown where there are very many names.
const SHORT: usize = 64;

/// Says below such a table how many rows it leaves out.
pub(super) fn left_out(rows: usize) -> Markup {
    html! { @if rows > MAX_ROWS { p.quiet { "And " (thousands(rows - MAX_ROWS)) " more." } } }
}

/// A number with commas.
pub(super) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count that is kept as it changes, and is never below nought for readers.
pub(super) fn count(number: i64) -> String {
    thousands(usize::try_from(number).unwrap_or_default())
}

/// How long something took.
pub(super) fn duration(milliseconds: i64) -> String {
    match milliseconds {
        ..1_000 => format!("{milliseconds} ms"),
        1_000..60_000 => format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100),
        _ => format!("{} min {} s", milliseconds / 60_000, milliseconds / 1_000 % 60),
    }
}

/// A decision as a mark: the word says it, the colour only repeats it.
pub(super) fn mark(class: &'static str, text: &str) -> Markup {
    html! { span class={ "mark " (class) } { (text) } }
}

pub(super) fn decision(decision: &UserDecision) -> Markup {
    match decision {
        UserDecision::Active => mark("good", "active"),
        UserDecision::Inactive(_) => mark("bad", "inactive"),
    }
}

/// Why a user is inactive; nothing for who is active.
pub(super) fn reason(decision: &UserDecision) -> &'static str {
    why(decision.outcome())
}

/// Why users with this outcome are inactive; nothing for those who are active.
pub(super) fn why(outcome: UserOutcome) -> &'static str {
    match outcome {
        UserOutcome::Active => "",
        UserOutcome::Deleted => "deleted in the tenant",
        UserOutcome::DisabledInOffice365 => "disabled in Office 365",
        UserOutcome::MemberOfIgnoredGroup => "member of an ignored group",
        UserOutcome::NotInAllowedGroup => "in no allowed group",
        UserOutcome::MembershipUnknown => "the members of a group that decides are unknown",
    }
}

pub(super) fn inactive(reason: &InactiveReason) -> &'static str {
    why(reason.outcome())
}

pub(super) fn skipped(reason: SkipReason) -> &'static str {
    match reason {
        SkipReason::GroupSyncOff => "group sync is off",
        SkipReason::NoEmail => "has no mail address",
        SkipReason::PrefixNotAllowed => "its name begins with no allowed prefix",
    }
}

pub(super) fn group_decision(decision: GroupDecision) -> Markup {
    match decision {
        GroupDecision::Synced => mark("good", "synced"),
        GroupDecision::Skipped { reason } => html! { (mark("quiet", "skipped")) " " (skipped(reason)) },
    }
}

/// What to call a user.
pub(super) fn name_of(user: &UserRecord) -> &str {
    let profile = &user.profile;
    let names = [&profile.display_name, &profile.user_principal_name, &profile.mail];
    names.into_iter().flatten().map(|name| name.trim()).find(|name| !name.is_empty()).unwrap_or("(no name)")
}

/// What became of an account in the tenant.
pub(super) fn presence(presence: Presence) -> Markup {
    match presence {
        Presence::Present => html! { "exists in the tenant" },
        Presence::Deleted { since } => html! { "deleted in the tenant, seen " (time(since)) },
        Presence::Unseen => html! { "named as a member, but never read" },
    }
}

pub(super) fn trigger(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Schedule => "schedule",
        Trigger::Manual => "asked for",
        Trigger::Authorization => "new authorization",
        Trigger::Settings => "new settings",
        Trigger::Hold => "answered hold",
    }
}

pub(super) fn run_state(run: &Run) -> Markup {
    match run.state {
        RunState::Queued => mark("busy", "waiting"),
        RunState::Running => mark("busy", "running"),
        RunState::Paused => mark("busy", "paused"),
        RunState::Succeeded => mark("good", "succeeded"),
        RunState::CompletedWithGaps => mark("warn", "completed with gaps"),
        RunState::Held => mark("warn", "held"),
        RunState::Failed => mark("bad", "failed"),
        RunState::Interrupted => mark("warn", "interrupted"),
    }
}

/// The beginning of a name, to be shown where there are very many names.
pub(super) fn short(name: &str) -> String {
    let mut short: String = name.chars().take(SHORT).collect();
    if short.len() < name.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_durations_are_written_for_people() {
        let numbers: Vec<String> = [0, 7, 999, 1_000, 1_234_567].into_iter().map(thousands).collect();
        assert_eq!(numbers, ["0", "7", "999", "1,000", "1,234,567"]);
        assert_eq!((counted(1, "user", "users").as_str(), count(-3).as_str()), ("1 user", "0"));
        let durations: Vec<String> = [7, 999, 1_250, 61_000].into_iter().map(duration).collect();
        assert_eq!(durations, ["7 ms", "999 ms", "1.2 s", "1 min 1 s"]);
    }

    #[test]
    fn a_time_is_exact_for_machines_and_short_for_people() {
        let markup = time("2026-03-01T10:42:07.5Z".parse().unwrap()).into_string();
        assert_eq!(
            markup,
            "<time datetime=\"2026-03-01T10:42:07Z\" title=\"2026-03-01 10:42:07 UTC\">2026-03-01 10:42 UTC</time>"
        );
    }
}
