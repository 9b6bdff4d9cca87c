//! Sign-in and the token endpoint.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use serde_json::{Value, json};
use tenant::{Action, Refusal, SecretStanding, SignIn, Tampering};

use crate::client::{Client, REDIRECT, SCOPES, VERIFIER, bare, field};

/// The claims, as far as the published key vouches for them.
async fn verified(client: &Client, id_token: &str) -> Option<Value> {
    let keys: JwkSet = client
        .get(&format!("{}/organizations/discovery/v2.0/keys", client.tenant.login_url()))
        .await
        .json()
        .await
        .unwrap();
    let header = jsonwebtoken::decode_header(id_token).ok()?;
    let key = DecodingKey::from_jwk(keys.find(&header.kid?)?).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    jsonwebtoken::decode(id_token, &key, &validation).ok().map(|token| token.claims)
}

async fn id_token(client: &Client) -> String {
    client.tokens(client.admin(0), SCOPES).await["id_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_sign_in_yields_tokens_and_a_verifiable_identity() {
    let client = bare().await;
    let tokens = client.tokens(client.admin(0), SCOPES).await;
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 3600);
    assert_eq!(tokens["scope"], "GroupMember.Read.All User.Read.All openid profile");
    let claims = verified(&client, tokens["id_token"].as_str().unwrap()).await.unwrap();
    let tenant = client.tenant.tenant_id();
    assert_eq!(claims["iss"], format!("{}/{tenant}/v2.0", client.tenant.login_url()));
    assert_eq!(claims["tid"], json!(tenant));
    assert_eq!(claims["oid"], json!(client.admin(0)));
    assert_eq!(claims["aud"], client.tenant.registration().client_id);
    assert_eq!(claims["nonce"], "some-nonce");
    assert_eq!(claims["preferred_username"], "admin@contoso.example");
}

#[tokio::test]
async fn a_login_hint_signs_in_at_once_and_the_state_comes_back() {
    let client = bare().await;
    let callback = client.callback(&[("login_hint", "backup@contoso.example")]).await;
    assert_eq!(field(&callback, "state").unwrap(), "some-state");
    assert!(callback.as_str().starts_with(REDIRECT) && callback.as_str().ends_with('#'));
    let (_, tokens) = client.redeem(&field(&callback, "code").unwrap()).await;
    let claims = verified(&client, tokens["id_token"].as_str().unwrap()).await.unwrap();
    assert_eq!(claims["oid"], json!(client.admin(1)));
}

#[tokio::test]
async fn without_a_hint_a_page_offers_the_accounts_and_its_buttons_work() {
    let client = bare().await;
    let page = client.authorize(&[]).await.text().await.unwrap();
    assert!(page.contains("This is a simulation.") && page.contains("Ada Admin") && page.contains("Cancel"));
    let press = |account: String| {
        let (client, url) = (&client, client.authorize_url(&[]));
        async move {
            let body = format!("account={account}");
            let answer = client.post(url.as_str(), &body, "application/x-www-form-urlencoded").await;
            url::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap()
        }
    };
    assert!(field(&press(client.admin(0).to_string()).await, "code").is_some());
    assert_eq!(field(&press("cancel".to_owned()).await, "error").unwrap(), "access_denied");
}

#[tokio::test]
async fn an_unknown_application_or_address_is_told_on_a_page() {
    let client = bare().await;
    for (fields, code) in [
        ([("client_id", "somebody-else")], "AADSTS700016"),
        ([("redirect_uri", "https://elsewhere.example/callback")], "AADSTS50011"),
    ] {
        let answer = client.authorize(&fields).await;
        assert_eq!(answer.status(), 400);
        assert!(answer.text().await.unwrap().contains(code));
    }
}

#[tokio::test]
async fn other_faults_of_a_request_reach_the_callback() {
    let client = bare().await;
    for (fields, error) in [
        ([("response_type", "token")], "unsupported_response_type"),
        ([("scope", "Mail.Everything")], "invalid_scope"),
        ([("scope", "")], "invalid_request"),
        ([("code_challenge_method", "S512")], "invalid_request"),
        ([("prompt", "none")], "login_required"),
    ] {
        assert_eq!(field(&client.callback(&fields).await, "error").unwrap(), error, "{fields:?}");
    }
}

#[tokio::test]
async fn sign_in_can_be_refused_or_done_by_a_stranger() {
    let client = bare().await;
    for (refusal, error, text) in [
        (Refusal::Cancelled, "access_denied", "cancelled"),
        (Refusal::ConsentDeclined, "access_denied", "AADSTS65004"),
        (Refusal::AdminConsentRequired, "consent_required", "AADSTS90094"),
        (Refusal::ConditionalAccess, "access_denied", "AADSTS53003"),
        (Refusal::Mfa, "interaction_required", "AADSTS50076"),
    ] {
        client.apply(Action::SetSignIn { sign_in: SignIn::Refused { refusal }, once: true });
        let callback = client.callback(&[("prompt", "select_account")]).await;
        assert_eq!(field(&callback, "error").unwrap(), error);
        assert!(field(&callback, "error_description").unwrap().contains(text));
    }
    let elsewhere = uuid::Uuid::from_u128(7);
    client.apply(Action::SetSignIn { sign_in: SignIn::Stranger { tenant: elsewhere }, once: true });
    let (_, tokens) = client.redeem(&client.code().await).await;
    let claims = verified(&client, tokens["id_token"].as_str().unwrap()).await.unwrap();
    assert_eq!(claims["tid"], json!(elsewhere));
}

#[tokio::test]
async fn a_code_is_good_once_briefly_and_for_its_own_request() {
    let client = bare().await;
    client.apply(Action::SetSignIn { sign_in: SignIn::User { user: client.admin(0) }, once: false });
    let code = client.code().await;
    let grant = ("grant_type", "authorization_code");
    let attempt = async |fields: &[(&str, &str)]| client.token(fields).await.1["error_codes"][0].as_u64();
    let (presented, verifier) = (("code", code.as_str()), ("code_verifier", VERIFIER));
    assert_eq!(attempt(&[grant, presented]).await, Some(50147));
    assert_eq!(attempt(&[grant, presented, ("code_verifier", "another")]).await, Some(501_481));
    let elsewhere = ("redirect_uri", "http://127.0.0.1:4000/other");
    assert_eq!(attempt(&[grant, presented, verifier, elsewhere]).await, Some(50011));
    assert_eq!(attempt(&[grant, presented, verifier]).await, None);
    assert_eq!(attempt(&[grant, presented, verifier]).await, Some(54005));
    let late = client.code().await;
    client.time.pass(601);
    assert_eq!(attempt(&[grant, ("code", &late), verifier]).await, Some(70008));
    assert_eq!(attempt(&[grant, ("code", "made-up"), verifier]).await, Some(70000));
}

#[tokio::test]
async fn error_bodies_have_microsofts_shape() {
    let client = bare().await;
    let (status, body) = client.refresh("made-up").await;
    assert_eq!(status, 400);
    assert_eq!(body["error"], "invalid_grant");
    assert!(body["error_description"].as_str().unwrap().starts_with("AADSTS70000: "));
    assert_eq!(body["timestamp"], "2027-01-15 08:00:00Z");
    assert!(body["trace_id"].is_string() && body["correlation_id"].is_string());
}

#[tokio::test]
async fn the_secret_may_come_in_basic_and_is_checked() {
    let client = bare().await;
    let registration = client.tenant.registration();
    let tokens = client.tokens(client.admin(0), SCOPES).await;
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let basic = STANDARD.encode(format!("{}:{}", encode(&registration.client_id), encode(&registration.client_secret)));
    let answer = reqwest::Client::builder()
        .build()
        .unwrap()
        .post(format!("{}/common/oauth2/v2.0/token", client.tenant.login_url()))
        .header("authorization", format!("Basic {basic}"))
        .form(&[("grant_type", "refresh_token"), ("refresh_token", refresh)])
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);

    for (standing, code) in [(SecretStanding::Wrong, 7_000_215), (SecretStanding::Expired, 7_000_222)] {
        client.apply(Action::SetSecretStanding { standing });
        let (status, body) = client.refresh(refresh).await;
        assert_eq!((status.as_u16(), body["error"].as_str()), (401, Some("invalid_client")));
        assert_eq!(body["error_codes"], json!([code]));
    }
}

#[tokio::test]
async fn refreshing_rotates_and_leaves_the_old_token_good() {
    let client = bare().await;
    let tokens = client.tokens(client.admin(0), SCOPES).await;
    let old = tokens["refresh_token"].as_str().unwrap();
    let (_, once) = client.refresh(old).await;
    assert_ne!(once["refresh_token"], old);
    assert_eq!(client.refresh(old).await.0, 200);
    client.time.pass(91 * 24 * 3600);
    assert_eq!(client.refresh(old).await.1["error_codes"], json!([700_082]));
}

#[tokio::test]
async fn granted_scopes_can_be_fewer_than_asked_for() {
    let client = bare().await;
    client.apply(Action::WithholdScopes { scopes: ["GroupMember.Read.All".to_owned()].into() });
    let tokens = client.tokens(client.admin(0), SCOPES).await;
    assert_eq!(tokens["scope"], "User.Read.All openid profile");
}

#[tokio::test]
async fn tampered_identities_do_not_verify_or_do_not_match() {
    let client = bare().await;
    let tampered = async |tampering| {
        client.apply(Action::TamperIdTokens { tampering: Some(tampering) });
        let token = id_token(&client).await;
        verified(&client, &token).await
    };
    assert!(tampered(Tampering::UnknownKey).await.is_none());
    assert!(tampered(Tampering::AlgorithmNone).await.is_none());
    assert_ne!(tampered(Tampering::WrongAudience).await.unwrap()["aud"], client.tenant.registration().client_id);
    assert_ne!(tampered(Tampering::WrongNonce).await.unwrap()["nonce"], "some-nonce");
    assert!(tampered(Tampering::Expired).await.unwrap()["exp"].as_i64().unwrap() < 1_800_000_000);
    assert!(tampered(Tampering::WrongIssuer).await.unwrap()["iss"].as_str().unwrap().contains("elsewhere"));
}

#[tokio::test]
async fn rotated_keys_are_published_under_another_id() {
    let client = bare().await;
    let before = id_token(&client).await;
    client.apply(Action::RotateKeys);
    let after = id_token(&client).await;
    assert!(verified(&client, &before).await.is_none());
    assert!(verified(&client, &after).await.is_some());
    let header = URL_SAFE_NO_PAD.decode(after.split('.').next().unwrap()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&header).unwrap()["kid"], "simulated-2");
}

#[tokio::test]
async fn discovery_has_a_template_issuer_for_organizations_and_a_real_one_for_the_tenant() {
    let client = bare().await;
    let issuer = async |tenant: String| {
        let url = format!("{}/{tenant}/v2.0/.well-known/openid-configuration", client.tenant.login_url());
        client.json(&url).await["issuer"].as_str().unwrap().to_owned()
    };
    assert!(issuer("organizations".to_owned()).await.ends_with("/{tenantid}/v2.0"));
    let id = client.tenant.tenant_id();
    assert!(issuer(id.to_string()).await.ends_with(&format!("/{id}/v2.0")));
}
