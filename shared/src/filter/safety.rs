//! The safety limit: how much one run may take away without being asked.

use serde::Serialize;
use utoipa::ToSchema;

/// A run that would take away more than this is held: a share, in percent, and a number below which nothing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct SafetyLimit {
    /// The share that may go at once, in percent: 100 holds nothing, 0 everything from `at_least` on.
    #[schema(minimum = 0, maximum = 100, example = 20)]
    pub percent: u8,
    /// Fewer than this are never held.
    #[schema(minimum = 1, maximum = 4_294_967_295_u32, format = Int64, example = 5)]
    pub at_least: u32,
}

impl Default for SafetyLimit {
    fn default() -> Self {
        Self { percent: 20, at_least: 5 }
    }
}

impl SafetyLimit {
    /// True when so many `of` so many are too many to go at once.
    #[must_use]
    pub fn is_exceeded_by(self, going: usize, of: usize) -> bool {
        going >= self.at_least as usize && self.is_share_exceeded_by(going, of)
    }

    /// Returns true when it lets something through that the other one does not.
    #[must_use]
    pub fn is_looser_than(self, other: Self) -> bool {
        self.percent > other.percent || self.at_least > other.at_least
    }

    /// The same for the share alone.
    #[must_use]
    pub fn is_share_exceeded_by(self, going: usize, of: usize) -> bool {
        going * 100 > usize::from(self.percent) * of
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_a_fifth_and_at_least_five_are_too_many() {
        let limit = SafetyLimit::default();
        for (going, of, exceeded) in [
            (4, 4, false),
            (5, 5, true),
            (5, 25, false),
            (5, 24, true),
            (20, 100, false),
            (21, 100, true),
            (5, 0, true),
        ] {
            assert_eq!(limit.is_exceeded_by(going, of), exceeded, "{going} of {of}");
        }
        let off = SafetyLimit { percent: 100, at_least: 1 };
        assert!(!off.is_exceeded_by(100, 100));
    }
}
