//! The bodies of the token endpoint's answers.

use std::fmt;
use std::time::Duration;

use oauth2::basic::{BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType};
use oauth2::{
    AccessToken, EndpointNotSet, EndpointSet, ErrorResponse, RefreshToken, Scope, StandardRevocableToken, TokenResponse,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::lenient;

/// The longest life of an access token that is believed: Microsoft's last 28 hours at most ("Configurable token lifetimes").
const LONGEST_LIFETIME: Duration = Duration::from_hours(28);

/// The oauth2 crate's client with Microsoft's bodies, without and with a token endpoint.
pub(super) type Client<HasTokenUrl = EndpointSet> = oauth2::Client<
    ErrorBody,
    TokenBody,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    HasTokenUrl,
>;

/// A good answer. Each member is read on its own, so that an odd one does not hide the others; an access token that is
/// missing reads as an empty one.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "Value")]
pub(super) struct TokenBody {
    access_token: AccessToken,
    expires_in: Option<Duration>,
    refresh_token: Option<RefreshToken>,
    id_token: Option<String>,
    scopes: Option<Vec<Scope>>,
}

impl From<Value> for TokenBody {
    fn from(body: Value) -> Self {
        let text = |name: &str| lenient::text(body.get(name));
        Self {
            access_token: AccessToken::new(text("access_token").unwrap_or_default()),
            expires_in: body.get("expires_in").and_then(lenient::duration).filter(|life| *life <= LONGEST_LIFETIME),
            // An empty token is malformed, unlike a missing one: the whole answer is rejected.
            refresh_token: body.get("refresh_token").and_then(Value::as_str).map(|text| RefreshToken::new(text.into())),
            id_token: text("id_token"),
            scopes: body.get("scope").map(|scope| lenient::words(scope).into_iter().map(Scope::new).collect()),
        }
    }
}

impl TokenBody {
    pub(super) fn id_token(&self) -> Option<SecretString> {
        self.id_token.clone().map(SecretString::from)
    }
}

impl fmt::Debug for TokenBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenBody")
    }
}

impl TokenResponse for TokenBody {
    type TokenType = BasicTokenType;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    /// Microsoft knows one type only, so the answer's own word for it is not read.
    fn token_type(&self) -> &BasicTokenType {
        &BasicTokenType::Bearer
    }

    fn expires_in(&self) -> Option<Duration> {
        self.expires_in
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        self.scopes.as_ref()
    }
}

/// A refusal. Each member is read on its own, so that an odd one does not hide the others. A `claims` member is not
/// read: it would go into an authorize URL that an unattended sync cannot follow.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Value")]
pub(super) struct ErrorBody {
    error: String,
    suberror: Option<String>,
    codes: Vec<u32>,
    description: String,
}

impl From<Value> for ErrorBody {
    fn from(body: Value) -> Self {
        let text = |name: &str| lenient::text(body.get(name));
        let codes = lenient::entries(body.get("error_codes"));
        Self {
            error: text("error").unwrap_or_default(),
            suberror: text("suberror"),
            codes: codes.iter().filter_map(lenient::whole).filter_map(|code| u32::try_from(code).ok()).collect(),
            description: text("error_description").unwrap_or_default(),
        }
    }
}

impl ErrorBody {
    pub(super) fn error(&self) -> &str {
        &self.error
    }

    pub(super) fn suberror(&self) -> Option<&str> {
        self.suberror.as_deref()
    }

    pub(super) fn codes(&self) -> &[u32] {
        &self.codes
    }

    pub(super) fn description(&self) -> &str {
        &self.description
    }
}

impl fmt::Display for ErrorBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error)
    }
}

impl ErrorResponse for ErrorBody {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_members_do_not_hide_the_others() {
        let body: ErrorBody = serde_json::from_str(
            r#"{"error":"invalid_grant","suberror":7,"error_codes":["50057","x",-1,99999999999],"timestamp":"2026-01-01 00:00:00Z"}"#,
        )
        .unwrap();
        assert_eq!((body.error(), body.suberror(), body.codes()), ("invalid_grant", None, [50057].as_slice()));
        let single: ErrorBody = serde_json::from_str(r#"{"error":"invalid_grant","error_codes":50057}"#).unwrap();
        assert_eq!(single.codes(), [50057]);
        for odd in ["null", "[]", "\"text\"", "{}"] {
            assert_eq!(serde_json::from_str::<ErrorBody>(odd).unwrap().error(), "");
        }
    }

    #[test]
    fn token_answer_with_odd_types_is_understood() {
        for (expires_in, scope) in [(r#""3599""#, r#""a b""#), ("3599.0", r#"["a","b"]"#), ("3599", r#""a b""#)] {
            let body: TokenBody = serde_json::from_str(&format!(
                r#"{{"token_type":7,"access_token":"t","expires_in":{expires_in},"ext_expires_in":{{}},"scope":{scope}}}"#
            ))
            .unwrap();
            assert_eq!(body.access_token().secret(), "t");
            assert_eq!(body.expires_in(), Some(Duration::from_secs(3599)), "{expires_in}");
            assert_eq!(body.scopes().unwrap().len(), 2, "{scope}");
        }
        for odd in ["{}", "[]", "null", r#"{"access_token":7,"expires_in":-1,"refresh_token":{},"id_token":[]}"#] {
            let body: TokenBody = serde_json::from_str(odd).unwrap();
            assert!(body.access_token().secret().is_empty() && body.expires_in().is_none(), "{odd}");
            assert!(body.refresh_token().is_none() && body.id_token().is_none(), "{odd}");
        }
    }

    #[test]
    fn the_id_token_is_not_printed() {
        let body: TokenBody = serde_json::from_str(
            r#"{"token_type":"Bearer","access_token":"secret-a","refresh_token":"secret-r","id_token":"secret-i"}"#,
        )
        .unwrap();
        assert!(!format!("{body:?}").contains("secret"));
    }
}
