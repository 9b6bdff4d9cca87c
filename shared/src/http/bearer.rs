//! Who may ask: bearer tokens.
//!
//! Source: RFC 6750, "Bearer Token Usage", section 3.

use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue};

use super::problem::{Problem, ProblemKind};
use crate::access::{AccessToken, Refused, Scope, bearer, hash};
use crate::clock::Clock;
use crate::directory::{Directory, DirectoryId};
use crate::store::{DirectoryStore, TokenStore};
use crate::telemetry::chain;

/// Checks the request's bearer token: it must be known, not expired, and allow something of this scope on this
/// directory, or on none in particular.
///
/// # Errors
/// 401 without a good token, 403 when its scope is too small, and 404 when it is for another directory: to its
/// bearer this one does not exist.
pub async fn authorize(
    tokens: &dyn TokenStore,
    clock: &dyn Clock,
    headers: &HeaderMap,
    needed: Scope,
    directory: Option<DirectoryId>,
) -> Result<AccessToken, Problem> {
    let secret = sent_token(headers).ok_or_else(missing)?;
    let token = tokens.token(&hash(&secret)).await?.ok_or_else(|| refuse(Refused::Unknown))?;
    let now = clock.now();
    token.permit(needed, directory, now).map_err(refuse)?;
    if token.is_use_to_be_noted(now)
        && let Err(error) = tokens.note_token_used(&hash(&secret), now).await
    {
        // Good to know, but nobody's access hangs on it.
        tracing::warn!(error = chain(&error), "it could not be noted that a token was used");
    }
    Ok(token)
}

/// The directory named in a request's path, once the request's bearer is allowed something of this scope on it; and the token.
///
/// # Errors
/// As [`authorize`]; 404 when there is no such directory.
pub async fn authorized_directory(
    tokens: &dyn TokenStore,
    clock: &dyn Clock,
    directories: &dyn DirectoryStore,
    headers: &HeaderMap,
    needed: Scope,
    id: &str,
) -> Result<(Directory, AccessToken), Problem> {
    let id: Option<DirectoryId> = id.parse().ok();
    let token = authorize(tokens, clock, headers, needed, id).await?;
    let directory = match id {
        Some(id) => directories.directory(id).await?,
        None => None,
    };
    Ok((directory.ok_or_else(no_such_directory)?, token))
}

/// The token of the only `Authorization` header. With several it is unclear who asks.
fn sent_token(headers: &HeaderMap) -> Option<secrecy::SecretString> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { bearer(value.to_str().ok()?) }
}

fn missing() -> Problem {
    Problem::new(ProblemKind::MissingToken, "Send one `Authorization: Bearer <token>` header.")
        .header(WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer realm="office365-sync""#))
}

fn refuse(refused: Refused) -> Problem {
    match refused {
        Refused::Unknown | Refused::Expired => Problem::new(
            ProblemKind::InvalidToken,
            "The access token is not known, or it has expired.",
        )
        .header(WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer realm="office365-sync", error="invalid_token""#)),
        // Only `admin` can be more than a token allows: `read` is the least there is.
        Refused::ScopeTooSmall => Problem::new(ProblemKind::InsufficientScope, "This needs a token of scope admin.")
            .header(
                WWW_AUTHENTICATE,
                HeaderValue::from_static(r#"Bearer realm="office365-sync", error="insufficient_scope", scope="admin""#),
            ),
        Refused::OtherDirectory => no_such_directory(),
    }
}

fn no_such_directory() -> Problem {
    Problem::not_found("There is no such directory.")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use async_trait::async_trait;
    use axum::response::IntoResponse;
    use http::StatusCode;
    use jiff::Timestamp;

    use super::*;
    use crate::access::TokenHash;
    use crate::store::StoreError;

    fn here() -> DirectoryId {
        DirectoryId::new(uuid::Uuid::from_u128(1))
    }

    fn elsewhere() -> DirectoryId {
        DirectoryId::new(uuid::Uuid::from_u128(2))
    }

    struct OneToken(AccessToken);

    #[async_trait]
    impl TokenStore for OneToken {
        async fn token(&self, hash: &TokenHash) -> Result<Option<AccessToken>, StoreError> {
            Ok((*hash == TokenHash::of("good")).then(|| self.0.clone()))
        }

        async fn put_token(&self, _: &TokenHash, _: &AccessToken) -> Result<(), StoreError> {
            Ok(())
        }

        async fn note_token_used(&self, hash: &TokenHash, at: Timestamp) -> Result<(), StoreError> {
            assert_eq!((hash, at), (&TokenHash::of("good"), Noon.now()));
            Err(StoreError::Unavailable("what nobody's access hangs on".into()))
        }
    }

    struct Noon;

    #[async_trait]
    impl Clock for Noon {
        fn now(&self) -> Timestamp {
            "2026-01-01T12:00:00Z".parse().unwrap_or_default()
        }

        async fn sleep(&self, _: Duration) {}
    }

    fn reader_of(directory: Option<DirectoryId>) -> AccessToken {
        AccessToken {
            name: "gateway".into(),
            scope: Scope::Read,
            directory,
            created_at: Timestamp::default(),
            expires_at: Timestamp::MAX,
            last_used_at: None,
        }
    }

    async fn ask(token: AccessToken, header: &str, needed: Scope, directory: DirectoryId) -> (StatusCode, String) {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_bytes(header.as_bytes()).unwrap())]);
        match authorize(&OneToken(token), &Noon, &headers, needed, Some(directory)).await {
            Ok(_) => (StatusCode::OK, String::new()),
            Err(problem) => {
                let response = problem.into_response();
                let challenge =
                    response.headers().get(WWW_AUTHENTICATE).map(|value| value.to_str().unwrap().to_owned());
                (response.status(), challenge.unwrap_or_default())
            }
        }
    }

    #[tokio::test]
    async fn a_good_token_is_let_in() {
        let (status, _) = ask(reader_of(None), "Bearer good", Scope::Read, here()).await;
        assert_eq!(status, StatusCode::OK);
        let (status, _) = ask(reader_of(Some(here())), "bearer  good ", Scope::Read, here()).await;
        assert_eq!(status, StatusCode::OK);
    }

    #[tokio::test]
    async fn without_a_token_the_challenge_names_no_error() {
        for header in ["", "Bearer", "Bearer ", "Basic good", "good", "Bearer g\u{f6}\u{f6}d"] {
            let answer = ask(reader_of(None), header, Scope::Read, here()).await;
            assert_eq!(answer, (StatusCode::UNAUTHORIZED, r#"Bearer realm="office365-sync""#.into()), "{header:?}");
        }
    }

    #[tokio::test]
    async fn two_tokens_are_none() {
        let good = HeaderValue::from_static("Bearer good");
        let mut headers = HeaderMap::new();
        headers.append(AUTHORIZATION, good.clone());
        headers.append(AUTHORIZATION, good);
        let refused = authorize(&OneToken(reader_of(None)), &Noon, &headers, Scope::Read, None).await.unwrap_err();
        assert_eq!(refused.kind(), ProblemKind::MissingToken);
    }

    #[tokio::test]
    async fn unknown_and_expired_tokens_are_invalid_and_look_alike() {
        let expired = AccessToken { expires_at: Noon.now(), ..reader_of(None) };
        let invalid = (StatusCode::UNAUTHORIZED, r#"Bearer realm="office365-sync", error="invalid_token""#.to_owned());
        assert_eq!(ask(reader_of(None), "Bearer bad", Scope::Read, here()).await, invalid);
        assert_eq!(ask(expired, "Bearer good", Scope::Read, here()).await, invalid);
    }

    #[tokio::test]
    async fn a_scope_too_small_is_forbidden_and_the_needed_one_named() {
        let (status, challenge) = ask(reader_of(None), "Bearer good", Scope::Admin, here()).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(challenge.contains(r#"error="insufficient_scope", scope="admin""#), "{challenge}");
    }

    #[tokio::test]
    async fn another_directory_does_not_exist_whatever_the_scope() {
        for needed in [Scope::Read, Scope::Admin] {
            let answer = ask(reader_of(Some(here())), "Bearer good", needed, elsewhere()).await;
            assert_eq!(answer, (StatusCode::NOT_FOUND, String::new()));
        }
    }
}
