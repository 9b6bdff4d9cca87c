//! Whether an administrator's directory roles let the sync see everything.

use std::collections::BTreeSet;

use uuid::{Uuid, uuid};

/// Template id of the Global administrator role, which sees and may do everything. Template ids are the same in every
/// tenant.
///
/// Source, here and below: Microsoft Entra built-in roles.
const GLOBAL_ADMINISTRATOR: Uuid = uuid!("62e90394-69f5-4237-9190-012177145e10");

/// A lesser directory role. Both together do what the sync needs of a Global administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// May consent for the tenant and manage the application there.
    CloudApplicationAdministrator,
    /// May read every user, and the members of groups that hide them.
    UserAdministrator,
}

impl Role {
    const ALL: [Self; 2] = [Self::CloudApplicationAdministrator, Self::UserAdministrator];

    fn template_id(self) -> Uuid {
        match self {
            Self::CloudApplicationAdministrator => uuid!("158c047a-c907-4556-b7ef-446551a6b5f7"),
            Self::UserAdministrator => uuid!("fe930be7-5e62-47db-91af-98c3a49a38b1"),
        }
    }

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
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Assesses the template ids of an administrator's roles, if they could be read.
    #[must_use]
    pub fn of(roles: Option<&BTreeSet<Uuid>>) -> Self {
        let Some(roles) = roles else { return Self::Unknown };
        if roles.contains(&GLOBAL_ADMINISTRATOR) {
            return Self::Sufficient;
        }
        let missing: Vec<Role> = Role::ALL.into_iter().filter(|role| !roles.contains(&role.template_id())).collect();
        if missing.is_empty() { Self::Sufficient } else { Self::Weak { missing } }
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
    use Role::{CloudApplicationAdministrator, UserAdministrator};

    fn assess(roles: &[Role]) -> RoleAssessment {
        RoleAssessment::of(Some(&roles.iter().map(|role| role.template_id()).collect()))
    }

    #[test]
    fn a_global_administrator_or_both_lesser_roles_suffice() {
        assert_eq!(RoleAssessment::of(Some(&BTreeSet::from([GLOBAL_ADMINISTRATOR]))), RoleAssessment::Sufficient);
        assert_eq!(assess(&[CloudApplicationAdministrator, UserAdministrator]), RoleAssessment::Sufficient);
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(assess(&[UserAdministrator]).missing(), ["Cloud application administrator"]);
        assert_eq!(assess(&[CloudApplicationAdministrator]).missing(), ["User administrator"]);
        assert_eq!(assess(&[]).missing(), ["Cloud application administrator", "User administrator"]);
    }

    #[test]
    fn unread_roles_are_unknown_and_not_weak() {
        assert_eq!(RoleAssessment::of(None), RoleAssessment::Unknown);
    }
}
