//! Measures whole runs: the real release binary of the sync function as a process of its own, driven by the Lambda runtime API,
//! against a simulated tenant and an embedded DynamoDB, with everything on the way between them counted.
//!
//! `docs/performance.md` says what is measured and how to do it again.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a measurement that cannot go on should stop where it is, and the rest is what it prints"
)]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures are for people"
)]
#![expect(clippy::disallowed_methods, reason = "it measures the machine")]

mod binaries;
mod compare;
mod cost;
mod documents;
mod meter;
mod pages;
mod plot;
mod queries;
mod report;
mod scenarios;
mod world;

use clap::{Parser, ValueEnum};

use report::Report;

/// What to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// A full sync: requests, write units.
    Full,
    /// A run in which nothing has changed.
    Idle,
    /// The same changes in tenants of different sizes.
    Changes,
    /// A change of the settings.
    Settings,
    /// Full syncs of a small and of a very large tenant: time and memory.
    Scale,
    /// A full sync with Graph's latency and limits.
    Throttled,
    /// The pages of a large directory.
    Pages,
    /// The API of a large directory.
    Queries,
    /// The functions' binaries: size, and how soon they ask for work.
    Startup,
    /// The same tenant, synced by a small script.
    Compare,
    /// What it costs a month.
    Cost,
    /// All of it, written to the documents.
    All,
}

/// Measures whole runs of the sync function.
#[derive(Debug, Parser)]
struct Args {
    /// What to measure.
    scenario: Scenario,
    /// Users of the tenant, where there is one size.
    #[arg(long, default_value_t = 2_500)]
    users: usize,
    /// Groups of the tenant.
    #[arg(long, default_value_t = 50)]
    groups: usize,
    /// Members of each group, on average.
    #[arg(long, default_value_t = 250)]
    members: usize,
    /// Users of the largest tenant of `scale` and `changes`.
    #[arg(long, default_value_t = 200_000)]
    most_users: usize,
    /// Where to write the results as JSON.
    #[arg(long)]
    json: Option<std::path::PathBuf>,
}

#[tokio::main]
async fn main() {
    let args = Args::parse();
    binaries::build();
    let size = world::Size { users: args.users, groups: args.groups, members: args.members };
    let mut report = Report::default();
    let is = |scenario| args.scenario == scenario || args.scenario == Scenario::All;
    if is(Scenario::Full) {
        scenarios::full(&mut report, size).await;
    }
    if is(Scenario::Idle) {
        scenarios::idle(&mut report, size).await;
    }
    if is(Scenario::Changes) {
        scenarios::changes(&mut report, args.most_users / 2).await;
    }
    if is(Scenario::Settings) {
        scenarios::settings(&mut report, size).await;
    }
    if is(Scenario::Throttled) {
        scenarios::throttled(&mut report, size).await;
    }
    if is(Scenario::Scale) {
        scenarios::scale(&mut report, args.most_users).await;
    }
    if is(Scenario::Pages) {
        pages::pages(&mut report, args.most_users / 2).await;
    }
    if is(Scenario::Queries) {
        queries::queries(&mut report, args.most_users / 2).await;
    }
    if is(Scenario::Startup) {
        scenarios::startup(&mut report).await;
    }
    if is(Scenario::Compare) {
        compare::compare(&mut report, size).await;
    }
    if is(Scenario::Cost) {
        cost::cost(&mut report).await;
    }
    println!("{}", report.markdown());
    if let Some(path) = &args.json {
        std::fs::write(path, report.json()).unwrap();
    }
    if args.scenario == Scenario::All {
        documents::write(&report);
    }
}
