//! Settings that are looked at before they are saved.

use async_trait::async_trait;
use jiff::SignedDuration;

use super::item::Item;
use super::keys::Key;
use super::store::DynamoStore;
use crate::directory::DirectoryId;
use crate::settings::{Draft, DraftId};
use crate::store::{DraftStore, StoreError};

/// How long a draft is kept.
const RETENTION: SignedDuration = SignedDuration::from_hours(24);

#[async_trait]
impl DraftStore for DynamoStore {
    async fn put_draft(&self, directory: DirectoryId, draft: &Draft) -> Result<(), StoreError> {
        let item = Item::new(&Key::draft(directory, draft.id)).value("draft", draft)?;
        self.put(item.expires_after(draft.at, RETENTION)).await
    }

    async fn draft(&self, directory: DirectoryId, id: DraftId) -> Result<Option<Draft>, StoreError> {
        self.get(&Key::draft(directory, id)).await?.map(|item| item.value("draft")).transpose()
    }
}
