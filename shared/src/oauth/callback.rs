//! The query with which Microsoft sends a browser back.

use secrecy::SecretString;
use url::form_urlencoded;

use super::authorization::State;
use crate::credentials::{ErrorAnswer, Refusal};

/// The longest query read, in bytes: what API Gateway lets through as a whole request line (Amazon API Gateway developer
/// guide, "Quotas for HTTP APIs"). Microsoft's have about two thousand.
const MAX_QUERY_BYTES: usize = 10_240;

/// What came back.
#[derive(Debug)]
pub enum Callback {
    /// The answer to an authorization.
    Authorization {
        /// Which one.
        state: State,
        /// How it went.
        outcome: Outcome,
    },
    /// The answer of the admin consent page: permissions were granted or not, but nobody signed in. Nothing in it is
    /// proven, so nothing follows from it but a page.
    AdminConsent(Consent),
    /// No answer to anything that was begun here.
    Stray,
}

/// What an admin consent page says happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consent {
    /// The permissions were granted.
    Granted,
    /// They were not, for a reason.
    Refused(Refusal),
    /// They were not, and nothing says why.
    NotGranted,
}

/// How an authorization went at Microsoft's side.
#[derive(Debug)]
pub enum Outcome {
    /// A one-time code to redeem.
    Code(SecretString),
    /// Refused.
    Error(Refusal),
    /// Neither, or something twice.
    Nothing,
}

impl Callback {
    /// Reads the query. A parameter that comes twice counts as malformed, as OAuth 2.0 wants it.
    #[must_use]
    pub fn parse(query: &str) -> Self {
        if query.len() > MAX_QUERY_BYTES {
            return Self::Stray;
        }
        let mut fields = Fields::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            fields.add(&name, value.into_owned());
        }
        let error = fields.error.take().map(|error| {
            Refusal::sort(&ErrorAnswer {
                error: &error,
                suberror: fields.subcode.as_deref().or(fields.suberror.as_deref()),
                description: fields.description.as_deref().unwrap_or_default(),
                ..ErrorAnswer::default()
            })
        });
        let state = fields.state.as_deref().and_then(State::parse);
        // A code proves itself, wherever it comes from, and is worth more than the consent that came with it.
        if let Some(granted) = fields.admin_consent
            && (fields.code.is_none() || state.is_none())
        {
            // `admin_consent` is `True` beside an error as well.
            return Self::AdminConsent(match error {
                Some(refusal) => Consent::Refused(refusal),
                None if granted.eq_ignore_ascii_case("true") && !fields.repeated => Consent::Granted,
                None => Consent::NotGranted,
            });
        }
        let Some(state) = state else {
            return Self::Stray;
        };
        let outcome = match (fields.code, error) {
            _ if fields.repeated => Outcome::Nothing,
            (Some(code), None) => Outcome::Code(SecretString::from(code)),
            (None, Some(refusal)) => Outcome::Error(refusal),
            _ => Outcome::Nothing,
        };
        Self::Authorization { state, outcome }
    }
}

#[derive(Default)]
struct Fields {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    suberror: Option<String>,
    subcode: Option<String>,
    description: Option<String>,
    admin_consent: Option<String>,
    repeated: bool,
}

impl Fields {
    fn add(&mut self, name: &str, value: String) {
        let field = match name {
            "state" => &mut self.state,
            "code" => &mut self.code,
            "error" => &mut self.error,
            "suberror" => &mut self.suberror,
            "error_subcode" => &mut self.subcode,
            "error_description" => &mut self.description,
            "admin_consent" => &mut self.admin_consent,
            _ => return,
        };
        self.repeated |= field.replace(value).is_some();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::credentials::Cause;

    const STATE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn parse(query: &str) -> Callback {
        Callback::parse(&query.replace("STATE", STATE))
    }

    fn outcome(query: &str) -> Outcome {
        match parse(query) {
            Callback::Authorization { outcome, .. } => outcome,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_code_or_an_error_is_an_outcome() {
        assert!(matches!(outcome("code=c&state=STATE&session_state=x"), Outcome::Code(_)));
        let Outcome::Error(refusal) =
            outcome("error=access_denied&error_description=AADSTS65004%3A+declined&state=STATE")
        else {
            panic!("expected an error")
        };
        assert_eq!(refusal.cause, Cause::ConsentDeclined);
    }

    #[test]
    fn both_neither_or_one_of_them_twice_is_nothing() {
        for query in
            ["state=STATE", "code=a&code=b&state=STATE", "code=a&error=b&state=STATE", "code=a&state=STATE&state=STATE"]
        {
            assert!(matches!(outcome(query), Outcome::Nothing), "{query}");
        }
    }

    #[test]
    fn without_a_state_of_ours_it_is_stray() {
        let endless = format!("code={}&state=STATE", "c".repeat(MAX_QUERY_BYTES));
        for query in [endless.as_str(), "", "code=a", "code=a&state=", "code=a&state=short", "error=access_denied"] {
            assert!(matches!(parse(query), Callback::Stray), "{query}");
        }
    }

    #[test]
    fn admin_consent_is_granted_only_when_it_says_true() {
        let consent = |query| match parse(query) {
            Callback::AdminConsent(consent) => consent,
            other => panic!("{query}: {other:?}"),
        };
        for granted in ["admin_consent=True&tenant=x&state=STATE", "admin_consent=true", "admin_consent=True&code=c"] {
            assert_eq!(consent(granted), Consent::Granted, "{granted}");
        }
        for refused in ["admin_consent=False&tenant=x&state=STATE", "admin_consent=", "admin_consent=maybe"] {
            assert_eq!(consent(refused), Consent::NotGranted, "{refused}");
        }
        for (query, cause) in [
            ("admin_consent=True&error=access_denied&error_description=AADSTS65004", Cause::ConsentDeclined),
            ("admin_consent=True&error=consent_required&error_description=AADSTS65004", Cause::ConsentDeclined),
            ("admin_consent=True&error=consent_required&error_description=AADSTS90094", Cause::AdminConsentRequired),
            ("admin_consent=False&error=access_denied&error_subcode=cancel", Cause::Cancelled),
            ("admin_consent=True&error=permission_denied&error_description=The+admin+canceled", Cause::Cancelled),
            ("admin_consent=False&error=consent_required&suberror=x&error_subcode=cancel", Cause::Cancelled),
        ] {
            let Consent::Refused(refusal) = consent(query) else { panic!("{query}") };
            assert_eq!(refusal.cause, cause, "{query}");
        }
    }

    #[test]
    fn code_beside_admin_consent_is_an_authorization() {
        for query in ["admin_consent=True&code=c&state=STATE", "code=c&state=STATE&admin_consent=False&tenant=x"] {
            assert!(matches!(outcome(query), Outcome::Code(_)), "{query}");
        }
        let Outcome::Error(refusal) = outcome("error=access_denied&error_subcode=cancel&state=STATE") else {
            panic!("expected an error")
        };
        assert_eq!(refusal.cause, Cause::Cancelled);
    }

    proptest! {
        #[test]
        fn any_query_is_read_without_a_panic(query in ".{0,200}") {
            let _ = parse(&query);
        }
    }
}
