//! Access tokens of programs.

use async_trait::async_trait;

use super::item::Item;
use super::keys::Key;
use super::store::DynamoStore;
use crate::access::{AccessToken, TokenHash};
use crate::store::{StoreError, TokenStore};

#[async_trait]
impl TokenStore for DynamoStore {
    async fn token(&self, hash: &TokenHash) -> Result<Option<AccessToken>, StoreError> {
        self.get(&Key::token(hash)).await?.map(|item| item.value("token")).transpose()
    }

    async fn put_token(&self, hash: &TokenHash, token: &AccessToken) -> Result<(), StoreError> {
        self.put(Item::new(&Key::token(hash)).value("token", token)?.expires(token.expires_at)).await
    }
}
