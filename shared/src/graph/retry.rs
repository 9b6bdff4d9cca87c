//! Whether and when a request is repeated, decided without doing it.

use std::time::Duration;

/// What may pass when the request is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Graph asks to wait, perhaps saying how long.
    Throttled(Option<Duration>),
    /// Graph or the connection failed.
    Broken,
    /// The answer was cut short or made no sense.
    Malformed,
}

/// How patient a client is with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a request is repeated at most, for whatever reasons.
    pub repetitions: u32,
    /// How often it is repeated at most because its answer made no sense.
    pub malformed: u32,
    /// The wait before the first repetition, which doubles with each one.
    pub first_wait: Duration,
    /// The longest wait between two attempts, unless Graph asks for a longer one.
    pub longest_wait: Duration,
    /// The longest time spent waiting in all.
    pub total_wait: Duration,
}

impl RetryPolicy {
    /// For a run, which has minutes.
    pub const RUN: Self = Self {
        repetitions: 8,
        malformed: 2,
        first_wait: Duration::from_millis(500),
        longest_wait: Duration::from_secs(30),
        total_wait: Duration::from_mins(5),
    };

    /// For a request that a person waits for.
    pub const INTERACTIVE: Self = Self {
        repetitions: 3,
        malformed: 1,
        first_wait: Duration::from_millis(250),
        longest_wait: Duration::from_secs(2),
        total_wait: Duration::from_secs(10),
    };
}

/// What to do with a request that was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Repeat it after so long.
    Again(Duration),
    /// Repeat it after so long, but the patience with it is used up: somebody has to come back for it.
    Later(Duration),
    /// Give it up.
    GiveUp,
}

/// How far the patience with one request is used up.
#[derive(Debug)]
pub(super) struct Retries {
    policy: RetryPolicy,
    repetitions: u32,
    malformed: u32,
    waited: Duration,
}

impl Retries {
    pub(super) fn new(policy: RetryPolicy) -> Self {
        Self { policy, repetitions: 0, malformed: 0, waited: Duration::ZERO }
    }

    /// What to do next. `random` is between 0 and 1.
    ///
    /// A wait that Graph asks for is never cut short, since an early request counts against the quota too, but a
    /// little is added, so that requests throttled together do not come back together. All other waits are
    /// exponential with full jitter. That Graph asks to wait is never a reason to give up for good.
    pub(super) fn next(&mut self, trouble: Trouble, random: f64) -> Next {
        let policy = &self.policy;
        let doubled = policy.first_wait.saturating_mul(2_u32.saturating_pow(self.repetitions));
        let exponential = doubled.min(policy.longest_wait);
        let wait = match trouble {
            Trouble::Throttled(asked) => asked.unwrap_or(exponential).saturating_add(policy.first_wait.mul_f64(random)),
            Trouble::Malformed | Trouble::Broken => exponential.mul_f64(random),
        };
        let waited = self.waited.saturating_add(wait);
        let used_up = self.repetitions == policy.repetitions || waited > policy.total_wait;
        match trouble {
            Trouble::Throttled(_) if used_up => return Next::Later(wait),
            Trouble::Malformed if self.malformed == policy.malformed => return Next::GiveUp,
            _ if used_up => return Next::GiveUp,
            _ => {}
        }
        self.waited = waited;
        self.repetitions += 1;
        self.malformed += u32::from(trouble == Trouble::Malformed);
        Next::Again(wait)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn waits(trouble: Trouble, random: f64) -> Vec<Duration> {
        let mut retries = Retries::new(RetryPolicy::RUN);
        std::iter::from_fn(|| match retries.next(trouble, random) {
            Next::Again(wait) => Some(wait),
            Next::Later(_) | Next::GiveUp => None,
        })
        .collect()
    }

    #[test]
    fn what_is_broken_waits_twice_as_long_each_time_up_to_a_limit() {
        let waits: Vec<u128> = waits(Trouble::Broken, 1.0).iter().map(Duration::as_millis).collect();
        assert_eq!(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        assert!(self::waits(Trouble::Broken, 0.0).iter().all(Duration::is_zero), "jitter is full");
    }

    #[test]
    fn a_wait_asked_for_is_kept() {
        assert_eq!(waits(Trouble::Throttled(Some(10 * SECOND)), 0.0), [10 * SECOND; 8]);
        assert_eq!(waits(Trouble::Throttled(Some(10 * SECOND)), 0.5)[0], Duration::from_millis(10_250));
        assert_eq!(waits(Trouble::Throttled(None), 0.0)[..3], [SECOND / 2, SECOND, 2 * SECOND]);
    }

    #[test]
    fn a_wait_asked_for_that_is_too_long_is_given_up_at_once() {
        assert!(waits(Trouble::Throttled(Some(301 * SECOND)), 0.0).is_empty());
        assert_eq!(waits(Trouble::Throttled(Some(100 * SECOND)), 0.0).len(), 3);
        assert!(waits(Trouble::Throttled(Some(Duration::MAX)), 0.9).is_empty());
    }

    #[test]
    fn throttling_that_outlasts_the_patience_is_something_to_come_back_for() {
        let mut retries = Retries::new(RetryPolicy::INTERACTIVE);
        assert_eq!(retries.next(Trouble::Throttled(Some(60 * SECOND)), 0.0), Next::Later(60 * SECOND));
        for _ in 0..3 {
            assert!(matches!(retries.next(Trouble::Throttled(None), 1.0), Next::Again(_)));
        }
        assert_eq!(retries.next(Trouble::Throttled(None), 0.0), Next::Later(2 * SECOND));
        assert_eq!(retries.next(Trouble::Broken, 0.0), Next::GiveUp);
    }

    #[test]
    fn an_answer_that_makes_no_sense_is_asked_for_twice_more() {
        assert_eq!(waits(Trouble::Malformed, 0.5).len(), 2);
    }

    fn any_trouble() -> impl Strategy<Value = Trouble> {
        prop_oneof![
            proptest::option::of(0_u64..1_000).prop_map(|seconds| Trouble::Throttled(seconds.map(Duration::from_secs))),
            Just(Trouble::Broken),
            Just(Trouble::Malformed),
        ]
    }

    proptest! {
        #[test]
        fn patience_is_bounded_and_no_wait_is_shorter_than_asked(
            troubles in proptest::collection::vec((any_trouble(), 0.0_f64..1.0), 0..40),
        ) {
            let policy = RetryPolicy::RUN;
            let mut retries = Retries::new(policy);
            let mut waits = Vec::new();
            for (trouble, random) in troubles {
                let Next::Again(wait) = retries.next(trouble, random) else { continue };
                if let Trouble::Throttled(Some(asked)) = trouble {
                    prop_assert!(wait >= asked);
                } else {
                    prop_assert!(wait <= policy.longest_wait + policy.first_wait);
                }
                waits.push(wait);
            }
            prop_assert!(waits.len() <= policy.repetitions as usize);
            prop_assert!(waits.iter().sum::<Duration>() <= policy.total_wait);
        }
    }
}
