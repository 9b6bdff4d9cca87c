//! What a run at work is doing.

use async_trait::async_trait;
use jiff::SignedDuration;

use super::item::Item;
use super::keys::Key;
use super::store::DynamoStore;
use crate::directory::DirectoryId;
use crate::store::{NotedProgress, ProgressStore, StoreError};

/// How long it is kept: as long as a run can last.
const RETENTION: SignedDuration = SignedDuration::from_hours(24);

#[async_trait]
impl ProgressStore for DynamoStore {
    async fn note_progress(&self, directory: DirectoryId, noted: &NotedProgress) -> Result<(), StoreError> {
        let item = Item::new(&Key::progress(directory)).value("progress", noted)?;
        self.put(item.expires_after(noted.at, RETENTION)).await
    }

    async fn progress(&self, directory: DirectoryId) -> Result<Option<NotedProgress>, StoreError> {
        self.get(&Key::progress(directory)).await?.map(|item| item.value("progress")).transpose()
    }
}
