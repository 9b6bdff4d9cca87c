//! The bodies of the token endpoint's answers.

use std::fmt;

use oauth2::basic::{BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType};
use oauth2::{
    EndpointNotSet, EndpointSet, ErrorResponse, ExtraTokenFields, StandardRevocableToken, StandardTokenResponse,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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

/// A good answer.
pub(super) type TokenBody = StandardTokenResponse<ExtraFields, BasicTokenType>;

/// What Microsoft adds to a good answer.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct ExtraFields {
    #[serde(default)]
    id_token: Option<String>,
}

impl ExtraFields {
    pub(super) fn id_token(&self) -> Option<SecretString> {
        self.id_token.clone().map(SecretString::from)
    }
}

impl fmt::Debug for ExtraFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExtraFields")
    }
}

impl ExtraTokenFields for ExtraFields {}

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
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let codes = body.get("error_codes").and_then(Value::as_array).into_iter().flatten();
        Self {
            error: text("error").unwrap_or_default(),
            suberror: text("suberror"),
            codes: codes.filter_map(|code| u32::try_from(code.as_u64()?).ok()).collect(),
            description: text("error_description").unwrap_or_default(),
        }
    }
}

impl ErrorBody {
    pub(super) fn error(&self) -> &str {
        &self.error
    }

    pub(super) fn suberror(&self) -> Option<&str> {
        self.suberror.as_deref().filter(|suberror| !suberror.is_empty())
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
            r#"{"error":"invalid_grant","suberror":7,"error_codes":[50057,"x",-1,99999999999],"timestamp":"2026-01-01 00:00:00Z"}"#,
        )
        .unwrap();
        assert_eq!((body.error(), body.suberror(), body.codes()), ("invalid_grant", None, [50057].as_slice()));
        for odd in ["null", "[]", "\"text\"", "{}"] {
            assert_eq!(serde_json::from_str::<ErrorBody>(odd).unwrap().error(), "");
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
