//! The check that every change of settings passes before it is stored, whether it comes by page or by API.

use super::{Outline, UnknownGroup};
use crate::directory::Directory;
use crate::filter::Policy;
use crate::sync::RunId;

/// Published state that a change of settings was compared with. The change is stored only while that state is current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComparedWith {
    /// No state: the change decides about no user.
    Nothing,
    /// The outcome of this run; `None` before the first one.
    Published(Option<RunId>),
}

/// Settings that may replace the current ones. Only the check makes them.
#[derive(Debug, Clone)]
pub struct CheckedSettings {
    policy: Policy,
    compared_with: ComparedWith,
}

/// Why settings may not be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RejectedSettings {
    /// Many users, or all that are active, would be deactivated, and this number was not confirmed.
    #[error("the settings would deactivate {deactivations} users, which was not confirmed")]
    Unconfirmed {
        /// Number of users who would be deactivated.
        deactivations: usize,
    },
    /// Decisions would depend on groups whose members are unknown.
    #[error("the settings depend on groups whose members are unknown")]
    Unknown {
        /// The groups. There is at least one.
        groups: Vec<UnknownGroup>,
    },
}

impl CheckedSettings {
    /// Passes settings that decide about users as the current ones do, without a look at the users.
    #[must_use]
    pub fn without_effect_on_users(directory: &Directory, policy: &Policy) -> Option<Self> {
        let compared_with = ComparedWith::Nothing;
        policy.decides_users_like(&directory.policy).then(|| Self { policy: policy.clone(), compared_with })
    }

    /// Checks settings against their preview. `confirmed` is the number of deactivations that the author has confirmed.
    ///
    /// # Errors
    /// When they depend on groups whose members are unknown, or when a number has to be confirmed, and it is not
    /// `confirmed`.
    pub fn check(
        directory: &Directory,
        policy: &Policy,
        outline: &Outline,
        confirmed: Option<usize>,
    ) -> Result<Self, RejectedSettings> {
        if !outline.unknown.is_empty() {
            return Err(RejectedSettings::Unknown { groups: outline.unknown.clone() });
        }
        match outline.to_be_confirmed(&directory.policy, policy) {
            Some(deactivations) if confirmed != Some(deactivations) => {
                Err(RejectedSettings::Unconfirmed { deactivations })
            }
            _ => Ok(Self { policy: policy.clone(), compared_with: ComparedWith::Published(outline.run) }),
        }
    }

    /// The settings.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The state that has to be current when they are stored.
    #[must_use]
    pub fn compared_with(&self) -> ComparedWith {
        self.compared_with
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::*;
    use crate::directory::DirectoryId;
    use crate::settings::Shift;

    fn policy(settings: &Value) -> Policy {
        Policy::parse(settings).unwrap()
    }

    fn directory(settings: &Value) -> Directory {
        let id = DirectoryId::new(uuid::Uuid::nil());
        let directory = Directory::new(id, "contoso.example".to_owned(), Timestamp::UNIX_EPOCH);
        Directory { policy: policy(settings), ..directory }
    }

    fn outline(active: (usize, usize), deactivated: usize) -> Outline {
        Outline { active, sizes: BTreeMap::from([(Shift::Deactivated, deactivated)]), ..Outline::default() }
    }

    fn on() -> Value {
        json!({"sync_users": true, "sync_groups": true})
    }

    #[test]
    fn deactivations_above_limit_need_their_number() {
        let (directory, new) =
            (directory(&on()), policy(&json!({"sync_users": true, "sync_groups": true, "ignored_groups": ["g"]})));
        let check = |outline: &Outline, confirmed| CheckedSettings::check(&directory, &new, outline, confirmed);
        let unconfirmed = |number| RejectedSettings::Unconfirmed { deactivations: number };
        let many = outline((100, 79), 21);
        for confirmed in [None, Some(20), Some(22), Some(0)] {
            assert_eq!(check(&many, confirmed).unwrap_err(), unconfirmed(21), "{confirmed:?}");
        }
        assert!(check(&many, Some(21)).is_ok());
        assert!(check(&outline((100, 80), 20), None).is_ok(), "that many are within the limit");
        assert_eq!(check(&outline((3, 0), 3), None).unwrap_err(), unconfirmed(3), "no user stays active");
        assert!(check(&outline((3, 1), 2), None).is_ok());
        assert!(check(&outline((0, 0), 0), None).is_ok());
    }

    #[test]
    fn change_cannot_raise_its_own_limit() {
        let directory = directory(&on());
        let loose = json!({"sync_groups": true, "safety_limit": {"percent": 100}});
        assert!(CheckedSettings::check(&directory, &policy(&loose), &outline((100, 50), 50), None).is_err());
        let strict = json!({"sync_users": true, "safety_limit": {"percent": 1, "at_least": 1}});
        assert!(CheckedSettings::check(&directory, &policy(&strict), &outline((100, 98), 2), None).is_err());
    }

    #[test]
    fn only_settings_that_decide_about_users_are_compared() {
        let directory = directory(&on());
        let passes =
            |settings: &Value| CheckedSettings::without_effect_on_users(&directory, &policy(settings)).is_some();
        assert!(passes(&json!({
            "sync_users": true, "sync_groups": false, "sync_groups_without_email": true,
            "group_prefixes": ["VPN "], "sync_every_minutes": 5,
        })));
        for (field, value) in [
            ("sync_users", json!(false)),
            ("allowed_groups", json!(["g"])),
            ("ignored_groups", json!(["g"])),
            ("nested_groups", json!(true)),
            ("safety_limit", json!({"percent": 21})),
        ] {
            let mut settings = on();
            settings[field] = value;
            assert!(!passes(&settings), "{field}");
        }
    }
}
