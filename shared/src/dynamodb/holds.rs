//! Holds: a head each, and what it would change in pieces beside it.

use std::io::Write as _;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use jiff::SignedDuration;

use super::apply::Action;
use super::checkpoints::{PIECE_BYTES, PIECES_AT_ONCE};
use super::error::unavailable;
use super::item::{Item, Stored};
use super::keys::{HOLD, Key, hold_pieces, of_directory};
use super::store::DynamoStore;
use super::write::Refused;
use crate::directory::DirectoryId;
use crate::store::{HoldStore, Lease, StoreError};
use crate::sync::{HeldChange, HeldChanges, Hold, HoldId, HoldState};

/// How long a hold is kept.
const RETENTION: SignedDuration = SignedDuration::from_hours(90 * 24);

pub(super) fn write(hold: &Hold) -> Result<Item, StoreError> {
    let item = Item::new(&Key::hold(hold.directory, hold.id)).value("hold", hold)?.value("hold_state", &hold.state)?;
    Ok(item.expires_after(hold.opened_at, RETENTION))
}

pub(super) fn read(item: &Stored) -> Result<Hold, StoreError> {
    item.value("hold")
}

impl DynamoStore {
    /// The action that writes a hold, if it is in state `from`; without one, if it is not there.
    pub(super) fn put_hold(&self, hold: &Hold, from: Option<HoldState>) -> Result<Put, StoreError> {
        let put = Put::builder().table_name(&self.table).set_item(Some(write(hold)?.into_attributes()));
        let put = match from {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(from) => {
                let from = serde_dynamo::to_attribute_value(from)
                    .map_err(|error| StoreError::Corrupt { key: "hold".to_owned(), reason: error.to_string() })?;
                put.condition_expression("hold_state = :from").expression_attribute_values(":from", from)
            }
        };
        put.build().map_err(unavailable)
    }
}

#[async_trait]
impl HoldStore for DynamoStore {
    async fn holds(&self, directory: DirectoryId) -> Result<Vec<Hold>, StoreError> {
        let items = self.beginning_with(of_directory(directory), HOLD).await?;
        let mut holds: Vec<Hold> = items.iter().map(read).collect::<Result<_, _>>()?;
        holds.reverse();
        Ok(holds)
    }

    async fn hold(&self, directory: DirectoryId, id: HoldId) -> Result<Option<Hold>, StoreError> {
        self.get(&Key::hold(directory, id)).await?.as_ref().map(read).transpose()
    }

    async fn held_changes(&self, directory: DirectoryId, id: HoldId) -> Result<HeldChanges, StoreError> {
        let mut packed = Vec::new();
        for piece in self.partition(hold_pieces(directory, id)).await? {
            packed.extend_from_slice(piece.bytes("content")?);
        }
        if packed.is_empty() {
            return Ok(HeldChanges::default());
        }
        let changes: Vec<HeldChange> = serde_json::from_reader(GzDecoder::new(packed.as_slice())).map_err(|_| {
            StoreError::Corrupt { key: hold_pieces(directory, id), reason: "its content makes no sense".to_owned() }
        })?;
        Ok(changes.into_iter().collect())
    }

    async fn save_held_changes(&self, lease: &Lease, hold: &Hold, changes: &HeldChanges) -> Result<(), StoreError> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        serde_json::to_writer(&mut packed, &changes.to_list()).map_err(unavailable)?;
        packed.flush().map_err(unavailable)?;
        let packed = packed.finish().map_err(unavailable)?;
        let mut pieces = Vec::new();
        for (number, piece) in packed.chunks(PIECE_BYTES).enumerate() {
            let item = Item::new(&Key::hold_piece(hold.directory, hold.id, number)).bytes_of("content", piece);
            pieces.push(Action::Put(item.expires_after(hold.opened_at, RETENTION)));
            if pieces.len() == PIECES_AT_ONCE {
                self.commit(lease, std::mem::take(&mut pieces)).await?;
            }
        }
        self.commit(lease, pieces).await?;
        Ok(())
    }

    async fn decide_hold(&self, hold: &Hold, from: HoldState) -> Result<(), StoreError> {
        let put = self.put_hold(hold, Some(from))?;
        let action = TransactWriteItem::builder().put(put).build();
        match self.transact(vec![action]).await {
            Ok(()) => Ok(()),
            Err(refused @ Refused::Condition { .. }) => Err(refused.because(StoreError::Conflict)),
            Err(Refused::Failed(error)) => Err(error),
        }
    }
}
