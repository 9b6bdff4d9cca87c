//! The summary of a sync, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// What a start came to: the directory and its runs since, oldest first, as the API shows them.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The directory.
    pub directory: Value,
    /// The runs; the last one decides.
    pub runs: Vec<Value>,
}

impl Summary {
    /// True when everything was published.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.last().get("state").and_then(Value::as_str) == Some("succeeded")
    }

    /// True when consumers see users.
    #[must_use]
    pub fn publishes_users(&self) -> bool {
        self.directory.pointer("/counts/users").is_some_and(Value::is_object)
    }

    /// For programs.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({"directory": self.directory, "runs": self.runs})
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = format!("{} ({})\n", shown(self.directory.get("name")), shown(self.directory.get("id")));
        let at = |pointer| self.directory.pointer(pointer);
        line(&mut out, "Authorized by", &shown(at("/credentials/0/user_principal_name")));
        if self.publishes_users() {
            line(&mut out, "Users active", &shown(at("/counts/users/active")));
            line(&mut out, "Users inactive", &reasons(at("/counts/users/inactive_by_reason")));
        } else {
            line(&mut out, "Users", "not published: user sync is off");
        }
        line(&mut out, "Groups synced", &shown(at("/counts/groups/synced")));
        line(&mut out, "Groups skipped", &reasons(at("/counts/groups/skipped_by_reason")));
        for run in &self.runs {
            line(&mut out, "Run", &took(run));
        }
        for (label, list) in [("Gap", "gaps"), ("Warning", "warnings")] {
            for entry in self.last().get(list).and_then(Value::as_array).into_iter().flatten() {
                line(&mut out, label, &shown(Some(entry)));
            }
        }
        if let Some(hold) = self.last().get("hold").filter(|hold| !hold.is_null()) {
            line(&mut out, "Held", &held(hold));
        }
        if let Some(failure) = self.last().pointer("/failure/message") {
            line(&mut out, "Failure", &shown(Some(failure)));
        }
        out
    }

    fn last(&self) -> &Value {
        self.runs.last().unwrap_or(&Value::Null)
    }
}

/// What a run took, or only that it has not ended.
fn took(run: &Value) -> String {
    let sum = |pointer| run.pointer(pointer).filter(|value| !value.is_null()).map(|value| shown(Some(value)));
    let words = [sum("/reading"), sum("/state")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let [Some(ms), Some(requests), Some(items)] =
        ["/duration_ms", "/effort/graph_requests", "/effort/items_written"].map(sum)
    else {
        return words;
    };
    format!("{words} in {ms} ms: {requests} Graph requests, {items} items written")
}

/// What waits, and where to look at it.
fn held(hold: &Value) -> String {
    let kinds = [
        ("deactivations", "deactivations"),
        ("group_removals", "removals of groups"),
        ("membership_removals", "removals of members"),
    ];
    let counted = kinds.map(|(field, name)| (hold.get(field).and_then(Value::as_u64).unwrap_or(0), name));
    let what: Vec<String> =
        counted.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}")).collect();
    format!(
        "{} wait for an answer: GET holds/{}, then POST …/apply or …/discard",
        what.join(", "),
        shown(hold.get("id"))
    )
}

fn line(out: &mut String, label: &str, value: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(out, "  {label:<16}{value}");
}

/// A count by reason: `142: 120 disabled_in_office_365, 22 deleted`.
fn reasons(counts: Option<&Value>) -> String {
    let counts: Vec<(&str, i64)> = counts
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(reason, count)| Some((reason.as_str(), count.as_i64()?)))
        .filter(|(_, count)| *count != 0)
        .collect();
    let total: i64 = counts.iter().map(|(_, count)| count).sum();
    let list: Vec<String> =
        counts.iter().map(|(reason, count)| format!("{count} {}", reason.replace('_', " "))).collect();
    if list.is_empty() { total.to_string() } else { format!("{total}: {}", list.join(", ")) }
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_that_has_not_ended_takes_no_time_yet() {
        let effort = json!({"graph_requests": 2, "items_written": 0});
        let running = json!({"state": "running", "reading": null, "duration_ms": null, "effort": effort});
        assert_eq!(took(&running), "running");
        let ended = json!({"state": "succeeded", "reading": "full", "duration_ms": 12, "effort": effort});
        assert_eq!(took(&ended), "full succeeded in 12 ms: 2 Graph requests, 0 items written");
    }

    #[test]
    fn what_waits_is_counted_by_kind_with_where_to_look() {
        let hold = json!({"id": "h1", "deactivations": 12, "group_removals": 0, "membership_removals": 3});
        assert_eq!(
            held(&hold),
            "12 deactivations, 3 removals of members wait for an answer: GET holds/h1, then POST …/apply or …/discard"
        );
    }
}
