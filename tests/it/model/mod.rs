//! Random tenants, drift, settings and faults, any number of runs; at the end the published state must be the truth.
//!
//! `MODEL_SEEDS=5000` tells more stories, `MODEL_SEED=17` just one. `docs/crash-and-model-tests.md` says what is in them.

mod early_ends;
mod safety;
mod story;
mod weather;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::task::JoinSet;

/// How many stories are told where nothing else is asked for.
const SEEDS: u64 = 500;
/// How many are told at a time.
const AT_ONCE: usize = 4;
/// After so many failures nobody reads on.
const ENOUGH: usize = 5;

/// The steps of a story, as far as it was told.
type Told = Arc<Mutex<Vec<String>>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_story_ends_with_the_truth() {
    let (first, end) = seeds();
    let next = Arc::new(AtomicU64::new(first));
    let failures = Arc::new(Mutex::new(Vec::new()));
    let mut tellers = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (next, failures) = (Arc::clone(&next), Arc::clone(&failures));
        tellers.spawn(async move {
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= end || failures.lock().unwrap().len() >= ENOUGH {
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
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// The first seed, and the one after the last.
fn seeds() -> (u64, u64) {
    match (number("MODEL_SEED"), number("MODEL_SEEDS")) {
        (Some(seed), _) => (seed, seed + 1),
        (None, seeds) => (0, seeds.unwrap_or(SEEDS)),
    }
}

#[expect(clippy::disallowed_methods, reason = "how far a test goes is said on its command line")]
fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable} is a number, not {value}")))
}

/// Why a story does not end well, with all that happened in it.
async fn failure_of(seed: u64) -> Option<String> {
    let told = Told::default();
    let panic = tokio::spawn(story::tell(seed, Arc::clone(&told))).await.err()?.into_panic();
    let cause = panic.downcast::<String>().map_or_else(|_| "it panicked".to_owned(), |text| *text);
    let steps = told.lock().unwrap().join("\n  ");
    Some(format!("MODEL_SEED={seed} fails:\n  {steps}\n{cause}"))
}
