//! Checkpoints: a head, and pieces of content that are there before the head speaks of them.

use async_trait::async_trait;
use jiff::SignedDuration;

use super::apply::Action;
use super::item::Item;
use super::keys::{self, Key};
use super::store::DynamoStore;
use crate::directory::DirectoryId;
use crate::store::{Checkpoint, CheckpointStore, Lease, StoreError};
use crate::sync::{CHECKPOINT_FORMAT, CheckpointHead};

/// The bytes of a piece: an item has at most 400 KB (Amazon DynamoDB developer guide, "Quotas").
pub(super) const PIECE_BYTES: usize = 350 * 1024;
/// How many pieces a transaction takes: 4 MB at most, and emulators count bytes as the base64 they travel in.
pub(super) const PIECES_AT_ONCE: usize = 7;
/// How long pieces are kept. DynamoDB takes expired items away for nothing.
const RETENTION: SignedDuration = SignedDuration::from_hours(3 * 24);

#[async_trait]
impl CheckpointStore for DynamoStore {
    async fn checkpoint(&self, directory: DirectoryId) -> Result<Option<Checkpoint>, StoreError> {
        let Some(item) = self.get(&Key::checkpoint(directory)).await? else { return Ok(None) };
        let format: u32 = item.number("format")?;
        if format != CHECKPOINT_FORMAT {
            return Err(item.corrupt(format!("its format is {format}, and this program reads {CHECKPOINT_FORMAT}")));
        }
        let head: CheckpointHead = item.value("head")?;
        let pieces: u32 = item.number("pieces")?;
        let stored = self.partition(keys::checkpoint_pieces(directory, head.begun_by)).await?;
        let mut content = Vec::new();
        let mut found = 0;
        for piece in stored.into_iter().take(pieces as usize) {
            content.extend_from_slice(piece.bytes("content")?);
            found += 1;
        }
        if found < pieces {
            return Err(item.corrupt(format!("{found} of its {pieces} pieces are left")));
        }
        Ok(Some(Checkpoint { head, content, pieces }))
    }

    async fn save_checkpoint(
        &self,
        lease: &Lease,
        head: &CheckpointHead,
        pieces: u32,
        more: &[u8],
    ) -> Result<u32, StoreError> {
        let mut pieces = pieces;
        let mut actions = Vec::new();
        for piece in more.chunks(PIECE_BYTES) {
            let key = Key::checkpoint_piece(lease.directory, head.begun_by, pieces);
            actions
                .push(Action::Put(Item::new(&key).bytes_of("content", piece).expires_after(head.begun_at, RETENTION)));
            pieces += 1;
            if actions.len() == PIECES_AT_ONCE {
                self.commit(lease, std::mem::take(&mut actions)).await?;
            }
        }
        let item = Item::new(&Key::checkpoint(lease.directory))
            .number("format", head.format)
            .number("pieces", pieces)
            .value("head", head)?;
        actions.push(Action::Put(item.expires_after(head.begun_at, RETENTION)));
        self.commit_with(self.note_checkpoint(lease, true)?, actions).await?;
        Ok(pieces)
    }

    async fn drop_checkpoint(&self, lease: &Lease) -> Result<(), StoreError> {
        let forget = vec![Action::Delete(Key::checkpoint(lease.directory))];
        self.commit_with(self.note_checkpoint(lease, false)?, forget).await
    }
}
