//! Whose token answers, and what happens when none does.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use wiremock::ResponseTemplate;
use wiremock::matchers::query_param;

use super::stage::{
    ManualClock, administrator, bearer, error, first, group, json, last, more, page, stage, stage_with, tenant,
    users_of,
};
use crate::clock::Clock as _;
use crate::credentials::{AccessTokens, TokenError, TokenRefusal, UsableToken};
use crate::sync::{Counted, ListKind, SourceError, TenantSource};

#[tokio::test]
async fn an_expired_token_is_reported_and_the_request_repeated_with_a_fresh_one() {
    let stage = stage_with(&[(1, "stale"), (1, "fresh")]).await;
    stage.once(first("users").and(bearer("stale")), error(401, "InvalidAuthenticationToken")).await;
    stage.once(first("users").and(bearer("fresh")), last(&["u1"])).await;

    assert_eq!(stage.users().await.unwrap().objects.len(), 1);

    assert_eq!(stage.tokens.refusals(), [(administrator(1).to_string(), TokenRefusal::Unauthorized)]);
    assert_eq!(stage.tenant.credential(), Some(administrator(1)));
    assert!(stage.clock.waits().is_empty());
}

#[tokio::test]
async fn the_next_administrator_takes_over_in_the_middle_of_a_list() {
    let stage = stage_with(&[(1, "first"), (2, "second")]).await;
    stage.once(first("users").and(bearer("first")), more(&["u1"], &stage.link("users", "two"))).await;
    stage.once(page("users", "two").and(bearer("first")), error(403, "Authorization_RequestDenied")).await;
    stage.once(page("users", "two").and(bearer("second")), last(&["u2"])).await;

    assert_eq!(stage.tenant.credential(), None);
    assert_eq!(stage.users().await.unwrap().objects.len(), 2);

    assert_eq!(stage.tokens.refusals(), [(administrator(1).to_string(), TokenRefusal::Forbidden)]);
    assert_eq!(stage.tenant.credential(), Some(administrator(2)));
}

#[tokio::test]
async fn when_all_tokens_are_refused_no_credential_is_left() {
    let stage = stage_with(&[(1, "first"), (2, "second")]).await;
    stage.always(first("users"), error(403, "Authorization_RequestDenied")).await;
    assert!(matches!(stage.users().await, Err(SourceError::NoWorkingCredential)));
    assert_eq!(stage.requests().await.len(), 2);
}

#[tokio::test]
async fn groups_that_are_closed_to_an_administrator_are_withheld_after_one_check_for_all() {
    let stage = stage().await;
    let check = || first("users").and(query_param("$top", "1")).and(query_param("$select", "id"));
    stage.once(check(), last(&["u1"])).await;
    for number in 0..40 {
        let members = format!("groups/{}/members", group(number));
        stage.once(first(&members), error(403, "Authorization_RequestDenied")).await;
    }
    let stage = &stage;
    let reads = (0..40).map(|number| async move { stage.members(&group(number)).await });
    for read in futures::future::join_all(reads).await {
        assert!(matches!(read, Err(SourceError::Withheld)), "{read:?}");
    }
    assert!(stage.tokens.refusals().is_empty(), "the credential is good");

    // Rights change, so after a while they are checked again.
    stage.clock.sleep(Duration::from_mins(6)).await;
    stage.always(first(&format!("groups/{}/members", group(99))), error(403, "Authorization_RequestDenied")).await;
    stage.once(check(), last(&["u1"])).await;
    assert!(matches!(stage.members(&group(99)).await, Err(SourceError::Withheld)));
}

#[tokio::test]
async fn an_administrator_who_may_not_read_anything_any_more_gives_way_to_the_next() {
    let stage = stage_with(&[(1, "first"), (2, "second")]).await;
    let denied = || error(403, "Authorization_RequestDenied");
    stage.always(first("users").and(bearer("first")), denied()).await;
    let members = format!("groups/{}/members", group(1));
    stage.always(first(&members).and(bearer("first")), denied()).await;
    stage.once(first(&members).and(bearer("second")), last(&[])).await;

    assert!(stage.members(&group(1)).await.is_ok());
    assert_eq!(stage.tokens.refusals(), [(administrator(1).to_string(), TokenRefusal::Forbidden)]);
}

#[tokio::test]
async fn a_check_that_is_not_answered_blames_nobody() {
    let stage = stage().await;
    stage.always(first("users"), error(429, "TooManyRequests").insert_header("Retry-After", "3600")).await;
    stage.always(first(&format!("groups/{}/members", group(1))), error(403, "Authorization_RequestDenied")).await;
    assert!(matches!(stage.members(&group(1)).await, Err(SourceError::Paused { .. })));
    assert!(stage.tokens.refusals().is_empty());
}

/// Gives the same answer for ever.
struct Endless(fn() -> Result<UsableToken, TokenError>);

#[async_trait]
impl AccessTokens for Endless {
    async fn token(&self) -> Result<UsableToken, TokenError> {
        self.0()
    }

    async fn refused(&self, _: &UsableToken, _: TokenRefusal) {}

    async fn accepted(&self, _: &UsableToken) {}
}

#[tokio::test]
async fn a_source_of_tokens_that_never_runs_dry_does_not_keep_a_read_going() {
    let stage = stage().await;
    stage.always(first("users"), error(401, "InvalidAuthenticationToken")).await;
    let endless = Endless(|| {
        Ok(UsableToken { administrator: administrator(1), secret: "same".into(), reads_hidden_members: false })
    });
    let tenant = tenant(&stage.server.uri(), Arc::new(endless), Arc::new(ManualClock::new()));
    assert!(matches!(users_of(&tenant).await, Err(SourceError::NoWorkingCredential)));
    assert_eq!(stage.requests().await.len(), 128);
}

#[tokio::test]
async fn why_there_is_no_token_is_passed_on() {
    let outcome = async |token: fn() -> Result<UsableToken, TokenError>| {
        let tenant = tenant("http://127.0.0.1:1", Arc::new(Endless(token)), Arc::new(ManualClock::new()));
        users_of(&tenant).await.unwrap_err()
    };
    let none = outcome(|| Err(TokenError::NoWorkingCredential)).await;
    assert!(matches!(none, SourceError::NoWorkingCredential));
    let unavailable = outcome(|| Err(TokenError::Unavailable("login is down".into()))).await;
    assert!(matches!(unavailable, SourceError::LoginUnavailable(cause) if cause.to_string() == "login is down"));
    let paused = outcome(|| Err(TokenError::Paused { wait: Duration::from_mins(7) })).await;
    assert!(matches!(paused, SourceError::Paused { wait } if wait == Duration::from_mins(7)));
    assert!(matches!(outcome(|| Err(TokenError::TokensRejected)).await, SourceError::TokensRejected));
    let store = outcome(|| Err(TokenError::Store("table is down".into()))).await;
    assert!(matches!(store, SourceError::CredentialStore(cause) if cause.to_string() == "table is down"));
}

#[tokio::test]
async fn users_groups_and_members_are_counted_by_the_tenant_itself() {
    let stage = stage().await;
    let count = |count: &str| ResponseTemplate::new(200).set_body_string(count);
    stage.once(first("users/$count"), count("2500")).await;
    stage.once(first("groups/$count"), count("50")).await;
    stage.once(first("groups/g1/members/microsoft.graph.user/$count"), count("7")).await;
    assert_eq!(stage.tenant.counts().await.unwrap(), Counted { users: Some(2500), groups: Some(50) });
    assert_eq!(stage.tenant.member_count(&"g1".parse().unwrap(), Some(ListKind::Users)).await.unwrap(), Some(7));
    assert_eq!(stage.requests().await[0].headers["consistencylevel"], "eventual");
}

#[tokio::test]
async fn a_tenant_may_refuse_to_count_without_harm_to_the_credential() {
    for (status, code) in [
        (400, "Request_BadRequest"),
        (403, "Authorization_RequestDenied"),
        (404, "Request_ResourceNotFound"),
        (404, "UnknownError"),
        (501, "NotImplemented"),
    ] {
        let stage = stage().await;
        stage.always(first("users/$count"), error(status, code)).await;
        stage.always(first("groups/$count"), error(status, code)).await;
        assert_eq!(stage.tenant.counts().await.unwrap(), Counted::default(), "{status}");
        assert!(stage.tokens.refusals().is_empty());
    }
}

#[tokio::test]
async fn a_count_that_fails_or_makes_no_sense_is_an_error() {
    let stage = stage().await;
    stage.always(first("groups/$count"), ResponseTemplate::new(200).set_body_string("1")).await;
    stage.once(first("users/$count"), error(429, "").insert_header("Retry-After", "3600")).await;
    assert!(matches!(stage.tenant.counts().await, Err(SourceError::Paused { .. })));
    stage.clock.sleep(Duration::from_hours(2)).await;
    stage.always(first("users/$count"), ResponseTemplate::new(200).set_body_string("{}")).await;
    assert!(matches!(stage.tenant.counts().await, Err(SourceError::Incomplete(_))));
}

#[tokio::test]
async fn an_object_is_there_or_not_and_anything_else_is_an_error() {
    let stage = stage().await;
    stage.once(first("users/u1"), json(serde_json::json!({ "id": "u1" }))).await;
    stage.once(first("users/u2"), error(404, "Request_ResourceNotFound")).await;
    stage.always(first("users/u3"), json(serde_json::json!({}))).await;
    stage.once(first("groups/g1"), json(serde_json::json!({ "id": "g1" }))).await;
    let exists = async |id: &str| stage.tenant.user_exists(&id.parse().unwrap()).await;
    assert!(exists("u1").await.unwrap());
    assert!(!exists("u2").await.unwrap());
    assert!(matches!(exists("u3").await, Err(SourceError::Incomplete(_))));
    assert!(stage.tenant.group_exists(&"g1".parse().unwrap()).await.unwrap());
}
