//! Values in Microsoft's answers on whose JSON type nothing hangs.

use std::time::Duration;

use serde_json::Value;

use crate::filter::whole_number;

/// Reads a number of seconds: a whole number, one with a fraction, or either as text.
pub(crate) fn seconds(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number: &f64| number.is_finite())
}

/// Reads a time that lies ahead, in seconds. Fractions are cut off.
pub(crate) fn duration(value: &Value) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds(value)?.trunc()).ok()
}

/// Reads a point in time, in seconds since 1970 (`NumericDate` of RFC 7519, which may have a fraction).
pub(crate) fn numeric_date(value: &Value) -> Option<i64> {
    let seconds = seconds(value)?.trunc();
    // Years beyond 9999 cannot be represented.
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    (seconds.abs() < 253_402_300_800.0).then_some(seconds as i64)
}

/// Reads a whole number that is not negative: as a number, also one with a fraction of zero, or as text.
pub(crate) fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => serde_json::from_str(text).ok().as_ref().and_then(whole_number),
        other => whole_number(other),
    }
}

/// Reads a list of words: a list, or one text with spaces between them. Entries that are not text are left out.
pub(crate) fn words(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => text.split_whitespace().map(str::to_owned).collect(),
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Reads the entries of a list that may come as a single entry.
pub(crate) fn entries(value: Option<&Value>) -> &[Value] {
    match value {
        None | Some(Value::Null) => &[],
        Some(Value::Array(list)) => list,
        Some(single) => std::slice::from_ref(single),
    }
}

/// Reads a text that is not empty.
pub(crate) fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn seconds_are_accepted_in_any_type() {
        for value in [json!(3599), json!(3599.0), json!("3599"), json!(" 3599 "), json!("3599.0"), json!(3599.9)] {
            assert_eq!(duration(&value), Some(Duration::from_secs(3599)), "{value}");
            assert_eq!(numeric_date(&value), Some(3599), "{value}");
        }
        for value in [json!(null), json!("soon"), json!(""), json!([3599]), json!(true), json!("NaN"), json!("inf")] {
            assert_eq!((duration(&value), numeric_date(&value)), (None, None), "{value}");
        }
        assert_eq!((duration(&json!(-1)), numeric_date(&json!(1e300))), (None, None));
    }

    #[test]
    fn whole_numbers_are_accepted_in_any_form() {
        for value in [json!(31), json!(31.0), json!("31"), json!(" 31\n"), json!("31.0"), json!(3.1e1)] {
            assert_eq!(whole(&value), Some(31), "{value}");
        }
        for value in
            [json!(-1), json!(31.5), json!("31.5"), json!("-1"), json!(""), json!(null), json!(1e300), json!([31])]
        {
            assert_eq!(whole(&value), None, "{value}");
        }
        assert_eq!(whole(&json!(u64::MAX)), Some(u64::MAX));
    }

    #[test]
    fn lists_are_accepted_in_any_form() {
        assert_eq!(words(&json!("a  b")), ["a", "b"]);
        assert_eq!(words(&json!(["a", 7, null, "b"])), ["a", "b"]);
        assert_eq!(words(&json!(7)), [""; 0]);
        assert_eq!(
            (entries(None).len(), entries(Some(&json!(7))).len(), entries(Some(&json!([1, 2]))).len()),
            (0, 1, 2)
        );
    }
}
