//! What the headers of an answer say of the quota.
//!
//! Source: Microsoft Graph, "Microsoft Graph service-specific throttling limits", response headers of identity and access.

use http::HeaderMap;

use super::budget::Said;

/// What a request has cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Usage {
    /// In resource units; 0 when Graph does not say.
    pub(super) units: u64,
    /// The share of the limit in use, which Graph tells from 0.8 on.
    share: Option<f64>,
}

impl Usage {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
        let share = text("x-ms-throttle-limit-percentage").and_then(|share| share.parse().ok());
        Self {
            units: text("x-ms-resource-unit").and_then(|units| units.parse().ok()).unwrap_or(0),
            share: share.filter(|share: &f64| share.is_finite()),
        }
    }

    /// What that says of the budget.
    pub(super) fn said(self) -> Said {
        self.share.map_or(Said::Plenty, Said::Share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(units: &str, share: &str) -> Usage {
        Usage::of(&HeaderMap::from_iter([
            ("x-ms-resource-unit".parse().unwrap(), units.parse().unwrap()),
            ("x-ms-throttle-limit-percentage".parse().unwrap(), share.parse().unwrap()),
        ]))
    }

    #[test]
    fn cost_and_share_are_told_by_headers() {
        assert_eq!(usage("3", "0.93"), Usage { units: 3, share: Some(0.93) });
        assert_eq!(usage("5", "1.8").said(), Said::Share(1.8));
        assert_eq!(Usage::of(&HeaderMap::new()), Usage { units: 0, share: None });
        assert_eq!(Usage::of(&HeaderMap::new()).said(), Said::Plenty);
    }

    #[test]
    fn what_is_no_number_is_not_believed() {
        for odd in ["", "-", "NaN", "inf", "93%"] {
            assert_eq!(usage(odd, odd), Usage { units: 0, share: None }, "{odd}");
        }
        assert_eq!(usage("-1", "0.9").units, 0);
    }
}
