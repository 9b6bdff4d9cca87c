//! Random tenants, drift, settings and faults, any number of runs; at the end the published state must be the truth.
//!
//! `MODEL_SEEDS=5000` tells more stories, `MODEL_SEEDS=5000..6000` others, `MODEL_SEED=17` just one. `docs/crash-and-model-tests.md` says what is in them.

mod draws;
mod early_ends;
mod safety;
mod story;
mod weather;

use std::fmt;
use std::ops::Range;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::task::JoinSet;

/// The stories that are always told: those of the seeds below.
const SEEDS: u64 = 500;
/// The number of stories that follow from the commit.
const OF_COMMIT: u64 = 100;
/// How many are told at a time.
const AT_ONCE: usize = 4;
/// After so many failures nobody reads on.
const ENOUGH: usize = 5;

/// The steps of a story, as far as it was told.
type Told = Arc<Mutex<Vec<String>>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_story_ends_with_the_truth() {
    let seeds = Arc::new(Seeds::chosen());
    println!("{seeds}");
    let next = Arc::new(AtomicUsize::new(0));
    let failures = Arc::new(Mutex::new(Vec::new()));
    let mut tellers = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (seeds, next, failures) = (Arc::clone(&seeds), Arc::clone(&next), Arc::clone(&failures));
        tellers.spawn(async move {
            loop {
                let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
                if failures.lock().unwrap().len() >= ENOUGH {
                    return;
                }
                if let Some(failure) = failure_of(seed).await {
                    failures.lock().unwrap().push(failure);
                }
            }
        });
    }
    tellers.join_all().await;
    let failures = failures.lock().unwrap();
    assert!(failures.is_empty(), "of {seeds}:\n{}", failures.join("\n\n"));
}

/// The seeds whose stories are told: one range, or two.
struct Seeds([Range<u64>; 2]);

impl Seeds {
    /// Those that were asked for; else those that are always told and some that follow from the commit, so that with time many are.
    fn chosen() -> Self {
        match (asked_for("MODEL_SEED"), asked_for("MODEL_SEEDS")) {
            (Some(seed), _) => Self([seed.end..seed.end + 1, 0..0]),
            (None, Some(seeds)) => Self([seeds, 0..0]),
            (None, None) => {
                let first = SEEDS + draws::hash(&commit()) % (1 << 40);
                Self([0..SEEDS, first..first + OF_COMMIT])
            }
        }
    }

    fn get(&self, place: usize) -> Option<u64> {
        let [first, second] = &self.0;
        first.clone().chain(second.clone()).nth(place)
    }
}

impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = &self.0;
        write!(f, "seeds {first:?} and {second:?}")
    }
}

/// The commit that is tested; a fixed word where there is none, as in a copy of the files alone.
fn commit() -> String {
    let asked = Command::new("git").args(["rev-parse", "HEAD"]).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let found = asked.ok().filter(|answer| answer.status.success());
    found.map_or_else(|| "unknown".to_owned(), |answer| String::from_utf8_lossy(&answer.stdout).trim().to_owned())
}

/// The seeds that a variable names: `3..7`, or `7` for `0..7`.
#[expect(clippy::disallowed_methods, reason = "how far a test goes is said on its command line")]
fn asked_for(variable: &str) -> Option<Range<u64>> {
    let value = std::env::var(variable).ok()?;
    let number = |text: &str| -> u64 {
        text.parse().unwrap_or_else(|_| panic!("{variable} is a number or a range of numbers, not {value}"))
    };
    Some(match value.split_once("..") {
        Some((first, end)) => number(first)..number(end),
        None => 0..number(&value),
    })
}

/// Why a story does not end well, with all that happened in it.
async fn failure_of(seed: u64) -> Option<String> {
    let told = Told::default();
    let panic = tokio::spawn(story::tell(seed, Arc::clone(&told))).await.err()?.into_panic();
    let cause = panic.downcast::<String>().map_or_else(|_| "it panicked".to_owned(), |text| *text);
    let steps = told.lock().unwrap().join("\n  ");
    Some(format!("MODEL_SEED={seed} fails:\n  {steps}\n{cause}"))
}
