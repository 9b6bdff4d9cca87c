//! Keys by which users and groups are looked up.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::folding::{Searchable, is_mark};
use super::{Folded, GroupProfile, GroupRecord, Presence, Text, UserProfile, UserRecord};

/// Maximum length of a key in bytes.
const MAX_KEY_BYTES: usize = 64;
/// Maximum number of words indexed of a user's displayed name.
const MAX_WORDS: usize = 4;
/// Maximum number of words indexed of a group's name: names of groups are made of parts, such as `SG_VPN_Berlin_Admins`.
const MAX_WORDS_OF_GROUP: usize = 8;

/// A name as an index has it: the first bytes of its searchable form. Different names may share a key, so a lookup compares the
/// names of what it finds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NameKey(Text);

impl NameKey {
    /// The key of a name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self::cut(Searchable::of(name).as_str())
    }

    /// The key that versions up to table layout 4 have stored for a name. Until a run has rebuilt the indexes, entries are found
    /// under it.
    #[must_use]
    pub fn earlier(name: &str) -> Self {
        Self::cut(&name.trim().to_lowercase())
    }

    /// A key as it is stored.
    #[must_use]
    pub fn stored(text: &str) -> Self {
        Self(Text::from(text))
    }

    fn cut(form: &str) -> Self {
        let end = form.floor_char_boundary(MAX_KEY_BYTES);
        Self(Text::from(form.get(..end).unwrap_or_default()))
    }

    /// The text, which sorts as keys do.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// One of sixteen, about as many names in each: by a hash that never changes (the first hex digit of SHA-256).
    #[must_use]
    pub fn shard(&self) -> u8 {
        Sha256::digest(self.0.as_str()).first().map_or(0, |first| first >> 4)
    }
}

/// True when one of the names begins like this, as people search.
fn any_begins<'a>(mut names: impl Iterator<Item = &'a str>, prefix: &str) -> bool {
    let prefix = Searchable::of(prefix);
    names.any(|name| Searchable::of(name).begins_with(&prefix))
}

impl UserProfile {
    /// The sign-in name, the mail address and all further mail addresses, as they are written. Some may come twice.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let login = self.user_principal_name.as_deref().filter(|name| !name.is_empty());
        login.into_iter().chain(self.mail_addresses())
    }

    fn mail_addresses(&self) -> impl Iterator<Item = &str> {
        let proxies = self.proxy_addresses.iter().flatten().filter_map(|address| {
            let (kind, address) = address.split_once(':')?;
            kind.eq_ignore_ascii_case("smtp").then_some(address)
        });
        self.mail.iter().map(Text::as_str).chain(proxies).filter(|address| !address.is_empty())
    }

    /// What people type to find a user: the names, the displayed name, and the words in that.
    fn search_names(&self) -> impl Iterator<Item = &str> {
        let displayed = self.display_name.as_deref().unwrap_or_default();
        let words = displayed.split_whitespace().skip(1).take(MAX_WORDS);
        self.names().chain(std::iter::once(displayed)).chain(words).filter(|name| !name.trim().is_empty())
    }

    /// True when one of the names, the displayed name, or a word in that begins like this, without regard to case and marks.
    #[must_use]
    pub fn is_found_by(&self, prefix: &str) -> bool {
        any_begins(self.search_names(), prefix)
    }

    /// True when this is one of the names, in any case and encoding. Marks count: `novak` is another name than `novák`.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        let name = Folded::of_address(name);
        self.names().any(|own| Folded::of_address(own) == name)
    }

    /// True when this is one of the mail addresses, in any case and encoding.
    #[must_use]
    pub fn is_reached_at(&self, address: &str) -> bool {
        let address = Folded::of_address(address);
        self.mail_addresses().any(|own| Folded::of_address(own) == address)
    }

    /// True when this is the sign-in name, in any case and encoding.
    #[must_use]
    pub fn signs_in_as(&self, name: &str) -> bool {
        let own = self.user_principal_name.as_deref();
        own.is_some_and(|own| Folded::of_address(own) == Folded::of_address(name))
    }
}

impl UserRecord {
    /// The keys of everything the user is found by. A user who was never read is found by nothing.
    #[must_use]
    pub fn name_keys(&self) -> BTreeSet<NameKey> {
        self.keys(NameKey::of)
    }

    /// The keys that earlier versions have stored for the user.
    #[must_use]
    pub fn earlier_name_keys(&self) -> BTreeSet<NameKey> {
        self.keys(NameKey::earlier)
    }

    fn keys(&self, key: fn(&str) -> NameKey) -> BTreeSet<NameKey> {
        if self.presence == Presence::Unseen { BTreeSet::new() } else { self.profile.search_names().map(key).collect() }
    }
}

impl GroupProfile {
    /// What people type to find a group: its name, the words in that, and its mail address.
    fn search_names(&self) -> impl Iterator<Item = &str> {
        let displayed = self.display_name.as_deref().unwrap_or_default();
        // A mark is a part of the letter before it, whether the two are encoded as one or not.
        let words =
            displayed.split(|one: char| !one.is_alphanumeric() && !is_mark(one)).filter(|word| !word.is_empty());
        let words = words.take(MAX_WORDS_OF_GROUP);
        let mail = self.mail.as_deref();
        std::iter::once(displayed).chain(words).chain(mail).filter(|name| !name.trim().is_empty())
    }

    /// True when the name, a word in it, or the mail address begins like this, without regard to case and marks.
    #[must_use]
    pub fn is_found_by(&self, prefix: &str) -> bool {
        any_begins(self.search_names(), prefix)
    }
}

impl GroupRecord {
    /// The keys of everything the group is found by. One that is not in the tenant cannot be found.
    #[must_use]
    pub fn name_keys(&self) -> BTreeSet<NameKey> {
        self.keys(NameKey::of)
    }

    /// The keys that earlier versions have stored for the group.
    #[must_use]
    pub fn earlier_name_keys(&self) -> BTreeSet<NameKey> {
        self.keys(NameKey::earlier)
    }

    fn keys(&self, key: fn(&str) -> NameKey) -> BTreeSet<NameKey> {
        if self.presence.is_present() { self.profile.search_names().map(key).collect() } else { BTreeSet::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::UserDecision;

    #[test]
    fn a_key_is_the_same_in_any_case_and_never_moves() {
        let key = NameKey::of(" Adele@Contoso.example ");
        assert_eq!(key, NameKey::of("adele@contoso.EXAMPLE"));
        // Stored keys must be found by later versions too.
        assert_eq!((key.as_str(), key.shard()), ("adele@contoso.example", 2));
        assert_eq!(NameKey::earlier(" Adele@Contoso.example "), key);
    }

    #[test]
    fn one_key_finds_every_encoding_and_the_name_without_marks() {
        for name in ["J\u{f6}rg@x.example", "Jo\u{308}rg@x.example", "JO\u{308}RG@X.EXAMPLE", "jorg@x.example"] {
            assert_eq!(NameKey::of(name).as_str(), "jorg@x.example");
        }
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let key = NameKey::of(&"é".repeat(40));
        assert_eq!(key.as_str(), "e".repeat(40));
        assert_eq!(NameKey::of(&"я".repeat(40)).as_str(), "я".repeat(32));
        assert_eq!(NameKey::of(&format!("a{}", "я".repeat(40))).as_str().len(), 63);
    }

    #[test]
    fn a_user_is_found_by_the_beginning_of_any_name_or_word_in_it() {
        let user = UserRecord {
            id: "u".parse().unwrap(),
            profile: UserProfile {
                display_name: Some("Adele  van Dijk".into()),
                user_principal_name: Some("a.dijk@contoso.example".into()),
                mail: Some("A.Dijk@contoso.example".into()),
                ..UserProfile::default()
            },
            presence: Presence::Present,
            groups: BTreeSet::new(),
            decision: UserDecision::Active,
            changed: None,
        };
        let keys: Vec<String> = user.name_keys().iter().map(|key| key.as_str().to_owned()).collect();
        assert_eq!(keys, ["a.dijk@contoso.example", "adele  van dijk", "dijk", "van"]);
        for beginning in ["ad", "ADELE  V", "van", "Dij", "a.dijk@", ""] {
            assert!(user.profile.is_found_by(beginning), "{beginning}");
        }
        for beginning in ["dele", "dijkstra", "contoso"] {
            assert!(!user.profile.is_found_by(beginning), "{beginning}");
        }
        assert!(UserRecord { presence: Presence::Unseen, ..user }.name_keys().is_empty());
    }

    #[test]
    fn a_user_is_named_by_every_address_but_no_other_kind_of_it() {
        let profile = UserProfile {
            user_principal_name: Some("adele@contoso.example".into()),
            mail: Some("Adele.Vance@contoso.example".into()),
            proxy_addresses: Some(
                [
                    "SMTP:Adele.Vance@contoso.example",
                    "smtp:av@contoso.example",
                    "X500:/o=Contoso",
                    "SIP:av@sip.example",
                ]
                .map(Text::from)
                .to_vec(),
            ),
            ..UserProfile::default()
        };
        for name in ["ADELE@contoso.example", "adele.vance@contoso.example", "av@Contoso.Example"] {
            assert!(profile.is_named(name), "{name}");
        }
        for name in ["", "av@sip.example", "/o=Contoso", "smtp:av@contoso.example"] {
            assert!(!profile.is_named(name), "{name}");
        }
        assert!(profile.signs_in_as("ADELE@contoso.example") && !profile.signs_in_as("av@contoso.example"));
    }

    #[test]
    fn marks_count_in_names_and_not_in_searches() {
        let profile = UserProfile {
            display_name: Some("Jan Novák".into()),
            user_principal_name: Some("nova\u{301}k@contoso.example".into()),
            ..UserProfile::default()
        };
        assert!(profile.is_named("NOV\u{c1}K@contoso.example"));
        assert!(!profile.is_named("novak@contoso.example"));
        for typed in ["novak", "NOV\u{c1}", "nova\u{301}k@", "jan n"] {
            assert!(profile.is_found_by(typed), "{typed}");
        }
    }

    #[test]
    fn words_of_groups_keep_their_marks() {
        let group = GroupRecord {
            id: "g".parse().unwrap(),
            profile: GroupProfile { display_name: Some("\u{feff}SG-Mu\u{308}nster".into()), ..GroupProfile::default() },
            presence: Presence::Present,
            children: BTreeSet::new(),
            decision: crate::filter::GroupDecision::Synced,
            members: 0,
            membership: crate::directory::Membership::Known,
        };
        let keys: Vec<String> = group.name_keys().iter().map(|key| key.as_str().to_owned()).collect();
        assert_eq!(keys, ["munster", "sg", "sg-munster"]);
        assert!(group.profile.is_found_by("Münster") && !group.profile.is_found_by("nster"));
    }
}
