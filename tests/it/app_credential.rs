//! A deployment that has no client secret: the application proves itself by a certificate, or AWS vouches for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PSS_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use shared::app_credential::{AppCredential as _, Proof, WebIdentity};
use shared::config::AppCredential;
use tenant::RegisteredCertificate;
use wiremock::matchers::{header, method};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::harness::{Setup, World, everything, small};
use crate::roles::{Deployment, SIGNING_KEY, by_tcp, idle, wire};

const CERTIFICATE: &str = include_str!("../../shared/src/app_credential/testdata/certificate.b64");
const KEY: &str = include_str!("../../shared/src/identity/testdata/signing-key.b64");
const OTHER_KEY: &str = include_str!("../../shared/src/identity/testdata/other-key.b64");

fn der(base64: &str) -> Vec<u8> {
    STANDARD.decode(base64.replace('\n', "")).unwrap()
}

/// The certificate, as the app registration has it.
fn registered() -> RegisteredCertificate {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der(CERTIFICATE));
    let key = Jwk::from_encoding_key(&EncodingKey::from_rsa_der(&der(KEY)), Algorithm::PS256).unwrap();
    RegisteredCertificate { thumbprint: URL_SAFE_NO_PAD.encode(digest), key }
}

/// The certificate with a private key, as the secret has it.
fn stored(key: &str) -> String {
    let pem = |kind: &str, base64: &str| format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", base64.trim());
    pem("CERTIFICATE", CERTIFICATE) + &pem("RSA PRIVATE KEY", key)
}

async fn world() -> World {
    world_with(Setup { app_credential: Some(AppCredential::Certificate), ..Setup::default() }).await
}

/// A world whose app registration has the certificate.
async fn world_with(setup: Setup) -> World {
    let bend = |options: &mut tenant::Options| {
        options.registration.certificate = Some(registered());
        // Each run has to prove who it is.
        options.access_token_lifetime = SignedDuration::from_secs(1);
    };
    World::set_up(&small(), Setup { bend: Some(Box::new(bend)), ..setup }).await
}

/// A key in KMS, which only signs.
async fn kms() -> MockServer {
    let server = MockServer::start().await;
    let sign = |request: &Request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let message = STANDARD.decode(body["Message"].as_str().unwrap()).unwrap();
        let key = KeyPair::from_der(&der(KEY)).unwrap();
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PSS_SHA256, &SystemRandom::new(), &message, &mut signature).unwrap();
        ResponseTemplate::new(200).set_body_json(json!({"KeyId": SIGNING_KEY, "Signature": STANDARD.encode(signature)}))
    };
    Mock::given(header("x-amz-target", "TrentService.Sign")).respond_with(sign).mount(&server).await;
    server
}

/// What only deployments with this credential may do must have been needed.
fn assert_all_needed(app_credential: &AppCredential) {
    for function in ["oauth", "sync"] {
        let idle: Vec<_> =
            idle(function, app_credential).into_iter().filter(|one| !one.is_in(&AppCredential::ClientSecret)).collect();
        assert!(idle.is_empty(), "{function} needs none of {idle:#?}");
    }
}

#[tokio::test]
async fn a_certificate_is_enough_to_authorize_and_to_sync() {
    let world = world().await;
    world.stack.secrets.put_client_certificate(&stored(KEY).into()).await.unwrap();
    world.authorize().await;
    world.set(everything()).await;
    world.sync_and_check(&everything()).await;
}

#[tokio::test]
async fn a_wrong_key_is_the_applications_fault_and_mended_without_an_administrator() {
    let world = world().await;
    world.stack.secrets.put_client_certificate(&stored(KEY).into()).await.unwrap();
    world.authorize().await;
    world.set(everything()).await;
    let active = world.active().await;

    for broken in [stored(OTHER_KEY), "no certificate".to_owned()] {
        world.stack.secrets.put_client_certificate(&broken.into()).await.unwrap();
        let run = world.sync().await;
        assert_eq!(run["failure"]["code"], json!("application_refused"), "{run:#}");
        assert!(world.credentials().await.values().all(|credential| credential["state"] == "working"));
        assert_eq!(world.active().await, active, "nobody loses access");
    }
    world.stack.secrets.put_client_certificate(&stored(KEY).into()).await.unwrap();
    world.sync_and_check(&everything()).await;
}

#[tokio::test]
async fn wrong_clock_is_reported_with_its_amount() {
    let ahead = Arc::new(AtomicI64::new(0));
    let offset = Arc::clone(&ahead);
    let bend = move |options: &mut tenant::Options| {
        options.registration.certificate = Some(registered());
        options.access_token_lifetime = SignedDuration::from_secs(1);
        let offset = move || SignedDuration::from_mins(offset.load(Ordering::Relaxed));
        let ours = options.clock.clone();
        options.clock = tenant::Clock::new(move || ours.now() + offset(), |_| async {});
    };
    let setup = Setup { app_credential: Some(AppCredential::Certificate), ..Setup::default() };
    let world = World::set_up(&small(), Setup { bend: Some(Box::new(bend)), ..setup }).await;
    world.stack.secrets.put_client_certificate(&stored(KEY).into()).await.unwrap();
    world.authorize().await;
    world.set(everything()).await;
    for (minutes, skew) in [(30, "behind Microsoft's"), (-30, "ahead of Microsoft's")] {
        ahead.store(minutes, Ordering::Relaxed);
        let run = world.sync().await;
        assert_eq!(run["failure"]["code"], json!("clock_wrong"), "{run:#}");
        let message = run["failure"]["message"].as_str().unwrap();
        assert!(
            message.contains(skew) && (message.contains("30 minutes") || message.contains("29 minutes")),
            "{message}"
        );
        assert!(world.credentials().await.values().all(|credential| credential["state"] == "working"));
        assert!(!world.alerts.take().is_empty(), "an alert goes out");
        ahead.store(0, Ordering::Relaxed);
        world.sync_and_check(&everything()).await;
    }
}

#[tokio::test]
async fn a_key_that_never_leaves_kms_is_enough_and_needs_all_that_the_roles_allow_for_it() {
    let kms = kms().await;
    let app_credential = AppCredential::KmsCertificate { key_arn: SIGNING_KEY.to_owned() };
    let deployment = Deployment { app_credential: app_credential.clone(), kms_and_sts: Some(kms.uri()) };
    let wire = Box::new(|aws| wire(aws, deployment));
    let world =
        world_with(Setup { app_credential: Some(app_credential.clone()), wire: Some(wire), ..Setup::default() }).await;
    let certificate = stored(KEY).split_inclusive("-----END CERTIFICATE-----\n").next().unwrap().to_owned();
    world.stack.secrets.put_client_certificate(&certificate.into()).await.unwrap();
    world.authorize().await;
    world.set(everything()).await;
    world.sync_and_check(&everything()).await;
    assert_all_needed(&app_credential);
}

#[tokio::test]
async fn tokens_that_aws_issues_are_asked_for_within_the_roles() {
    let sts = MockServer::start().await;
    let answer = "<GetWebIdentityTokenResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
                  <GetWebIdentityTokenResult><WebIdentityToken>token-of-aws</WebIdentityToken>\
                  <Expiration>2027-01-15T08:05:00Z</Expiration></GetWebIdentityTokenResult></GetWebIdentityTokenResponse>";
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(200).set_body_string(answer)).mount(&sts).await;
    let app_credential = AppCredential::WebIdentity { audience: "api://AzureADTokenExchange".to_owned() };
    let deployment = Deployment { app_credential: app_credential.clone(), kms_and_sts: Some(sts.uri()) };
    for function in ["oauth", "sync"] {
        let client = aws_sdk_sts::Client::from_conf(
            aws_sdk_sts::Config::builder()
                .behavior_version(aws_sdk_sts::config::BehaviorVersion::latest())
                .region(aws_sdk_sts::config::Region::from_static("local"))
                .credentials_provider(aws_sdk_sts::config::Credentials::new("local", "local", None, None, "local"))
                .app_name(aws_sdk_sts::config::AppName::new(function).unwrap())
                .http_client(wire(by_tcp(), deployment.clone()))
                .build(),
        );
        let identity = WebIdentity::new(client, "api://AzureADTokenExchange".to_owned());
        let proof = identity.proof(&"https://login.microsoftonline.com/t/oauth2/v2.0/token".parse().unwrap()).await;
        assert!(matches!(proof, Ok(Proof::Assertion(_))), "{proof:?}");
    }
    assert_all_needed(&app_credential);
}
