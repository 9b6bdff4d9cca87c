//! Broken text in a page: one bad character must not take the other objects with it.
//!
//! Names that came from old on-premises directories may have bytes that are no UTF-8, or half of a surrogate pair,
//! which JSON can spell (`"\ud83d"`) and no text can hold. Parsers refuse the whole body then.

use std::borrow::Cow;

/// What stands for a character that is none.
const REPLACEMENT: &str = "\\ufffd";

/// The body with the replacement character in place of what is no character; `None` when there is nothing to mend.
pub(super) fn mended(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let whole = without_half_pairs(&text);
    match (whole, text) {
        (Some(whole), _) => Some(whole),
        (None, Cow::Owned(text)) => Some(text),
        (None, Cow::Borrowed(_)) => None,
    }
}

/// Escapes are only looked for after a backslash, which JSON has in texts only.
fn without_half_pairs(text: &str) -> Option<String> {
    let mut mended = String::new();
    let mut rest = text;
    while let Some(place) = rest.find('\\') {
        let (before, escape) = rest.split_at(place);
        mended.push_str(before);
        let length = match unit(escape) {
            Some(0xd800..=0xdbff) if matches!(escape.get(6..).and_then(unit), Some(0xdc00..=0xdfff)) => 12,
            Some(0xd800..=0xdfff) => {
                mended.push_str(REPLACEMENT);
                rest = escape.get(6..).unwrap_or_default();
                continue;
            }
            Some(_) => 6,
            // A backslash and what it escapes, which may be another backslash.
            None => 1 + escape.chars().nth(1).map_or(0, char::len_utf8),
        };
        mended.push_str(escape.get(..length).unwrap_or_default());
        rest = escape.get(length..).unwrap_or_default();
    }
    mended.push_str(rest);
    (mended != text).then_some(mended)
}

/// The UTF-16 code unit that `\uXXXX` at the beginning stands for.
fn unit(escape: &str) -> Option<u16> {
    let digits = escape.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_pair_is_replaced_and_a_whole_one_stays() {
        for (broken, expected) in [
            (r#"{"a":"x\ud83dy"}"#, r#"{"a":"x\ufffdy"}"#),
            (r#"{"a":"\ude00"}"#, r#"{"a":"\ufffd"}"#),
            (r#"{"a":"\uD83D\uD83D\uDE00"}"#, r#"{"a":"\ufffd\uD83D\uDE00"}"#),
            (r#"{"a":"\ud83d\n"}"#, r#"{"a":"\ufffd\n"}"#),
        ] {
            assert_eq!(mended(broken.as_bytes()).as_deref(), Some(expected));
            assert!(serde_json::from_str::<serde_json::Value>(expected).is_ok());
        }
    }

    #[test]
    fn what_is_whole_is_not_mended() {
        for whole in
            [r#"{"a":"\ud83d\ude00"}"#, r#"{"a":"\\ud83d"}"#, r#"{"a":"\u00e9\\"}"#, "\\", "\\u", "\\u12", "", "é\\é"]
        {
            assert_eq!(mended(whole.as_bytes()), None, "{whole}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(mended(b"{\"a\":\"x\xff\"}").as_deref(), Some("{\"a\":\"x\u{fffd}\"}"));
    }
}
