//! Proofs as Microsoft checks them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Validation, decode, decode_header};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use wiremock::matchers::{body_partial_json, body_string_contains, header};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

const CERTIFICATE: &str = include_str!("testdata/certificate.b64");
const KEY_PKCS1: &str = include_str!("../identity/testdata/signing-key.b64");
const KEY_PKCS8: &str = include_str!("testdata/signing-key-pkcs8.b64");
const ENDPOINT: &str = "https://login.microsoftonline.com/t/oauth2/v2.0/token";
const NOW: i64 = 1_800_000_000;

fn pem(kind: &str, base64: &str) -> String {
    format!("-----BEGIN {kind}-----\n{base64}-----END {kind}-----\n")
}

struct Stored(Option<String>);

#[async_trait]
impl ApplicationSecrets for Stored {
    async fn client_secret(&self) -> Result<Option<SecretString>, SecretError> {
        Ok(self.0.clone().map(SecretString::from))
    }

    async fn client_certificate(&self) -> Result<Option<SecretString>, SecretError> {
        Ok(self.0.clone().map(SecretString::from))
    }
}

struct Then;

#[async_trait]
impl Clock for Then {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(NOW).unwrap()
    }

    async fn sleep(&self, _: std::time::Duration) {}
}

fn certificate(stored: Option<String>) -> Certificate {
    let secrets: Arc<dyn ApplicationSecrets> = Arc::new(Stored(stored));
    Certificate::new("app".to_owned(), Arc::clone(&secrets), Arc::new(StoredKey::new(secrets)), Arc::new(Then))
}

async fn prove(credential: &dyn AppCredential) -> Result<Proof, ProofError> {
    credential.proof(&ENDPOINT.parse().unwrap()).await
}

fn der(base64: &str) -> Vec<u8> {
    STANDARD.decode(base64.replace('\n', "")).unwrap()
}

/// What a statement says, if the certificate's key has signed it.
fn verified(proof: Proof) -> (jsonwebtoken::Header, Value) {
    let Proof::Assertion(token) = proof else { panic!("expected an assertion") };
    let key = Jwk::from_encoding_key(&EncodingKey::from_rsa_der(&der(KEY_PKCS1)), Algorithm::PS256).unwrap();
    let mut rules = Validation::new(Algorithm::PS256);
    rules.set_audience(&[ENDPOINT]);
    rules.validate_exp = false;
    let claims = decode::<Value>(token.expose_secret(), &DecodingKey::from_jwk(&key).unwrap(), &rules).unwrap().claims;
    (decode_header(token.expose_secret()).unwrap(), claims)
}

#[tokio::test]
async fn a_certificate_makes_a_signed_statement_that_lasts_minutes_and_is_never_the_same() {
    for key in [pem("PRIVATE KEY", KEY_PKCS8), pem("RSA PRIVATE KEY", KEY_PKCS1)] {
        let certificate = certificate(Some(pem("CERTIFICATE", CERTIFICATE) + &key));
        let (header, claims) = verified(prove(&certificate).await.unwrap());
        // `openssl x509 -fingerprint -sha256` says the same, in hexadecimal.
        let thumbprint = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der(CERTIFICATE)));
        assert_eq!((header.x5t_s256.unwrap(), header.typ.unwrap()), (thumbprint, "JWT".to_owned()));
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!("app"), &json!("app")));
        assert_eq!((&claims["nbf"], &claims["exp"]), (&json!(NOW), &json!(NOW + 600)));
        let (_, again) = verified(prove(&certificate).await.unwrap());
        assert_ne!(claims["jti"], again["jti"]);
    }
}

#[tokio::test]
async fn what_is_no_certificate_with_its_key_is_named_as_such() {
    let certificate_alone = pem("CERTIFICATE", CERTIFICATE);
    let key_alone = pem("PRIVATE KEY", KEY_PKCS8);
    let wrong_key = certificate_alone.clone() + &pem("PRIVATE KEY", "AAAA\n");
    for stored in [
        None,
        Some(String::new()),
        Some("secret".to_owned()),
        Some(certificate_alone),
        Some(key_alone),
        Some(wrong_key),
    ] {
        let error = prove(&certificate(stored)).await.unwrap_err();
        assert!(matches!(error, ProofError::Unusable(Cause::ClientCertificateMissing)), "{error:?}");
    }
}

#[tokio::test]
async fn a_client_secret_is_handed_on() {
    let stored = |secret: Option<&str>| ClientSecret::new(Arc::new(Stored(secret.map(str::to_owned))));
    let Proof::Secret(secret) = prove(&stored(Some("s"))).await.unwrap() else { panic!("expected a secret") };
    assert_eq!(secret.expose_secret(), "s");
    let missing = prove(&stored(None)).await.unwrap_err();
    assert!(matches!(missing, ProofError::Unusable(Cause::ClientSecretMissing)));
}

fn aws(endpoint: &str) -> SdkConfig {
    use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider, retry::RetryConfig};
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("local"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("a", "b", None, None, "test")))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(endpoint)
        .build()
}

#[tokio::test]
async fn a_key_in_kms_signs_what_would_be_signed_here() {
    let server = MockServer::start().await;
    let asked = json!({"KeyId": "arn:key", "MessageType": "RAW", "SigningAlgorithm": "RSASSA_PSS_SHA_256"});
    Mock::given(header("x-amz-target", "TrentService.Sign"))
        .and(body_partial_json(asked))
        .respond_with(|request: &wiremock::Request| {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let message = STANDARD.decode(body["Message"].as_str().unwrap()).unwrap();
            let key = aws_lc_rs::rsa::KeyPair::from_der(&der(KEY_PKCS1)).unwrap();
            let mut signature = vec![0; key.public_modulus_len()];
            let random = aws_lc_rs::rand::SystemRandom::new();
            key.sign(&aws_lc_rs::signature::RSA_PSS_SHA256, &random, &message, &mut signature).unwrap();
            ResponseTemplate::new(200)
                .set_body_json(json!({"KeyId": "arn:key", "Signature": STANDARD.encode(signature)}))
        })
        .mount(&server)
        .await;
    let settings = settings(config::AppCredential::KmsCertificate { key_arn: "arn:key".to_owned() });
    let stored = Arc::new(Stored(Some(pem("CERTIFICATE", CERTIFICATE))));
    let credential = of(&settings, &aws(&server.uri()), stored, Arc::new(Then));
    let (_, claims) = verified(prove(credential.as_ref()).await.unwrap());
    assert_eq!(claims["iss"], "app");
}

fn settings(app_credential: config::AppCredential) -> config::Microsoft {
    config::Microsoft {
        login_url: "https://login.microsoftonline.com".parse().unwrap(),
        graph_url: "https://graph.microsoft.com".parse().unwrap(),
        client_id: "app".to_owned(),
        authority_tenant: "organizations".to_owned(),
        secret_prefix: String::new(),
        app_credential,
        ca_file: None,
    }
}

#[tokio::test]
async fn aws_vouches_for_our_role() {
    let server = MockServer::start().await;
    let answer = "<GetWebIdentityTokenResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
                  <GetWebIdentityTokenResult><WebIdentityToken>token-of-aws</WebIdentityToken>\
                  <Expiration>2027-01-15T08:05:00Z</Expiration></GetWebIdentityTokenResult></GetWebIdentityTokenResponse>";
    Mock::given(body_string_contains("Action=GetWebIdentityToken"))
        .and(body_string_contains("Audience.member.1=api%3A%2F%2FAzureADTokenExchange"))
        .and(body_string_contains("SigningAlgorithm=RS256"))
        .respond_with(ResponseTemplate::new(200).set_body_string(answer))
        .mount(&server)
        .await;
    let audience = "api://AzureADTokenExchange".to_owned();
    let settings = settings(config::AppCredential::WebIdentity { audience });
    let credential = of(&settings, &aws(&server.uri()), Arc::new(Stored(None)), Arc::new(Then));
    let Proof::Assertion(token) = prove(credential.as_ref()).await.unwrap() else { panic!("expected an assertion") };
    assert_eq!(token.expose_secret(), "token-of-aws");
}

#[tokio::test]
async fn what_aws_refuses_is_told_by_its_code_only() {
    let server = MockServer::start().await;
    let denied = json!({"__type": "AccessDeniedException", "message": "no access to a-secret-word"});
    Mock::given(wiremock::matchers::any())
        .respond_with(ResponseTemplate::new(400).set_body_json(denied))
        .mount(&server)
        .await;
    let stored = Arc::new(Stored(Some(pem("CERTIFICATE", CERTIFICATE))));
    let settings = settings(config::AppCredential::KmsCertificate { key_arn: "arn:key".to_owned() });
    let error = prove(of(&settings, &aws(&server.uri()), stored, Arc::new(Then)).as_ref()).await.unwrap_err();
    let words = format!("{error:?}");
    assert!(words.contains("AccessDeniedException") && !words.contains("a-secret-word"), "{words}");
}
