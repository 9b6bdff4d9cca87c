//! How the identity platform says no: error words, AADSTS codes and the bodies they come in.
//!
//! Words and codes after Microsoft's "Microsoft Entra authentication and authorization error codes"; which `error` goes with which
//! code is only partly documented, so the less common pairs are our reading.

use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

/// Why an account is refused, at sign-in and when its refresh token is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "refusal", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Refusal {
    /// The person pressed "Cancel".
    Cancelled,
    /// The person declined consent (65004).
    ConsentDeclined,
    /// Nobody has consented, or consent was withdrawn (65001).
    ConsentMissing,
    /// An administrator has to consent (90094).
    AdminConsentRequired,
    /// A Conditional Access policy blocks it (53003).
    ConditionalAccess,
    /// A second factor is needed (50076), told as `interaction_required` with `claims`.
    Mfa,
    /// A second factor is needed (50076), told as `invalid_grant` with a `suberror`, as libraries also meet it.
    MfaAsInvalidGrant,
    /// The account is disabled (50057).
    Disabled,
    /// The account is not in this tenant (50034).
    NotFound,
    /// The password has expired (50055).
    PasswordExpired,
    /// The tokens were revoked (50173).
    Revoked,
    /// The refresh token was unused for too long (700082).
    Inactive,
    /// The tenant's sign-in frequency has ended the session (70043).
    SignInFrequency,
    /// The app asks for people to be assigned to it, and this one is not (50105).
    NotAssigned,
    /// The directory is busy (90033), told with status 503.
    TemporarilyUnavailable,
    /// The answer with this AADSTS code, with the `error` word that usually comes with it.
    Code {
        /// The code.
        code: u32,
    },
    /// Anything else.
    Other {
        /// The `error` word.
        error: String,
        /// The AADSTS code.
        code: u32,
        /// The `suberror` word, if any.
        suberror: Option<String>,
    },
}

/// An answer of refusal, for the callback or the token endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) error: String,
    pub(crate) code: u32,
    pub(crate) message: String,
    pub(crate) suberror: Option<String>,
    pub(crate) claims: Option<String>,
}

impl Refused {
    /// A refusal with status 400.
    pub(crate) fn new(error: &str, code: u32, message: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error: error.to_owned(),
            code,
            message: message.to_owned(),
            suberror: None,
            claims: None,
        }
    }

    /// A refusal of the application itself, which comes with status 401.
    pub(crate) fn client(code: u32, message: &str) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, ..Self::new("invalid_client", code, message) }
    }

    fn suberror(self, suberror: &str) -> Self {
        Self { suberror: Some(suberror.to_owned()), ..self }
    }

    /// The text a person would read, with the ids that Microsoft's support asks for.
    pub(crate) fn description(&self, trace: Uuid, correlation: Uuid, now: Timestamp) -> String {
        let text = if self.code == 0 { self.message.clone() } else { format!("AADSTS{}: {}", self.code, self.message) };
        format!("{text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {}", stamp(now))
    }

    /// The body of the token endpoint.
    pub(crate) fn body(&self, origin: &str, trace: Uuid, correlation: Uuid, now: Timestamp) -> Value {
        let mut body = json!({
            "error": self.error,
            "error_description": self.description(trace, correlation, now),
            "error_codes": [self.code],
            "timestamp": stamp(now),
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("{origin}/error?code={}", self.code),
        });
        if let Some(fields) = body.as_object_mut() {
            fields.extend(self.suberror.iter().map(|suberror| ("suberror".to_owned(), json!(suberror))));
            fields.extend(self.claims.iter().map(|claims| ("claims".to_owned(), json!(claims))));
        }
        body
    }
}

/// With a space between date and time, unlike everywhere else.
fn stamp(now: Timestamp) -> String {
    now.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// The `error` word that usually comes with a code.
fn usual_word(code: u32) -> &'static str {
    match code {
        90006 | 90012 | 90024 | 90033 | 90055 | 90090 | 90091 => "temporarily_unavailable",
        50072 | 50074 | 50076 | 50078 | 50079 | 50158 | 53000..=53004 | 530_001..=530_003 | 530_084 | 50097 => {
            "interaction_required"
        }
        65001 | 90094 => "consent_required",
        65004 | 500_021 | 500_022 => "access_denied",
        7_000_215 | 7_000_218 | 7_000_222 | 7_000_229 | 700_024 | 700_025 | 700_027 => "invalid_client",
        700_016 | 7_000_112 | 1_000_031 => "unauthorized_client",
        500_011 | 650_052 | 650_057 => "invalid_resource",
        70011 | 28002 | 28003 => "invalid_scope",
        50011 | 90002 | 50059 | 90072 | 50194 => "invalid_request",
        _ => "invalid_grant",
    }
}

impl From<&Refusal> for Refused {
    fn from(refusal: &Refusal) -> Self {
        let mfa = "Due to a configuration change made by your administrator, or because you moved to a new location, you \
                   must use multi-factor authentication to access the application.";
        match refusal {
            Refusal::Cancelled => Self::new("access_denied", 0, "The user has cancelled entering their credentials."),
            Refusal::ConsentDeclined => {
                Self::new("access_denied", 65004, "User declined to consent to access the app.")
            }
            Refusal::ConsentMissing => {
                let message = "The user or administrator has not consented to use the application. Send an interactive \
                               authorization request for this user and resource.";
                Self::new("invalid_grant", 65001, message).suberror("consent_required")
            }
            Refusal::AdminConsentRequired => {
                Self::new("consent_required", 90094, "The grant requires admin permission. Ask an admin to grant it.")
            }
            Refusal::ConditionalAccess => {
                let message = "Access has been blocked by Conditional Access policies. The access policy does not allow \
                               token issuance.";
                Self::new("access_denied", 53003, message)
            }
            Refusal::Mfa => {
                let claims = r#"{"access_token":{"capolids":{"essential":true,"values":["simulated-policy"]}}}"#;
                Self { claims: Some(claims.to_owned()), ..Self::new("interaction_required", 50076, mfa) }
            }
            Refusal::MfaAsInvalidGrant => Self::new("invalid_grant", 50076, mfa).suberror("basic_action"),
            Refusal::Disabled => Self::new("invalid_grant", 50057, "The user account is disabled."),
            Refusal::NotFound => Self::new("invalid_grant", 50034, "The user account does not exist in the directory."),
            Refusal::PasswordExpired => {
                Self::new("invalid_grant", 50055, "The password is expired.").suberror("user_password_expired")
            }
            Refusal::Revoked => {
                let message = "The provided grant has expired due to it being revoked, a fresh auth token is needed.";
                Self::new("invalid_grant", 50173, message).suberror("bad_token")
            }
            Refusal::Inactive => {
                Self::new("invalid_grant", 700_082, "The refresh token has expired due to inactivity.")
                    .suberror("bad_token")
            }
            Refusal::SignInFrequency => {
                let message = "The refresh token has expired or is invalid due to sign-in frequency checks by Conditional \
                               Access.";
                Self::new("invalid_grant", 70043, message).suberror("bad_token")
            }
            Refusal::NotAssigned => {
                let message = "Your administrator has configured the application to block users unless they are assigned \
                               to it.";
                Self::new("interaction_required", 50105, message)
            }
            Refusal::TemporarilyUnavailable => Self {
                status: StatusCode::SERVICE_UNAVAILABLE,
                ..Self::new("temporarily_unavailable", 90033, "A transient error has occurred. Please try again.")
            },
            Refusal::Code { code } => {
                let error = usual_word(*code);
                let refused = Self::new(error, *code, "Refused on request of a test.");
                if error == "invalid_client" { Self { status: StatusCode::UNAUTHORIZED, ..refused } } else { refused }
            }
            Refusal::Other { error, code, suberror } => {
                Self { suberror: suberror.clone(), ..Self::new(error, *code, "Refused on request of a test.") }
            }
        }
    }
}

impl Refusal {
    /// The answer at the token endpoint. A blocked grant is an `invalid_grant` there, with `access_denied` kept for callbacks
    /// (identity platform, authorization code flow).
    pub(crate) fn at_token_endpoint(&self) -> Refused {
        let refused = Refused::from(self);
        match self {
            Self::ConditionalAccess => {
                Refused { error: "invalid_grant".to_owned(), ..refused }.suberror("message_only")
            }
            Self::AdminConsentRequired | Self::ConsentDeclined | Self::Cancelled => {
                Refused { error: "invalid_grant".to_owned(), ..refused }.suberror("consent_required")
            }
            _ => refused,
        }
    }

    /// The answer at the callback, where `invalid_grant` does not occur: there is no grant yet.
    pub(crate) fn at_callback(&self) -> Refused {
        let refused = Refused::from(self);
        let error = match self {
            Self::ConsentMissing => "consent_required",
            Self::Disabled | Self::NotFound | Self::PasswordExpired => "access_denied",
            Self::Revoked | Self::Inactive | Self::SignInFrequency => "login_required",
            Self::MfaAsInvalidGrant => "interaction_required",
            // There is no grant yet at the callback.
            Self::Code { .. } if refused.error == "invalid_grant" => "access_denied",
            _ => return refused,
        };
        Refused { error: error.to_owned(), ..refused }
    }
}
