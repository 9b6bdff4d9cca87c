//! The summary of a sync, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// What a sync came to: the run's record and the directory as the API shows them.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The directory.
    pub directory: Value,
    /// The run.
    pub run: Value,
}

impl Summary {
    /// True when everything was published.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.run.get("state").and_then(Value::as_str) == Some("succeeded")
    }

    /// For programs.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({"directory": self.directory, "run": self.run})
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let text = |value: &Value, pointer: &str| value.pointer(pointer).map(shown).unwrap_or_default();
        let number = |pointer: &str| self.directory.pointer(pointer).and_then(Value::as_i64).unwrap_or_default();
        let mut out = String::new();
        let line = |out: &mut String, label: &str, value: &str| {
            // Writing to a string does not fail.
            let _ = writeln!(out, "  {label:<22}{value}");
        };
        let _ = writeln!(out, "{} ({})", text(&self.directory, "/name"), text(&self.directory, "/id"));
        line(&mut out, "Authorized by", &text(&self.directory, "/credentials/0/user_principal_name"));
        line(&mut out, "Users active", &number("/counts/users/active").to_string());
        line(&mut out, "Users inactive", &reasons(self.directory.pointer("/counts/users/inactive_by_reason")));
        line(&mut out, "Groups synced", &number("/counts/groups/synced").to_string());
        line(&mut out, "Groups skipped", &reasons(self.directory.pointer("/counts/groups/skipped_by_reason")));
        let run = format!(
            "{} ({}, {} ms)",
            text(&self.run, "/state"),
            text(&self.run, "/reading"),
            text(&self.run, "/duration_ms")
        );
        line(&mut out, "Run", &run);
        line(&mut out, "Graph requests", &text(&self.run, "/effort/graph_requests"));
        line(&mut out, "Items written", &text(&self.run, "/effort/items_written"));
        for (label, list) in [("Gap", "gaps"), ("Warning", "warnings")] {
            for entry in self.run.get(list).and_then(Value::as_array).into_iter().flatten() {
                line(&mut out, label, &shown(entry));
            }
        }
        if let Some(failure) = self.run.pointer("/failure/message") {
            line(&mut out, "Failure", &shown(failure));
        }
        out
    }
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

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
