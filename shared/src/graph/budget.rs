//! How many requests a tenant stands at once, learned from Graph's answers. Nothing here waits or reads a clock.
//!
//! Microsoft counts a request in resource units and gives each tenant and application a bucket of them, which fills
//! again within ten seconds. How large it is depends on the size of the tenant, other readers may draw from it too, and
//! less may be granted at times; so no figure is assumed, and Graph's own account of it is followed instead:
//!
//! * `x-ms-throttle-limit-percentage` tells the share of the bucket in use once it is above 0.8. Up to there the number
//!   of requests at once grows by one each time that many have been answered; above, it no longer grows; above
//!   [`HIGHEST_SHARE`] it shrinks by a quarter, and all requests rest for as long as the bucket takes to be back there.
//! * An answer that asks to wait halves the number, and all requests rest for as long as it says.
//!
//! Of the requests that were under way together only the first shrinks the number, and none of the others lets it grow:
//! they tell of the time before.
//!
//! Source: Microsoft Graph, "Microsoft Graph service-specific throttling limits" (identity and access) and "Microsoft
//! Graph throttling guidance".

use std::time::Duration;

use jiff::Timestamp;

/// How many requests are sent at once before anything is known of the tenant. At 150 ms each, with three units for a list of
/// members, that is a little more than what the bucket of the smallest tenants is filled with: it lasts for half a minute, and tells
/// before it is empty.
const FIRST: usize = 24;
/// The most requests at once. One member list costs three units: at a tenth of a second each, this many use up the
/// bucket of the largest tenants.
const MOST: usize = 32;
/// The share of the bucket that is not to be exceeded.
const HIGHEST_SHARE: f64 = 0.9;
/// How long an empty bucket takes to be full again.
const WINDOW: Duration = Duration::from_secs(10);

/// What an answer said of the budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Said {
    /// Nothing, so there is plenty left.
    Plenty,
    /// This share of the bucket is in use; 1 is all of it, and Graph counts on up to 1.8.
    Share(f64),
    /// No request is to come for so long.
    Wait(Duration),
    /// Nothing about the budget: there was no answer, or one about a fault of Graph's own.
    Unclear,
}

/// The requests that may be under way.
#[derive(Debug)]
pub(super) struct Budget {
    at_once: usize,
    /// Answers since the number last changed.
    answered: usize,
    /// How often the number was reduced.
    reductions: u64,
    rest: Option<Rest>,
    rested: Duration,
}

/// A time in which no request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rest {
    since: Timestamp,
    until: Timestamp,
}

/// Tells apart requests sent before and after a reduction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Era(u64);

impl Budget {
    pub(super) fn new() -> Self {
        Self { at_once: FIRST, answered: 0, reductions: 0, rest: None, rested: Duration::ZERO }
    }

    /// How many requests may be under way.
    pub(super) fn at_once(&self) -> usize {
        self.at_once
    }

    /// What a request that is sent now is to be remembered by.
    pub(super) fn era(&self) -> Era {
        Era(self.reductions)
    }

    /// Until when no request is to be sent.
    pub(super) fn rest_until(&self) -> Option<Timestamp> {
        self.rest.map(|rest| rest.until)
    }

    /// Somebody has waited until then. The rest is over, unless it has been prolonged meanwhile.
    pub(super) fn rested_until(&mut self, until: Timestamp) {
        if let Some(rest) = self.rest.take_if(|rest| rest.until <= until) {
            self.rested += between(rest.since, rest.until);
        }
    }

    /// How long all requests have waited because Graph asked for it or was about to.
    pub(super) fn rested(&self) -> Duration {
        self.rested
    }

    /// Takes in what the answer to a request of that era said.
    pub(super) fn hear(&mut self, said: Said, era: Era, now: Timestamp) {
        match said {
            Said::Plenty if era == self.era() => self.grow(),
            Said::Share(share) if share > HIGHEST_SHARE => {
                self.reduce(era, self.at_once * 3 / 4);
                self.rest(WINDOW.mul_f64((share - HIGHEST_SHARE).min(1.0)), now);
            }
            Said::Plenty | Said::Share(_) | Said::Unclear => {}
            Said::Wait(wait) => {
                self.reduce(era, self.at_once / 2);
                self.rest(wait, now);
            }
        }
    }

    fn grow(&mut self) {
        self.answered += 1;
        if self.answered >= self.at_once && self.at_once < MOST {
            self.at_once += 1;
            self.answered = 0;
        }
    }

    fn reduce(&mut self, era: Era, to: usize) {
        if era == self.era() {
            self.at_once = to.max(1);
            self.answered = 0;
            self.reductions += 1;
        }
    }

    fn rest(&mut self, wait: Duration, now: Timestamp) {
        let until = now.checked_add(wait).unwrap_or(Timestamp::MAX);
        let rest = self.rest.filter(|rest| now < rest.until).unwrap_or(Rest { since: now, until: now });
        if now < until {
            self.rest = Some(Rest { until: rest.until.max(until), ..rest });
        }
    }
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn hear(budget: &mut Budget, said: Said) {
        budget.hear(said, budget.era(), NOW);
    }

    #[test]
    fn the_number_grows_by_one_each_time_that_many_are_answered() {
        let mut budget = Budget::new();
        for _ in 0..23 {
            hear(&mut budget, Said::Plenty);
        }
        assert_eq!(budget.at_once(), 24);
        hear(&mut budget, Said::Plenty);
        assert_eq!(budget.at_once(), 25);
        for _ in 0..10_000 {
            hear(&mut budget, Said::Plenty);
        }
        assert_eq!(budget.at_once(), 32);
        assert_eq!(budget.rest_until(), None);
    }

    #[test]
    fn close_to_the_limit_the_number_stays_and_above_it_shrinks() {
        let mut budget = Budget::new();
        for _ in 0..100 {
            hear(&mut budget, Said::Share(0.85));
            hear(&mut budget, Said::Unclear);
        }
        assert_eq!((budget.at_once(), budget.rest_until()), (24, None));
        hear(&mut budget, Said::Share(1.0));
        assert_eq!(budget.at_once(), 18);
        let rest = between(NOW, budget.rest_until().unwrap());
        assert!(rest > SECOND * 9 / 10 && rest < SECOND * 11 / 10, "a tenth of the bucket comes back in a second");
    }

    #[test]
    fn a_wait_halves_the_number_once_for_all_that_were_under_way() {
        let mut budget = Budget::new();
        let era = budget.era();
        for wait in [3, 9, 5] {
            budget.hear(Said::Wait(wait * SECOND), era, NOW);
        }
        assert_eq!(budget.at_once(), 12);
        assert_eq!(budget.rest_until(), Some(NOW + 9 * SECOND), "the longest wait counts");
        for _ in 0..6 {
            hear(&mut budget, Said::Wait(SECOND));
        }
        assert_eq!(budget.at_once(), 1, "one request is always allowed");
    }

    #[test]
    fn a_rest_is_over_when_somebody_has_waited_for_all_of_it() {
        let mut budget = Budget::new();
        hear(&mut budget, Said::Wait(3 * SECOND));
        let first = budget.rest_until().unwrap();
        budget.hear(Said::Wait(3 * SECOND), budget.era(), NOW + SECOND);
        budget.rested_until(first);
        assert_eq!(budget.rest_until(), Some(NOW + 4 * SECOND), "it was prolonged meanwhile");
        budget.rested_until(NOW + 4 * SECOND);
        assert_eq!((budget.rest_until(), budget.rested()), (None, 4 * SECOND));
        budget.rested_until(NOW + 4 * SECOND);
        assert_eq!(budget.rested(), 4 * SECOND, "it is counted once, however many waited");
    }

    #[test]
    fn an_endless_wait_ends_at_the_end_of_time() {
        let mut budget = Budget::new();
        hear(&mut budget, Said::Wait(Duration::MAX));
        assert_eq!(budget.rest_until(), Some(Timestamp::MAX));
    }

    fn anything_said() -> impl Strategy<Value = Said> {
        prop_oneof![
            4 => Just(Said::Plenty),
            1 => (0.0_f64..3.0).prop_map(Said::Share),
            1 => (0_u64..100).prop_map(|seconds| Said::Wait(Duration::from_secs(seconds))),
            1 => Just(Said::Unclear),
        ]
    }

    proptest! {
        #[test]
        fn the_number_stays_within_bounds_and_no_wait_is_cut_short(
            answers in proptest::collection::vec((anything_said(), 0_u64..20, any::<bool>()), 0..300),
        ) {
            let mut budget = Budget::new();
            let mut now = NOW;
            let mut asked = NOW;
            for (said, later, late) in answers {
                now += Duration::from_secs(later);
                let before = budget.at_once();
                let era = if late { Era(u64::MAX) } else { budget.era() };
                budget.hear(said, era, now);
                prop_assert!((1..=MOST).contains(&budget.at_once()));
                prop_assert!(budget.at_once() <= before + 1, "it grows by one at most");
                if late {
                    prop_assert!(budget.at_once() >= before, "what was sent before a reduction does not reduce again");
                }
                if let Said::Wait(wait) = said {
                    asked = asked.max(now + wait);
                }
                if now < asked {
                    prop_assert!(budget.rest_until() >= Some(asked));
                }
            }
        }
    }
}
