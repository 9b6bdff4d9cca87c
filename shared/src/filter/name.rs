//! Case-insensitive name prefixes.

use icu_casemap::CaseMapper;
use icu_normalizer::{ComposingNormalizer, DecomposingNormalizer};

/// The beginning of a group's name, compared without regard to case.
///
/// Two prefixes that compare alike are equal, however they were written.
#[derive(Debug, Clone)]
pub struct NamePrefix {
    text: String,
    folded: String,
}

impl NamePrefix {
    /// A prefix, unless it has nothing but white space and would match by accident.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        if text.trim().is_empty() {
            return None;
        }
        Some(Self { text: text.to_owned(), folded: fold(text) })
    }

    /// The prefix as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn begins(&self, folded_name: &str) -> bool {
        folded_name.starts_with(&self.folded)
    }
}

impl PartialEq for NamePrefix {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}

impl Eq for NamePrefix {}

impl PartialOrd for NamePrefix {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for NamePrefix {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.folded.cmp(&other.folded)
    }
}

/// A name with the differences of case and of composition taken out (canonical caseless matching).
///
/// Source: The Unicode Standard, section 3.13, "Default Caseless Matching", D145. The result is composed, so that
/// a prefix ending in a letter does not match the same letter with an accent.
pub(super) fn fold(name: &str) -> String {
    let decomposed = DecomposingNormalizer::new_nfd().normalize(name);
    let folded = CaseMapper::new().fold_string(&decomposed);
    ComposingNormalizer::new_nfc().normalize(&folded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(prefix: &str, name: &str) -> bool {
        NamePrefix::new(prefix).unwrap().begins(&fold(name))
    }

    #[test]
    fn case_is_ignored_beyond_ascii() {
        assert!(matches("vpn-", "VPN-Berlin"));
        assert!(matches("ÄRZTE", "ärzte Nord"));
        assert!(matches("straße", "STRASSE 1"));
        assert!(matches("ΣΊΣΥΦΟΣ", "σίσυφος"));
    }

    #[test]
    fn composed_and_decomposed_letters_are_the_same() {
        assert!(matches("Caf\u{e9}", "cafe\u{301} team"));
        assert!(matches("cafe\u{301}", "CAF\u{c9} team"));
    }

    #[test]
    fn a_letter_is_not_the_prefix_of_the_same_letter_with_an_accent() {
        assert!(!matches("caf\u{65}", "cafe\u{301} team"));
    }

    #[test]
    fn white_space_alone_is_no_prefix_but_counts_within_one() {
        assert_eq!(NamePrefix::new(" \t"), None);
        assert!(matches("Team ", "team A"));
        assert!(!matches("Team ", "teamwork"));
    }
}
