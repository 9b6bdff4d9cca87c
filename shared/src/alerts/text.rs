//! The news as a mail for an administrator who knows nothing of this software.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::change::{Alert, Change};
use super::condition::{Condition, INACTIVITY, Situation};
use crate::credentials::{Credential, CredentialState};
use crate::directory::UserId;
use crate::sync::HoldSummary;

/// The longest subject of a mail (Amazon SNS API reference, `Publish`).
const LONGEST_SUBJECT: usize = 100;
/// How many administrators or gaps are named; the rest is counted.
const NAMED: usize = 10;

/// What happened, what it means for people's access, and what to do.
struct Words {
    headline: &'static str,
    happened: String,
    means: &'static str,
    todo: String,
}

/// An alert in words.
pub(super) fn alert(
    condition: &Condition,
    change: Change,
    situation: &Situation<'_>,
    now: &BTreeSet<Condition>,
) -> Alert {
    let words = match change {
        Change::Opened => opened(condition, situation),
        Change::Recovered => recovered(condition, situation, now),
    };
    let directory = situation.directory;
    let body = format!(
        "What happened\n{}\n\nWhat it means\n{}\n\nWhat to do\n{}\n\nDirectory: {} ({})\nTime: {}\n",
        words.happened,
        words.means,
        words.todo,
        directory.name,
        directory.id,
        minute(situation.now),
    );
    Alert {
        directory: directory.id,
        condition: condition.clone(),
        change,
        at: situation.now,
        subject: subject(words.headline, &directory.name),
        body,
    }
}

/// The headline is short enough by itself; a long name of a directory is cut.
fn subject(headline: &str, directory: &str) -> String {
    let text = format!("Office 365 Sync: {headline} - {directory}");
    let is_fine = |c: &char| c.is_ascii_graphic() || *c == ' ';
    text.chars().map(|c| if is_fine(&c) { c } else { '?' }).take(LONGEST_SUBJECT).collect()
}

fn opened(condition: &Condition, situation: &Situation<'_>) -> Words {
    match condition {
        Condition::NoWorkingCredential => Words {
            headline: "no authorization works any more",
            happened: format!(
                "No administrator's authorization to read Microsoft 365 works any more.\n{}",
                failing(situation)
            ),
            means: "The directory is not synced. Everybody keeps the access they have now: new people get none, and \
                    people who leave keep theirs until an authorization works again.",
            todo:
                "Authorize again as an administrator, at the address of this deployment that ends in /oauth/authorize."
                    .to_owned(),
        },
        Condition::ApplicationRefused => Words {
            headline: "Microsoft refuses the application",
            happened: situation.run.and_then(|run| run.failure.as_ref()).map_or_else(
                || "Microsoft refuses this application itself, whichever administrator authorized it.".to_owned(),
                |failure| failure.message.clone(),
            ),
            means: "The directory is not synced. Everybody keeps the access they have now, and people who leave keep \
                    theirs until this is mended.",
            todo: "Whoever operates this deployment should do what is said above. The last run says it too.".to_owned(),
        },
        Condition::NotSynced => Words {
            headline: "not synced for a while",
            happened: format!(
                "The last good sync was at {}, more than three intervals ago.",
                minute(situation.last_good())
            ),
            means: "What others see of this directory grows old: people who leave keep their access, new people get none.",
            todo: "Look at the directory's last run: it says why it failed, and what to do. If there is none, look \
                   whether the schedule runs."
                .to_owned(),
        },
        Condition::Held => {
            let held = situation.run.and_then(|run| run.hold.as_ref()).map(held_back).unwrap_or_default();
            Words {
                headline: "changes wait for your approval",
                happened: format!("A sync found what is too much to do unasked:{held}"),
                means: "None of that was done: because of it, nobody lost access, and nobody gained any. Everything else \
                        is synced.",
                todo:
                    "Look at whom it names. If that is meant, approve the hold. If not, find out what has changed in \
                       Microsoft 365 or in the settings; nothing happens meanwhile."
                        .to_owned(),
            }
        }
        Condition::OneCredentialLeft => Words {
            headline: "only one authorization is left",
            happened: format!(
                "Of several administrators' authorizations, only one still works.\n{}",
                failing(situation)
            ),
            means: "The sync goes on and nobody's access is affected. If the last one stops working too, the sync stops.",
            todo: "Mend the ones that fail, or authorize with another administrator's account.".to_owned(),
        },
        Condition::CredentialFailing { administrator } => one_failing(administrator, situation),
        Condition::Gaps { .. } => Words {
            headline: "not everything could be read",
            happened: gaps(situation),
            means: "What could not be read stays as it was: a change of membership there is not seen yet. Everything \
                    else is synced.",
            todo: "Usually the next runs read it. If this stays, check that the authorized administrators may read \
                   these groups."
                .to_owned(),
        },
        Condition::CredentialExpiring { administrator } => one_unused(administrator, situation),
        Condition::ClientSecretExpiring { days: 0 } => Words {
            headline: "the client secret has expired",
            happened: format!("The client secret of the app registration ended on {}.", secret_day(situation)),
            means: "Microsoft no longer lets this deployment in: directories are not synced, and everybody keeps the \
                    access they have now.",
            todo: new_secret(),
        },
        Condition::ClientSecretExpiring { .. } => Words {
            headline: "the client secret expires soon",
            happened: format!("The client secret of the app registration ends on {}.", secret_day(situation)),
            means: "Nobody's access is affected now. After that day no directory of this deployment is synced.",
            todo: new_secret(),
        },
    }
}

fn one_failing(administrator: &UserId, situation: &Situation<'_>) -> Words {
    Words {
        headline: "an authorization has stopped working",
        happened: match named(situation, administrator) {
            Some(credential) => line(credential),
            None => format!("The authorization of {administrator} does not work."),
        },
        means: "The sync goes on with another administrator's authorization, and nobody's access is affected.",
        todo: "Follow the advice above, so that there is a backup when it is needed.".to_owned(),
    }
}

fn one_unused(administrator: &UserId, situation: &Situation<'_>) -> Words {
    Words {
        headline: "an authorization will expire unused",
        happened: match named(situation, administrator) {
            Some(credential) => format!(
                "The authorization of {} has not been used since {}. Microsoft drops it after 90 days without use, at {}.",
                credential.user_principal_name,
                minute(credential.last_used_at()),
                credential.last_used_at().checked_add(INACTIVITY).map_or_else(|_| "?".to_owned(), minute),
            ),
            None => format!("The authorization of {administrator} is not used."),
        },
        means: "Nobody's access is affected now. Every authorization is used daily by itself, so something keeps \
                this one from being tried.",
        todo: "Look into the log of the sync function, or authorize again with this account.".to_owned(),
    }
}

fn recovered(condition: &Condition, situation: &Situation<'_>, now: &BTreeSet<Condition>) -> Words {
    let (headline, happened) = match condition {
        Condition::NoWorkingCredential => {
            ("recovered: an authorization works", "An administrator's authorization works again.")
        }
        Condition::ApplicationRefused => {
            ("recovered: Microsoft accepts the application", "Microsoft accepts the application again.")
        }
        Condition::NotSynced => ("recovered: synced again", "The directory was synced again."),
        Condition::Held => ("recovered: nothing waits", "Nothing waits for approval any more."),
        Condition::OneCredentialLeft => {
            ("recovered: a backup authorization works", "More than one authorization works, or only one is registered.")
        }
        Condition::CredentialFailing { .. } => (
            "recovered: an authorization works again",
            "An authorization that had stopped working works again, or was removed.",
        ),
        Condition::Gaps { .. } => ("recovered: everything was read", "The last run could read everything."),
        Condition::CredentialExpiring { .. } => {
            ("recovered: an authorization is used again", "The authorization is used again.")
        }
        Condition::ClientSecretExpiring { .. } => (
            "recovered: the client secret is renewed",
            "The client secret of the app registration does not end soon any more.",
        ),
    };
    let whose = match condition {
        Condition::CredentialFailing { administrator } | Condition::CredentialExpiring { administrator } => {
            named(situation, administrator).map(|one| format!("\n- {}", one.user_principal_name)).unwrap_or_default()
        }
        _ => String::new(),
    };
    let (means, todo) = if now.is_empty() {
        ("All is well with this directory.", "Nothing.".to_owned())
    } else {
        let of_credentials =
            now.iter().any(|it| matches!(it, Condition::OneCredentialLeft | Condition::CredentialFailing { .. }));
        let todo = if of_credentials {
            format!("Mend what is left.{}", prefixed(&failing(situation)))
        } else {
            "Look at the directory's status for what is left.".to_owned()
        };
        ("This is over, but something else still needs somebody.", todo)
    };
    Words { headline, happened: format!("{happened}{whose}"), means, todo }
}

fn prefixed(lines: &str) -> String {
    if lines.is_empty() { String::new() } else { format!("\n{lines}") }
}

/// What a hold keeps from happening, a line for each kind.
fn held_back(hold: &HoldSummary) -> String {
    let parts = [
        (hold.deactivations, ["user would become inactive", "users would become inactive"]),
        (hold.group_removals, ["group would go", "groups would go"]),
        (hold.membership_removals, ["membership would go", "memberships would go"]),
    ];
    let said = parts.into_iter().filter(|(number, _)| *number > 0);
    let lines = said.map(|(number, [one, many])| format!("\n- {number} {}", if number == 1 { one } else { many }));
    lines.collect::<Vec<_>>().concat()
}

fn named<'a>(situation: &Situation<'a>, administrator: &UserId) -> Option<&'a Credential> {
    situation.credentials.iter().find(|credential| credential.administrator == *administrator)
}

/// The authorizations that do not work, each with its cause and advice.
fn failing(situation: &Situation<'_>) -> String {
    let failing: Vec<_> = situation.credentials.iter().filter(|credential| !credential.is_working()).collect();
    let mut lines: Vec<String> =
        failing.iter().take(NAMED).map(|credential| format!("- {}", line(credential))).collect();
    if failing.len() > NAMED {
        lines.push(format!("- and {} more", failing.len() - NAMED));
    }
    lines.join("\n")
}

fn line(credential: &Credential) -> String {
    let name = &credential.user_principal_name;
    match &credential.state {
        CredentialState::Working => format!("{name} works."),
        CredentialState::Failing { cause, since, .. } => {
            format!("{name}, since {}: {} {}", minute(*since), cause.explanation(), cause.advice())
        }
    }
}

fn gaps(situation: &Situation<'_>) -> String {
    let gaps = situation.run.map(|run| run.gaps.as_slice()).unwrap_or_default();
    let mut text = "The last run could not read everything:".to_owned();
    for gap in gaps.iter().take(NAMED) {
        text.push_str("\n- ");
        text.push_str(gap);
    }
    if gaps.len() > NAMED {
        text.push_str("\n- and more; the record of the run names them");
    }
    text
}

fn new_secret() -> String {
    "Create a new client secret in the app registration, put its value into the secret store, and set \
     CLIENT_SECRET_EXPIRES to its date. Nobody needs to authorize again."
        .to_owned()
}

fn secret_day(situation: &Situation<'_>) -> String {
    situation.client_secret_expires.map_or_else(|| "an unknown day".to_owned(), |day| day.to_string())
}

/// A time to the minute.
fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use jiff::civil::date;

    use super::*;
    use crate::alerts::change::tests::{NOW, administrator, credential, directory, failing, ran};
    use crate::directory::Directory;
    use crate::sync::RunState;

    fn all() -> Vec<Condition> {
        vec![
            Condition::NoWorkingCredential,
            Condition::ApplicationRefused,
            Condition::NotSynced,
            Condition::Held,
            Condition::OneCredentialLeft,
            Condition::CredentialFailing { administrator: administrator(2) },
            Condition::Gaps { groups: BTreeSet::new() },
            Condition::CredentialExpiring { administrator: administrator(1) },
            Condition::ClientSecretExpiring { days: 7 },
            Condition::ClientSecretExpiring { days: 0 },
        ]
    }

    fn written(directory: &Directory) -> Vec<Alert> {
        let credentials = [credential(1), failing(2)];
        let mut run = ran(RunState::CompletedWithGaps);
        run.gaps = vec!["the members of group 7 could not be read".to_owned()];
        let situation = Situation {
            directory,
            credentials: &credentials,
            run: Some(&run),
            interval: SignedDuration::from_mins(5),
            client_secret_expires: Some(date(2026, 1, 5)),
            now: NOW,
        };
        let none = BTreeSet::new();
        let each =
            |condition| [Change::Opened, Change::Recovered].map(|change| alert(condition, change, &situation, &none));
        all().iter().flat_map(each).collect()
    }

    #[test]
    fn a_subject_is_a_hundred_ascii_characters_at_most() {
        let long = Directory { name: "x".repeat(200), ..directory() };
        let odd = Directory { name: "s\u{fc}d\n\u{5317}.example".to_owned(), ..directory() };
        for alert in written(&long).iter().chain(&written(&odd)) {
            assert!(alert.subject.len() <= LONGEST_SUBJECT, "{}", alert.subject);
            assert!(alert.subject.chars().all(|c| c.is_ascii_graphic() || c == ' '), "{}", alert.subject);
        }
        // The usual name is not cut.
        assert!(written(&directory()).iter().all(|alert| alert.subject.ends_with("contoso.example")));
    }

    #[test]
    fn a_body_says_what_happened_what_it_means_and_what_to_do_and_where() {
        for alert in written(&directory()) {
            for part in ["What happened\n", "What it means\n", "What to do\n", "contoso.example (00000000-"] {
                assert!(alert.body.contains(part), "{}", alert.body);
            }
            assert!(!alert.body.contains("\n\n\n"), "{}", alert.body);
        }
    }

    #[test]
    fn a_failing_credential_is_named_with_its_cause_and_advice() {
        let alerts = written(&directory());
        for condition in
            [Condition::OneCredentialLeft, Condition::CredentialFailing { administrator: administrator(2) }]
        {
            let alert =
                alerts.iter().find(|alert| alert.condition == condition && alert.change == Change::Opened).unwrap();
            for part in ["admin-2@contoso.example", "is disabled in Microsoft 365", "Enable the account again"] {
                assert!(alert.body.contains(part), "{}", alert.body);
            }
        }
    }

    #[test]
    fn debug_output_names_nobody() {
        for alert in written(&directory()) {
            assert!(!format!("{alert:?}").contains("contoso"), "{alert:?}");
        }
    }
}
