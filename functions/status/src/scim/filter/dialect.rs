//! Filters as Microsoft's clients write them.
//!
//! Microsoft Entra's provisioning asks `emails[type eq "work"].value eq "kim@contoso.example"`. RFC 7644 has a part behind the bracket in
//! paths of changes only (section 3.5.2); in filters it writes `emails[type eq "work" and value eq "kim@contoso.example"]`.
//!
//! Source: Microsoft Learn, "Develop and plan provisioning for a SCIM endpoint in Microsoft Entra ID".

use std::borrow::Cow;

/// The filter with each test behind a bracket moved into it. Text that has none comes back as it is, and so does text that is not
/// a filter: the parser says what is wrong with it.
pub(super) fn standard(filter: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(filter);
    let mut from = 0;
    while let Some(moved) = next(&text, from) {
        from = moved.end;
        text = Cow::Owned(moved.text);
    }
    text
}

/// A filter in which one test was moved, and where the bracket ends now.
struct Moved {
    text: String,
    end: usize,
}

/// Moves the first test behind a bracket that is closed after `from`.
fn next(text: &str, from: usize) -> Option<Moved> {
    let mut open = None;
    let mut place = from;
    loop {
        let rest = text.get(place..)?;
        let c = rest.chars().next()?;
        match c {
            '"' => place += quoted(rest)?,
            '[' => {
                open = Some(place);
                place += 1;
            }
            ']' => {
                let behind = text.get(place + 1..)?;
                if let (Some(open), Some(length)) = (open, test(behind)) {
                    let inner = text.get(open + 1..place)?;
                    let moved = behind.get(1..length)?;
                    let before = text.get(..open)?;
                    let mut all = format!("{before}[({inner}) and {moved}]");
                    let end = all.len();
                    all.push_str(behind.get(length..)?);
                    return Some(Moved { text: all, end });
                }
                place += 1;
            }
            c => place += c.len_utf8(),
        }
    }
}

/// The length of a test that begins with a dot: `.value eq "x"` or `.value pr`.
fn test(text: &str) -> Option<usize> {
    let name = word(text.strip_prefix('.')?)?;
    let mut end = 1 + name;
    let operator_from = end + blank(text.get(end..)?)?;
    let operator = word(text.get(operator_from..)?)?;
    end = operator_from + operator;
    if text.get(operator_from..end)?.eq_ignore_ascii_case("pr") {
        return Some(end);
    }
    end += blank(text.get(end..)?)?;
    let value = text.get(end..)?;
    let length = if value.starts_with('"') {
        quoted(value)?
    } else {
        value.find(|c: char| c.is_whitespace() || matches!(c, ')' | ']')).unwrap_or(value.len())
    };
    (length > 0).then_some(end + length)
}

/// The length of the quoted text at the beginning.
fn quoted(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (place, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return Some(place + 1),
            _ => {}
        }
    }
    None
}

fn word(text: &str) -> Option<usize> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_')).unwrap_or(text.len());
    (end > 0).then_some(end)
}

fn blank(text: &str) -> Option<usize> {
    let end = text.find(|c: char| !c.is_whitespace()).unwrap_or(text.len());
    (end > 0).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_behind_brackets_move_into_them() {
        for (written, standard_form) in [
            (r#"emails[type eq "work"].value eq "x""#, r#"emails[(type eq "work") and value eq "x"]"#),
            (r#"(emails[type eq "work"].value pr)"#, r#"(emails[(type eq "work") and value pr])"#),
            (
                r#"emails[type eq "work" or primary eq true].value  EQ  "a\"]b" and active eq true"#,
                r#"emails[(type eq "work" or primary eq true) and value  EQ  "a\"]b"] and active eq true"#,
            ),
            (
                r#"emails[type eq "].value eq 1"].primary eq true or emails[type eq "é"].value sw "É""#,
                r#"emails[(type eq "].value eq 1") and primary eq true] or emails[(type eq "é") and value sw "É"]"#,
            ),
        ] {
            assert_eq!(standard(written), standard_form);
        }
    }

    #[test]
    fn other_text_stays_as_it_is() {
        for text in [
            "",
            r#"userName eq "a[b].c eq d""#,
            r#"emails[type eq "work"]"#,
            r#"emails[type eq "work"]."#,
            r#"emails[type eq "work"].value"#,
            r#"emails[type eq "work"].value eq "#,
            r#"emails[type eq "work"].value eq "open"#,
            r#"emails].value eq "x""#,
            "[[[[]]]].....",
            "\"",
        ] {
            assert!(matches!(standard(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }
}
