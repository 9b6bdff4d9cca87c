//! Tokens for the tests: good ones, and such as are none.

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use shared::access::{AccessToken, Scope, hash, new_token_secret};
use shared::clock::Clock as _;
use shared::directory::DirectoryId;
use shared::store::{TokenRegistry as _, TokenStore as _};

use crate::harness::World;

/// A token that may read everything.
pub async fn reader(world: &World) -> String {
    token_of(world, Scope::Read, None).await
}

/// A token for this directory, or all of them.
pub async fn token_of(world: &World, scope: Scope, directory: Option<DirectoryId>) -> String {
    let secret = new_token_secret(&mut rand::rng());
    let token = AccessToken {
        name: "reader".to_owned(),
        scope,
        directory,
        created_at: world.clock.now(),
        expires_at: Timestamp::MAX,
        last_used_at: None,
    };
    world.stack.store.put_token(&hash(&secret), &token).await.unwrap();
    secret.expose_secret().to_owned()
}

/// A token whose time is over.
pub async fn expired(world: &World) -> String {
    let secret = new_token_secret(&mut rand::rng());
    let now = world.clock.now();
    let token = AccessToken {
        name: "expired".to_owned(),
        scope: Scope::Admin,
        directory: None,
        created_at: now,
        expires_at: now,
        last_used_at: None,
    };
    world.stack.store.put_token(&hash(&secret), &token).await.unwrap();
    secret.expose_secret().to_owned()
}

/// A token that was good until it was revoked.
pub async fn revoked(world: &World) -> String {
    let directory = world.directory.parse().unwrap();
    let token = token_of(world, Scope::Admin, Some(directory)).await;
    let secret = SecretString::from(token.clone());
    world.stack.store.revoke_token(directory, &hash(&secret)).await.unwrap();
    token
}
