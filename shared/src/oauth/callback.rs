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
    AdminConsent(Result<(), Refusal>),
    /// No answer to anything that was begun here.
    Stray,
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
                suberror: fields.suberror.as_deref(),
                description: fields.description.as_deref().unwrap_or_default(),
                ..ErrorAnswer::default()
            })
        });
        if fields.admin_consent {
            return Self::AdminConsent(error.map_or(Ok(()), Err));
        }
        let Some(state) = fields.state.as_deref().and_then(State::parse) else {
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
    description: Option<String>,
    admin_consent: bool,
    repeated: bool,
}

impl Fields {
    fn add(&mut self, name: &str, value: String) {
        let field = match name {
            "state" => &mut self.state,
            "code" => &mut self.code,
            "error" => &mut self.error,
            "suberror" | "error_subcode" => &mut self.suberror,
            "error_description" => &mut self.description,
            "admin_consent" => {
                self.admin_consent = true;
                return;
            }
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
    fn admin_consent_alone_is_no_success() {
        assert!(matches!(parse("admin_consent=True&tenant=x&state=STATE"), Callback::AdminConsent(Ok(()))));
        assert!(matches!(
            parse("admin_consent=True&error=access_denied&error_description=AADSTS65004"),
            Callback::AdminConsent(Err(Refusal { cause: Cause::ConsentDeclined, .. }))
        ));
    }

    proptest! {
        #[test]
        fn any_query_is_read_without_a_panic(query in ".{0,200}") {
            let _ = parse(&query);
        }
    }
}
