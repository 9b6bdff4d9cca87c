//! What a directory costs a month on AWS, from measured counters and list prices.

use serde_json::{Value, json};

use crate::report::{Report, thousands};

/// List prices in US dollars, region us-east-1, as of November 2026 from AWS's pricing pages and copies of them. The prices of Secrets Manager,
/// SQS and EventBridge Scheduler have not changed for years and were not looked up anew. Free tiers are left out.
mod price {
    /// AWS Lambda on Arm, for each GB-second.
    pub(super) const GB_SECOND: f64 = 0.000_013_333_4;
    /// AWS Lambda, for each invocation.
    pub(super) const INVOCATION: f64 = 0.20 / 1e6;
    /// Amazon DynamoDB on demand, for each write unit.
    pub(super) const WRITE_UNIT: f64 = 0.625 / 1e6;
    /// The same for each read unit.
    pub(super) const READ_UNIT: f64 = 0.125 / 1e6;
    /// Amazon DynamoDB, for each GB and month.
    pub(super) const STORED_GB: f64 = 0.25;
    /// Amazon SQS, for each request.
    pub(super) const QUEUE_REQUEST: f64 = 0.40 / 1e6;
    /// Amazon EventBridge Scheduler, for each invocation.
    pub(super) const TICK: f64 = 1.00 / 1e6;
    /// AWS Secrets Manager, for each secret and month.
    pub(super) const SECRET: f64 = 0.40;
    /// The same for each request.
    pub(super) const SECRET_REQUEST: f64 = 0.05 / 10_000.0;
}

/// The sync function's memory, as the template has it.
const MEMORY_GB: f64 = 0.5;
const MINUTES: f64 = 30.0 * 24.0 * 60.0;
/// A run every five minutes.
const RUNS: f64 = MINUTES / 5.0;
/// Everything is read once a week.
const RECONCILIATIONS: f64 = 30.0 / 7.0;
/// How many of the users change in a month.
const CHANGING: f64 = 0.3;
/// What the loopback does not have: seconds for a request of Graph and of DynamoDB.
const GRAPH_LATENCY: f64 = 0.15;
const DYNAMODB_LATENCY: f64 = 0.005;
/// An access token lasts an hour: as often the secret is read, and a rotated one stored.
const TOKENS: f64 = 30.0 * 24.0;
/// Requests of SQS for a run: sent, received (the event source mapping polls besides, five times in twenty seconds), deleted.
const QUEUE_REQUESTS: f64 = 3.0 * RUNS + MINUTES * 15.0;

fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or_default()
}

/// Seconds that a run takes on AWS: what it took here and what the network adds, with most requests of DynamoDB eight at a time.
fn seconds(run: &Value, graph_rounds: f64) -> f64 {
    number(run, "seconds")
        + graph_rounds * GRAPH_LATENCY
        + number(run, "dynamodb_requests").min(8.0 + number(run, "dynamodb_requests") / 8.0) * DYNAMODB_LATENCY
}

/// Dollars a month by what they are for.
fn monthly(of: &Value) -> Vec<(&'static str, f64)> {
    let (idle, tick, changes, reconciliation) = (&of["idle"], &of["tick"], &of["changes"], &of["reconciliation"]);
    let users = number(of, "users");
    // Twenty users change in the run that was measured; each change may come alone.
    let per_change = |name: &str| (number(changes, name) - number(idle, name)).max(0.0) / 20.0;
    let changing = users * CHANGING;
    let all = |name: &str| {
        number(idle, name) * RUNS
            + number(tick, name) * MINUTES
            + per_change(name) * changing
            + number(reconciliation, name) * RECONCILIATIONS
    };
    // Half of the requests for members of groups wait for others, sixteen at a time.
    let rounds = number(reconciliation, "graph_requests") / 16.0;
    let lambda =
        (seconds(idle, 2.0) * RUNS + seconds(tick, 0.0) * MINUTES + seconds(reconciliation, rounds) * RECONCILIATIONS)
            * MEMORY_GB;
    vec![
        ("Lambda", lambda * price::GB_SECOND + (RUNS + MINUTES) * price::INVOCATION),
        ("DynamoDB writes", all("write_units") * price::WRITE_UNIT),
        ("DynamoDB reads", all("read_units") * price::READ_UNIT),
        ("DynamoDB storage", users * 600.0 / 1e9 * price::STORED_GB),
        ("SQS, EventBridge", QUEUE_REQUESTS * price::QUEUE_REQUEST + MINUTES * price::TICK),
        ("Secrets Manager", 2.0 * price::SECRET + 3.0 * TOKENS * price::SECRET_REQUEST),
    ]
}

pub async fn cost(report: &mut Report) {
    if !report.data.contains_key("sizes") {
        crate::scenarios::changes(report, 100_000).await;
    }
    let sizes = report.data["sizes"].as_array().cloned().unwrap_or_default();
    let mut costs = Vec::new();
    for of in &sizes {
        let parts = monthly(of);
        let sum: f64 = parts.iter().map(|(_, dollars)| dollars).sum();
        let listed: Vec<String> = parts.iter().map(|(name, dollars)| format!("{name} {dollars:.2}")).collect();
        let users = of["users"].as_u64().unwrap_or_default();
        report.tell(
            "cost",
            format!("{} users, US dollars a month", thousands(users)),
            format!("**{sum:.2}**: {}", listed.join(", ")),
        );
        costs.push(json!({"users": users, "dollars": sum, "parts": parts.into_iter().collect::<std::collections::BTreeMap<_, _>>()}));
    }
    report.data.insert("cost".to_owned(), costs.into());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_is_multiplied_with_how_often_it_happens() {
        let none = json!({});
        let of = json!({"users": 0, "idle": {"write_units": 10.0, "seconds": 1.0}, "tick": none, "changes": none, "reconciliation": none});
        let parts: std::collections::BTreeMap<_, _> = monthly(&of).into_iter().collect();
        assert!((parts["DynamoDB writes"] - 10.0 * 8_640.0 * 0.625e-6).abs() < 1e-9);
        // A second, and two rounds of Graph.
        let seconds = 1.3 * 8_640.0 * MEMORY_GB;
        assert!((parts["Lambda"] - seconds * price::GB_SECOND - (8_640.0 + 43_200.0) * 0.2e-6).abs() < 1e-9);
    }
}
