//! The AADSTS numbers that matter here.
//!
//! Source: Microsoft identity platform, "Microsoft Entra authentication and authorization error codes". Microsoft
//! warns that numbers may change, so they explain and tell the causes of one error word apart; the word decides.

use super::cause::Cause;

/// What a number says, if it is one of those that matter.
pub(super) fn cause(code: u32) -> Option<Cause> {
    Some(match code {
        // The 8xxxx are password agents in the company's own network that did not answer.
        50033 | 50087 | 40010 | 90006 | 90012 | 90024 | 90033 | 90090 | 90091 | 70012 | 50000 | 80002 | 80005
        | 80014 => Cause::Unavailable,
        90055 => Cause::Throttled,
        50196 => Cause::LoopDetected,

        50057 | 500_571 => Cause::Disabled,
        50034 | 51004 | 500_341 => Cause::Deleted,
        50014 | 16003 | 50020 | 90072 => Cause::WrongTenant,
        50053 => Cause::AccountLocked,
        50055 | 50144 => Cause::PasswordExpired,
        50105 => Cause::NotAssigned,

        700_082 | 70008 => Cause::Expired,
        700_084 => Cause::SinglePageToken,
        50173 | 50132 | 50133 => Cause::SessionRevoked,
        50089 | 70000 => Cause::GrantInvalid,
        54005 => Cause::CodeUsed,

        50076 | 50079 | 50072 | 50074 | 50078 | 50158 => Cause::MfaRequired,
        70043 => Cause::SignInFrequency,
        50058 => Cause::InteractionRequired,
        53002..=53004 | 53010 | 53011 | 530_032 | 530_034 | 530_035 | 50005 | 50131 => Cause::ConditionalAccess,
        // Compliance, domain join, management, a device that is gone or disabled, a sign-in bound to its device.
        53000 | 53001 | 530_001..=530_003 | 50097 | 700_003 | 135_010 | 135_011 | 530_084 => {
            Cause::ManagedDeviceRequired
        }
        500_021 | 500_022 | 50002 | 500_212 | 500_213 => Cause::TenantRestrictions,
        5_000_224 | 5_000_225 => Cause::TenantBlocked,

        65001 => Cause::ConsentMissing,
        65004 => Cause::ConsentDeclined,
        90093..=90095 => Cause::AdminConsentRequired,

        700_016 | 70001 | 700_011 => Cause::ApplicationNotFound,
        7_000_229 => Cause::ApplicationNotInTenant,
        7_000_112 | 1_000_031 => Cause::ApplicationDisabled,
        500_011 | 650_052 | 65005 | 650_056 | 650_057 => Cause::PermissionsMisconfigured,
        7_000_215 | 70002 | 7_000_218 => Cause::ClientSecretWrong,
        7_000_222 => Cause::ClientSecretExpired,
        700_027 | 50012 | 50048 | 70021 | 700_211 | 700_213 | 7_002_137 | 7_002_138 => Cause::ClientAssertionWrong,
        700_024 => Cause::ClockWrong,
        700_025 => Cause::PublicClient,
        50011 | 900_971 => Cause::RedirectMismatch,
        90002 | 90019 | 50059 | 50128 => Cause::TenantNotFound,
        50194 | 9_001_023 => Cause::SingleTenant,
        90038 | 90043 | 90051 | 900_382 | 900_432 | 900_439 => Cause::WrongCloud,
        // PKCE, a code redeemed at another tenant's path, scopes that do not go together, parameters that are missing or
        // come twice.
        501_481 | 50147 | 501_491 | 700_005 | 70011 | 28002 | 28003 | 700_022 | 1_002_012 | 900_144 | 9_000_411
        | 9_002_313 => Cause::RequestRejected,
        _ => return None,
    })
}

/// The numbers an error description begins its sentences with, such as `AADSTS50057: The user account is disabled.`
pub(super) fn numbers(description: &str) -> impl Iterator<Item = u32> + '_ {
    description.split("AADSTS").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest.get(..end)?.parse().ok()
    })
}
