//! What was measured, beside what was to be reached.

use std::fmt::Display;

use serde_json::{Value, json};

/// One figure.
#[derive(Debug, Clone)]
pub struct Row {
    pub scenario: &'static str,
    pub what: String,
    /// What was to be reached, if anything was.
    pub goal: Option<String>,
    pub measured: String,
    /// Whether it was reached.
    pub holds: Option<bool>,
}

/// All figures, and data for plots.
#[derive(Debug, Default)]
pub struct Report {
    pub rows: Vec<Row>,
    pub data: serde_json::Map<String, Value>,
}

impl Report {
    /// A figure that has a goal.
    pub fn goal(
        &mut self,
        scenario: &'static str,
        what: impl Display,
        goal: impl Display,
        measured: impl Display,
        holds: bool,
    ) {
        self.add(scenario, what, Some(goal.to_string()), measured, Some(holds));
    }

    /// A figure that is just told.
    pub fn tell(&mut self, scenario: &'static str, what: impl Display, measured: impl Display) {
        self.add(scenario, what, None, measured, None);
    }

    fn add(
        &mut self,
        scenario: &'static str,
        what: impl Display,
        goal: Option<String>,
        measured: impl Display,
        holds: Option<bool>,
    ) {
        let row = Row { scenario, what: what.to_string(), goal, measured: measured.to_string(), holds };
        eprintln!("  {}: {}", row.what, row.measured);
        self.rows.push(row);
    }

    /// The figures of some scenarios as a table; of all without any.
    pub fn table(&self, scenarios: &[&str]) -> String {
        let mut table = "| what | goal | measured | holds |\n|---|---|---|---|\n".to_owned();
        for row in self.rows.iter().filter(|row| scenarios.is_empty() || scenarios.contains(&row.scenario)) {
            let holds = row.holds.map_or("", |holds| if holds { "yes" } else { "**no**" });
            let goal = row.goal.as_deref().unwrap_or_default();
            let row = format!("| {} | {goal} | {} | {holds} |\n", row.what, row.measured);
            table += &row;
        }
        table
    }

    /// All figures.
    pub fn markdown(&self) -> String {
        self.table(&[])
    }

    /// The same as JSON.
    pub fn json(&self) -> String {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| json!({"scenario": row.scenario, "what": row.what, "goal": row.goal, "measured": row.measured, "holds": row.holds}))
            .collect();
        serde_json::to_string_pretty(&json!({"figures": rows, "data": self.data})).unwrap() + "\n"
    }
}

/// A number with its thousands apart.
pub fn thousands(number: impl Into<u64>) -> String {
    let digits = number.into().to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        for (number, text) in [(0_u64, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn a_goal_that_is_missed_stands_out() {
        let mut report = Report::default();
        report.goal("full", "requests", "at most 60", 61, false);
        report.tell("idle", "duration", "7 ms");
        assert_eq!(report.table(&["full"]).lines().last(), Some("| requests | at most 60 | 61 | **no** |"));
        assert_eq!(report.markdown().lines().last(), Some("| duration |  | 7 ms |  |"));
    }
}
