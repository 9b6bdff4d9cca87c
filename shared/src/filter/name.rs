//! Prefixes of groups' names.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::parse::MAX_PREFIX_CHARS;
use crate::directory::Folded;

/// A prefix of groups' names, as it was written. Two that match the same names may be written differently.
///
/// White space and invisible characters at its beginning are ignored, as they are in names. White space within it and at its end is
/// compared: `VPN ` does not match `VPNs`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamePrefix {
    folded: Folded,
    text: String,
}

impl NamePrefix {
    /// Creates a prefix, unless the text has only white space and would match every name by accident.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        if text.trim().is_empty() {
            return None;
        }
        let visible = Folded::of_visible(text);
        // Stored settings may have a prefix of invisible characters only. Nothing is left of it that could match, and an empty
        // prefix would match everything: as it is, it matches no name.
        let folded = if visible.is_empty() { Folded::of(text) } else { visible };
        Some(Self { text: text.to_owned(), folded })
    }

    /// The prefix as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// True when the name begins with this. `name` comes from [`Folded::of_visible`].
    pub(super) fn begins(&self, name: &Folded) -> bool {
        name.begins_with(&self.folded)
    }
}

impl PartialSchema for NamePrefix {
    fn schema() -> RefOr<Schema> {
        let prefix = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("The beginning of a group's name. White space counts, but is not all there is."))
            .min_length(Some(1))
            .max_length(Some(MAX_PREFIX_CHARS))
            // White space as Unicode has it. What `\s` is differs from one reader of patterns to the next.
            .pattern(Some(r"[^\t-\r \u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]"))
            .examples(["VPN-"]);
        prefix.into()
    }
}

impl ToSchema for NamePrefix {}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(prefix: &str, name: &str) -> bool {
        NamePrefix::new(prefix).unwrap().begins(&Folded::of_visible(name))
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
        assert!(!matches("cafe", "cafe\u{301} team"));
        assert!(!matches("x", "x\u{302} team"));
    }

    #[test]
    fn white_space_alone_is_no_prefix_but_counts_within_one() {
        assert_eq!(NamePrefix::new(" \t"), None);
        assert!(matches("Team ", "team A"));
        assert!(!matches("Team ", "teamwork"));
        assert!(!matches("Team A", "team\u{a0}A"));
    }

    #[test]
    fn hidden_characters_at_the_beginning_are_ignored() {
        for hidden in [" ", "\u{a0}", "\u{200b}", "\u{feff}", "\u{200e}", "\u{202e}\t\u{2060} ", "\u{3000}", "\u{0}"] {
            assert!(matches("VPN-", &format!("{hidden}VPN-Berlin")), "{hidden:?}");
            assert!(matches(&format!("{hidden}VPN-"), "VPN-Berlin"), "{hidden:?}");
            assert!(!matches("VPN-", &format!("V{hidden}PN-Berlin")), "{hidden:?}");
        }
    }

    #[test]
    fn invisible_prefix_matches_no_name() {
        for name in ["", "VPN", "\u{200b}", "\u{200b}VPN"] {
            assert!(!matches("\u{200b}", name), "{name:?}");
        }
    }
}
