//! Whether an administrator's directory roles let the sync see everything.

use serde::{Deserialize, Serialize};

/// The directory roles of an account that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HeldRoles {
    /// Global administrator: sees and may do everything.
    pub global_administrator: bool,
    /// Cloud application administrator.
    pub cloud_application_administrator: bool,
    /// User administrator.
    pub user_administrator: bool,
}

/// A lesser directory role. Both together do what the sync needs of a Global administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May consent for the tenant and manage the application there.
    CloudApplicationAdministrator,
    /// May read every user, and the members of groups that hide them.
    UserAdministrator,
}

impl Role {
    /// The role's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CloudApplicationAdministrator => "Cloud application administrator",
            Self::UserAdministrator => "User administrator",
        }
    }

    /// What may go wrong without it.
    #[must_use]
    pub fn consequence(self) -> &'static str {
        match self {
            Self::CloudApplicationAdministrator => {
                "this account cannot grant consent to the application again, should it be withdrawn or extended"
            }
            Self::UserAdministrator => {
                "members of groups with hidden membership may be invisible, and a tenant that closes its directory to \
                 ordinary accounts may show no users at all"
            }
        }
    }
}

/// What an administrator's roles are worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "roles", rename_all = "snake_case")]
pub enum RoleAssessment {
    /// They could not be read.
    Unknown,
    /// Global administrator, or both of the lesser roles.
    Sufficient,
    /// Neither.
    Weak {
        /// The lesser roles that are missing: having these too, or Global administrator alone, would suffice.
        missing: Vec<Role>,
    },
}

impl RoleAssessment {
    /// Assesses an account's roles, if they could be read.
    #[must_use]
    pub fn of(roles: Option<HeldRoles>) -> Self {
        let Some(roles) = roles else { return Self::Unknown };
        let lesser = [
            (Role::CloudApplicationAdministrator, roles.cloud_application_administrator),
            (Role::UserAdministrator, roles.user_administrator),
        ];
        let missing: Vec<Role> = lesser.into_iter().filter(|(_, held)| !held).map(|(role, _)| role).collect();
        if roles.global_administrator || missing.is_empty() { Self::Sufficient } else { Self::Weak { missing } }
    }

    /// The names of the missing roles, for the credential's record.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        match self {
            Self::Unknown | Self::Sufficient => Vec::new(),
            Self::Weak { missing } => missing.iter().map(|role| role.name().to_owned()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assess(global: bool, application: bool, user: bool) -> RoleAssessment {
        RoleAssessment::of(Some(HeldRoles {
            global_administrator: global,
            cloud_application_administrator: application,
            user_administrator: user,
        }))
    }

    #[test]
    fn a_global_administrator_or_both_lesser_roles_suffice() {
        assert_eq!(assess(true, false, false), RoleAssessment::Sufficient);
        assert_eq!(assess(false, true, true), RoleAssessment::Sufficient);
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(assess(false, false, true).missing(), ["Cloud application administrator"]);
        assert_eq!(assess(false, true, false).missing(), ["User administrator"]);
        assert_eq!(assess(false, false, false).missing(), ["Cloud application administrator", "User administrator"]);
    }

    #[test]
    fn unread_roles_are_unknown_and_not_weak() {
        assert_eq!(RoleAssessment::of(None), RoleAssessment::Unknown);
    }
}
