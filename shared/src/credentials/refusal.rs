//! How refusals of Microsoft's identity platform are sorted.

use std::fmt;
use std::time::Duration;

use super::aadsts;
use super::cause::{Cause, RefusalKind};

/// An error as the token endpoint's body or the callback's query gives it. Any part may be absent or odd.
#[derive(Debug, Clone, Copy, Default)]
pub struct ErrorAnswer<'a> {
    /// The HTTP status; 0 for a callback, which has none.
    pub status: u16,
    /// `error`.
    pub error: &'a str,
    /// `suberror`.
    pub suberror: Option<&'a str>,
    /// `error_codes`.
    pub codes: &'a [u32],
    /// `error_description`, of which only the AADSTS numbers are read.
    pub description: &'a str,
}

/// A refusal, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What it means.
    pub kind: RefusalKind,
    /// Why.
    pub cause: Cause,
    /// The AADSTS number, to explain; nothing is decided on it alone.
    pub aadsts: Option<u32>,
}

impl From<Cause> for Refusal {
    fn from(cause: Cause) -> Self {
        Self { kind: cause.kind(), cause, aadsts: None }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.cause)?;
        match self.aadsts {
            Some(number) => write!(f, " (AADSTS{number})"),
            None => Ok(()),
        }
    }
}

impl Refusal {
    /// Sorts an error.
    ///
    /// The status, `error` and `suberror` come first and say what kinds are possible. Within these the first known
    /// AADSTS number says which cause it is: `invalid_grant` in particular can mean nearly anything.
    #[must_use]
    pub fn sort(answer: &ErrorAnswer<'_>) -> Self {
        let codes: Vec<u32> = answer.codes.iter().copied().chain(aadsts::numbers(answer.description)).collect();
        let known = codes.iter().find_map(|code| Some((*code, aadsts::cause(*code)?)));
        let (expected, otherwise) = expectation(answer);
        match known {
            Some((code, cause)) if expected.is_none_or(|kind| kind == cause.kind()) => {
                Self { kind: cause.kind(), cause, aadsts: Some(code) }
            }
            _ => Self { kind: expected.unwrap_or(otherwise.kind()), cause: otherwise, aadsts: codes.first().copied() },
        }
    }

    /// How long to leave Microsoft's login alone after a refusal that passes by itself.
    #[must_use]
    pub fn pause(&self) -> Duration {
        match self.cause {
            // More than the five minutes within which Microsoft counts repetitions.
            Cause::LoopDetected => Duration::from_mins(6),
            _ => Duration::from_secs(30),
        }
    }
}

/// What kind of refusal an answer must be (`None` when the AADSTS number may tell), and its cause unless a number
/// tells a better one.
fn expectation(answer: &ErrorAnswer<'_>) -> (Option<RefusalKind>, Cause) {
    const RETRY: Option<RefusalKind> = Some(RefusalKind::Retry);
    const ADMINISTRATOR: Option<RefusalKind> = Some(RefusalKind::NeedsAdministrator);
    const APPLICATION: Option<RefusalKind> = Some(RefusalKind::ApplicationFault);

    match answer.status {
        429 => return (RETRY, Cause::Throttled),
        500.. => return (RETRY, Cause::Unavailable),
        _ => {}
    }
    let by_suberror = answer.suberror.and_then(suberror_cause);
    match answer.error {
        "temporarily_unavailable" | "server_error" => (RETRY, Cause::Unavailable),
        "invalid_client" => (APPLICATION, Cause::ClientSecretWrong),
        "consent_required" if by_suberror == Some(Cause::Cancelled) => (ADMINISTRATOR, Cause::Cancelled),
        "consent_required" => (ADMINISTRATOR, Cause::ConsentMissing),
        "interaction_required" | "login_required" => (ADMINISTRATOR, by_suberror.unwrap_or(Cause::InteractionRequired)),
        "invalid_grant" => match by_suberror {
            Some(cause) => (Some(cause.kind()), cause),
            None => (None, Cause::GrantInvalid),
        },
        // Policies refuse with this word too, but then a number says so.
        // The older consent page says `permission_denied`.
        "access_denied" | "permission_denied" => (None, Cause::Cancelled),
        "unauthorized_client" => (None, Cause::ApplicationNotFound),
        "invalid_resource" => (None, Cause::PermissionsMisconfigured),
        "invalid_request" | "invalid_scope" | "unsupported_grant_type" | "unsupported_response_type" => {
            (None, Cause::RequestRejected)
        }
        _ => (None, Cause::Unknown),
    }
}

/// What a `suberror` says. The values are those that Microsoft's own client libraries know.
fn suberror_cause(suberror: &str) -> Option<Cause> {
    match suberror {
        "basic_action" | "additional_action" | "message_only" => Some(Cause::InteractionRequired),
        "consent_required" => Some(Cause::ConsentMissing),
        // `error_subcode` of the callback.
        "cancel" => Some(Cause::Cancelled),
        "user_password_expired" => Some(Cause::PasswordExpired),
        "bad_token" => Some(Cause::SessionRevoked),
        "token_expired" => Some(Cause::Expired),
        "protection_policy_required" | "device_authentication_failed" => Some(Cause::ConditionalAccess),
        "client_mismatch" => Some(Cause::RequestRejected),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use Cause as C;
    use RefusalKind::{ApplicationFault, NeedsAdministrator, Retry};

    /// Every number of the error code reference that this crate knows, with the error word it usually comes with.
    const TABLE: &[(&[u32], &str, RefusalKind, Cause)] = &[
        (
            &[50033, 50087, 40010, 90006, 90012, 90024, 90033, 90090, 90091, 70012],
            "temporarily_unavailable",
            Retry,
            C::Unavailable,
        ),
        (&[90055], "temporarily_unavailable", Retry, C::Throttled),
        (&[50196], "invalid_grant", Retry, C::LoopDetected),
        (&[50000], "invalid_grant", Retry, C::Unavailable),
        (&[80002, 80005, 80014], "invalid_grant", Retry, C::Unavailable),
        (&[70021], "invalid_request", ApplicationFault, C::ClientAssertionWrong),
        (&[700_211, 700_213, 7_002_137, 7_002_138], "invalid_client", ApplicationFault, C::ClientAssertionWrong),
        (&[700_082, 70008], "invalid_grant", NeedsAdministrator, C::Expired),
        (&[700_084], "invalid_grant", NeedsAdministrator, C::SinglePageToken),
        (&[70043], "invalid_grant", NeedsAdministrator, C::SignInFrequency),
        (&[50173, 50132, 50133], "invalid_grant", NeedsAdministrator, C::SessionRevoked),
        (&[50089, 70000], "invalid_grant", NeedsAdministrator, C::GrantInvalid),
        (&[54005], "invalid_grant", NeedsAdministrator, C::CodeUsed),
        (&[501_481, 50147, 501_491], "invalid_grant", ApplicationFault, C::RequestRejected),
        (&[50057, 500_571], "invalid_grant", NeedsAdministrator, C::Disabled),
        (&[50034, 51004, 500_341], "invalid_grant", NeedsAdministrator, C::Deleted),
        (&[50014, 16003, 50020, 90072], "invalid_grant", NeedsAdministrator, C::WrongTenant),
        (&[5_000_224, 5_000_225], "invalid_grant", NeedsAdministrator, C::TenantBlocked),
        (&[50053], "invalid_grant", NeedsAdministrator, C::AccountLocked),
        (&[50055, 50144], "invalid_grant", NeedsAdministrator, C::PasswordExpired),
        (&[50076, 50079, 50072, 50074, 50078, 50158], "interaction_required", NeedsAdministrator, C::MfaRequired),
        (
            &[53002, 53003, 530_032, 530_034, 530_035, 53004, 53010, 53011, 50005, 50131],
            "interaction_required",
            NeedsAdministrator,
            C::ConditionalAccess,
        ),
        (
            &[53000, 53001, 530_001, 530_002, 530_003, 50097, 700_003, 135_010, 135_011, 530_084],
            "interaction_required",
            NeedsAdministrator,
            C::ManagedDeviceRequired,
        ),
        (&[50058], "login_required", NeedsAdministrator, C::InteractionRequired),
        (&[65001], "invalid_grant", NeedsAdministrator, C::ConsentMissing),
        (&[65004], "access_denied", NeedsAdministrator, C::ConsentDeclined),
        (&[90094, 90095, 90093], "access_denied", NeedsAdministrator, C::AdminConsentRequired),
        (&[50105], "invalid_grant", NeedsAdministrator, C::NotAssigned),
        (
            &[500_011, 650_052, 65005, 650_056, 650_057],
            "invalid_resource",
            ApplicationFault,
            C::PermissionsMisconfigured,
        ),
        (&[700_016, 70001, 700_011], "unauthorized_client", ApplicationFault, C::ApplicationNotFound),
        (&[7_000_229], "invalid_client", ApplicationFault, C::ApplicationNotInTenant),
        (&[7_000_112, 1_000_031], "unauthorized_client", ApplicationFault, C::ApplicationDisabled),
        (&[7_000_215, 70002, 7_000_218], "invalid_client", ApplicationFault, C::ClientSecretWrong),
        (&[7_000_222], "invalid_client", ApplicationFault, C::ClientSecretExpired),
        (&[700_027, 50012, 50048], "invalid_client", ApplicationFault, C::ClientAssertionWrong),
        (&[700_024], "invalid_client", ApplicationFault, C::ClockWrong),
        (&[700_025], "invalid_client", ApplicationFault, C::PublicClient),
        (&[700_005], "invalid_grant", ApplicationFault, C::RequestRejected),
        (&[70011, 28002, 28003, 700_022, 1_002_012], "invalid_scope", ApplicationFault, C::RequestRejected),
        (&[900_144, 9_000_411], "invalid_request", ApplicationFault, C::RequestRejected),
        (&[9_002_313], "invalid_grant", ApplicationFault, C::RequestRejected),
        (&[50011, 900_971], "invalid_request", ApplicationFault, C::RedirectMismatch),
        (&[90002, 90019, 50059, 50128], "invalid_request", ApplicationFault, C::TenantNotFound),
        (&[50194, 9_001_023], "invalid_request", ApplicationFault, C::SingleTenant),
        (&[90038, 90043, 90051, 900_382, 900_432, 900_439], "invalid_request", ApplicationFault, C::WrongCloud),
        (&[500_021, 500_022, 50002, 500_212, 500_213], "access_denied", NeedsAdministrator, C::TenantRestrictions),
    ];

    fn sorted(status: u16, error: &str, suberror: Option<&str>, codes: &[u32]) -> Refusal {
        Refusal::sort(&ErrorAnswer { status, error, suberror, codes, description: "" })
    }

    #[test]
    fn every_known_number_is_sorted() {
        for (codes, error, kind, cause) in TABLE {
            for code in *codes {
                let expected = Refusal { kind: *kind, cause: *cause, aadsts: Some(*code) };
                assert_eq!(sorted(400, error, None, &[*code]), expected, "AADSTS{code}");
            }
        }
    }

    /// Words that may come with any number, since which word goes with which is documented for few.
    const VAGUE: [&str; 5] =
        ["invalid_grant", "access_denied", "invalid_request", "unauthorized_client", "unknown_word"];

    #[test]
    fn known_number_explains_vague_words_and_callbacks() {
        for (codes, _, kind, cause) in TABLE {
            for (code, error) in codes.iter().flat_map(|code| VAGUE.map(|error| (*code, error))) {
                let expected = Refusal { kind: *kind, cause: *cause, aadsts: Some(code) };
                assert_eq!(sorted(400, error, None, &[code]), expected, "{error} AADSTS{code}");
                let description = format!("AADSTS{code}: Something. Trace ID: 1");
                let callback = ErrorAnswer { error, description: &description, ..ErrorAnswer::default() };
                assert_eq!(Refusal::sort(&callback), expected, "callback with {error} AADSTS{code}");
            }
        }
    }

    #[test]
    fn every_known_number_has_advice_of_its_own() {
        for (codes, _, _, cause) in TABLE {
            assert_ne!(*cause, C::Unknown, "{codes:?}");
            assert_ne!(cause.explanation(), C::Unknown.explanation(), "{codes:?}");
            assert!(cause.advice().ends_with('.'), "{codes:?}");
        }
    }

    #[test]
    fn cancelling_is_recognized_in_every_form() {
        for (error, suberror) in [
            ("access_denied", None),
            ("access_denied", Some("cancel")),
            ("consent_required", Some("cancel")),
            ("permission_denied", None),
        ] {
            assert_eq!(sorted(0, error, suberror, &[]).cause, C::Cancelled, "{error} {suberror:?}");
            assert_eq!(sorted(0, error, suberror, &[65004]).cause, C::ConsentDeclined, "{error} {suberror:?}");
            assert_eq!(sorted(0, error, suberror, &[90094]).cause, C::AdminConsentRequired, "{error} {suberror:?}");
        }
    }

    #[test]
    fn a_number_is_found_in_the_description_when_no_list_of_numbers_comes() {
        let refusal = Refusal::sort(&ErrorAnswer {
            error: "invalid_grant",
            description: "AADSTS50057: The user account is disabled. Trace ID: 0",
            ..ErrorAnswer::default()
        });
        assert_eq!((refusal.cause, refusal.aadsts), (C::Disabled, Some(50057)));
    }

    #[test]
    fn of_several_numbers_the_first_known_one_explains() {
        assert_eq!(sorted(400, "invalid_grant", None, &[1, 70043, 50057]).cause, C::SignInFrequency);
    }

    #[test]
    fn the_error_word_wins_over_a_number_that_contradicts_it() {
        assert_eq!(sorted(401, "invalid_client", None, &[50057]).kind, ApplicationFault);
        assert_eq!(sorted(400, "interaction_required", None, &[7_000_222]).kind, NeedsAdministrator);
        assert_eq!(sorted(400, "temporarily_unavailable", None, &[50057]).kind, Retry);
        assert_eq!(sorted(503, "invalid_grant", None, &[50057]).kind, Retry);
        assert_eq!(sorted(429, "", None, &[]).cause, C::Throttled);
    }

    #[test]
    fn without_a_number_the_words_still_sort() {
        for (error, suberror, cause) in [
            ("invalid_grant", None, C::GrantInvalid),
            ("invalid_grant", Some("bad_token"), C::SessionRevoked),
            ("invalid_grant", Some("user_password_expired"), C::PasswordExpired),
            ("invalid_grant", Some("consent_required"), C::ConsentMissing),
            ("invalid_grant", Some("token_expired"), C::Expired),
            ("invalid_grant", Some("additional_action"), C::InteractionRequired),
            ("invalid_grant", Some("something_new"), C::GrantInvalid),
            ("interaction_required", None, C::InteractionRequired),
            ("interaction_required", Some("protection_policy_required"), C::ConditionalAccess),
            ("login_required", None, C::InteractionRequired),
            ("consent_required", None, C::ConsentMissing),
            ("access_denied", None, C::Cancelled),
            ("invalid_client", None, C::ClientSecretWrong),
            ("unauthorized_client", None, C::ApplicationNotFound),
            ("invalid_resource", None, C::PermissionsMisconfigured),
            ("invalid_scope", None, C::RequestRejected),
            ("server_error", None, C::Unavailable),
            ("no_such_word", None, C::Unknown),
            ("", None, C::Unknown),
        ] {
            assert_eq!(sorted(400, error, suberror, &[]).cause, cause, "{error} {suberror:?}");
        }
    }

    #[test]
    fn a_second_factor_may_come_as_an_invalid_grant_with_a_suberror() {
        let refusal = sorted(400, "invalid_grant", Some("basic_action"), &[50076]);
        assert_eq!((refusal.kind, refusal.cause), (NeedsAdministrator, C::MfaRequired));
    }

    #[test]
    fn after_a_detected_loop_the_pause_is_longer_than_five_minutes() {
        assert!(sorted(400, "invalid_grant", None, &[50196]).pause() > Duration::from_mins(5));
    }

    proptest! {
        #[test]
        fn any_answer_is_sorted_without_a_panic(
            status: u16, error in ".{0,30}", suberror in proptest::option::of(".{0,30}"),
            codes in proptest::collection::vec(any::<u32>(), 0..4), description in "(AADSTS[0-9]{0,20}|.{0,20}){0,4}",
        ) {
            let refusal = Refusal::sort(&ErrorAnswer {
                status, error: &error, suberror: suberror.as_deref(), codes: &codes, description: &description,
            });
            prop_assert!(!refusal.cause.explanation().is_empty());
        }
    }
}
