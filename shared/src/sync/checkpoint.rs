//! Keeping what was read, so that a run which is cut off goes on where it was.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{Either, select};
use jiff::{SignedDuration, Timestamp};

use super::ledger::Ledger;
use super::run::Ports;
use crate::store::{Lease, StoreError, SyncState};
use crate::telemetry::chain;

/// A reading that began longer ago is started over: links to pages do not live for ever, and what was read grows old.
const LONGEST_LIFE: SignedDuration = SignedDuration::from_hours(12);

/// Keeps the ledger of one run in the directory's checkpoint.
pub(super) struct Keeper<'a> {
    ports: &'a Ports,
    lease: &'a Lease,
    every: Duration,
    /// How many pieces the stored checkpoint has that the ledger belongs to, if there is one.
    stored: Mutex<Option<u32>>,
}

impl<'a> Keeper<'a> {
    /// A keeper that saves at most so often while a reading goes on.
    pub(super) fn new(ports: &'a Ports, lease: &'a Lease, every: Duration) -> Self {
        Self { ports, lease, every, stored: Mutex::new(None) }
    }

    fn stored(&self) -> Option<u32> {
        *self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_stored(&self, pieces: Option<u32>) {
        *self.stored.lock().unwrap_or_else(PoisonError::into_inner) = pieces;
    }

    /// What an earlier run has left, if it can be continued: by this program, from where the directory is now, with the
    /// same properties read.
    pub(super) async fn resume(&self, state: &SyncState, select: &str) -> Result<Option<Ledger>, StoreError> {
        if !state.checkpoint {
            return Ok(None);
        }
        let checkpoint = match self.ports.checkpoints.checkpoint(self.lease.directory).await {
            Ok(None) => return Ok(None),
            Ok(Some(checkpoint)) => checkpoint,
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::warn!(error = chain(&error), "a checkpoint cannot be continued; reading starts over");
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let (head, age) = (&checkpoint.head, self.ports.clock.now().duration_since(checkpoint.head.begun_at));
        let fits = head.basis.from() == state.links.as_ref() && head.basis.links().select == select;
        if !fits || age > LONGEST_LIFE {
            return Ok(None);
        }
        match Ledger::restore(checkpoint.head, &checkpoint.content) {
            Ok(ledger) => {
                tracing::info!(pieces = checkpoint.pieces, "reading goes on from a checkpoint");
                self.set_stored(Some(checkpoint.pieces));
                Ok(Some(ledger))
            }
            Err(error) => {
                tracing::warn!(error = chain(&error), "a checkpoint cannot be continued; reading starts over");
                Ok(None)
            }
        }
    }

    /// Reads, and saves now and then what has been read.
    pub(super) async fn keeping<T: Send>(
        &self,
        ledger: &Ledger,
        reading: impl Future<Output = T> + Send,
    ) -> Result<T, StoreError> {
        let saving = async {
            let mut last = self.ports.clock.now();
            loop {
                ledger.grown().await;
                let next = last + self.every;
                if self.ports.clock.now() < next {
                    self.ports.clock.alarm(next).await;
                }
                match self.save(ledger).await {
                    Ok(()) => {}
                    Err(error @ (StoreError::LeaseLost | StoreError::Conflict)) => return error,
                    // The reading goes on; the next attempt saves this too.
                    Err(error) => tracing::warn!(error = chain(&error), "a checkpoint was not saved"),
                }
                last = self.ports.clock.now();
            }
        };
        match select(reading.boxed(), saving.boxed()).await {
            Either::Left((read, _)) => Ok(read),
            Either::Right((error, _)) => Err(error),
        }
    }

    /// Saves what the checkpoint does not have yet.
    pub(super) async fn save(&self, ledger: &Ledger) -> Result<(), StoreError> {
        let growth = ledger.growth().map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        let pieces = self.stored().unwrap_or_default();
        let pieces = self.ports.checkpoints.save_checkpoint(self.lease, &ledger.head, pieces, &growth.bytes).await?;
        self.set_stored(Some(pieces));
        ledger.mark_saved(&growth);
        Ok(())
    }

    /// Saves a reading that has come to its end, if it has taken so long that it should not be repeated.
    pub(super) async fn save_if_long(&self, ledger: &Ledger, since: Timestamp) -> Result<(), StoreError> {
        let took = Duration::try_from(self.ports.clock.now().duration_since(since)).unwrap_or_default();
        if self.stored().is_some() || took >= self.every { self.save(ledger).await } else { Ok(()) }
    }

    /// Forgets what was read: it has served its purpose, or is not to be trusted.
    pub(super) async fn clear(&self) -> Result<(), StoreError> {
        if self.stored().is_some() {
            self.ports.checkpoints.drop_checkpoint(self.lease).await?;
            self.set_stored(None);
        }
        Ok(())
    }
}
