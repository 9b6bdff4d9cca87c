//! Why a credential or an authorization is refused.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a refusal means for the one who got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// Passes by itself.
    Retry,
    /// This credential needs its administrator; others may work.
    NeedsAdministrator,
    /// The application's registration or secret is wrong: affects every credential, and none is to blame.
    ApplicationFault,
}

/// Why a credential or an authorization was refused, as an administrator would say it. [`Cause::explanation`] and
/// [`Cause::advice`] say it in sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    // Passes by itself.
    /// Microsoft asks to come back later.
    Throttled,
    /// Microsoft's login, or something behind it, is out of order for now.
    Unavailable,
    /// Microsoft Graph is out of order for now, though the login works.
    GraphUnavailable,
    /// The same request came too often; nothing but a pause of more than five minutes helps.
    LoopDetected,

    // The administrator's account.
    /// The account is disabled.
    Disabled,
    /// The account is not in the tenant (any more).
    Deleted,
    /// The account belongs to another tenant, or is a guest who has not accepted the invitation.
    WrongTenant,
    /// A personal Microsoft account, which has no tenant.
    PersonalAccount,
    /// The account is locked after failed sign-ins, or they came from a suspicious address.
    AccountLocked,
    /// The account's password has expired.
    PasswordExpired,
    /// The account is not assigned to the application.
    NotAssigned,

    // The authorization it gave.
    /// The refresh token was not used for too long.
    Expired,
    /// The refresh token was made for a single-page app, which ends after a day.
    SinglePageToken,
    /// The sessions were revoked, or the password was changed.
    SessionRevoked,
    /// The grant is not valid any more, for a reason Microsoft does not tell.
    GrantInvalid,
    /// The authorization code was used before.
    CodeUsed,
    /// The refresh token is missing from our secret store.
    RefreshTokenMissing,
    /// Graph refuses even a fresh access token of this account.
    TokenRejected,
    /// Graph does not let this account read users or groups.
    ReadRefused,

    // Policies of the tenant.
    /// The account must prove itself with a second factor.
    MfaRequired,
    /// The tenant wants a new sign-in every so often.
    SignInFrequency,
    /// Conditional Access, risk policies, or the security defaults.
    ConditionalAccess,
    /// A policy wants the sign-in to come from a managed or registered device, which no server is.
    ManagedDeviceRequired,
    /// Restrictions between tenants.
    TenantRestrictions,
    /// Microsoft has blocked the whole tenant, for instance because it was not used.
    TenantBlocked,
    /// The account must sign in interactively, for a reason Microsoft does not tell.
    InteractionRequired,

    // Consent.
    /// Nobody has consented to the permissions, or consent was withdrawn.
    ConsentMissing,
    /// The administrator declined to consent.
    ConsentDeclined,
    /// Only an administrator with more rights can consent.
    AdminConsentRequired,
    /// The administrator cancelled the sign-in.
    Cancelled,

    // The application.
    /// The tenant has no such application.
    ApplicationNotFound,
    /// The application was removed from the tenant, or has never been added to it.
    ApplicationNotInTenant,
    /// The application is disabled in the tenant.
    ApplicationDisabled,
    /// The application asks for permissions that its registration or the tenant does not know.
    PermissionsMisconfigured,
    /// No client secret is stored.
    ClientSecretMissing,
    /// No certificate is stored, or no private key beside it.
    ClientCertificateMissing,
    /// The client secret is wrong.
    ClientSecretWrong,
    /// The client secret is wrong, and what is stored has spaces or quotation marks around it.
    ClientSecretPadded,
    /// The client secret is wrong, and what is stored looks like the secret's id.
    ClientSecretIsId,
    /// The client secret has expired.
    ClientSecretExpired,
    /// The application's certificate or federated credential does not match.
    ClientAssertionWrong,
    /// The application's statement of who it is was made at another time than Microsoft's: our clock is wrong.
    ClockWrong,
    /// The application is registered as a public client, which has no secret.
    PublicClient,
    /// The redirect address is not registered.
    RedirectMismatch,
    /// The configured tenant does not exist.
    TenantNotFound,
    /// The application is registered for one tenant only, and this is another one.
    SingleTenant,
    /// The application is registered in another national cloud.
    WrongCloud,
    /// Microsoft does not accept our request: ours to mend.
    RequestRejected,

    /// A reason this version does not know.
    #[serde(other)]
    Unknown,
}

impl Cause {
    /// What the cause means when nothing else is known.
    #[must_use]
    pub fn kind(self) -> RefusalKind {
        match self {
            Self::Throttled | Self::Unavailable | Self::GraphUnavailable | Self::LoopDetected => RefusalKind::Retry,
            Self::ApplicationNotFound
            | Self::ApplicationNotInTenant
            | Self::ApplicationDisabled
            | Self::PermissionsMisconfigured
            | Self::ClientSecretMissing
            | Self::ClientCertificateMissing
            | Self::ClientSecretWrong
            | Self::ClientSecretPadded
            | Self::ClientSecretIsId
            | Self::ClientSecretExpired
            | Self::ClientAssertionWrong
            | Self::ClockWrong
            | Self::PublicClient
            | Self::RedirectMismatch
            | Self::TenantNotFound
            | Self::SingleTenant
            | Self::WrongCloud
            | Self::RequestRejected => RefusalKind::ApplicationFault,
            // An unknown cause is held against this credential only, so that another one gets its chance.
            _ => RefusalKind::NeedsAdministrator,
        }
    }

    /// The word by which the cause is stored and shown to programs.
    #[must_use]
    pub fn word(self) -> String {
        serde_json::to_value(self).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// The cause with this word; one that is not known is [`Cause::Unknown`].
    #[must_use]
    pub fn of_word(word: &str) -> Self {
        serde_json::from_value(word.into()).unwrap_or(Self::Unknown)
    }
}
