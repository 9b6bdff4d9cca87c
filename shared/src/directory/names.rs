//! What users are looked up by.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{InvalidId, Presence, Text, UserProfile, UserRecord};

/// A name as an index has it: the first eight bytes of the SHA-256 of the name in lower case. Two names may share one, so
/// whoever finds a user by it compares the name itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NameKey(u64);

impl NameKey {
    /// The key of a name, in whatever case.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let hash = Sha256::digest(name.to_lowercase());
        let mut first = [0; 8];
        first.iter_mut().zip(hash).for_each(|(byte, of_hash)| *byte = of_hash);
        Self(u64::from_be_bytes(first))
    }

    /// One of sixteen, as many names in each: the first hex digit.
    #[must_use]
    pub fn shard(self) -> u8 {
        self.0.to_be_bytes()[0] >> 4
    }
}

/// Sixteen hex digits, which sort as keys do.
impl fmt::Display for NameKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl From<NameKey> for String {
    fn from(key: NameKey) -> Self {
        key.to_string()
    }
}

impl FromStr for NameKey {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let key = u64::from_str_radix(text, 16).map(Self).map_err(|_| InvalidId::Malformed)?;
        // No other spelling, such as one with a sign.
        if key.to_string() == text { Ok(key) } else { Err(InvalidId::Malformed) }
    }
}

impl TryFrom<String> for NameKey {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
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

    /// True when this is one of the names, in whatever case.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.names().any(|own| own.to_lowercase() == name)
    }
}

impl UserRecord {
    /// The keys of all names the user is found by. Who was never read cannot be found.
    #[must_use]
    pub fn name_keys(&self) -> BTreeSet<NameKey> {
        if self.presence == Presence::Unseen {
            BTreeSet::new()
        } else {
            self.profile.names().map(NameKey::of).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_in_any_case_and_reads_back() {
        let key = NameKey::of("Adele@Contoso.example");
        assert_eq!(key, NameKey::of("adele@contoso.EXAMPLE"));
        assert_eq!(key.to_string().parse(), Ok(key));
        // Stored keys must be found by later versions too.
        assert_eq!(NameKey::of("adele@contoso.example").to_string(), "278e7901453ab8d4");
        for text in ["", "7", "+000000000000007", "000000000000000G"] {
            assert!(text.parse::<NameKey>().is_err(), "{text}");
        }
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
