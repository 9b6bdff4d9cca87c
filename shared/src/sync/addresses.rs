//! Mail addresses that more than one user has: no harm here, but who asks for one by its address gets only one of them.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use crate::directory::{Folded, UserId, UserPatch};

/// Whose mail address is whose, of a complete list that is seen part by part.
#[derive(Default)]
pub(super) struct Addresses {
    /// By the hash of the address, of which a large tenant has many megabytes.
    owners: HashMap<u64, UserId>,
    hasher: RandomState,
}

impl Addresses {
    /// Says which of these users have the mail address of another one. The address itself is not told.
    pub(super) fn shared(&mut self, users: &[(UserId, UserPatch)]) -> Vec<String> {
        let mut shared = Vec::new();
        for (id, patch) in users {
            let Some(mail) = patch.mail.value().filter(|mail| !mail.trim().is_empty()) else { continue };
            let owner = self.owners.entry(self.hasher.hash_one(Folded::of_address(mail))).or_insert_with(|| id.clone());
            if owner != id {
                shared.push(format!("users {owner} and {id} have the same mail address"));
            }
        }
        shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Patch;

    fn user(id: &str, mail: Patch<&str>) -> (UserId, UserPatch) {
        let mail = match mail {
            Patch::Keep => Patch::Keep,
            Patch::Clear => Patch::Clear,
            Patch::Set(mail) => Patch::Set(mail.into()),
        };
        (id.parse().unwrap(), UserPatch { mail, ..UserPatch::default() })
    }

    #[test]
    fn an_address_of_two_users_is_said_once_for_each_further_one() {
        let adele = || user("u1", Patch::Set("Adele@contoso.example"));
        let users = [
            adele(),
            // Graph repeats objects at times.
            adele(),
            user("u2", Patch::Set("adele@CONTOSO.example ")),
            user("u3", Patch::Clear),
            user("u4", Patch::Clear),
            user("u5", Patch::Set("")),
            user("u6", Patch::Set("")),
            user("u7", Patch::Keep),
        ];
        assert_eq!(Addresses::default().shared(&users), ["users u1 and u2 have the same mail address"]);
    }
}
