//! What to tell an administrator of each cause: what it means, and what to do.

use super::cause::Cause;

impl Cause {
    /// What happened and what it means, in plain words.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "a table with an entry for each cause")]
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Throttled => "Microsoft is getting more requests than it wants to answer and asks to wait.",
            Self::Unavailable => "Microsoft's sign-in service, or a system behind it, did not answer properly.",
            Self::GraphUnavailable => {
                "The sign-in worked, but Microsoft Graph, which holds the users and groups, did not answer properly."
            }
            Self::LoopDetected => {
                "Microsoft received the same sign-in request many times within a few minutes and blocks it for a while."
            }
            Self::Disabled => {
                "The account is disabled in Microsoft 365, so it can no longer be used to read the tenant."
            }
            Self::Deleted => "The account does not exist in this tenant: it was deleted, or never belonged to it.",
            Self::WrongTenant => {
                "The account is not a member of this tenant: it belongs to another one, or its invitation as a guest \
                 has not been accepted."
            }
            Self::PersonalAccount => {
                "This is a personal Microsoft account. It has no company directory that could be synced."
            }
            Self::AccountLocked => {
                "The account is locked for a while, because of failed sign-ins or a suspicious network address."
            }
            Self::PasswordExpired => "The account's password has expired, so Microsoft no longer trusts its sign-in.",
            Self::NotAssigned => {
                "The application is restricted to assigned users, and this account is not assigned to it."
            }
            Self::Expired => "The authorization has expired, because it was not used for a long time.",
            Self::SinglePageToken => {
                "Microsoft issued an authorization that ends after 24 hours, as it does when the redirect address is \
                 registered for a single-page application."
            }
            Self::SessionRevoked => {
                "The account's sessions were revoked, or its password was changed or reset. Microsoft then withdraws \
                 what the account has authorized."
            }
            Self::GrantInvalid => "Microsoft no longer accepts this authorization and does not say why.",
            Self::CodeUsed => {
                "The one-time code of this sign-in has been used already, as happens when a page is loaded twice."
            }
            Self::RefreshTokenMissing => "The stored authorization of this account is missing or damaged on our side.",
            Self::TokenRejected => {
                "Microsoft Graph refuses this account's access, although it was renewed just before."
            }
            Self::ReadRefused => {
                "Microsoft Graph does not let this account read users or groups. Guests never may, and a tenant can \
                 close its directory to everybody without an administrator role."
            }
            Self::MfaRequired => "Microsoft wants this account to prove itself again with a second factor.",
            Self::SignInFrequency => {
                "A policy of the tenant asks for a new sign-in every so often, and that time has come."
            }
            Self::ConditionalAccess => {
                "A security policy of the tenant (Conditional Access, sign-in risk or the security defaults) blocks \
                 the sign-in from this place or device."
            }
            Self::ManagedDeviceRequired => {
                "A policy of the tenant accepts this account's sign-in only from a device that is managed by or \
                 registered with the tenant. The servers of the sync can never be one."
            }
            Self::TenantRestrictions => {
                "The tenant, or the network it was reached from, restricts access across tenants."
            }
            Self::TenantBlocked => {
                "Microsoft has blocked the whole tenant, for instance because it was not used for a long time."
            }
            Self::InteractionRequired => "Microsoft wants this account to sign in again in a browser.",
            Self::ConsentMissing => {
                "The tenant has not consented to the permissions the sync needs, or the consent was withdrawn."
            }
            Self::ConsentDeclined => {
                "Consent to the requested permissions was declined, so the sync may not read anything."
            }
            Self::AdminConsentRequired => {
                "The permissions the sync needs can be granted only by an administrator who may consent for the whole \
                 tenant, and this account may not."
            }
            Self::Cancelled => "The sign-in was cancelled, or access was refused, before it was complete.",
            Self::ApplicationNotFound => "The tenant does not know this application, or the application id is wrong.",
            Self::ApplicationNotInTenant => {
                "The application is not, or no longer, in this tenant: its enterprise application was deleted, or \
                 consent has never been granted."
            }
            Self::ApplicationDisabled => "The application is disabled in the tenant.",
            Self::PermissionsMisconfigured => {
                "The application asks for permissions that its registration does not list, or for a service the tenant \
                 does not have."
            }
            Self::ClientSecretMissing => {
                "No client secret is stored for the application, so it cannot prove who it is."
            }
            Self::ClientCertificateMissing => {
                "No certificate with its private key is stored for the application, so it cannot prove who it is."
            }
            Self::ClientSecretWrong => "Microsoft does not accept the application's client secret.",
            Self::ClientSecretPadded => {
                "Microsoft does not accept the application's client secret, and the stored one has spaces or quotation \
                 marks around it. Microsoft takes them for a part of the secret."
            }
            Self::ClientSecretIsId => {
                "Microsoft does not accept the application's client secret, and the stored one looks like the secret's \
                 id in place of its value."
            }
            Self::ClientSecretExpired => "The application's client secret has expired.",
            Self::ClientAssertionWrong => {
                "Microsoft does not accept the application's certificate or federated credential."
            }
            Self::ClockWrong => {
                "The application's proof of who it is was made at a time that Microsoft does not accept, so the clock \
                 of this deployment differs from Microsoft's."
            }
            Self::PublicClient => "The application is registered as a public client, but signs in with a secret.",
            Self::RedirectMismatch => {
                "The address Microsoft should send the browser back to is not registered for the application."
            }
            Self::TenantNotFound => "Microsoft does not know the tenant the sign-in was sent to.",
            Self::SingleTenant => {
                "The application is registered for a single tenant, and the sign-in was sent to another place."
            }
            Self::WrongCloud => "The application or the account belongs to another national cloud of Microsoft.",
            Self::RequestRejected => {
                "Microsoft did not accept the request the sync made. This is a fault of the sync or its settings."
            }
            Self::Unknown => "Microsoft refused for a reason that this version of the sync does not know.",
        }
    }

    /// What to do about it, in plain words.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "a table with an entry for each cause")]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Throttled | Self::Unavailable | Self::GraphUnavailable => "Wait a few minutes and try again.",
            Self::LoopDetected => "Wait at least ten minutes, close other sign-in windows, and try again.",
            Self::Disabled => "Enable the account again, or authorize with another administrator's account.",
            Self::Deleted | Self::WrongTenant => {
                "Authorize with an administrator's account that is a member of the tenant to be synced."
            }
            Self::PersonalAccount => "Authorize with a work or school account of the tenant to be synced.",
            Self::AccountLocked => {
                "Wait until the account is unlocked, or unlock it in the Entra admin center; then authorize again."
            }
            Self::PasswordExpired => "Change the account's password, then authorize again.",
            Self::NotAssigned => {
                "In the Entra admin center, open Enterprise applications, this application, Users and groups, and \
                 assign the account. Then try again."
            }
            Self::Expired
            | Self::SessionRevoked
            | Self::GrantInvalid
            | Self::RefreshTokenMissing
            | Self::TokenRejected
            | Self::InteractionRequired => "Authorize again with this account, or with another administrator's.",
            Self::SinglePageToken => {
                "In the app registration, move the redirect address from the platform \"Single-page application\" to \
                 \"Web\"; then authorize again."
            }
            Self::CodeUsed => "Start the authorization again. If it succeeded before, nothing needs to be done.",
            Self::ReadRefused => {
                "Authorize with an account that is a member of the tenant (not a guest) and may read all users and \
                 groups, such as a Global administrator's."
            }
            Self::MfaRequired => "Authorize again and complete the second factor when Microsoft asks for it.",
            Self::SignInFrequency => {
                "Authorize again. To avoid this in future, exclude this account from the sign-in frequency policy, or \
                 add a backup administrator."
            }
            Self::ConditionalAccess => {
                "Ask the administrator of the tenant's Conditional Access policies to let this account use the \
                 application from the servers of the sync (the sign-in log in the Entra admin center names the policy), \
                 or authorize with an account the policy does not cover."
            }
            Self::ManagedDeviceRequired => {
                "Ask the administrator of the tenant's Conditional Access policies to exclude this account (the sign-in \
                 log in the Entra admin center names the policy; excluding the application alone does not help), or \
                 authorize with an account the policy does not cover."
            }
            Self::TenantBlocked => {
                "Have a Global administrator sign in to the Microsoft 365 admin center or open a case with Microsoft's \
                 support; then authorize again."
            }
            Self::TenantRestrictions => {
                "Ask the tenant's administrator to allow this application in the cross-tenant access settings, or sign \
                 in from a network without tenant restrictions."
            }
            Self::ConsentMissing | Self::AdminConsentRequired => {
                "Have a Global administrator, Privileged role administrator, Application administrator or Cloud \
                 application administrator grant consent for the whole tenant; then authorize again."
            }
            Self::ConsentDeclined => "Authorize again and accept the permissions. They only let the sync read.",
            Self::Cancelled => "Start again when you are ready. Nothing has been changed.",
            Self::ApplicationNotFound => {
                "Check CLIENT_ID and AUTHORITY_TENANT of this deployment, and that the application is registered for \
                 accounts of this tenant."
            }
            Self::ApplicationNotInTenant => {
                "Have an administrator of the tenant who may consent authorize again, or grant consent for the whole \
                 tenant again; the application is then added to the tenant."
            }
            Self::ApplicationDisabled => {
                "In the Entra admin center, open Enterprise applications, this application, Properties, and switch on \
                 \"Enabled for users to sign in\"."
            }
            Self::PermissionsMisconfigured => {
                "In the app registration, add the delegated Microsoft Graph permissions User.Read.All and \
                 GroupMember.Read.All, then grant consent."
            }
            Self::ClientSecretMissing | Self::ClientSecretWrong => {
                "Put the value (not the id) of a valid client secret of the app registration into the secret store."
            }
            Self::ClientSecretPadded => {
                "Store the value of the client secret without spaces, line ends or quotation marks around it. No \
                 administrator needs to authorize again."
            }
            Self::ClientSecretIsId => {
                "In the app registration, under Certificates & secrets, copy the column Value (not Secret ID) of a valid \
                 client secret into the secret store. A value is shown once only: make a new secret if need be."
            }
            Self::ClientCertificateMissing => {
                "Put the certificate of the app registration into the secret store as PEM, together with its RSA private \
                 key unless that is in AWS KMS."
            }
            Self::ClientSecretExpired => {
                "Create a new client secret in the app registration and put its value into the secret store. Nobody \
                 needs to authorize again."
            }
            Self::ClientAssertionWrong => "Check the certificates and federated credentials of the app registration.",
            Self::ClockWrong => {
                "Set the clock of the machine that runs the sync, and let it follow a time server (NTP). No \
                 administrator needs to authorize again."
            }
            Self::PublicClient => "Register the redirect address under the platform \"Web\" in the app registration.",
            Self::RedirectMismatch => {
                "Add this deployment's address ending in /oauth/callback as a redirect address of the platform \"Web\" \
                 in the app registration."
            }
            Self::TenantNotFound => "Check AUTHORITY_TENANT of this deployment.",
            Self::SingleTenant => {
                "Set AUTHORITY_TENANT to the tenant's id, or register the application for accounts in any \
                 organizational directory."
            }
            Self::WrongCloud => "Check LOGIN_URL and GRAPH_URL, and use an app registration of the same cloud.",
            Self::RequestRejected | Self::Unknown => {
                "Try again. If it stays, give the error number to whoever operates this deployment."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_stored_as_a_word_and_an_unknown_word_is_understood() {
        assert_eq!(serde_json::to_string(&Cause::MfaRequired).unwrap(), "\"mfa_required\"");
        assert_eq!(serde_json::from_str::<Cause>("\"of_a_later_version\"").unwrap(), Cause::Unknown);
        assert_eq!(Cause::MfaRequired.word(), "mfa_required");
        for (word, cause) in [("mfa_required", Cause::MfaRequired), ("", Cause::Unknown), ("<b>", Cause::Unknown)] {
            assert_eq!(Cause::of_word(word), cause);
        }
    }
}
