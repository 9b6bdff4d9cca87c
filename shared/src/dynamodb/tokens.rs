//! Access tokens of programs: each by the hash of its secret, and those of a directory in a list of its own.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use jiff::Timestamp;

use super::error::unavailable;
use super::item::{Item, Stored, key_attributes};
use super::keys::{Key, tokens};
use super::store::DynamoStore;
use crate::access::{AccessToken, TokenHash};
use crate::directory::DirectoryId;
use crate::store::{StoreError, TokenRegistry, TokenStore};

/// The token of an item. When it was used last is an attribute of its own, the only one of the table that the status function may
/// write.
fn token_of(item: &Stored) -> Result<AccessToken, StoreError> {
    let token: AccessToken = item.value("token")?;
    let last_used_at = item.optional_value("last_used_at")?.or(token.last_used_at);
    Ok(AccessToken { last_used_at, ..token })
}

#[async_trait]
impl TokenStore for DynamoStore {
    async fn token(&self, hash: &TokenHash) -> Result<Option<AccessToken>, StoreError> {
        self.get(&Key::token(hash)).await?.as_ref().map(token_of).transpose()
    }

    async fn put_token(&self, hash: &TokenHash, token: &AccessToken) -> Result<(), StoreError> {
        let item = Item::new(&Key::token(hash)).value("token", token)?.expires(token.expires_at);
        let Some(directory) = token.directory else { return self.put(item).await };
        let listed = Item::new(&Key::listed_token(directory, hash)).expires(token.expires_at);
        let actions = [item, listed].into_iter().map(|item| {
            let put = Put::builder().table_name(&self.table).set_item(Some(item.into_attributes()));
            Ok(TransactWriteItem::builder().put(put.build().map_err(unavailable)?).build())
        });
        let actions = actions.collect::<Result<_, StoreError>>()?;
        self.transact(actions).await.map_err(|refused| refused.because(StoreError::Conflict))
    }

    async fn note_token_used(&self, hash: &TokenHash, at: Timestamp) -> Result<(), StoreError> {
        let update = self
            .update_of(&Key::token(hash))
            .update_expression("SET last_used_at = :at")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":at", AttributeValue::S(at.to_string()));
        // Whoever is revoked at this very moment stays revoked.
        self.update(update).await.map(drop).map_err(|refused| refused.because(StoreError::Conflict))
    }
}

#[async_trait]
impl TokenRegistry for DynamoStore {
    async fn tokens(&self, directory: DirectoryId) -> Result<Vec<(TokenHash, AccessToken)>, StoreError> {
        let listed = self.partition(tokens(directory)).await?;
        let keys = listed.iter().map(|item| Ok(Key::token(&TokenHash::stored(item.text("sk")?))));
        let items = self.get_all(keys.collect::<Result<_, StoreError>>()?).await?;
        let token = |item: &Stored| {
            let hash = item.text("pk")?.trim_start_matches("TOKEN#");
            Ok((TokenHash::stored(hash), token_of(item)?))
        };
        let mut tokens: Vec<(TokenHash, AccessToken)> = items.iter().map(token).collect::<Result<_, StoreError>>()?;
        tokens.sort_by(|(_, a), (_, b)| (b.created_at, &a.name).cmp(&(a.created_at, &b.name)));
        Ok(tokens)
    }

    async fn revoke_token(&self, directory: DirectoryId, hash: &TokenHash) -> Result<(), StoreError> {
        // What is not listed in this directory is not its to revoke.
        let listed = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key_attributes(&Key::listed_token(directory, hash))))
            .condition_expression("attribute_exists(pk)");
        let token = Delete::builder().table_name(&self.table).set_key(Some(key_attributes(&Key::token(hash))));
        let actions = [listed, token]
            .map(|delete| Ok(TransactWriteItem::builder().delete(delete.build().map_err(unavailable)?).build()))
            .into_iter()
            .collect::<Result<_, StoreError>>()?;
        self.transact(actions).await.map_err(|refused| refused.because(StoreError::Conflict))
    }
}
