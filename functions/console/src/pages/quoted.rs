//! Text in which white space counts: shown so that it can be seen, and written so that it comes back as it was.
//!
//! Plain text stands for itself. Text that a reader would mistake is in quotation marks, with the escapes of JSON for what
//! cannot be seen: `"VPN "`.

use std::fmt::Write as _;

/// Writes text on one line, in quotation marks where that is needed.
pub(super) fn shown(text: &str) -> String {
    let is_quoted_itself = text.starts_with('"') && text.trim_end().ends_with('"');
    let ends_plainly = !text.is_empty() && text.trim() == text;
    if ends_plainly && !is_quoted_itself && !text.chars().any(is_unseen) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            char if is_unseen(char) => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    // Writing to a string cannot fail.
                    let _ = write!(quoted, "\\u{unit:04x}");
                }
            }
            char => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}

/// Reads a line that [`shown`] has written, or that somebody has typed: in quotation marks, or as it is.
pub(super) fn read(line: &str) -> String {
    let inner = line.trim();
    let is_quoted = inner.len() > 1 && inner.starts_with('"') && inner.ends_with('"');
    let quoted = is_quoted.then(|| serde_json::from_str(inner).ok()).flatten();
    quoted.unwrap_or_else(|| line.to_owned())
}

/// True for a character that cannot be seen, or looks like a space and is none.
fn is_unseen(char: char) -> bool {
    char.is_control() || (char.is_whitespace() && char != ' ') || is_ignorable(char)
}

/// Source: The Unicode Standard, `DerivedCoreProperties.txt`, `Default_Ignorable_Code_Point`, without the selectors of
/// variants (FE00 to FE0F), which belong to the character before them.
fn is_ignorable(char: char) -> bool {
    matches!(char,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng as _, SeedableRng as _};

    use super::*;

    #[test]
    fn what_cannot_be_seen_is_quoted() {
        for (text, expected) in [
            ("VPN-", "VPN-"),
            ("Wi Fi  x", "Wi Fi  x"),
            ("VPN ", "\"VPN \""),
            (" VPN", "\" VPN\""),
            ("VPN\u{a0}", "\"VPN\\u00a0\""),
            ("a\u{200b}b", "\"a\\u200bb\""),
            ("a\r\nb", "\"a\\u000d\\u000ab\""),
            ("\u{e0001}", "\"\\udb40\\udc01\""),
            ("\"VPN\"", "\"\\\"VPN\\\"\""),
            ("the \"old\" one", "the \"old\" one"),
            ("C:\\x", "C:\\x"),
            ("", "\"\""),
        ] {
            assert_eq!(shown(text), expected, "{text:?}");
            assert_eq!(read(expected), text);
        }
    }

    #[test]
    fn what_is_typed_is_taken_as_it_is() {
        for (typed, text) in [
            ("VPN ", "VPN "),
            (" \"VPN \" ", "VPN "),
            ("\"VPN", "\"VPN"),
            ("\"", "\""),
            ("\"a\"b\"", "\"a\"b\""),
            ("C:\\x", "C:\\x"),
        ] {
            assert_eq!(read(typed), text, "{typed:?}");
        }
    }

    #[test]
    fn every_text_comes_back_on_one_line() {
        const CHARS: [char; 16] = [
            'V',
            '"',
            '"',
            '\\',
            ' ',
            ' ',
            '\t',
            '\n',
            '\r',
            '\u{a0}',
            '\u{200b}',
            '\u{2028}',
            '\u{85}',
            '\u{1f600}',
            'é',
            '\u{e0001}',
        ];
        let mut rng = StdRng::seed_from_u64(17);
        for _ in 0..20_000 {
            let length = rng.random_range(0..6);
            let text: String = (0..length).map(|_| CHARS[rng.random_range(0..CHARS.len())]).collect();
            let line = shown(&text);
            assert_eq!(read(&line), text, "{line}");
            assert!(!line.chars().any(is_unseen) && line.trim() == line, "{line:?}");
        }
    }
}
