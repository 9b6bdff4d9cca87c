//! How names are compared: for prefixes, lookups, searches, filters and orders alike.
//!
//! Two forms of a name follow from each other. [`Folded`] tells whether two names are the same, and decides who and what is meant.
//! [`Searchable`] is coarser, to find candidates and to sort: names with one folded form share one searchable form.

use std::borrow::Cow;

use icu_casemap::CaseMapper;
use icu_normalizer::properties::CanonicalCombiningClassMapBorrowed;
use icu_normalizer::{ComposingNormalizer, DecomposingNormalizer};

/// A name without the differences of case and of how letters with marks are encoded.
///
/// Canonical caseless matching (The Unicode Standard, section 3.13, D145), composed again so that a letter is not the prefix of the
/// same letter with a mark. Canonical and not compatibility normalization (NFC, not NFKC): the latter equates texts that look
/// different, such as `①` and `1` or `ﬀ` and `ff`, and a caller who may choose such a name must not be taken for another user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Folded(String);

impl Folded {
    /// Folds a name. White space counts, wherever it is.
    #[must_use]
    pub fn of(name: &str) -> Self {
        if name.is_ascii() {
            return Self(name.to_ascii_lowercase());
        }
        // Decomposed first: case folding alone does not respect canonical equivalence.
        let decomposed = DecomposingNormalizer::new_nfd().normalize(name);
        let folded = CaseMapper::new().fold_string(&decomposed);
        Self(ComposingNormalizer::new_nfc().normalize(&folded).into_owned())
    }

    /// Folds what readers see of a group's name, or of a prefix of such names: without white space and invisible characters at its
    /// beginning, which no admin center shows.
    #[must_use]
    pub fn of_visible(name: &str) -> Self {
        Self::of(name.trim_start_matches(|c: char| c.is_whitespace() || is_invisible(c)))
    }

    /// Folds a sign-in name or mail address, to which white space around it does not belong.
    #[must_use]
    pub fn of_address(address: &str) -> Self {
        Self::of(address.trim())
    }

    /// True when nothing is left to compare.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True when the name begins with all of `prefix`, and the prefix does not end within a letter with marks.
    #[must_use]
    pub fn begins_with(&self, prefix: &Self) -> bool {
        let rest = self.0.strip_prefix(&prefix.0);
        rest.is_some_and(|rest| prefix.is_empty() || !rest.starts_with(is_mark))
    }

    /// True when the name ends with `suffix`.
    #[must_use]
    pub fn ends_with(&self, suffix: &Self) -> bool {
        self.0.ends_with(&suffix.0)
    }

    /// True when `part` is somewhere in the name.
    #[must_use]
    pub fn contains(&self, part: &Self) -> bool {
        self.0.contains(&part.0)
    }
}

/// A name as people search for it, and as lists of names are sorted: its letters without marks, `Novák` as `novak`. Compatibility
/// characters are as plain ones here, and what cannot be seen is left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Searchable(String);

impl Searchable {
    /// The searchable form, derived from the folded one so that names that are the same are found alike.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let folded = Folded::of(name).0;
        let plain = if folded.is_ascii() { Cow::Borrowed(folded.as_str()) } else { Cow::Owned(without_marks(&folded)) };
        let seen: String = plain.chars().filter(|c| !is_invisible(*c)).collect();
        Self(seen.trim().to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn begins_with(&self, prefix: &Self) -> bool {
        self.0.starts_with(&prefix.0)
    }
}

/// Compatibility caseless matching (The Unicode Standard, section 3.13, D146) without combining marks, and with the Latin letters
/// that have no decomposition as what people type for them.
fn without_marks(folded: &str) -> String {
    let nfkd = DecomposingNormalizer::new_nfkd();
    let plain = nfkd.normalize(folded);
    // Some compatibility characters stand for capital letters.
    let plain = CaseMapper::new().fold_string(&plain);
    let mut text = String::with_capacity(plain.len());
    for c in nfkd.normalize(&plain).chars().filter(|c| !is_mark(*c)) {
        match c {
            'æ' => text.push_str("ae"),
            'œ' => text.push_str("oe"),
            'þ' => text.push_str("th"),
            'đ' | 'ð' => text.push('d'),
            'ħ' => text.push('h'),
            'ı' => text.push('i'),
            'ł' => text.push('l'),
            'ø' => text.push('o'),
            'ŧ' => text.push('t'),
            other => text.push(other),
        }
    }
    text
}

/// True for a mark that belongs to the letter before it.
pub(super) fn is_mark(c: char) -> bool {
    !c.is_ascii() && CanonicalCombiningClassMapBorrowed::new().get_u8(c) != 0
}

/// True for a character that shows nothing and takes no room: a control character that is not white space, or one that is ignored
/// by default.
///
/// Source: Unicode Character Database, `DerivedCoreProperties.txt`, `Default_Ignorable_Code_Point`; and the interlinear
/// annotations beside them.
fn is_invisible(c: char) -> bool {
    match c {
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => true,
        c => c.is_control() && !c.is_whitespace(),
    }
}

/// True for an invisible character that scripts and emoji need within a word: joiners, variation selectors and tags.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0020}'..='\u{e007f}')
}

/// The characters of a name that readers do not see, or take for an ordinary space, each with its place from 1 on. White space and
/// invisible characters at the beginning are ignored by prefixes; others are compared.
pub fn hidden_characters(name: &str) -> impl Iterator<Item = (usize, char)> {
    let mut at_beginning = true;
    name.chars().enumerate().filter_map(move |(before, c)| {
        let blank = c.is_whitespace() || is_invisible(c);
        at_beginning &= blank;
        let hidden = blank && (at_beginning || (c != ' ' && !is_joiner(c)));
        hidden.then_some((before + 1, c))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nfc(text: &str) -> String {
        ComposingNormalizer::new_nfc().normalize(text).into_owned()
    }

    fn nfd(text: &str) -> String {
        DecomposingNormalizer::new_nfd().normalize(text).into_owned()
    }

    /// Texts of letters that are folded in ways of their own, and of any others.
    fn any_name() -> impl Strategy<Value = String> {
        let special = "aeiosSKÅåÉéÖöŠšßẞİıΣσςͅᾳΐǰŉÆæŁłØøĐđ\u{301}\u{308}\u{323}\u{327}\u{345}\u{212a}\u{212b}\u{1e9b}ﬁ한ᄒか\u{3099}\
                       नि \u{a0}\u{200b}\u{feff}\u{200e}\u{ad}①-.@";
        let special: Vec<char> = special.chars().collect();
        let letter = prop_oneof![4 => proptest::sample::select(special), 1 => any::<char>()];
        proptest::collection::vec(letter, 0..12).prop_map(|letters| letters.into_iter().collect())
    }

    /// The same name, encoded and cased otherwise.
    fn variants(name: &str) -> Vec<String> {
        let cased = [name.to_owned(), name.to_lowercase(), name.to_uppercase(), nfd(name).to_uppercase()];
        cased.iter().flat_map(|name| [name.clone(), nfc(name), nfd(name)]).collect()
    }

    proptest! {
        #[test]
        fn folding_is_idempotent(name in any_name()) {
            let folded = Folded::of(&name);
            prop_assert_eq!(&Folded::of(&folded.0), &folded);
            let searchable = Searchable::of(&name);
            prop_assert_eq!(&Searchable::of(searchable.as_str()), &searchable);
        }

        #[test]
        fn encodings_fold_equal(name in any_name()) {
            for variant in [nfc(&name), nfd(&name)] {
                prop_assert_eq!(Folded::of(&variant), Folded::of(&name));
                prop_assert_eq!(Folded::of_visible(&variant), Folded::of_visible(&name));
                prop_assert_eq!(Searchable::of(&variant), Searchable::of(&name));
            }
        }

        #[test]
        fn cases_fold_equal(name in "[a-zA-ZäÄöÖßéÉèÈñÑşŞõÕøØæÆčČžŽřŘłŁģĢα-ωΑ-Ρа-яА-Я '@.-]{0,20}") {
            for variant in variants(&name) {
                prop_assert_eq!(Folded::of(&variant), Folded::of(&name), "{:?} and {:?}", variant, name);
                prop_assert_eq!(Searchable::of(&variant), Searchable::of(&name));
            }
        }

        #[test]
        fn prefixes_respect_equality(prefix in any_name(), rest in any_name()) {
            let name = format!("{prefix}{rest}");
            let matches = Folded::of(&name).begins_with(&Folded::of(&prefix));
            for variant in [nfc(&prefix), nfd(&prefix)] {
                for name in [nfc(&name), nfd(&name)] {
                    prop_assert_eq!(Folded::of(&name).begins_with(&Folded::of(&variant)), matches);
                }
            }
            if rest.starts_with(|c: char| c.is_ascii_alphanumeric()) {
                prop_assert!(matches, "{:?} begins {:?}", prefix, name);
            }
        }

        #[test]
        fn search_finds_what_is_equal_or_begins_alike(name in any_name(), prefix in any_name()) {
            let whole = format!("{prefix}{name}");
            if Folded::of(&whole).begins_with(&Folded::of(&prefix)) {
                prop_assert!(Searchable::of(&whole).begins_with(&Searchable::of(&prefix)), "{:?} in {:?}", prefix, whole);
            }
        }

        #[test]
        fn ascii_is_only_lower_cased(name in "[ -~]{0,20}") {
            prop_assert_eq!(&Folded::of(&name).0, &name.to_lowercase());
            prop_assert_eq!(Searchable::of(&name).0, name.trim().to_lowercase());
        }
    }

    #[test]
    fn every_character_folds_once_and_for_all() {
        // Planes beyond have no letters, and nothing that is folded.
        for c in '\0'..='\u{1ffff}' {
            for name in [c.to_string(), format!("{c}\u{301}"), format!("e{c}")] {
                let folded = Folded::of(&name);
                assert_eq!(Folded::of(&folded.0), folded, "{name:?}");
                assert_eq!(Folded::of(&nfd(&name)), folded, "{name:?}");
                let searchable = Searchable::of(&name);
                assert_eq!(Searchable::of(searchable.as_str()), searchable, "{name:?}");
            }
        }
    }

    #[test]
    fn search_leaves_marks_out_and_identity_keeps_them() {
        for (name, typed) in [
            ("Novák", "novak"),
            ("NOVA\u{301}K", "novak"),
            ("Łukasz Wałęsa", "lukasz walesa"),
            ("Søren Ærø", "soren aero"),
            ("Đorđe", "dorde"),
            ("Weiß", "weiss"),
            ("İpek", "ipek"),
            ("ｋｉｍ", "kim"),
            ("\u{feff}Kim\u{200b} Lind", "kim lind"),
        ] {
            assert_eq!(Searchable::of(name).as_str(), typed);
        }
        for (name, other) in [("novák@x", "novak@x"), ("ｋｉｍ@x", "kim@x"), ("ki\u{200b}m@x", "kim@x"), ("①", "1")]
        {
            assert_ne!(Folded::of(name), Folded::of(other));
        }
        assert_eq!(Folded::of_address(" NOVA\u{301}K@x\t"), Folded::of("novák@x"));
    }

    #[test]
    fn a_mark_without_a_composed_letter_ends_no_prefix() {
        // There is no composed `x` with a circumflex, nor `e` with two such marks.
        for (prefix, name) in [("x", "x\u{302}y"), ("e", "e\u{301}"), ("é", "é\u{323}")] {
            assert!(!Folded::of(name).begins_with(&Folded::of(prefix)), "{prefix} and {name}");
        }
        assert!(Folded::of("\u{301}").begins_with(&Folded::of("")));
    }

    #[test]
    fn hidden_characters_are_told_with_their_places() {
        let hidden = |name: &str| hidden_characters(name).collect::<Vec<_>>();
        assert_eq!(hidden(" VPN Berlin "), [(1, ' ')]);
        assert_eq!(
            hidden("\u{feff}\u{a0}VPN\u{a0}\u{200b}B"),
            [(1, '\u{feff}'), (2, '\u{a0}'), (6, '\u{a0}'), (7, '\u{200b}')]
        );
        assert_eq!(hidden("\u{200d}x"), [(1, '\u{200d}')]);
        for usual in ["", "VPN Berlin", "❤\u{fe0f} Team", "👩\u{200d}💻", "می\u{200c}خواهم", "Ünïcode"] {
            assert_eq!(hidden(usual), [], "{usual}");
        }
    }
}
