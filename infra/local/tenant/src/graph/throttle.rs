//! Resource units: what a request costs, and the bucket they are taken from.

use jiff::Timestamp;

use super::call::Call;
use crate::{exchange::Fields, options::Throttle};

/// The bucket's content lasts this long at the allowed rate.
const WINDOW_MILLISECONDS: i64 = 10_000;

/// What a request costs: the base, one less with `$select`, one more with `$expand`, one less with `$top` below 20, at least 1.
pub(crate) fn cost(call: &Call, query: &Fields) -> u32 {
    let small = query.get("$top").and_then(|top| top.parse::<u32>().ok()).is_some_and(|top| top < 20);
    let saved = u32::from(query.get("$select").is_some()) + u32::from(small);
    let added = u32::from(query.get("$expand").is_some());
    (call.base_cost() + added).saturating_sub(saved).max(1)
}

/// A token bucket of resource units. Real ones are undocumented in detail; this one refills evenly over ten seconds.
#[derive(Debug)]
pub(crate) struct Bucket {
    throttle: Throttle,
    /// Thousandths of a unit, so that refilling by the millisecond stays exact.
    millis: i64,
    filled: Timestamp,
}

/// What the bucket says to a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Go on. The share of the limit in use, in percent, when that is above 80.
    Pass { percentage: Option<i64> },
    /// Come back after so many seconds.
    Wait { seconds: i64 },
}

impl Bucket {
    pub(crate) fn new(throttle: Throttle, now: Timestamp) -> Self {
        Self { throttle, millis: capacity(throttle), filled: now }
    }

    /// Takes `units` out, or says how long to wait until they are there.
    pub(crate) fn take(&mut self, units: u32, now: Timestamp) -> Verdict {
        let full = capacity(self.throttle);
        if full == 0 {
            return Verdict::Pass { percentage: None };
        }
        let elapsed = now.as_millisecond().saturating_sub(self.filled.as_millisecond()).max(0);
        self.millis = self.millis.saturating_add(elapsed.saturating_mul(full) / WINDOW_MILLISECONDS).min(full);
        self.filled = now;
        let wanted = i64::from(units) * 1000;
        if self.millis < wanted {
            let missing = wanted - self.millis;
            let seconds = (missing * WINDOW_MILLISECONDS / full).max(0) / 1000 + 1;
            return Verdict::Wait { seconds };
        }
        self.millis -= wanted;
        let percentage = (full - self.millis) * 100 / full;
        Verdict::Pass { percentage: (percentage >= 80).then_some(percentage) }
    }
}

fn capacity(throttle: Throttle) -> i64 {
    i64::from(throttle.units().unwrap_or(0)) * 1000
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn an_empty_bucket_names_the_wait_and_refills() {
        let start = Timestamp::UNIX_EPOCH;
        let mut bucket = Bucket::new(Throttle::Units(10), start);
        assert_eq!(bucket.take(5, start), Verdict::Pass { percentage: None });
        assert_eq!(bucket.take(5, start), Verdict::Pass { percentage: Some(100) });
        assert_eq!(bucket.take(3, start), Verdict::Wait { seconds: 4 });
        assert_eq!(bucket.take(3, start + SignedDuration::from_secs(4)), Verdict::Pass { percentage: Some(90) });
    }

    #[test]
    fn select_and_small_pages_cost_less() {
        let members = Call::of(&["groups", "some", "members"]).unwrap();
        let units = |query: &str| cost(&members, &Fields::parse(query.as_bytes()));
        assert_eq!([units(""), units("$select=id"), units("$select=id&$top=5")], [3, 2, 1]);
    }
}
