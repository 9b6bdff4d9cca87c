//! Directory roles and the accounts that hold them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::Tenant;

/// A built-in directory role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// May do everything.
    GlobalAdministrator,
    /// May consent for everybody.
    PrivilegedRoleAdministrator,
    /// May consent for everybody to delegated permissions.
    CloudApplicationAdministrator,
    /// May consent for everybody to delegated permissions.
    ApplicationAdministrator,
    /// Manages users; sees hidden members.
    UserAdministrator,
    /// Manages groups.
    GroupsAdministrator,
    /// Manages mail; sees hidden members.
    ExchangeAdministrator,
    /// Manages sites; sees hidden members.
    SharePointAdministrator,
    /// Manages devices; sees hidden members.
    IntuneAdministrator,
    /// Manages Teams; sees hidden members.
    TeamsAdministrator,
    /// Reads everything an administrator can.
    GlobalReader,
    /// Reads the directory.
    DirectoryReaders,
}

/// The roles that, together with the scope `Member.Read.Hidden`, show hidden members (Microsoft Graph, "List group members").
/// Global Administrator is not named there, but includes the others. Global Reader and Groups Administrator are disputed and left out.
pub const ROLES_SEEING_HIDDEN_MEMBERS: [Role; 6] = [
    Role::GlobalAdministrator,
    Role::UserAdministrator,
    Role::ExchangeAdministrator,
    Role::SharePointAdministrator,
    Role::IntuneAdministrator,
    Role::TeamsAdministrator,
];

/// The roles that may consent to delegated Graph permissions for everybody (Entra, "Grant tenant-wide admin consent").
const CONSENTING: [Role; 4] = [
    Role::GlobalAdministrator,
    Role::PrivilegedRoleAdministrator,
    Role::CloudApplicationAdministrator,
    Role::ApplicationAdministrator,
];

impl Role {
    /// Microsoft's name for it.
    #[must_use]
    pub fn display_name(self) -> &'static str {
        match self {
            Self::GlobalAdministrator => "Global Administrator",
            Self::PrivilegedRoleAdministrator => "Privileged Role Administrator",
            Self::CloudApplicationAdministrator => "Cloud Application Administrator",
            Self::ApplicationAdministrator => "Application Administrator",
            Self::UserAdministrator => "User Administrator",
            Self::GroupsAdministrator => "Groups Administrator",
            Self::ExchangeAdministrator => "Exchange Administrator",
            Self::SharePointAdministrator => "SharePoint Administrator",
            Self::IntuneAdministrator => "Intune Administrator",
            Self::TeamsAdministrator => "Teams Administrator",
            Self::GlobalReader => "Global Reader",
            Self::DirectoryReaders => "Directory Readers",
        }
    }

    /// The id of the role's template, the same in every tenant (Entra, "Built-in roles").
    #[must_use]
    pub fn template_id(self) -> &'static str {
        match self {
            Self::GlobalAdministrator => "62e90394-69f5-4237-9190-012177145e10",
            Self::PrivilegedRoleAdministrator => "e8611ab8-c189-46e8-94e1-60213ab1f814",
            Self::CloudApplicationAdministrator => "158c047a-c907-4556-b7ef-446551a6b5f7",
            Self::ApplicationAdministrator => "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",
            Self::UserAdministrator => "fe930be7-5e62-47db-91af-98c3a49a38b1",
            Self::GroupsAdministrator => "fdd7a751-b60b-444a-984c-02652fe8fa1c",
            Self::ExchangeAdministrator => "29232cdf-9323-42fd-ade2-1d097af3e4de",
            Self::SharePointAdministrator => "f28a1f50-f6e7-4571-818b-6a12f2af6b6c",
            Self::IntuneAdministrator => "3a2c62db-5318-420d-8d74-23affee5d9d5",
            Self::TeamsAdministrator => "69091246-20e8-4a56-aa4d-066075b2a7a8",
            Self::GlobalReader => "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
            Self::DirectoryReaders => "88d8e3e3-8f55-4a1e-953a-9b9898b8876b",
        }
    }

    /// Whether an account with this role may consent for everybody.
    pub(crate) fn may_consent(self) -> bool {
        CONSENTING.contains(&self)
    }
}

/// An account offered at sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Administrator {
    /// The user's id.
    pub id: Uuid,
    /// The user's sign-in name.
    pub user_principal_name: String,
    /// The user's name.
    pub display_name: String,
    /// The user's roles; none for an ordinary account.
    pub roles: BTreeSet<Role>,
}

impl Tenant {
    /// The accounts offered at sign-in, deleted ones left out.
    #[must_use]
    pub fn administrators(&self) -> Vec<Administrator> {
        let accounts = self.appointments.iter().filter_map(|(id, roles)| {
            let user = self.live_user(*id)?;
            Some(Administrator {
                id: *id,
                user_principal_name: user.text("userPrincipalName").unwrap_or_default().to_owned(),
                display_name: user.display_name().to_owned(),
                roles: roles.clone(),
            })
        });
        accounts.collect()
    }
}
