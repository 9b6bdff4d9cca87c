//! A short fuzzing of every target, the same on each run: the stored corpus, and mutations of it.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::{TestRng, TestRunner};

use super::TARGETS;
use super::mutation::any_mutation;

/// How many mutations of its corpus each target gets.
const MUTATIONS: u32 = 2_000;

fn fuzz_project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz")
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(fuzz_project().join("corpus").join(target)).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// A failure is shrunk before it is shown.
fn stands_mutations(target: &str) {
    let (_, fuzz) = TARGETS.into_iter().find(|(name, _)| *name == target).unwrap();
    let corpus = corpus(target);
    assert!(corpus.len() >= 3, "{target} needs some more examples");
    for text in &corpus {
        fuzz(text);
    }
    let config = ProptestConfig { cases: MUTATIONS, failure_persistence: None, ..ProptestConfig::default() };
    let mutated = (0..corpus.len(), proptest::collection::vec(any_mutation(), 1..4))
        .prop_map(|(text, mutations)| mutations.iter().fold(corpus[text].clone(), |text, change| change.apply(text)));
    let rng = TestRng::deterministic_rng(config.rng_algorithm);
    let outcome = TestRunner::new_with_rng(config, rng).run(&mutated, |text| {
        fuzz(&text);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

macro_rules! targets {
    ($($target:ident)*) => {
        $(
            #[test]
            fn $target() {
                stands_mutations(stringify!($target));
            }
        )*

        #[test]
        fn every_target_is_here_and_in_the_fuzz_project() {
            let here = [$(stringify!($target)),*];
            assert_eq!(TARGETS.map(|(name, _)| name), here);
            for target in here {
                let source = fuzz_project().join("fuzz_targets").join(target).with_extension("rs");
                assert!(fs::read_to_string(source).unwrap().contains(&format!("shared::fuzzing::{target}(")));
            }
        }
    };
}

targets! {
    callback_query
    checkpoint
    cursor
    graph_page
    graph_refusal
    id_token
    queue_message
    settings
    signing_keys
    stored_item
    token_answer
}
