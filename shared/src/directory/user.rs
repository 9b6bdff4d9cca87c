//! Users: what Microsoft says of them, and the record kept of each.

use std::collections::BTreeSet;

use super::patch::{Patch, properties};
use super::{ChangeId, GroupId, Presence, Text, UserId};
use crate::filter::UserDecision;

properties!(
    UserProfile,
    UserPatch,
    {
        /// False when the account may not sign in.
        account_enabled: bool,
        /// The name people see.
        display_name: Text,
        /// First name.
        given_name: Text,
        /// Last name.
        surname: Text,
        /// The sign-in name. It changes with marriages and mergers: never an identity.
        user_principal_name: Text,
        /// The primary mail address.
        mail: Text,
        /// All mail addresses: `SMTP:` is the primary one, `smtp:` an alias.
        proxy_addresses: Vec<Text>,
        /// The account's name in an on-premises directory, often the login name on servers.
        on_premises_sam_account_name: Text,
        /// The number HR knows the person by.
        employee_id: Text,
        /// What the person does.
        job_title: Text,
        /// Where the person works within the company.
        department: Text,
        /// The company the person works for.
        company_name: Text,
        /// `Member` or `Guest`.
        user_type: Text,
    }
);

impl UserProfile {
    /// All texts in it.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let one = [
            &self.display_name,
            &self.given_name,
            &self.surname,
            &self.user_principal_name,
            &self.mail,
            &self.on_premises_sam_account_name,
            &self.employee_id,
            &self.job_title,
            &self.department,
            &self.company_name,
            &self.user_type,
        ];
        one.into_iter().flatten().chain(self.proxy_addresses.iter().flatten()).map(Text::as_str)
    }

    /// The `$select` list that asks Graph for exactly these properties. It is stored with each delta link: a
    /// changed list needs a new full sync, since a link tracks only what it was made with.
    pub const SELECT: &'static str = "id,accountEnabled,displayName,givenName,surname,userPrincipalName,mail,\
        proxyAddresses,onPremisesSamAccountName,employeeId,jobTitle,department,companyName,userType";
}

/// All that is kept of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// Who it is.
    pub id: UserId,
    /// The properties last read.
    pub profile: UserProfile,
    /// Whether the user exists in the tenant.
    pub presence: Presence,
    /// The groups the user is directly in. Kept through a soft deletion, because Microsoft does too.
    pub groups: BTreeSet<GroupId>,
    /// What the policy made of it.
    pub decision: UserDecision,
    /// The last change that was logged of it. The store notes it.
    pub changed: Option<ChangeId>,
}
