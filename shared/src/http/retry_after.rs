//! The headers with times in answers of other services.

use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, HeaderName, RETRY_AFTER};
use jiff::Timestamp;

/// The longest wait believed. A service is worth asking once a day, whatever it says.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// Returns how long a service asks to wait: a number of seconds, or a date (RFC 9110, section 10.2.3).
///
/// A date counts from the answer's own `Date`, so that a wrong clock of ours does not change the wait; `now` stands in
/// for a missing one.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<f64>() {
        // Fractions are not in the standard; they are rounded up, so that no request comes too early.
        Ok(seconds) if seconds.is_sign_negative() => return None,
        Ok(seconds) if seconds.is_finite() => Duration::try_from_secs_f64(seconds.ceil()).unwrap_or(LONGEST_WAIT),
        _ => {
            let until = parse_date(text)?;
            let answered = date(headers).unwrap_or(now);
            // A date that has passed asks for no wait.
            Duration::try_from(until.duration_since(answered)).unwrap_or_default()
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

/// Returns the time at which an answer was made by the clock of its sender.
pub(crate) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    date_in(headers, DATE)
}

fn date_in(headers: &HeaderMap, name: HeaderName) -> Option<Timestamp> {
    parse_date(headers.get(name)?.to_str().ok()?.trim())
}

/// Parses a date in any of the three forms that recipients must accept (RFC 9110, section 5.6.7).
fn parse_date(text: &str) -> Option<Timestamp> {
    Timestamp::try_from(httpdate::parse_http_date(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(retry_after: &str, date: Option<&str>) -> Option<u64> {
        let mut headers = HeaderMap::from_iter([(RETRY_AFTER, retry_after.parse().unwrap())]);
        headers.extend(date.map(|date| (DATE, date.parse().unwrap())));
        let now = "1994-11-06T08:49:07Z".parse().unwrap();
        super::retry_after(&headers, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn retry_after_accepts_seconds_and_every_date_form() {
        for (text, seconds) in [
            ("17", Some(17)),
            (" 17 ", Some(17)),
            ("1.5", Some(2)),
            ("-3", None),
            ("0", Some(0)),
            ("99999999999999999999", Some(86_400)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(30)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(30)),
            ("Sun Nov  6 08:49:37 1994", Some(30)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("Mon, 06 Nov 2034 08:49:37 GMT", Some(86_400)),
            ("soon", None),
            ("NaN", None),
            ("", None),
        ] {
            assert_eq!(wait(text, None), seconds, "{text}");
        }
    }

    #[test]
    fn retry_after_date_counts_from_date_of_answer() {
        let (until, answered) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:48:37 GMT");
        assert_eq!(wait(until, Some(answered)), Some(60));
    }
}
