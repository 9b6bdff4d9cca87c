//! Secrets through the real SDK: against the local Secrets Manager, and against one that answers as it is told.

use local::aws::secrets_manager::LocalSecrets;
use local::aws::{SECRETS_MANAGER, in_process, secrets_manager};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use shared::directory::{DirectoryId, UserId};
use shared::secrets::{ApplicationSecrets as _, SecretError, SecretStore as _, SecretsManager};
use uuid::Uuid;
use wiremock::matchers::header;
use wiremock::{Mock, MockServer, ResponseTemplate};

fn directory() -> DirectoryId {
    DirectoryId::new(Uuid::from_u128(7))
}

fn administrator() -> UserId {
    "11111111-1111-1111-1111-111111111111".parse().unwrap()
}

fn text(secret: Option<SecretString>) -> Option<String> {
    secret.map(|secret| secret.expose_secret().to_owned())
}

fn local_secrets() -> SecretsManager {
    let aws = in_process([(SECRETS_MANAGER, LocalSecrets::in_memory().router())]);
    secrets_manager(SECRETS_MANAGER, Some(aws))
}

#[tokio::test]
async fn a_refresh_token_replaces_the_one_before() {
    let secrets = local_secrets();
    assert_eq!(text(secrets.refresh_token(directory(), &administrator()).await.unwrap()), None);
    for token in ["first", "second"] {
        secrets.put_refresh_token(directory(), &administrator(), &token.into()).await.unwrap();
        assert_eq!(text(secrets.refresh_token(directory(), &administrator()).await.unwrap()), Some(token.to_owned()));
    }
    let other = "22222222-2222-2222-2222-222222222222".parse().unwrap();
    assert_eq!(text(secrets.refresh_token(directory(), &other).await.unwrap()), None);
}

#[tokio::test]
async fn the_client_secret_is_read_without_its_line_break() {
    let secrets = local_secrets();
    assert_eq!(text(secrets.client_secret().await.unwrap()), None);
    secrets.put_client_secret(&"pass word\n".into()).await.unwrap();
    assert_eq!(text(secrets.client_secret().await.unwrap()), Some("pass word".to_owned()));
}

/// A Secrets Manager that answers operations as told, each answer once, in this order.
async fn told(answers: &[(&str, u16, Value)]) -> (MockServer, SecretsManager) {
    let server = MockServer::start().await;
    for (operation, status, body) in answers {
        Mock::given(header("x-amz-target", format!("secretsmanager.{operation}")))
            .respond_with(ResponseTemplate::new(*status).set_body_json(body))
            .up_to_n_times(1)
            .expect(1)
            .mount(&server)
            .await;
    }
    let secrets = secrets_manager(&server.uri(), None);
    (server, secrets)
}

#[tokio::test]
async fn two_that_make_the_same_secret_at_once_both_succeed() {
    let (_server, secrets) = told(&[
        ("PutSecretValue", 400, json!({"__type": "ResourceNotFoundException"})),
        ("CreateSecret", 400, json!({"__type": "ResourceExistsException"})),
        ("PutSecretValue", 200, json!({})),
    ])
    .await;
    secrets.put_refresh_token(directory(), &administrator(), &"token".into()).await.unwrap();
}

#[tokio::test]
async fn a_secret_that_is_no_text_is_named() {
    let (_server, secrets) = told(&[("GetSecretValue", 200, json!({"SecretBinary": "AAAA"}))]).await;
    let error = secrets.client_secret().await.unwrap_err();
    assert_eq!(error.to_string(), "the secret office365-sync/client-secret is malformed");
}

#[tokio::test]
async fn a_refusal_is_told_without_its_words() {
    let denied = json!({"__type": "AccessDeniedException", "Message": "no access to a-secret-word"});
    let (_server, secrets) = told(&[("GetSecretValue", 400, denied)]).await;
    let error = secrets.client_secret().await.unwrap_err();
    assert!(matches!(error, SecretError::Unavailable(_)));
    let words = format!("{error:?}");
    assert!(words.contains("AccessDeniedException") && !words.contains("a-secret-word"), "{words}");
}
