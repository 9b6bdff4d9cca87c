//! A deployment that has no client secret: the application proves itself by a certificate.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::json;
use shared::config::AppCredential;
use tenant::RegisteredCertificate;

use crate::harness::{Setup, World, everything, small};

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
    let bend = |options: &mut tenant::Options| {
        options.registration.certificate = Some(registered());
        // Each run has to prove who it is.
        options.access_token_lifetime = SignedDuration::from_secs(1);
    };
    let app_credential = Some(AppCredential::Certificate);
    World::set_up(&small(), Setup { app_credential, bend: Some(Box::new(bend)), ..Setup::default() }).await
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
