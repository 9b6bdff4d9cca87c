//! The difference between our clock and Microsoft's.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

/// Seconds by which clocks may differ without consequences.
pub(crate) const LEEWAY: SignedDuration = SignedDuration::from_secs(120);

/// A difference of more than two minutes between our clock and Microsoft's. Positive while ours is ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockSkew(SignedDuration);

impl ClockSkew {
    /// Compares the `Date` of an answer with our clock when the request was sent and when its answer had come. Returns
    /// `None` for a difference within the leeway.
    ///
    /// A slow answer does not count as skew: its `Date` may be from any moment in between, and has whole seconds.
    pub(crate) fn measure(date: Timestamp, sent: Timestamp, received: Timestamp) -> Option<Self> {
        let ahead = sent.duration_since(date);
        let behind = date.duration_since(received);
        if ahead > LEEWAY + SignedDuration::from_secs(1) {
            Some(Self(ahead))
        } else if behind > LEEWAY {
            Some(Self(-behind))
        } else {
            None
        }
    }

    /// Returns the skew that was stored as seconds.
    #[must_use]
    pub fn from_secs(seconds: i64) -> Self {
        Self(SignedDuration::from_secs(seconds))
    }

    /// The skew in whole seconds, positive while our clock is ahead.
    #[must_use]
    pub fn as_secs(self) -> i64 {
        self.0.as_secs()
    }
}

/// Prints the skew as in "17 minutes ahead of Microsoft's".
impl fmt::Display for ClockSkew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs().unsigned_abs();
        let (number, unit) = match seconds {
            0..=7_169 => ((seconds + 30) / 60, "minute"),
            7_170..=170_999 => ((seconds + 1_800) / 3_600, "hour"),
            _ => ((seconds + 43_200) / 86_400, "day"),
        };
        let plural = if number == 1 { "" } else { "s" };
        let direction = if self.0.is_negative() { "behind" } else { "ahead of" };
        write!(f, "{number} {unit}{plural} {direction} Microsoft's")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn skew_within_leeway_is_none() {
        for (date, sent, received) in [(0, 0, 0), (0, 121, 121), (120, 0, 0), (30, 0, 60), (-100, 0, 600)] {
            assert_eq!(ClockSkew::measure(at(date), at(sent), at(received)), None, "{date} {sent} {received}");
        }
    }

    #[test]
    fn skew_beyond_leeway_has_direction_and_amount() {
        for (date, sent, received, text) in [
            (0, 122, 122, "2 minutes ahead of Microsoft's"),
            (420, 0, 10, "7 minutes behind Microsoft's"),
            (3 * 3_600, 0, 0, "3 hours behind Microsoft's"),
            (-9 * 86_400, 0, 0, "9 days ahead of Microsoft's"),
        ] {
            assert_eq!(ClockSkew::measure(at(date), at(sent), at(received)).unwrap().to_string(), text);
        }
    }

    #[test]
    fn slow_answer_is_not_skew() {
        assert_eq!(ClockSkew::measure(at(0), at(0), at(10_000)), None);
        assert_eq!(ClockSkew::measure(at(10_000), at(0), at(10_000)), None);
    }
}
