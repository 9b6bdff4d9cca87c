//! What can happen to an administrator's authorization.

use serde_json::json;
use tenant::{Action, Fault, Matcher, Refusal, RequestKind, Sample, SignIn, What};

use crate::client::{SCOPES, bare, error_code, field, small, start};

#[tokio::test]
async fn each_trouble_has_its_code_at_refresh() {
    let client = bare().await;
    let administrator = client.admin(0);
    let refuse = |refusal| Action::Refuse { administrator, refusal };
    for (trouble, error, code, remedy) in [
        (refuse(Refusal::ConditionalAccess), "invalid_grant", 53003, Action::Accept { administrator }),
        (refuse(Refusal::Mfa), "interaction_required", 50076, Action::Accept { administrator }),
        (refuse(Refusal::MfaAsInvalidGrant), "invalid_grant", 50076, Action::Accept { administrator }),
        (
            Action::DisableUser { user: administrator },
            "invalid_grant",
            50057,
            Action::EnableUser { user: administrator },
        ),
        (Action::Delete { id: administrator }, "invalid_grant", 50034, Action::Restore { id: administrator }),
        (Action::RevokeSessions { administrator }, "invalid_grant", 50173, Action::Accept { administrator }),
        (Action::ExpireRefreshTokens { administrator }, "invalid_grant", 700_082, Action::Accept { administrator }),
        (Action::WithdrawConsent { administrator: None }, "invalid_grant", 65001, Action::Accept { administrator }),
    ] {
        let tokens = client.tokens(administrator, SCOPES).await;
        let refresh = tokens["refresh_token"].as_str().unwrap();
        assert_eq!(client.refresh(refresh).await.0, 200);
        client.apply(trouble.clone());
        let (status, body) = client.refresh(refresh).await;
        assert_eq!(
            (status.as_u16(), &body["error"], &body["error_codes"]),
            (400, &json!(error), &json!([code])),
            "{trouble:?}"
        );
        client.apply(remedy);
    }
}

#[tokio::test]
async fn mfa_brings_claims_for_the_next_sign_in() {
    let client = bare().await;
    let tokens = client.tokens(client.admin(0), SCOPES).await;
    client.apply(Action::Refuse { administrator: client.admin(0), refusal: Refusal::Mfa });
    let (_, body) = client.refresh(tokens["refresh_token"].as_str().unwrap()).await;
    let claims: serde_json::Value = serde_json::from_str(body["claims"].as_str().unwrap()).unwrap();
    assert!(claims["access_token"].is_object());
}

#[tokio::test]
async fn withdrawn_consent_comes_back_only_with_an_account_that_may_consent() {
    let client = bare().await;
    client.apply(Action::WithdrawConsent { administrator: None });
    let weak = client.callback(&[("login_hint", "reader@contoso.example")]).await;
    assert!(field(&weak, "error_description").unwrap().contains("AADSTS90094"));
    let strong = client.callback(&[("login_hint", "admin@contoso.example")]).await;
    assert!(field(&strong, "code").is_some());
    let weak = client.callback(&[("login_hint", "reader@contoso.example")]).await;
    assert!(field(&weak, "code").is_some());
}

#[tokio::test]
async fn an_administrator_can_be_disabled_in_the_middle_of_a_run() {
    let client = small().await;
    let disable = Action::DisableUser { user: client.admin(0) };
    let fault = client
        .tenant
        .inject(Fault::new(Matcher::on(RequestKind::Users).nth(2), What::Then { action: Box::new(disable) }));
    let first = client.json("users?$select=id").await;
    let refused = client.get(first["@odata.nextLink"].as_str().unwrap()).await;
    assert_eq!(error_code(refused).await, (401, "InvalidAuthenticationToken".to_owned()));
    assert_eq!(client.tenant.times_used(fault), 1);
    let seen = client.tenant.requests();
    assert_eq!(seen.iter().map(|seen| seen.administrator).collect::<Vec<_>>(), [Some(client.admin(0)); 2]);
}

#[tokio::test]
async fn access_tokens_can_expire_at_once() {
    let client = bare().await;
    client.apply(Action::ExpireAccessTokens { administrator: None });
    assert_eq!(error_code(client.get("users").await).await.0, 401);
}

#[tokio::test]
async fn whether_graph_notices_a_disabled_account_at_once_is_a_switch() {
    for (quirk, status) in [(false, 401), (true, 200)] {
        let client = start(&Sample::default(), |options| options.quirks.disabled_accounts_keep_reading = quirk).await;
        client.apply(Action::DisableUser { user: client.admin(0) });
        assert_eq!(client.get("users").await.status(), status);
    }
}

#[tokio::test]
async fn a_stranger_signs_in_but_reads_nothing_here() {
    let client = bare().await;
    client.apply(Action::SetSignIn { sign_in: SignIn::Stranger { tenant: uuid::Uuid::from_u128(7) }, once: true });
    let (_, tokens) = client.redeem(&client.code().await).await;
    let answer = client.get_as(tokens["access_token"].as_str().unwrap(), "users", &[]).await;
    assert_eq!(error_code(answer).await, (403, "Authorization_RequestDenied".to_owned()));
}
