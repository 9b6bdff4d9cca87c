//! What users are looked up by.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{GroupProfile, GroupRecord, Presence, Text, UserProfile, UserRecord};

/// The most bytes of a name that an index has.
const MAX_KEY_BYTES: usize = 64;
/// So many words of somebody's name are indexed.
const MAX_WORDS: usize = 4;
/// So many words of a group's name are indexed: names of groups are made of parts, such as `SG_VPN_Berlin_Admins`.
const MAX_WORDS_OF_GROUP: usize = 8;

/// A name as an index has it: its beginning, without regard to case. Two names may share one, so whoever finds a user by it
/// compares the name itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NameKey(Text);

impl NameKey {
    /// The key of a name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let folded = folded(name);
        let end = folded.floor_char_boundary(MAX_KEY_BYTES);
        Self(Text::from(folded.get(..end).unwrap_or_default()))
    }

    /// A key as it is stored.
    #[must_use]
    pub fn stored(text: &str) -> Self {
        Self(Text::from(text))
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

fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

impl UserProfile {
    /// The sign-in name, the mail address and all further mail addresses, as they are written. Some may come twice.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let proxies = self.proxy_addresses.iter().flatten().filter_map(|address| {
            let (kind, address) = address.split_once(':')?;
            kind.eq_ignore_ascii_case("smtp").then_some(address)
        });
        self.user_principal_name
            .iter()
            .chain(&self.mail)
            .map(Text::as_str)
            .chain(proxies)
            .filter(|name| !name.is_empty())
    }

    /// What people type to find somebody: the names, the displayed name, and the words in that.
    fn search_names(&self) -> impl Iterator<Item = &str> {
        let displayed = self.display_name.as_deref().unwrap_or_default();
        let words = displayed.split_whitespace().skip(1).take(MAX_WORDS);
        self.names().chain(std::iter::once(displayed)).chain(words).filter(|name| !name.trim().is_empty())
    }

    /// True when one of the names, the displayed name, or a word in that begins like this, in whatever case.
    #[must_use]
    pub fn is_found_by(&self, beginning: &str) -> bool {
        let beginning = folded(beginning);
        self.search_names().any(|name| folded(name).starts_with(&beginning))
    }

    /// True when this is one of the names, in whatever case.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        let name = folded(name);
        self.names().any(|own| folded(own) == name)
    }
}

impl UserRecord {
    /// The keys of everything the user is found by. Who was never read cannot be found.
    #[must_use]
    pub fn name_keys(&self) -> BTreeSet<NameKey> {
        if self.presence == Presence::Unseen {
            BTreeSet::new()
        } else {
            self.profile.search_names().map(NameKey::of).collect()
        }
    }
}

impl GroupProfile {
    /// What people type to find a group: its name, the words in that, and its mail address.
    fn search_names(&self) -> impl Iterator<Item = &str> {
        let displayed = self.display_name.as_deref().unwrap_or_default();
        let words = displayed.split(|one: char| !one.is_alphanumeric()).filter(|word| !word.is_empty());
        let words = words.take(MAX_WORDS_OF_GROUP);
        let mail = self.mail.as_deref();
        std::iter::once(displayed).chain(words).chain(mail).filter(|name| !name.trim().is_empty())
    }

    /// True when the name, a word in it, or the mail address begins like this, in whatever case.
    #[must_use]
    pub fn is_found_by(&self, beginning: &str) -> bool {
        let beginning = folded(beginning);
        self.search_names().any(|name| folded(name).starts_with(&beginning))
    }
}

impl GroupRecord {
    /// The keys of everything the group is found by. One that is not in the tenant cannot be found.
    #[must_use]
    pub fn name_keys(&self) -> BTreeSet<NameKey> {
        if self.presence.is_present() {
            self.profile.search_names().map(NameKey::of).collect()
        } else {
            BTreeSet::new()
        }
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
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let key = NameKey::of(&"é".repeat(40));
        assert_eq!(key.as_str(), "é".repeat(32));
        assert_eq!(NameKey::of(&format!("a{}", "é".repeat(40))).as_str().len(), 63);
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
    }
}
